//! Lets a network run for long under load, with something happening to somebody every minute, and looks whether it
//! stays as it was: memory, latency, and that everybody has everything.
//!
//! Director-1 is never restarted, so that its memory tells of the whole run; it stands still now and then as the others
//! do. The others' memory begins anew with each restart and so says less. Latency is compared between minutes in which the like
//! happened. The book forgets what everybody has, and so does not grow either.

mod minute;
#[cfg(test)]
mod tests;

use crate::{
    book::{self, Book},
    chain::{FEES, STAKE},
    director::Director,
    keys::Identity,
    load::Load,
    network::{Network, Plan},
};
use anyhow::{Context, ensure};
pub use minute::Minute;
use std::{path::PathBuf, time::Duration};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep, sleep_until, timeout},
};

/// Bounds a wait for what was begun.
const SOON: Duration = Duration::from_secs(90);

/// How often memory is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// How long a director stands still.
const FREEZE: Duration = Duration::from_secs(3);

/// Minutes from which on memory should stay as it is, and the share of a shorter run that is as long.
const WARM_UP: usize = 10;
const SHORT_WARM_UP: usize = 3;

/// The share of a minute's messages that must have been published in it: a validator that leaves loses its turns of that moment.
const LEAST_PUBLISHED: f64 = 0.95;

/// Least minutes of a run after its warm-up for its growth to say something.
const LEAST: usize = 10;

/// Minutes at each end that are compared: in so many everything happens once.
const COMPARED: usize = Event::TURNS.len();

/// By how much memory may grow after the warm-up, in per cent: of the director that runs all the time, and of others.
const MOST_GROWTH: f64 = 5.0;
const MOST_GROWTH_RESTARTED: f64 = 25.0;

/// How many times longer the slowest hundredth of deliveries may take at the end, and what is too short to say something, in
/// milliseconds: in minutes in which no director stops, and in others.
const MOST_SLOWER: f64 = 1.3;
const SHORT_MS: f64 = 10.0;
const SHORT_WITH_A_FAULT_MS: f64 = 50.0;

/// Who takes part, and for how long.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Minutes.
    pub minutes: usize,
    /// Directors, two at least.
    pub directors: usize,
    /// Validators.
    pub validators: usize,
    /// Messages a second of all of them together.
    pub per_s: u64,
    /// Where logs and state go.
    pub dir: PathBuf,
}

/// What happens in a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Nothing.
    Calm,
    /// A director is killed and started again.
    Kill,
    /// A director stands still for three seconds.
    Freeze,
    /// A director hands its validators over, stops and is started again.
    Drain,
    /// A validator leaves and another comes.
    Churn,
}

impl Event {
    const TURNS: [Self; 5] = [Self::Calm, Self::Kill, Self::Churn, Self::Freeze, Self::Drain];

    /// As it is shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Calm => "-",
            Self::Kill => "kill",
            Self::Freeze => "freeze",
            Self::Drain => "drain",
            Self::Churn => "churn",
        }
    }
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Minute by minute.
    pub minutes: Vec<Minute>,
    /// Messages published.
    pub published: u64,
    /// Deliveries that did not happen within the patience after the end.
    pub lost: u64,
    /// Messages that an application got twice.
    pub duplicates: u64,
    /// Messages that clients were told are lost.
    pub gaps: usize,
    /// Proofs of double signs, on chain or at a director: nobody signed twice.
    pub accusations: usize,
}

impl Outcome {
    /// By how much the memory of each director grew after the warm-up, in per cent: from the first minutes to the last ones.
    pub fn growth(&self) -> Vec<f64> {
        let rest = self.minutes.get(self.warm_up()..).unwrap_or_default();
        let directors = rest.iter().map(|of| of.memory_kib.len()).min().unwrap_or_default();
        let typical = |minutes: &[Minute], director: usize| {
            median(minutes.iter().map(|of| of.memory_kib[director] as f64).collect())
        };
        let grew = |director| {
            let first = typical(&rest[..COMPARED.min(rest.len())], director);
            let last = typical(&rest[rest.len().saturating_sub(COMPARED)..], director);
            (last / first.max(1.0) - 1.0) * 100.0
        };
        (0..directors).map(grew).collect()
    }

    /// The slowest hundredth of deliveries in minutes with each event, in milliseconds: in the first half of those after the
    /// warm-up, and in the second. Nothing about what happened too seldom.
    pub fn slowest(&self) -> Vec<(Event, f64, f64)> {
        let rest = self.minutes.get(self.warm_up()..).unwrap_or_default();
        let of_event = |event: Event| {
            let all = rest.iter().filter(|of| of.event == event).map(|of| of.latency_ms[1]);
            let all: Vec<_> = all.collect();
            let (first, second) = all.split_at(all.len() / 2);
            let is_enough = first.len() >= 2;
            is_enough.then(|| (event, median(first.to_vec()), median(second.to_vec())))
        };
        Event::TURNS.into_iter().filter_map(of_event).collect()
    }

    /// Minutes that do not count for it.
    pub fn warm_up(&self) -> usize {
        WARM_UP.min(self.minutes.len() / SHORT_WARM_UP)
    }

    /// What is not as it must be, each a line.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut none =
            |count: u64, of: &str| (count > 0).then(|| faults.push(format!("{count} {of}")));
        none(self.lost, "deliveries are lost");
        none(self.duplicates, "messages came twice");
        none(self.gaps as u64, "gaps were told");
        none(self.accusations as u64, "accusations of validators that did nothing");
        for (number, minute) in (1..).zip(&self.minutes) {
            faults.extend(minute.load_fault().map(|fault| format!("minute {number}: {fault}")));
            let unread = (1..).zip(&minute.memory_kib).filter(|(_, kib)| **kib == 0);
            faults.extend(unread.map(|(director, _)| {
                format!("the memory of director-{director} could not be read in minute {number}")
            }));
        }
        if self.minutes.len() >= self.warm_up() + LEAST {
            for (at, growth) in self.growth().into_iter().enumerate() {
                let most = if at == 0 { MOST_GROWTH } else { MOST_GROWTH_RESTARTED };
                if growth > most {
                    let director = at + 1;
                    faults.push(format!(
                        "the memory of director-{director} has grown by {growth:.1} %"
                    ));
                }
            }
        }
        for (event, first, second) in self.slowest() {
            let short = match event {
                Event::Calm | Event::Churn => SHORT_MS,
                _ => SHORT_WITH_A_FAULT_MS,
            };
            if second > MOST_SLOWER * first.max(short) {
                faults.push(format!(
                    "the slowest hundredth of deliveries took {first:.1} ms at first and {second:.1} ms at last ({})",
                    event.name()
                ));
            }
        }
        faults
    }
}

/// The middle one; NaN of nothing.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A network that is soaked.
pub struct Soak {
    network: Network,
    load: Load,
    per_s: u64,
    dir: PathBuf,
    book: watch::Receiver<Book>,
    keeper: JoinHandle<()>,
    minutes: Vec<Minute>,
}

impl Soak {
    /// Starts everything.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from coming up.
    pub async fn start(setting: &Setting) -> anyhow::Result<Self> {
        let plan = Plan {
            directors: setting.directors,
            block_time_ms: 1_000,
            check_signatures: false,
            ..Plan::quick(setting.validators, &setting.dir)
        };
        let network = Network::start(&plan, |_| {}).await?;
        for director in &network.directors {
            director.wait_until_ready(SOON).await?;
        }
        let per_s = setting.per_s;
        let (keeper, book) = book::keep(network.chain.node.clone());
        let load = Load::start(network.shared.clone(), per_s);
        let (dir, minutes) = (setting.dir.clone(), Vec::new());
        Ok(Self { network, load, per_s, dir, book, keeper, minutes })
    }

    /// One minute, or so; what came of it.
    ///
    /// # Errors
    ///
    /// If somebody does not do what is asked of it.
    pub async fn minute(&mut self, length: Duration) -> anyhow::Result<Minute> {
        let number = self.minutes.len();
        let event = Event::TURNS[number % Event::TURNS.len()];
        let (began, before) = (Instant::now(), self.network.shared.ledger().totals());
        self.network.shared.ledger().forget_latencies();
        let pids = self.network.directors.iter().map(|director| director.process.pid());
        let memory = minute::watch_memory(pids.collect(), LOOK);
        sleep(length / 3).await;
        self.happen(event, number / Event::TURNS.len()).await.with_context(|| event.name())?;
        sleep_until(began + length).await;
        let memory_kib = memory.medians().await;
        let minute = {
            let ledger = self.network.shared.ledger();
            Minute {
                event,
                due: (self.per_s as f64 * length.as_secs_f64()) as u64,
                deliveries_per_s: self.per_s * (self.network.identities.len() as u64 - 1),
                published: ledger.totals().published - before.published,
                outstanding: ledger.totals().outstanding(),
                latency_ms: [
                    ledger.latency_ms(0.5),
                    ledger.latency_ms(0.99),
                    ledger.latency_max_ms(),
                ],
                memory_kib,
                entries: ledger.len(),
            }
        };
        self.minutes.push(minute.clone());
        Ok(minute)
    }

    async fn happen(&mut self, event: Event, round: usize) -> anyhow::Result<()> {
        let directors = self.network.directors.len();
        // Never the first one, unless it lives on.
        let other = 1 + round % (directors - 1);
        match event {
            Event::Calm => Ok(()),
            Event::Kill => {
                let director = self.network.directors.remove(other);
                self.bring_back(other, director).await
            }
            Event::Freeze => {
                let director = &self.network.directors[round % directors];
                director.signal("STOP")?;
                sleep(FREEZE).await;
                director.signal("CONT")
            }
            Event::Drain => {
                let director = self.network.directors.remove(other);
                let drained = director.command("drain").await?;
                let said = String::from_utf8_lossy(&drained.stderr).into_owned();
                ensure!(drained.status.success(), "the director does not drain: {said}");
                self.bring_back(other, director).await
            }
            Event::Churn => {
                let number = self.network.identities.len();
                let newcomer = Identity::validator(number + 1);
                self.network.chain.fund(vec![(newcomer.id(), STAKE + FEES)]).await?;
                self.network.rotate(vec![newcomer], Duration::ZERO).await?;
                let is_there = |of: &Network| {
                    let progress = of.shared.progress();
                    Ok(progress.ready.contains_key(&number) && progress.standbys.contains(&number))
                };
                timeout(SOON, self.network.wait_until(is_there)).await??;
                self.network.shared.ledger().join(number);
                Ok(())
            }
        }
    }

    /// Makes sure that it has ended, and starts it again.
    async fn bring_back(&mut self, at: usize, director: Director) -> anyhow::Result<()> {
        let back = director.kill().await.restart(&self.dir).await?;
        back.wait_until_ready(SOON).await?;
        self.network.directors.insert(at, back);
        Ok(())
    }

    /// Stops the load, waits until everybody has everything, and ends everything.
    ///
    /// # Errors
    ///
    /// If a validator failed.
    pub async fn end(self) -> anyhow::Result<Outcome> {
        let published = self.load.stop().await;
        ensure!(published.refused == 0, "an outbox was full: {} refused", published.refused);
        let network = self.network;
        let all = network.wait_until(|of| Ok(of.shared.ledger().totals().outstanding() == 0));
        if let Ok(failed) = timeout(SOON, all).await {
            failed?;
        }
        let mut accusations = self.book.borrow().cases();
        for director in &network.directors {
            let status = director.status().await?;
            accusations += status["evidence"].as_array().map_or(0, Vec::len);
        }
        let totals = network.shared.ledger().totals();
        let gaps = network.shared.progress().gaps.len();
        self.keeper.abort();
        network.shutdown().await;
        Ok(Outcome {
            minutes: self.minutes,
            published: totals.published,
            lost: totals.outstanding(),
            duplicates: totals.duplicates,
            gaps,
            accusations,
        })
    }
}
