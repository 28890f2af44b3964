//! Loads nats-servers: a connection for each validator, all on one thread.

use std::{mem, path::Path, thread, time::Duration};

use anyhow::{Result, bail};
use bench_load::{Class, Ledger, Options, Probes, System};
use tokio::{
    runtime,
    sync::{mpsc, oneshot},
};

use crate::{
    certificate::connector,
    client::{Client, Commands},
    protocol::publish,
};

/// Most time until everybody is subscribed at every relay.
const UP_WITHIN: Duration = Duration::from_secs(60);
/// Batches that wait for a connection; when it is full they are lost, and the ledger says so.
const QUEUE_BATCHES: usize = 1 << 20;

struct Nats {
    queues: Vec<mpsc::Sender<Commands>>,
    due: Vec<Commands>,
}

impl System for Nats {
    type Message = Vec<u8>;

    fn prepare(&mut self, _: usize, _: Class, payload: &[u8]) -> Vec<u8> {
        publish(payload)
    }

    fn publish(&mut self, validator: usize, message: Vec<u8>) {
        let due = &mut self.due[validator];
        if due.is_empty() { *due = message } else { due.extend(message) }
    }

    fn flush(&mut self) {
        for (queue, due) in self.queues.iter().zip(&mut self.due) {
            if !due.is_empty() && queue.try_send(mem::take(due)).is_err() {
                eprintln!("a connection takes no more messages");
            }
        }
    }
}

/// Connects all validators, measures, prints the report.
pub(crate) fn run(options: &Options, tls: Option<&Path>) -> Result<()> {
    let (ledger, receivers) = Ledger::new(options)?;
    let probes = Probes::new(options)?;
    let tls = tls.map(connector).transpose()?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let mut receivers = receivers.into_iter();
    let mut queues = Vec::new();
    for index in 0..options.validators {
        let (to_self, commands) = mpsc::channel(QUEUE_BATCHES);
        queues.push(to_self.clone());
        let client = Client {
            index,
            relay: options.relay_of(index),
            tls: tls.clone(),
            to_self,
            commands,
            receiver: receivers.next(),
            probes: probes.clone(),
        };
        runtime.spawn(client.run());
    }
    let (stop, stopped) = oneshot::channel::<()>();
    let clients = thread::Builder::new().name("clients".into()).spawn(move || {
        let _ = runtime.block_on(stopped);
    })?;
    let due = vec![Vec::new(); options.live()];
    let report = probes
        .wait(UP_WITHIN)
        .and_then(|()| bench_load::run(options, Nats { queues, due }, ledger));
    drop(stop);
    if clients.join().is_err() {
        bail!("the thread of the clients panicked: see above");
    }
    report?.print()
}
