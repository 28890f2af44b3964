//! Loads gossipsub relays: a swarm for each validator, all on one thread.

use std::{future, sync::Arc, thread, time::Duration};

use anyhow::{Context, Result, bail};
use bench_load::{Class, Ledger, Options, PROBE_EVERY, Probes, Receiver, System};
use futures::StreamExt;
use libp2p::{
    Swarm,
    gossipsub::{Behaviour, Event},
    swarm::SwarmEvent,
};
use tokio::{
    runtime,
    sync::{mpsc, oneshot},
    time::{MissedTickBehavior, interval},
};

use crate::network::{Role, multiaddr, swarm, topic};

/// Most time until everybody is in a relay's mesh.
const UP_WITHIN: Duration = Duration::from_secs(60);
/// Messages that wait for a swarm; when it is full they are lost, and the ledger says so.
const QUEUE_MESSAGES: usize = 1 << 20;

struct Gossipsub {
    queues: Vec<mpsc::Sender<Vec<u8>>>,
}

/// gossipsub signs within its own `publish`: nothing can be prepared.
impl System for Gossipsub {
    type Message = Vec<u8>;

    fn prepare(&mut self, _: usize, _: Class, payload: &[u8]) -> Vec<u8> {
        payload.to_vec()
    }

    fn publish(&mut self, validator: usize, message: Vec<u8>) {
        if self.queues[validator].try_send(message).is_err() {
            eprintln!("validator {validator} takes no more messages");
        }
    }
}

struct Validator {
    index: usize,
    swarm: Swarm<Behaviour>,
    queue: mpsc::Receiver<Vec<u8>>,
    /// None when it is to freeze.
    receiver: Option<Receiver>,
    probes: Arc<Probes>,
}

/// Connects all validators, measures, prints the report.
pub(crate) fn run(options: &Options, verify: bool) -> Result<()> {
    let (ledger, receivers) = Ledger::new(options)?;
    let probes = Probes::new(options)?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let mut receivers = receivers.into_iter();
    let mut queues = Vec::new();
    for index in 0..options.validators {
        let (sender, queue) = mpsc::channel(QUEUE_MESSAGES);
        queues.push(sender);
        let receiver = receivers.next();
        let _entered = runtime.enter();
        let mut swarm = swarm(Role::Validator, verify)?;
        swarm.dial(multiaddr(options.relay_of(index)))?;
        let validator = Validator { index, swarm, queue, receiver, probes: probes.clone() };
        runtime.spawn(validator.run());
    }
    let (stop, stopped) = oneshot::channel::<()>();
    let swarms = thread::Builder::new().name("swarms".into()).spawn(move || {
        let _ = runtime.block_on(stopped);
    })?;
    let report = probes
        .wait(UP_WITHIN)
        .context("the relays are not up, or only one side was given `--verify`")
        .and_then(|()| bench_load::run(options, Gossipsub { queues }, ledger));
    drop(stop);
    if swarms.join().is_err() {
        bail!("the thread of the swarms panicked: see above");
    }
    report?.print()
}

impl Validator {
    async fn run(mut self) {
        let topic = topic();
        let (mut round, mut ticks) = (0, interval(PROBE_EVERY));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut probing = true;
        loop {
            tokio::select! {
                Some(message) = self.queue.recv() => {
                    if let Err(error) = self.swarm.behaviour_mut().publish(topic.clone(), message) {
                        eprintln!("validator {} cannot publish: {error}", self.index);
                    }
                }
                event = self.swarm.select_next_some() => self.take(event),
                _ = ticks.tick(), if probing => {
                    if let Some(probe) = self.probes.probe(self.index, round) {
                        // Fails as long as nobody is subscribed.
                        let _ = self.swarm.behaviour_mut().publish(topic.clone(), probe);
                    }
                    round += 1;
                    probing = !self.probes.done();
                    if !probing && self.receiver.is_none() {
                        // Frozen: keeps the connection and reads it no more.
                        future::pending::<()>().await;
                    }
                }
            }
        }
    }

    fn take(&mut self, event: SwarmEvent<Event>) {
        match event {
            SwarmEvent::Behaviour(Event::Message { message, .. }) => {
                if !self.probes.take(self.index, &message.data)
                    && let Some(receiver) = &mut self.receiver
                {
                    receiver.take(&message.data);
                }
            }
            SwarmEvent::OutgoingConnectionError { error, .. } => {
                eprintln!("validator {} cannot dial its relay: {error}", self.index);
            }
            SwarmEvent::ConnectionClosed { cause: Some(cause), .. } => {
                eprintln!("validator {} lost its relay: {cause}", self.index);
            }
            _ => {}
        }
    }
}
