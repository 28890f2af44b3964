//! Lets validators speak at a steady rate, and keeps book of all that they say.

use crate::validator::Shared;
use director_primitives::{PayloadKind, Priority, Topic};
use director_service::client::PublishError;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};

/// How often messages are published; those of one tick leave together.
const TICK: Duration = Duration::from_millis(5);

/// Length of a payload, about that of a vote.
const PAYLOAD_LEN: usize = 150;

/// What was published.
#[derive(Clone, Copy, Debug, Default)]
pub struct Published {
    /// Messages.
    pub messages: u64,
    /// Messages that an outbox refused because it was full.
    pub refused: u64,
}

/// Messages at a steady rate, until it is stopped.
pub struct Load {
    stop: watch::Sender<()>,
    task: JoinHandle<Published>,
}

impl Load {
    /// Lets all validators of a run publish in turns, `per_s` messages a second together.
    pub fn start(shared: Arc<Shared>, per_s: u64) -> Self {
        let (stop, stopped) = watch::channel(());
        let task = tokio::spawn(run(shared, per_s, stopped));
        Self { stop, task }
    }

    /// Stops; what was published.
    ///
    /// # Panics
    ///
    /// If publishing panicked.
    pub async fn stop(self) -> Published {
        drop(self.stop);
        self.task.await.expect("the load does not panic")
    }
}

async fn run(shared: Arc<Shared>, per_s: u64, mut stopped: watch::Receiver<()>) -> Published {
    let mut published = Published::default();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (started, mut turns) = (Instant::now(), 0);
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                // Validators come and go.
                let speakers = shared.speakers();
                let due = started.elapsed().as_millis() as u64 * per_s / 1_000;
                for n in turns..due {
                    match publish(&shared, speakers[n as usize % speakers.len()], n) {
                        Some(Ok(())) => published.messages += 1,
                        Some(Err(_)) => published.refused += 1,
                        // It left meanwhile, and its turn is lost.
                        None => {}
                    }
                }
                turns = turns.max(due);
            }
            _ = stopped.changed() => return published,
        }
    }
}

/// `None` if this one has been retired.
fn publish(shared: &Shared, number: usize, n: u64) -> Option<Result<(), PublishError>> {
    let mut payload = vec![0; PAYLOAD_LEN];
    payload[..8].copy_from_slice(&n.to_le_bytes());
    let topic = Topic::truncate_from(b"load".to_vec());
    // Each class has its share; Bulk is for blocks.
    let class = [Priority::Critical, Priority::High, Priority::Normal][(n / 7 % 3) as usize];
    shared.publish(number, 0, PayloadKind::Opaque(topic), class, payload)
}
