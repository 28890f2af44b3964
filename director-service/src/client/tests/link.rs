//! A client and directors that do as the test says, over real sockets.

use super::{GENESIS, PATIENCE, account, authorized, message, peer_key, snapshot, validator};
use crate::{
    client::{Client, Config, DirectorAddress, Directors, Event, Prover, Signer, StartError},
    network::{self, Frame, Handle, Payload, Side},
};
use async_trait::async_trait;
use director_primitives::{
    AccountId32, Answer, Application, Control, H256, PayloadKind,
    Priority::{self, Critical, Normal},
    PublicKey, SignedEnvelope, Snapshot, StakeProof, Welcome,
    runtime_api::ValidatorStatus,
};
use std::sync::Arc;
use tokio::{sync::watch, time::timeout};

pub(super) type Chain = watch::Sender<Option<Arc<Snapshot>>>;

/// A stake proof that says which block it is of.
pub(super) fn proof_of(number: u64) -> StakeProof {
    StakeProof::new(vec![number.to_le_bytes().to_vec()]).unwrap()
}

struct GoodProver;

#[async_trait]
impl Prover for GoodProver {
    async fn stake_proof(
        &self,
        _: &AccountId32,
        (number, _): (u64, H256),
    ) -> Result<StakeProof, String> {
        Ok(proof_of(number))
    }
}

pub(super) struct Director {
    pub(super) handle: Handle,
    events: network::Events,
}

impl Director {
    pub(super) async fn start(n: u8, client: u8) -> Self {
        let config = network::Config::new(Side::Public, [n; 32], GENESIS)
            .listen("/ip4/127.0.0.1/tcp/0".parse().unwrap());
        let (handle, events) = network::start(config).await.unwrap();
        handle.allow([peer_key(client).key()]);
        Self { handle, events }
    }

    pub(super) fn key(&self) -> PublicKey {
        self.handle.local_key()
    }

    pub(super) fn address(&self) -> DirectorAddress {
        let peer_key = self.handle.local_key();
        DirectorAddress { peer_key, addresses: self.handle.listening().to_vec() }
    }

    /// What happens next, but for what a client says of itself.
    pub(super) async fn next(&mut self) -> network::Event {
        loop {
            let event = timeout(PATIENCE, self.events.recv()).await;
            match event.expect("an event should come").unwrap() {
                network::Event::Control(_, Control::Attach(_)) => {}
                event => return event,
            }
        }
    }

    /// The next thing that comes, which must be a request.
    pub(super) async fn asked(&mut self) -> Application {
        match self.next().await {
            network::Event::Control(_, Control::AuthorizationRequest(application)) => application,
            other => panic!("expected a request, got {other:?}"),
        }
    }

    /// The next thing that happens, which must be the end of the connection.
    pub(super) async fn down(&mut self) {
        let event = self.next().await;
        assert!(matches!(event, network::Event::Down { .. }), "expected Down, got {event:?}");
    }

    pub(super) async fn up(&mut self) -> PublicKey {
        match self.next().await {
            network::Event::Up { peer } => peer,
            other => panic!("expected Up, got {other:?}"),
        }
    }

    pub(super) fn answer(&self, to: &PublicKey, answer: Answer) {
        self.say(to, Control::AuthorizationAnswer(answer));
    }

    pub(super) fn say(&self, to: &PublicKey, message: Control) {
        self.handle.send(to, Critical, Payload::control(&message));
    }

    pub(super) fn welcome(&self, to: &PublicKey, authorized: bool) {
        self.say(to, Control::Welcome(Welcome { last_epoch: 0, authorized }));
    }

    fn relay(&self, to: &PublicKey, class: Priority, frame: Vec<u8>) {
        self.handle.send(to, class, Payload::Envelope(frame.into()));
    }

    /// The payloads of the next `count` messages.
    async fn payloads(&mut self, count: usize) -> Vec<Vec<u8>> {
        let mut payloads = Vec::new();
        let payload = |(_, frame): (PublicKey, Frame)| {
            let signed = SignedEnvelope::from_bytes(&frame).unwrap();
            assert!(signed.verify(&GENESIS));
            signed.envelope.payload
        };
        while payloads.len() < count {
            match self.next().await {
                network::Event::Frames(frames) => payloads.extend(frames.into_iter().map(payload)),
                other => panic!("expected messages, got {other:?}"),
            }
        }
        payloads
    }
}

async fn client(n: u8, directors: &[&Director], block: Option<Snapshot>) -> (Client, Chain) {
    let directors: Vec<_> = directors.iter().map(|director| director.address()).collect();
    client_with(n, directors.into(), block, Arc::new(GoodProver)).await
}

pub(super) async fn client_with(
    n: u8,
    directors: Directors,
    block: Option<Snapshot>,
    prover: Arc<dyn Prover>,
) -> (Client, Chain) {
    let chain = watch::Sender::new(block.map(Arc::new));
    let config = Config::new([n; 32], account(n), GENESIS, directors);
    (Client::start(config, chain.subscribe(), prover).await.unwrap(), chain)
}

/// One whose proofs are good at once.
pub(super) async fn plain_client(
    n: u8,
    directors: Directors,
    block: Option<Snapshot>,
) -> (Client, Chain) {
    client_with(n, directors, block, Arc::new(GoodProver)).await
}

pub(super) async fn next(client: &mut Client) -> Event {
    timeout(PATIENCE, client.next()).await.expect("an event should come").unwrap()
}

fn publish(client: &Client, payload: &[u8]) {
    client.publish(PayloadKind::BlockAnnouncement, Critical, payload.to_vec()).unwrap();
}

#[tokio::test]
async fn publishes_and_receives() {
    let mut director = Director::start(50, 1).await;
    let (mut client, _chain) = client(1, &[&director], Some(authorized(1, 3))).await;
    publish(&client, b"early");
    let peer = director.up().await;
    director.welcome(&peer, true);
    let key = director.handle.local_key();
    assert_eq!(next(&mut client).await, Event::Connected { director: key });
    assert_eq!(next(&mut client).await, Event::Authorized { director: key });
    publish(&client, b"later");
    assert_eq!(director.payloads(2).await, [b"early", b"later"]);

    let mut forged = message(3, 5, Normal, 2);
    *forged.last_mut().unwrap() ^= 1;
    director.relay(&peer, Normal, message(2, 5, Normal, 1));
    director.relay(&peer, Normal, forged);
    director.relay(&peer, Normal, message(4, 5, Normal, 1));
    director.relay(&peer, Normal, message(2, 5, Normal, 1));
    director.relay(&peer, Normal, message(3, 5, Normal, 1));
    for origin in [2, 3] {
        match next(&mut client).await {
            Event::Message(message) => {
                assert_eq!(message.origin, peer_key(origin).key());
                assert_eq!(message.payload, [origin, 1]);
            }
            other => panic!("expected a message, got {other:?}"),
        }
    }
    let stats = client.stats();
    assert_eq!((stats.published, stats.delivered, stats.duplicates), (2, 2, 1));
    assert_eq!((stats.unknown_origin, stats.forged), (1, 1));
}

#[tokio::test]
async fn waits_for_the_chain_then_asks_to_be_authorized() {
    let mut director = Director::start(50, 1).await;
    let (mut client, chain) = client(1, &[&director], None).await;
    publish(&client, b"patient");
    chain.send_replace(Some(Arc::new(snapshot(7, vec![validator(1, ValidatorStatus::Candidate)]))));
    let peer = director.up().await;
    director.welcome(&peer, false);
    let Application { request, stake_proof } = director.asked().await;
    assert!(request.verify(&GENESIS, &peer_key(1).key()));
    let request = request.request;
    assert_eq!((request.validator, request.registration_id), (account(1), 1));
    assert_eq!(request.block_number, 7);
    assert_eq!(stake_proof, proof_of(7));
    director.answer(&peer, Answer::Approved { votes: 1, needed: 2 });
    let key = director.handle.local_key();
    assert_eq!(next(&mut client).await, Event::Connected { director: key });
    let approved = Event::Approved { director: key, votes: 1, needed: 2 };
    assert_eq!(next(&mut client).await, approved);

    // Once our node has finalized the authorization, the director will say when it has, too.
    chain.send_replace(Some(Arc::new(authorized(12, 1))));
    director.welcome(&peer, true);
    assert_eq!(next(&mut client).await, Event::Authorized { director: key });
    assert_eq!(director.payloads(1).await, [b"patient"]);
}

#[tokio::test]
async fn what_is_published_after_a_revocation_waits() {
    let mut director = Director::start(50, 1).await;
    let (mut client, _chain) = client(1, &[&director], Some(authorized(1, 3))).await;
    let peer = director.up().await;
    director.welcome(&peer, true);
    let key = director.handle.local_key();
    assert_eq!(next(&mut client).await, Event::Connected { director: key });
    assert_eq!(next(&mut client).await, Event::Authorized { director: key });
    director.welcome(&peer, false);
    assert_eq!(next(&mut client).await, Event::Refused(Answer::NotEligible));
    publish(&client, b"held back");
    director.welcome(&peer, true);
    assert_eq!(next(&mut client).await, Event::Authorized { director: key });
    assert_eq!(director.payloads(1).await, [b"held back"]);
}

#[tokio::test]
async fn goes_to_the_next_director_with_all_it_said() {
    let (mut one, mut other) = (Director::start(50, 1).await, Director::start(51, 1).await);
    let (mut client, _chain) = client(1, &[&one, &other], Some(authorized(1, 3))).await;
    let peer = one.up().await;
    one.welcome(&peer, true);
    publish(&client, b"said");
    assert_eq!(one.payloads(1).await, [b"said"]);
    one.handle.shutdown().await;
    publish(&client, b"meanwhile");

    other.up().await;
    other.welcome(&peer, true);
    assert_eq!(other.payloads(2).await, [&b"said"[..], b"meanwhile"]);
    let mut story = Vec::new();
    while story.len() < 5 {
        // Where the machine is slow, the first one is dialed in vain before.
        match next(&mut client).await {
            Event::Unreachable { .. } => {}
            event => story.push(event),
        }
    }
    let (first, second) = (one.handle.local_key(), other.handle.local_key());
    assert_eq!(
        story[..2],
        [Event::Connected { director: first }, Event::Authorized { director: first }]
    );
    assert!(matches!(&story[2], Event::Disconnected { director, .. } if *director == first));
    assert_eq!(
        story[3..],
        [Event::Connected { director: second }, Event::Authorized { director: second }]
    );
}

#[tokio::test]
async fn shutdown_closes_the_connection() {
    let mut director = Director::start(50, 1).await;
    let (client, _chain) = client(1, &[&director], Some(authorized(1, 3))).await;
    director.up().await;
    client.shutdown().await;
    assert!(matches!(director.next().await, network::Event::Down { .. }));
}

#[tokio::test]
async fn dropping_the_client_closes_the_connection() {
    let mut director = Director::start(50, 1).await;
    let (client, _chain) = client(1, &[&director], Some(authorized(1, 3))).await;
    let publisher = client.publisher();
    director.up().await;
    drop(client);
    assert!(matches!(director.next().await, network::Event::Down { .. }));
    drop(publisher);
}

#[tokio::test]
async fn a_client_without_directors_does_not_start() {
    let config = Config::new([1; 32], account(1), GENESIS, Vec::new());
    let blocks = watch::Sender::new(None).subscribe();
    let error = Client::start(config, blocks, Arc::new(GoodProver)).await.err().unwrap();
    assert!(matches!(error, StartError::NoDirector));
}
