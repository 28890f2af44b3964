//! Feeds a client's core with what happens, and does what it says: one task.

use super::{
    Client, Config, Directors, Event, Message, MessageId, Publisher, StartError,
    core::{Core, Input, Output, Proven},
    outbox::Outbox,
    prover::Prover,
    publisher::{Shared, lock},
    signer::LocalKey,
};
use crate::network::{self, DownReason, Events, Payload, Side};
use director_primitives::{Priority, Snapshot, envelope::MAX_ENVELOPE_LEN};
use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{MissedTickBehavior, interval, sleep_until, timeout},
};

/// How often the core is told that time went by.
const TICK: Duration = Duration::from_millis(50);

/// Longest wait for a stake proof.
const PROOF_TIMEOUT: Duration = Duration::from_secs(20);

pub(super) async fn start(
    config: Config,
    finalized: watch::Receiver<Option<Arc<Snapshot>>>,
    prover: Arc<dyn Prover>,
) -> Result<Client, StartError> {
    if matches!(&config.directors, Directors::Fixed(directors) if directors.is_empty()) {
        return Err(StartError::NoDirector);
    }
    let mut limits = config.limits.clone();
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
    let key = LocalKey::from_seed(&config.secret);
    let (genesis_hash, bytes) = (config.genesis_hash, config.outbox_bytes);
    let outbox = Outbox::new(key.clone(), genesis_hash, clock_ms(), bytes);
    let outbox = Arc::new(Mutex::new(outbox));
    let (sender, events) = mpsc::channel(config.events.max(1));
    let shared = Arc::new(Shared::new(handle, outbox.clone(), config.compress_from_bytes));
    let (proofs, proven) = mpsc::channel(1);
    let core = Core::new(config, key, outbox, clock_ms(), rand::random());
    let shared_by_task = shared.clone();
    let actor =
        Actor { shared: shared_by_task, core, events: sender, prover, proofs, proving: None };
    tokio::spawn(actor.run(network, finalized, proven));
    Ok(Client { publisher: Publisher(shared), events })
}

fn clock_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

/// A stake proof on its way. Its task ends when this is dropped.
struct Proving(JoinHandle<()>);

impl Drop for Proving {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The application is gone.
struct Gone;

struct Actor {
    shared: Arc<Shared>,
    core: Core<LocalKey>,
    events: mpsc::Sender<Event>,
    prover: Arc<dyn Prover>,
    proofs: mpsc::Sender<Proven>,
    proving: Option<Proving>,
}

impl Actor {
    async fn run(
        mut self,
        mut network: Events,
        mut finalized: watch::Receiver<Option<Arc<Snapshot>>>,
        mut proven: mpsc::Receiver<Proven>,
    ) {
        finalized.mark_changed();
        let mut newest = 0;
        let mut chain_lives = true;
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let events = self.events.clone();
            let due = self.core.due().map(|at| self.shared.at(at));
            let result = tokio::select! {
                event = network.recv() => match event {
                    Some(event) => self.on_network(event).await,
                    None => Err(Gone),
                },
                changed = finalized.changed(), if chain_lives => {
                    // A chain that is gone leaves us with what it said last.
                    chain_lives = changed.is_ok();
                    let snapshot = finalized.borrow_and_update().clone();
                    match snapshot {
                        Some(snapshot) => {
                            let before = std::mem::replace(&mut newest, snapshot.number);
                            self.handle(match newest < before {
                                true => Input::Retracted(snapshot),
                                false => Input::Finalized(snapshot),
                            })
                            .await
                        }
                        None => Ok(()),
                    }
                }
                Some(proven) = proven.recv() => self.handle(Input::Proven(proven)).await,
                _ = ticks.tick() => self.tick().await,
                () = sleep_until(due.unwrap_or_else(Instant::now).into()), if due.is_some() => {
                    self.handle(Input::Tick).await
                }
                () = events.closed() => Err(Gone),
            };
            if result.is_err() {
                // `network` is dropped here, and stops with it.
                return;
            }
        }
    }

    async fn tick(&mut self) -> Result<(), Gone> {
        let arrived = self.shared.handle.with_unread();
        if !arrived.is_empty() {
            self.handle(Input::Arrived(arrived)).await?;
        }
        self.handle(Input::Tick).await
    }

    async fn on_network(&mut self, event: network::Event) -> Result<(), Gone> {
        self.handle(match event {
            network::Event::Up { peer: director } => Input::Up { director },
            // Its successor is up already: the core knows one connection of each director.
            network::Event::Down { reason: DownReason::Replaced, .. } => return Ok(()),
            network::Event::Down { peer: director, reason } => Input::Down { director, reason },
            network::Event::DialFailed { peer: director, error } => {
                Input::DialFailed { director, error }
            }
            network::Event::Frames(frames) => Input::Frames(frames),
            network::Event::Control(from, message) => Input::Control { from, message },
        })
        .await
    }

    async fn handle(&mut self, input: Input) -> Result<(), Gone> {
        let received_at = Instant::now();
        let mut outputs = Vec::new();
        self.core.handle(self.shared.now(), input, &mut outputs);
        self.shared.set_stats(self.core.stats());
        for output in outputs {
            self.perform(output, received_at).await?;
        }
        Ok(())
    }

    async fn perform(&mut self, output: Output, received_at: Instant) -> Result<(), Gone> {
        let handle = &self.shared.handle;
        match output {
            Output::Allow(keys) => handle.allow(keys),
            Output::Dial { director, addresses } => handle.dial(director, addresses),
            Output::Disconnect { director } => handle.disconnect_after_flush(&director),
            Output::Send { to, message } => {
                // If the connection is gone, `Down` is on its way.
                handle.send(&to, Priority::Critical, Payload::control(&message));
            }
            Output::Flush => self.shared.flush(&mut lock(&self.shared.outbox)),
            Output::Prove { attempt, account, registration_id, block } => {
                let (prover, proofs) = (self.prover.clone(), self.proofs.clone());
                let task = tokio::spawn(async move {
                    let made = timeout(PROOF_TIMEOUT, prover.stake_proof(&account, block)).await;
                    let late = |_| Err(format!("none within {PROOF_TIMEOUT:?}"));
                    let result = made.unwrap_or_else(late);
                    // The client may be gone meanwhile.
                    let _ = proofs.send(Proven { attempt, registration_id, block, result }).await;
                });
                self.proving = Some(Proving(task));
            }
            Output::Deliver(envelope) => {
                let message = Message {
                    origin: envelope.origin,
                    id: MessageId {
                        epoch: envelope.epoch,
                        class: envelope.class,
                        seq: envelope.seq,
                    },
                    kind: envelope.kind,
                    encoding: envelope.encoding,
                    payload: envelope.payload,
                    received_at,
                };
                return self.tell(Event::Message(message)).await;
            }
            Output::Tell(event) => return self.tell(event).await,
        }
        Ok(())
    }

    async fn tell(&self, event: Event) -> Result<(), Gone> {
        self.events.send(event).await.map_err(|_| Gone)
    }
}
