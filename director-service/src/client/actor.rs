//! Keeps the connection: one task that dials, asks, receives and hands on.

use super::{
    Client, Config, Event, Message, MessageId, Publisher, StartError,
    connect::Choice,
    inbox::Inbox,
    outbox::{Outbox, Shared},
    signer::{LocalKey, Signer},
};
use crate::network::{self, Events, Frame, Payload, Side};
use director_primitives::{
    AccountId32, Answer, Application, AuthorizationRequest, Control, H256, Priority, PublicKey,
    SignedAuthorizationRequest, Snapshot, StakeProof, Welcome, envelope::MAX_ENVELOPE_LEN,
    runtime_api::ValidatorStatus,
};
use std::{
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tokio::{
    sync::{mpsc, watch},
    time,
};

/// Blocks after which a candidate that was not answered asks again.
const ASK_AGAIN_BLOCKS: u64 = 4;

pub(super) async fn start(
    config: Config,
    finalized: watch::Receiver<Option<Arc<Snapshot>>>,
) -> Result<Client, StartError> {
    if config.directors.is_empty() {
        return Err(StartError::NoDirector);
    }
    let mut limits = config.limits;
    // All that the outbox has fits into one class, so that sending it again cannot overflow.
    limits.queue_bytes = [2 * (config.outbox_bytes + MAX_ENVELOPE_LEN); 4];
    let (handle, network) = network::start(network::Config {
        secret: config.secret.clone(),
        genesis_hash: config.genesis_hash,
        side: Side::Client,
        listen: Vec::new(),
        limits,
    })
    .await?;
    handle.allow(config.directors.iter().map(|director| director.peer_key));
    let key = LocalKey::from_seed(&config.secret);
    let outbox = Outbox::new(key.clone(), config.genesis_hash, clock_ms(), config.outbox_bytes);
    let inbox = Inbox::new(config.genesis_hash, key.key());
    let shared = Arc::new(Shared::new(handle, outbox, config.compress_from_bytes));
    let (sender, events) = mpsc::channel(config.events.max(1));
    let base = Duration::from_millis(config.redial_base_ms);
    let max = Duration::from_millis(config.redial_max_ms);
    let actor = Actor {
        shared: shared.clone(),
        key,
        account: config.account,
        genesis_hash: config.genesis_hash,
        choice: Choice::new(config.directors, base, max),
        inbox,
        events: sender,
        snapshot: None,
        state: State::Waiting(time::Instant::now()),
    };
    tokio::spawn(actor.run(network, finalized));
    Ok(Client { publisher: Publisher(shared), events })
}

fn clock_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

enum State {
    /// The current director is dialed at that time.
    Waiting(time::Instant),
    Dialing,
    Connected(Session),
}

struct Session {
    director: PublicKey,
    welcomed: bool,
    authorized: bool,
    /// Block at which we asked last.
    asked_at: Option<u64>,
}

/// The application is gone.
struct Gone;

struct Actor {
    shared: Arc<Shared>,
    key: LocalKey,
    account: AccountId32,
    genesis_hash: H256,
    choice: Choice,
    inbox: Inbox,
    events: mpsc::Sender<Event>,
    snapshot: Option<Arc<Snapshot>>,
    state: State,
}

impl Actor {
    async fn run(
        mut self,
        mut network: Events,
        mut finalized: watch::Receiver<Option<Arc<Snapshot>>>,
    ) {
        self.snapshot = finalized.borrow_and_update().clone();
        let mut chain_lives = true;
        loop {
            let dial_at = match (&self.state, &self.snapshot) {
                (State::Waiting(at), Some(_)) => Some(*at),
                _ => None,
            };
            let wait = async {
                match dial_at {
                    Some(at) => time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            let events = self.events.clone();
            let result = tokio::select! {
                event = network.recv() => match event {
                    Some(event) => self.on_network(event).await,
                    None => Err(Gone),
                },
                changed = finalized.changed(), if chain_lives => {
                    // A chain that is gone leaves us with what it said last.
                    chain_lives = changed.is_ok();
                    let snapshot = finalized.borrow_and_update().clone();
                    self.on_finalized(snapshot);
                    Ok(())
                }
                () = wait => {
                    self.dial();
                    Ok(())
                }
                () = events.closed() => Err(Gone),
            };
            if result.is_err() {
                // `network` is dropped here, and stops with it.
                return;
            }
        }
    }

    async fn tell(&self, event: Event) -> Result<(), Gone> {
        self.events.send(event).await.map_err(|_| Gone)
    }

    fn dial(&mut self) {
        let director = self.choice.current();
        self.shared.handle.dial(director.peer_key, director.addresses.clone());
        self.state = State::Dialing;
    }

    fn next_director(&mut self) {
        let delay = self.choice.failed(rand::random());
        self.state = State::Waiting(time::Instant::now() + delay);
    }

    fn on_finalized(&mut self, snapshot: Option<Arc<Snapshot>>) {
        let Some(snapshot) = snapshot else { return };
        self.inbox.keep(&snapshot);
        self.snapshot = Some(snapshot);
        self.ask();
    }

    async fn on_network(&mut self, event: network::Event) -> Result<(), Gone> {
        match event {
            network::Event::Frames(frames) => self.on_frames(frames).await,
            network::Event::Up { peer: director } => {
                self.shared.counters.connections.fetch_add(1, Relaxed);
                self.state = State::Connected(Session {
                    director,
                    welcomed: false,
                    authorized: false,
                    asked_at: None,
                });
                self.tell(Event::Connected { director }).await
            }
            network::Event::Down { peer: director, reason } => {
                self.shared.outbox().close();
                self.next_director();
                self.tell(Event::Disconnected { director, reason }).await
            }
            network::Event::DialFailed { peer: director, error } => {
                if !matches!(self.state, State::Dialing) {
                    return Ok(());
                }
                self.next_director();
                self.tell(Event::Unreachable { director, error }).await
            }
            network::Event::Control(_, Control::Welcome(welcome)) => self.on_welcome(welcome).await,
            network::Event::Control(_, Control::AuthorizationAnswer(answer)) => match answer {
                Answer::AlreadyAuthorized => self.authorized().await,
                Answer::Approved { .. } => Ok(()),
                refused => self.refused(refused).await,
            },
            // Heartbeats and the rest are not for us yet.
            network::Event::Control(..) => Ok(()),
        }
    }

    async fn on_welcome(&mut self, welcome: Welcome) -> Result<(), Gone> {
        let State::Connected(session) = &mut self.state else { return Ok(()) };
        session.welcomed = true;
        if !self.shared.outbox().settle(welcome.last_epoch) {
            tracing::error!(
                "another process publishes with this validator's peer key; stop one of the two"
            );
        }
        if welcome.authorized {
            return self.authorized().await;
        }
        if std::mem::replace(&mut session.authorized, false) {
            // What is published from here on waits: this director would drop it.
            self.shared.outbox().close();
            return self.tell(Event::Refused(Answer::NotEligible)).await;
        }
        self.ask();
        Ok(())
    }

    async fn refused(&mut self, answer: Answer) -> Result<(), Gone> {
        if let (State::Connected(session), Answer::Stale | Answer::NotRegistered) =
            (&mut self.state, answer)
        {
            // Its node is behind ours, or ours behind its: that passes with the next block.
            session.asked_at = None;
        }
        self.tell(Event::Refused(answer)).await
    }

    async fn authorized(&mut self) -> Result<(), Gone> {
        let State::Connected(session) = &mut self.state else { return Ok(()) };
        if std::mem::replace(&mut session.authorized, true) {
            return Ok(());
        }
        let director = session.director;
        self.choice.succeeded();
        {
            let mut outbox = self.shared.outbox();
            outbox.open(director);
            self.shared.flush(&mut outbox);
        }
        self.tell(Event::Authorized { director }).await
    }

    /// Asks to be authorized, if that makes sense now. When our node has it authorized already, the
    /// director's may not: its answer tells when it takes our messages.
    fn ask(&mut self) {
        let (State::Connected(session), Some(snapshot)) = (&mut self.state, &self.snapshot) else {
            return;
        };
        if !session.welcomed || session.authorized {
            return;
        }
        let Some(own) = snapshot.validator_by_peer_key(&self.key.key()) else { return };
        if own.account != self.account {
            return;
        }
        let pause = match own.status {
            ValidatorStatus::Candidate => ASK_AGAIN_BLOCKS,
            ValidatorStatus::Authorized => 1,
            _ => return,
        };
        if session.asked_at.is_some_and(|at| snapshot.number < at.saturating_add(pause)) {
            return;
        }
        session.asked_at = Some(snapshot.number);
        let request = AuthorizationRequest {
            validator: self.account.clone(),
            registration_id: own.registration_id,
            block_number: snapshot.number,
            block_hash: snapshot.hash,
            timestamp_ms: clock_ms(),
        };
        let signature = self.key.sign_statement(&self.genesis_hash, &request);
        let request = SignedAuthorizationRequest { request, signature };
        let stake_proof = StakeProof::default();
        let request = Control::AuthorizationRequest(Application { request, stake_proof });
        // If the connection is gone, the next one asks anew.
        let _ = self.shared.handle.send(
            &session.director,
            Priority::Critical,
            Payload::control(&request),
        );
    }

    async fn on_frames(&mut self, frames: Vec<(PublicKey, Frame)>) -> Result<(), Gone> {
        let received_at = Instant::now();
        // Connections are made when there is a snapshot.
        let Some(snapshot) = self.snapshot.clone() else { return Ok(()) };
        for (_, frame) in frames {
            let envelope = match self.inbox.accept(&snapshot, &frame) {
                Ok(envelope) => envelope,
                Err(reason) => {
                    self.shared.counters.drop(reason);
                    continue;
                }
            };
            let message = Message {
                origin: envelope.origin,
                id: MessageId { epoch: envelope.epoch, class: envelope.class, seq: envelope.seq },
                kind: envelope.kind,
                encoding: envelope.encoding,
                payload: envelope.payload,
                received_at,
            };
            self.shared.counters.delivered.fetch_add(1, Relaxed);
            self.tell(Event::Message(message)).await?;
        }
        Ok(())
    }
}
