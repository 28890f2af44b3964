//! Keeps the connection: one task that dials, receives and hands on. What a candidate does to be
//! admitted is in `asking`.

use super::{
    Client, Config, Event, Message, MessageId, Publisher, StartError,
    asking::{Proofs, Proven, Proving},
    connect::{Choice, Directors, in_own_order},
    inbox::Inbox,
    outbox::{Outbox, Shared},
    prover::Prover,
    signer::{LocalKey, Signer},
};
use crate::network::{self, Events, Frame, Side};
use director_primitives::{
    AccountId32, Answer, Control, H256, PublicKey, Redirect, Snapshot, Welcome,
    envelope::MAX_ENVELOPE_LEN,
};
use std::{
    collections::HashMap,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tokio::{
    sync::{mpsc, watch},
    time,
};

pub(super) async fn start(
    config: Config,
    finalized: watch::Receiver<Option<Arc<Snapshot>>>,
    prover: Arc<dyn Prover>,
) -> Result<Client, StartError> {
    let (directors, on_chain) = match config.directors {
        Directors::Fixed(directors) if directors.is_empty() => return Err(StartError::NoDirector),
        Directors::Fixed(directors) => (directors, false),
        // Nobody is known, and nobody dialed, before the first finalized block is.
        Directors::OnChain => (Vec::new(), true),
    };
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
    handle.allow(directors.iter().map(|director| director.peer_key));
    let key = LocalKey::from_seed(&config.secret);
    let outbox = Outbox::new(key.clone(), config.genesis_hash, clock_ms(), config.outbox_bytes);
    let inbox = Inbox::new(config.genesis_hash, key.key());
    let shared = Arc::new(Shared::new(handle, outbox, config.compress_from_bytes));
    let (sender, events) = mpsc::channel(config.events.max(1));
    let base = Duration::from_millis(config.redial_base_ms);
    let max = Duration::from_millis(config.redial_max_ms);
    let (proofs, proven) = Proofs::new(prover);
    let actor = Actor {
        shared: shared.clone(),
        key,
        account: config.account,
        genesis_hash: config.genesis_hash,
        choice: Choice::new(directors, base, max),
        on_chain,
        inbox,
        events: sender,
        snapshot: None,
        state: State::Waiting(time::Instant::now()),
        proofs,
        refused_at: HashMap::new(),
    };
    tokio::spawn(actor.run(network, finalized, proven));
    Ok(Client { publisher: Publisher(shared), events })
}

pub(super) fn clock_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

pub(super) enum State {
    /// The current director is dialed at that time, if there is one.
    Waiting(time::Instant),
    Dialing(PublicKey),
    Connected(Session),
}

pub(super) struct Session {
    pub(super) director: PublicKey,
    /// Newest finalized block when it began.
    pub(super) since: u64,
    pub(super) welcomed: bool,
    pub(super) authorized: bool,
    /// We have ended it; `Down` is on its way.
    pub(super) leaving: bool,
    /// Block at which we asked last.
    pub(super) asked_at: Option<u64>,
    pub(super) proving: Option<Proving>,
}

/// The application is gone.
pub(super) struct Gone;

pub(super) struct Actor {
    pub(super) shared: Arc<Shared>,
    pub(super) key: LocalKey,
    pub(super) account: AccountId32,
    pub(super) genesis_hash: H256,
    pub(super) choice: Choice,
    /// Whether the chain says who the directors are.
    on_chain: bool,
    inbox: Inbox,
    events: mpsc::Sender<Event>,
    pub(super) snapshot: Option<Arc<Snapshot>>,
    pub(super) state: State,
    pub(super) proofs: Proofs,
    /// Block at which a director said no for good, for those of the list.
    pub(super) refused_at: HashMap<PublicKey, u64>,
}

impl Actor {
    async fn run(
        mut self,
        mut network: Events,
        mut finalized: watch::Receiver<Option<Arc<Snapshot>>>,
        mut proven: mpsc::Receiver<Proven>,
    ) {
        let snapshot = finalized.borrow_and_update().clone();
        self.on_finalized(snapshot);
        let mut chain_lives = true;
        loop {
            let dial_at = match (&self.state, &self.snapshot) {
                (State::Waiting(at), Some(_)) => self.choice.current().map(|_| *at),
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
                Some(proven) = proven.recv() => {
                    self.on_proof(proven);
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

    pub(super) async fn tell(&self, event: Event) -> Result<(), Gone> {
        self.events.send(event).await.map_err(|_| Gone)
    }

    fn dial(&mut self) {
        let Some(director) = self.choice.current() else { return };
        self.shared.handle.dial(director.peer_key, director.addresses.clone());
        self.state = State::Dialing(director.peer_key);
    }

    /// It came to nothing with this director, or ended.
    fn next_director(&mut self, director: &PublicKey) {
        let delay = self.choice.failed(director, rand::random());
        self.state = State::Waiting(time::Instant::now() + delay);
    }

    fn on_finalized(&mut self, snapshot: Option<Arc<Snapshot>>) {
        let Some(snapshot) = snapshot else { return };
        self.inbox.keep(&snapshot);
        if self.on_chain {
            self.follow_directors(&snapshot);
        }
        self.snapshot = Some(snapshot);
        self.lose_patience();
        self.ask();
    }

    /// Takes the list of directors from the chain. The connection to one that is none any more ends
    /// with its key's leave to connect.
    fn follow_directors(&mut self, snapshot: &Snapshot) {
        if !self.choice.update(in_own_order(snapshot, &self.key.key())) {
            return;
        }
        self.shared.handle.allow(self.choice.keys());
        let choice = &self.choice;
        self.refused_at.retain(|director, _| choice.knows(director));
        if self.choice.current().is_none() {
            tracing::warn!(
                block = snapshot.number,
                "the chain has no active director with a public address; waiting for one"
            );
        }
    }

    async fn on_network(&mut self, event: network::Event) -> Result<(), Gone> {
        match event {
            network::Event::Frames(frames) => self.on_frames(frames).await,
            network::Event::Up { peer: director } => {
                self.shared.counters.connections.fetch_add(1, Relaxed);
                self.choice.select(&director);
                self.state = State::Connected(Session {
                    director,
                    since: self.snapshot.as_ref().map_or(0, |snapshot| snapshot.number),
                    welcomed: false,
                    authorized: false,
                    leaving: false,
                    asked_at: None,
                    proving: None,
                });
                self.tell(Event::Connected { director }).await
            }
            network::Event::Down { peer: director, reason } => {
                self.shared.outbox().close();
                self.next_director(&director);
                self.tell(Event::Disconnected { director, reason }).await
            }
            network::Event::DialFailed { peer: director, error } => {
                if !matches!(self.state, State::Dialing(dialed) if dialed == director) {
                    return Ok(());
                }
                self.next_director(&director);
                self.tell(Event::Unreachable { director, error }).await
            }
            network::Event::Control(from, control) => self.on_control(from, control).await,
        }
    }

    async fn on_control(&mut self, from: PublicKey, control: Control) -> Result<(), Gone> {
        let current = matches!(
            &self.state,
            State::Connected(session) if session.director == from && !session.leaving
        );
        match control {
            _ if !current => Ok(()),
            Control::Welcome(welcome) => self.on_welcome(welcome).await,
            Control::AuthorizationAnswer(answer) => self.on_answer(answer).await,
            Control::Redirect(redirect) => self.on_redirect(from, redirect).await,
            // Heartbeats and the rest are not for us yet.
            _ => Ok(()),
        }
    }

    /// The director has no room.
    async fn on_redirect(&mut self, from: PublicKey, redirect: Redirect) -> Result<(), Gone> {
        let to = redirect.directors.into_inner();
        self.depart(|choice, from| choice.redirect(from, &to));
        self.tell(Event::Redirected { from, to }).await
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
            session.since = self.snapshot.as_ref().map_or(0, |snapshot| snapshot.number);
            // What is published from here on waits: this director would drop it.
            self.shared.outbox().close();
            return self.tell(Event::Refused(Answer::NotEligible)).await;
        }
        self.ask();
        Ok(())
    }

    pub(super) async fn authorized(&mut self) -> Result<(), Gone> {
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
