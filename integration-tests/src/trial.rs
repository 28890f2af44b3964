//! Lets something happen to directors while validators speak, and looks what became of their messages.

mod stage;
#[cfg(test)]
mod tests;

use crate::{
    book,
    chain::{FEES, STAKE},
    director::Director,
    double_signer::{Offender, two_votes},
    keys::Identity,
    ledger::Ledger,
    load::{Load, Published},
    network::{Network, addresses},
};
use anyhow::{Context, ensure};
pub use stage::has_run_elsewhere;
use stage::{Stage, chain_folder};
use std::{
    path::PathBuf,
    time::{Duration, Instant},
};
use tokio::time::{sleep, timeout};

/// Bounds a wait for what was begun.
const SOON: Duration = Duration::from_secs(60);

/// How long the load goes on before and after what happens.
const WHILE: Duration = Duration::from_secs(3);

/// Within this time a third of the validators leaves, and as many come.
const CHURN: Duration = Duration::from_secs(10);

/// How often counters are looked at, which cannot be awaited.
const LOOK: Duration = Duration::from_millis(50);

/// What happens to the first director, or to all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Fault {
    /// Nothing: what the numbers are without a fault.
    None,
    /// The process is killed and does not come back.
    Kill,
    /// The process is killed and started again.
    Restart,
    /// The process stands still for six seconds.
    Freeze,
    /// All directors are stopped and started again, one after the other.
    Rolling,
    /// The director hands its validators over and stops.
    Drain,
    /// The link between two directors is cut for six seconds, and nobody is told. Needs network namespaces (Linux).
    Cut,
    /// A third of the validators leaves within ten seconds, and as many others come; directors do nothing.
    Churn,
    /// The node stands still for a while, in the middle of which a validator signs two blocks.
    ChainAway,
    /// The same, but the node is killed, refuses connections, and comes back with what it had on disk.
    ChainDies,
}

impl Fault {
    /// Whether everybody must be in networks of its own for that to happen.
    pub fn is_apart(self) -> bool {
        self == Self::Cut
    }
}

/// Who takes part.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Directors.
    pub directors: usize,
    /// Validators.
    pub validators: usize,
    /// Messages a second of all validators together.
    pub per_s: u64,
    /// Whether the validators check each other's signatures.
    pub check_signatures: bool,
    /// Whether validators are to come and go: then others are ready to.
    pub churn: bool,
    /// Whether links are to be cut: then each has networks of its own.
    pub apart: bool,
    /// Time from one block to the next, in milliseconds.
    pub block_time_ms: u64,
    /// How long the chain is away.
    pub away: Duration,
    /// Where logs and state go.
    pub dir: PathBuf,
}

impl Setting {
    fn newcomers(&self) -> usize {
        if self.churn { self.validators / 3 } else { 0 }
    }

    /// How long latencies are measured before anything happens: as long as afterwards, if they are compared.
    fn before(&self) -> Duration {
        if self.churn { CHURN } else { WHILE }
    }
}

/// What came of a trial. Times are of the part from the fault on.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Messages published.
    pub published: u64,
    /// Deliveries that did not happen within a minute after the end.
    pub lost: u64,
    /// Messages that an application got twice.
    pub duplicates: u64,
    /// Messages that clients were told are lost.
    pub gaps: usize,
    /// The longest time in which each validator received nothing, in ascending order.
    pub stalls: Vec<Duration>,
    /// Times that a validator lost its primary. Leaving it by choice is not among them.
    pub disconnected: u64,
    /// The longest time in which each validator had no primary that took what it said, in ascending order.
    pub outages: Vec<Duration>,
    /// Times that a validator's standby became its primary while that lived.
    pub moved: u64,
    /// Messages that primaries should have sent and standbys had to.
    pub withheld: u64,
    /// Latency of a delivery at the quantiles 0.5 and 0.99, and the longest, in milliseconds. If a link was cut, of what
    /// was published meanwhile.
    pub latency_ms: [f64; 3],
    /// The same before anything happened.
    pub latency_before_ms: [f64; 3],
    /// After the chain was away: blocks until it had the proof of what was done meanwhile.
    pub evidence_blocks: Option<u64>,
}

/// After a director ended, 99 of 100 deliveries take at most this.
const FAILOVER_P99_MS: f64 = 500.0;

/// When a director ends, no validator hears nothing for longer than that.
const FAILOVER_SILENCE: Duration = Duration::from_millis(500);

/// When a director stands still: it has to be noticed first.
const FREEZE_SILENCE: Duration = Duration::from_millis(1_500);

/// While a director drains, no validator is without a primary for longer than that.
const DRAIN_OUTAGE: Duration = Duration::from_millis(50);

/// While a link is cut, 99 of 100 deliveries take at most this.
const CUT_P99_MS: f64 = 300.0;

/// While validators come and go, or the chain is away, the others' p99 is at most so many times what it was before.
const UNAFFECTED_TIMES: f64 = 1.2;

impl Outcome {
    /// What is promised of a release on a machine with nothing else to do, and does not hold after this happened.
    pub fn misses(&self, fault: Fault) -> Option<String> {
        let most_ms = match fault {
            Fault::Kill | Fault::Restart | Fault::Rolling => FAILOVER_P99_MS,
            Fault::Cut => CUT_P99_MS,
            Fault::Churn | Fault::ChainAway | Fault::ChainDies => {
                self.latency_before_ms[1] * UNAFFECTED_TIMES
            }
            Fault::None | Fault::Freeze | Fault::Drain => f64::INFINITY,
        };
        let most_silence = match fault {
            Fault::Kill | Fault::Restart | Fault::Rolling => FAILOVER_SILENCE,
            // Nothing that validators say to each other needs a block.
            Fault::ChainAway | Fault::ChainDies => FAILOVER_SILENCE,
            Fault::Freeze => FREEZE_SILENCE,
            _ => Duration::MAX,
        };
        let most_outage = if fault == Fault::Drain { DRAIN_OUTAGE } else { Duration::MAX };
        let (p99, silence, outage) =
            (self.latency_ms[1], self.longest_stall(), self.longest_outage());
        if p99 >= most_ms {
            Some(format!("p99 of deliveries is {p99:.1} ms, {most_ms:.0} ms at most are promised"))
        } else if silence > most_silence {
            Some(format!(
                "a validator heard nothing for {silence:?}, {most_silence:?} at most are promised"
            ))
        } else if outage > most_outage {
            Some(format!(
                "a validator had no primary for {outage:?}, {most_outage:?} at most are promised"
            ))
        } else {
            None
        }
    }

    /// Whether every message came to everybody once.
    pub fn is_whole(&self) -> bool {
        self.lost == 0 && self.duplicates == 0 && self.gaps == 0
    }

    /// The longest stall of any validator.
    pub fn longest_stall(&self) -> Duration {
        self.stalls.last().copied().unwrap_or_default()
    }

    /// The longest time in which any validator had no primary.
    pub fn longest_outage(&self) -> Duration {
        self.outages.last().copied().unwrap_or_default()
    }
}

/// A network under load.
pub struct Trial {
    stage: Stage,
    load: Load,
    dir: PathBuf,
    /// Those who may come.
    newcomers: Vec<Identity>,
    latency_before_ms: [f64; 3],
    away: Duration,
    evidence_blocks: Option<u64>,
}

fn latency_ms(ledger: &Ledger) -> [f64; 3] {
    [ledger.latency_ms(0.5), ledger.latency_ms(0.99), ledger.latency_max_ms()]
}

impl Trial {
    /// Starts chain, directors, validators and load, and waits until each validator has a standby.
    ///
    /// # Errors
    ///
    /// Whatever keeps them from coming up.
    pub async fn start(setting: &Setting) -> anyhow::Result<Self> {
        let stage = Stage::start(setting).await?;
        let network = stage.network();
        let (from, count) = (setting.validators + 1, setting.newcomers());
        let newcomers: Vec<_> = (from..from + count).map(Identity::validator).collect();
        let funds = newcomers.iter().map(|of| (of.id(), STAKE + FEES));
        network.chain.fund(funds.collect()).await?;
        let load = Load::start(network.shared.clone(), setting.per_s);
        let (dir, latency_before_ms) = (setting.dir.clone(), [0.0; 3]);
        let (away, evidence_blocks) = (setting.away, None);
        let mut trial =
            Self { stage, load, dir, newcomers, latency_before_ms, away, evidence_blocks };
        trial.all_have_standbys().await?;
        let shared = trial.network().shared.clone();
        shared.ledger().forget_latencies();
        sleep(setting.before()).await;
        let mut ledger = shared.ledger();
        trial.latency_before_ms = latency_ms(&ledger);
        ledger.forget_latencies();
        drop(ledger);
        shared.progress().outages.forget(Instant::now());
        Ok(trial)
    }

    fn network(&self) -> &Network {
        self.stage.network()
    }

    /// Waits until messages are confirmed by a second director: then there is a standby.
    async fn all_have_standbys(&self) -> anyhow::Result<()> {
        let shared = &self.network().shared;
        let begun = shared.publishers().into_iter().map(|(_, of)| of.stats().published);
        let begun: Vec<_> = begun.collect();
        let reached = async {
            loop {
                let publishers = shared.publishers();
                let mut all = publishers.iter().zip(&begun);
                if all.all(|((_, of), begun)| {
                    let spoken = of.stats().published.saturating_sub(*begun);
                    spoken > 10 && (of.unconfirmed() as u64) < spoken
                }) {
                    return;
                }
                sleep(LOOK).await;
            }
        };
        let reached = timeout(SOON, reached).await;
        reached.context("nobody confirms what validators say: they have no standby")
    }

    /// Lets it happen, with load before and after it.
    ///
    /// # Errors
    ///
    /// If a director does not do what is asked of it.
    pub async fn happen(&mut self, fault: Fault) -> anyhow::Result<()> {
        match fault {
            Fault::None => {}
            Fault::Churn => {
                let newcomers = std::mem::take(&mut self.newcomers);
                self.stage.network_mut().rotate(newcomers, CHURN).await?;
            }
            Fault::ChainAway | Fault::ChainDies => {
                self.evidence_blocks = Some(self.chain_away(fault).await?);
            }
            Fault::Kill => drop(self.first().kill().await),
            Fault::Restart => {
                let killed = self.first().kill().await;
                sleep(WHILE).await;
                let back = killed.restart(&self.dir).await?;
                self.is_back(back).await?;
            }
            Fault::Freeze => {
                self.network().directors[0].signal("STOP")?;
                sleep(2 * WHILE).await;
                self.network().directors[0].signal("CONT")?;
            }
            Fault::Rolling => {
                for _ in 0..self.network().directors.len() {
                    let stopped = self.first().stop().await;
                    let back = stopped.restart(&self.dir).await?;
                    self.is_back(back).await?;
                    self.all_have_standbys().await?;
                }
            }
            Fault::Drain => {
                let director = self.first();
                let drained = director.command("drain").await?;
                let said = [&drained.stdout[..], &drained.stderr].concat();
                let said = String::from_utf8_lossy(&said).into_owned();
                ensure!(drained.status.success(), "the director does not drain: {said}");
            }
            Fault::Cut => {
                self.stage.cut()?;
                sleep(2 * WHILE).await;
                self.network().shared.ledger().measure_until(Instant::now());
                self.stage.mend().await?;
            }
        }
        sleep(WHILE).await;
        Ok(())
    }

    /// Blocks from the return of the chain until it has the proof of a double sign of the time when it was away.
    async fn chain_away(&mut self, fault: Fault) -> anyhow::Result<u64> {
        let away = self.away;
        let network = self.stage.network_mut();
        let identity = Identity::named("offender".into());
        network.authorize(std::slice::from_ref(&identity)).await?;
        let directors = addresses(&network.directors)?;
        let offender = Offender::connect(&network.chain, &identity, directors).await?;
        let chain = &mut network.chain;
        let (keeper, mut book) = book::keep(chain.node.clone());

        match fault {
            Fault::ChainDies => chain.kill().await?,
            _ => chain.process.signal("STOP")?,
        }
        let last = chain.node.finalized().borrow().clone().context("there are blocks")?;
        sleep(away / 2).await;
        let (votes, _) = two_votes(&last, &identity, &mut rand::rng())?;
        offender.vote(&votes)?;
        sleep(away / 2).await;
        match fault {
            Fault::ChainDies => chain.restart_in(&self.dir, &chain_folder(&self.dir)).await?,
            _ => chain.process.signal("CONT")?,
        }

        let id = identity.id();
        let reported = book.wait_for(|book| book.case(&id).proven > 0);
        let reported =
            timeout(SOON, reported).await.context("nobody reports the double sign")??;
        let block = reported.case(&id).block;
        drop(reported);
        keeper.abort();
        offender.leave().await;
        Ok(block.saturating_sub(last.number))
    }

    fn first(&mut self) -> Director {
        self.stage.network_mut().directors.remove(0)
    }

    /// A director that was started again counts when it is ready.
    async fn is_back(&mut self, director: Director) -> anyhow::Result<()> {
        director.wait_until_ready(SOON).await?;
        self.stage.network_mut().directors.push(director);
        Ok(())
    }

    /// Stops the load, waits until everybody has everything, or a minute, and ends everything.
    ///
    /// # Errors
    ///
    /// If a validator failed.
    pub async fn end(self) -> anyhow::Result<Outcome> {
        let Published { refused, .. } = self.load.stop().await;
        ensure!(refused == 0, "an outbox was full: {refused} messages were not published");
        let network = self.stage.network();
        let all = network.wait_until(|of| Ok(of.shared.ledger().totals().outstanding() == 0));
        if let Ok(failed) = timeout(SOON, all).await {
            failed?;
        }
        let outcome = {
            let (ledger, progress) = (network.shared.ledger(), network.shared.progress());
            let totals = ledger.totals();
            Outcome {
                published: totals.published,
                lost: totals.outstanding(),
                duplicates: totals.duplicates,
                gaps: progress.gaps.len(),
                stalls: ledger.stalls(),
                disconnected: progress.disconnected,
                outages: progress.outages.longest(Instant::now()),
                moved: progress.moved,
                withheld: progress.withheld,
                latency_ms: latency_ms(&ledger),
                latency_before_ms: self.latency_before_ms,
                evidence_blocks: self.evidence_blocks,
            }
        };
        self.stage.shutdown().await;
        Ok(outcome)
    }
}
