//! Directors die, freeze, restart and drain while validators speak: every validator ends with every message,
//! once.

#![allow(clippy::unwrap_used)]

use director_service::client::Publisher;
use integration_tests::{
    director::Director,
    load::Load,
    network::{Network, Plan},
};
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

/// Bounds a failure.
const PATIENCE: Duration = Duration::from_secs(240);

/// Bounds a wait for what was begun.
const SOON: Duration = Duration::from_secs(60);

/// How long the load goes on before and after what happens.
const WHILE: Duration = Duration::from_secs(3);

const VALIDATORS: usize = 9;

/// Messages a second of all validators together.
const RATE: u64 = 200;

struct Trial {
    network: Network,
    load: Option<Load>,
    dir: TempDir,
}

impl Trial {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let plan = Plan {
            directors: 3,
            validators: VALIDATORS,
            block_time_ms: 500,
            offender: None,
            dir: dir.path().into(),
        };
        let network = Network::start(&plan, |_| {}).await.unwrap();
        for director in &network.directors {
            director.wait_until_ready(SOON).await.unwrap();
        }
        let load = Some(Load::start(network.shared.clone(), RATE));
        let trial = Self { network, load, dir };
        trial.all_have_standbys().await;
        sleep(WHILE).await;
        trial.network.shared.ledger().forget_latencies();
        trial
    }

    /// Own messages that are confirmed have two directors, so there is a standby.
    async fn all_have_standbys(&self) {
        let confirmed = |publisher: &Publisher| publisher.unconfirmed() < 100;
        let reached = async {
            loop {
                let publishers = self.network.shared.publishers();
                let spoke = publishers.iter().all(|of| of.stats().published > 10);
                if spoke && publishers.iter().all(confirmed) {
                    return;
                }
                // Counters cannot be awaited.
                sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(SOON, reached).await.expect("messages are confirmed by a second director");
    }

    /// Stops the load, and waits until everybody has everything; how long anybody heard nothing.
    async fn everybody_has_everything(&mut self) -> Vec<Duration> {
        sleep(WHILE).await;
        let published = self.load.take().unwrap().stop().await;
        assert_eq!(published.refused, 0, "no outbox is full");
        let all = self
            .network
            .wait_until(|network| Ok(network.shared.ledger().totals().outstanding() == 0));
        let arrived = timeout(SOON, all).await;
        let totals = self.network.shared.ledger().totals();
        assert!(arrived.is_ok(), "{totals:?}\n{}", self.network.directors[0].process.log_tail());
        assert_eq!(totals.duplicates, 0);
        assert!(totals.published >= published.messages);
        let progress = self.network.shared.progress();
        assert!(progress.gaps.is_empty(), "{:?}", progress.gaps);
        self.network.shared.ledger().stalls()
    }

    async fn end(self) {
        self.network.shutdown().await;
    }
}

/// The longest of all validators' stalls; at [`RATE`] messages come every 5 ms.
fn longest(stalls: &[Duration]) -> Duration {
    *stalls.last().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn when_a_director_is_killed_and_comes_back() {
    timeout(PATIENCE, async {
        let mut trial = Trial::start().await;
        let killed = trial.network.directors.remove(0).kill().await;
        sleep(WHILE).await;
        let stalls = trial.network.shared.ledger().stalls();
        println!("killed: {stalls:?}");
        // Debug builds on a busy machine; `xtask bench failover` measures it.
        assert!(longest(&stalls) < Duration::from_secs(3), "{stalls:?}");
        let back = killed.restart(trial.dir.path()).await.unwrap();
        back.wait_until_ready(SOON).await.unwrap();
        trial.network.directors.insert(0, back);
        trial.everybody_has_everything().await;
        trial.end().await;
    })
    .await
    .expect("done within the bound");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_a_director_freezes() {
    timeout(PATIENCE, async {
        let mut trial = Trial::start().await;
        trial.network.directors[0].signal("STOP").unwrap();
        sleep(2 * WHILE).await;
        let stalls = trial.network.shared.ledger().stalls();
        println!("frozen: {stalls:?}");
        assert!(longest(&stalls) < Duration::from_secs(5), "{stalls:?}");
        trial.network.directors[0].signal("CONT").unwrap();
        trial.everybody_has_everything().await;
        trial.end().await;
    })
    .await
    .expect("done within the bound");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_all_directors_restart_one_after_the_other() {
    timeout(PATIENCE, async {
        let mut trial = Trial::start().await;
        for _ in 0..3 {
            let stopped = trial.network.directors.remove(0).stop().await;
            let back = stopped.restart(trial.dir.path()).await.unwrap();
            back.wait_until_ready(SOON).await.unwrap();
            trial.network.directors.push(back);
            // The others, and the validators, have to notice before the next one goes.
            trial.all_have_standbys().await;
            sleep(WHILE).await;
        }
        trial.everybody_has_everything().await;
        trial.end().await;
    })
    .await
    .expect("done within the bound");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_a_director_drains() {
    timeout(PATIENCE, async {
        let mut trial = Trial::start().await;
        let before = trial.network.shared.progress().disconnected;
        let director: Director = trial.network.directors.remove(0);
        let drained = director.command("drain").await.unwrap();
        let said = String::from_utf8_lossy(&drained.stdout).into_owned()
            + &String::from_utf8_lossy(&drained.stderr);
        assert!(drained.status.success(), "{said}");
        println!("drained: {said}");
        assert_eq!(trial.network.shared.progress().disconnected, before, "nobody was cut off");
        let stalls = trial.everybody_has_everything().await;
        println!("drained: {stalls:?}");
        trial.end().await;
    })
    .await
    .expect("done within the bound");
}
