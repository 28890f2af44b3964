//! The main job: everything from the first stake to the last slash, shown while it happens.
//!
//! * upon start: chain, directors, validators, see [`Network::start`];
//! * upon each checkpoint: every validator votes, everybody gets every vote, all have a certificate;
//! * upon the double sign: the directors find it, one reports it, the chain slashes;
//! * upon what `--until` names, Ctrl-C or the time limit: nobody votes any more, what is on its way
//!   arrives, everything ends, and the books are closed.

mod books;

use crate::{
    chain::SlashEvent,
    faults::{Hand, Order, typed},
    network::{Network, Plan},
    options::Options,
    process::Managed,
    report::{Connections, Summary},
    screen::Screen,
    sockets,
    table::SlashRow,
    validator::now_ms,
};
use anyhow::{anyhow, bail, ensure};
use director_primitives::AccountId32;
use serde_json::Value;
use std::{
    path::PathBuf,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval, sleep, timeout},
};

/// How often directors are asked and the table is drawn.
const REFRESH: Duration = Duration::from_millis(1000);

/// How long connections may take until each two have one.
const SETTLED: Duration = Duration::from_secs(20);

/// How often they are counted until then.
const LOOK: Duration = Duration::from_millis(50);

/// How long the last messages may take to arrive.
const DRAIN: Duration = Duration::from_secs(10);

impl Outcome {
    fn not_started(options: &Options, error: &anyhow::Error) -> Self {
        Self {
            summary: Summary {
                directors: options.directors.into(),
                validators: options.validators.into(),
                ..Summary::default()
            },
            faults: vec![format!("{error:#}")],
            node_memory_mib: 0,
            director_memory_mib: 0,
            blocks_to_slash: Vec::new(),
        }
    }
}

/// Why a run ended.
#[derive(Debug)]
enum End {
    /// What `--until` names was reached.
    Reached,
    /// Ctrl-C or a signal, with nothing asked for by `--until`.
    Stopped,
    /// Ctrl-C or a signal before what was asked for.
    Interrupted,
    /// The time limit.
    TimedOut,
    /// Something broke.
    Failed(anyhow::Error),
}

/// What came of a run.
pub struct Outcome {
    /// The books.
    pub summary: Summary,
    /// What is wrong, each a line; empty if all went as it must.
    pub faults: Vec<String>,
    /// Most resident memory of the node, in MiB.
    pub node_memory_mib: u64,
    /// Most resident memory of a director, in MiB.
    pub director_memory_mib: u64,
    /// Finalized blocks from each second vote to its slash, in the order of the votes.
    pub blocks_to_slash: Vec<u64>,
}

/// Runs the devnet to its end. Whatever goes wrong is in the faults of what came of it.
pub async fn run(options: &Options, screen: &mut Screen) -> Outcome {
    let started = Instant::now();
    let limit = options.timeout.map(Duration::from_secs);
    let stop = stop_signal();
    tokio::pin!(stop);
    let network = tokio::select! {
        network = within(limit, start(options, started, screen)) => network,
        () = &mut stop => Ok(Err(anyhow!("stopped before the network was up"))),
    };
    let (network, dir, _temporary) = match network {
        Ok(Ok(started)) => started,
        Ok(Err(error)) => return Outcome::not_started(options, &error),
        Err(_) => {
            return Outcome::not_started(
                options,
                &anyhow!("the network is not up within --timeout"),
            );
        }
    };
    for director in &network.directors {
        let (name, port) = (&director.identity.name, director.ports.http);
        screen.say(&format!("dashboard of {name}: http://127.0.0.1:{port}/"));
    }
    screen.say("type `help` and Enter for faults that you can cause");
    let mut run = Run::new(options, network, Hand::new(dir));
    let rest = limit.map(|limit| limit.saturating_sub(started.elapsed()));
    let end = tokio::select! {
        end = within(rest, run.follow(screen)) => match end {
            Ok(Ok(())) => End::Reached,
            Ok(Err(error)) => End::Failed(error),
            Err(_) => End::TimedOut,
        },
        () = &mut stop => if options.until.is_some() { End::Interrupted } else { End::Stopped },
    };
    run.finish(end, screen).await
}

/// Brings the network up, in the folder that was asked for or a temporary one, which lives as long
/// as what is returned beside the network.
async fn start(
    options: &Options,
    started: Instant,
    screen: &mut Screen,
) -> anyhow::Result<(Network, PathBuf, Option<TempDir>)> {
    let (dir, temporary) = match &options.dir {
        Some(dir) => {
            // Directors keep votes there: those of another run's chain would be read as this one's.
            let is_used = std::fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some());
            ensure!(!is_used, "{} is not empty; give --dir a new or empty folder", dir.display());
            (dir.clone(), None)
        }
        None => {
            let temporary = tempfile::Builder::new().prefix("devnet-").tempdir()?;
            (temporary.path().to_path_buf(), Some(temporary))
        }
    };
    let plan = Plan {
        directors: options.directors.into(),
        validators: options.validators.into(),
        block_time_ms: options.block_time_ms,
        offender: options.offender(),
        check_signatures: true,
        dir: dir.clone(),
    };
    let network = Network::start(&plan, |step| {
        screen.say(&format!("[{:5.1} s] {step}", started.elapsed().as_secs_f64()));
    });
    Ok((network.await?, dir, temporary))
}

async fn within<T>(
    limit: Option<Duration>,
    work: impl Future<Output = T>,
) -> Result<T, tokio::time::error::Elapsed> {
    match limit {
        Some(limit) => timeout(limit, work).await,
        None => Ok(work.await),
    }
}

/// Ctrl-C, or being asked to end.
async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminated) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated.recv() => {}
    }
}

/// A double sign on its way to the slash.
struct Case {
    validator: AccountId32,
    checkpoint: u64,
    reporter: AccountId32,
    proven_in: u64,
    apply_at: u64,
    slashed: Option<Taken>,
}

struct Taken {
    amount: u128,
    reward: u128,
    block: u64,
    finalized_at_ms: u64,
}

struct Run<'a> {
    options: &'a Options,
    network: Network,
    hand: Hand,
    connections: Connections,
    cases: Vec<Case>,
    statuses: Vec<Option<Value>>,
    drawn: (Option<u64>, Vec<String>),
    node_memory_mib: u64,
    director_memory_mib: u64,
}

impl<'a> Run<'a> {
    fn new(options: &'a Options, network: Network, hand: Hand) -> Self {
        let statuses = network.directors.iter().map(|_| None).collect();
        Self {
            options,
            network,
            hand,
            connections: Connections::default(),
            cases: Vec::new(),
            statuses,
            drawn: (None, Vec::new()),
            node_memory_mib: 0,
            director_memory_mib: 0,
        }
    }

    /// Counts until there are as many as there should be, or for a while: two who dial each other at once have two
    /// connections for a moment.
    async fn count_connections(&mut self) -> anyhow::Result<()> {
        let end = Instant::now() + SETTLED;
        loop {
            let mut counted = Connections::default();
            for director in &self.network.directors {
                counted.mesh += sockets::established_at(director.ports.mesh)?;
                counted.validators += sockets::established_at(director.ports.public)?;
            }
            self.connections = counted;
            if counted == self.wanted_connections() || Instant::now() >= end {
                return Ok(());
            }
            // The kernel's tables cannot be awaited.
            sleep(LOOK).await;
        }
    }

    /// Follows the run until what was asked for is reached.
    async fn follow(&mut self, screen: &mut Screen) -> anyhow::Result<()> {
        let from = self.network.chain.node.head().borrow().map(|head| head.number);
        let mut blocks = self.network.chain.node.blocks(from);
        self.count_connections().await?;
        let mut refresh = interval(REFRESH);
        refresh.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut lines: mpsc::Receiver<String> = typed();
        loop {
            tokio::select! {
                Some(line) = lines.recv() => self.on_typed(&line, screen).await,
                block = blocks.next() => {
                    let events = self.network.chain.slash_events(block).await;
                    if events.is_err() {
                        // A node that has ended says more than a question that nobody answered.
                        self.network.check_alive()?;
                    }
                    for event in events? {
                        self.on_slash_event(event, block.number);
                    }
                }
                _ = refresh.tick() => {
                    self.network.check_alive()?;
                    if let Some(failure) = self.network.shared.progress().failures.first() {
                        bail!("{failure}");
                    }
                    self.ask_directors().await;
                    self.weigh();
                    self.draw(screen);
                }
            }
            if self.is_reached() {
                return Ok(());
            }
        }
    }

    /// Does what was typed, and says how it went; the run goes on either way.
    async fn on_typed(&mut self, line: &str, screen: &mut Screen) {
        screen.was_typed();
        if line.trim().is_empty() {
            return;
        }
        let said = match line.parse::<Order>() {
            Ok(order) => {
                screen.say(&format!("> {}", line.trim()));
                let obeyed = self.hand.obey(order, &mut self.network).await;
                obeyed.unwrap_or_else(|error| format!("it did not work: {error:#}"))
            }
            Err(wrong) => wrong,
        };
        screen.say(&said);
        // Directors came or went.
        self.statuses = self.network.directors.iter().map(|_| None).collect();
    }

    fn on_slash_event(&mut self, event: SlashEvent, block: u64) {
        match event {
            SlashEvent::Proven { validator, checkpoint, reporter, apply_at } => {
                let proven_in = block;
                let slashed = None;
                self.cases.push(Case {
                    validator,
                    checkpoint,
                    reporter,
                    proven_in,
                    apply_at,
                    slashed,
                });
            }
            SlashEvent::Applied { validator, taken: amount, reward, .. } => {
                let case = self.cases.iter_mut().find(|case| case.validator == validator);
                if let Some(case) = case {
                    let finalized_at_ms = now_ms();
                    case.slashed = Some(Taken { amount, reward, block, finalized_at_ms });
                }
            }
        }
    }

    async fn ask_directors(&mut self) {
        let ask = self.network.directors.iter().map(async |director| {
            match self.hand.is_frozen(director) {
                true => None,
                false => Some(director.status().await),
            }
        });
        let answers = futures::future::join_all(ask).await;
        for (known, status) in self.statuses.iter_mut().zip(answers) {
            let Some(status) = status else { continue };
            match status {
                Ok(status) => *known = Some(status),
                Err(error) => tracing::warn!("a director does not answer: {error:#}"),
            }
        }
    }

    fn weigh(&mut self) {
        let mib = |process: &Managed| process.peak_rss_kib().unwrap_or(0) / 1024;
        self.node_memory_mib = self.node_memory_mib.max(mib(&self.network.chain.process));
        let directors = self.network.directors.iter().map(|director| mib(&director.process));
        self.director_memory_mib = directors.fold(self.director_memory_mib, u64::max);
    }

    /// Ends the run and closes the books.
    async fn finish(mut self, end: End, screen: &mut Screen) -> Outcome {
        self.network.pause_votes();
        let drained = self.network.wait_until(|network| {
            let totals = network.shared.ledger().totals();
            Ok(totals.outstanding() == 0)
        });
        // What has not arrived by then is lost, and the books say so. Where something broke, nothing
        // is waited for.
        let patience = if matches!(end, End::Failed(_)) { Duration::ZERO } else { DRAIN };
        let _ = timeout(patience, drained).await;
        self.ask_directors().await;
        self.draw(screen);
        let summary = self.summary();
        let outcome = Outcome {
            faults: self.faults(&summary, &end),
            summary,
            node_memory_mib: self.node_memory_mib,
            director_memory_mib: self.director_memory_mib,
            blocks_to_slash: self.blocks_to_slash(),
        };
        self.network.shutdown().await;
        outcome
    }

    fn draw(&mut self, screen: &mut Screen) {
        let picture = self.picture();
        let newest = picture.checkpoints.last().map(|row| row.checkpoint);
        let news = (newest, picture.slashes.iter().flat_map(SlashRow::lines).collect());
        // Where nothing can be redrawn, a table is drawn when there is something new to tell.
        if screen.redraws() || news != self.drawn {
            self.drawn = news;
            screen.draw(&picture.lines());
        }
    }
}
