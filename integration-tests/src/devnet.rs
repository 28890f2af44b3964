//! The main job: everything from the first stake to the last slash, shown while it happens.
//!
//! * upon start: chain, directors, validators, see [`Network::start`];
//! * upon each checkpoint: every validator votes, everybody gets every vote, all have a certificate;
//! * upon the double sign: the directors find it, one reports it, the chain slashes;
//! * upon what `--until` names, Ctrl-C or the time limit: nobody votes any more, what is on its way
//!   arrives, everything ends, and the books are closed.

use crate::{
    chain::SlashEvent,
    faults::{Hand, Order, typed},
    network::{Network, Plan},
    options::{Options, Until},
    process::Managed,
    report::{Connections, Latency, Slashed, Summary},
    screen::Screen,
    sockets,
    table::{DirectorRow, Picture, SlashRow},
    validator::now_ms,
};
use anyhow::{anyhow, bail, ensure};
use director_primitives::AccountId32;
use serde_json::Value;
use std::{
    collections::BTreeSet,
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

/// Checkpoints that the table shows.
const SHOWN: usize = 6;

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

    /// All directors with each other, and each validator with its primary and, if there is a second director, its
    /// standby.
    fn wanted_connections(&self) -> Connections {
        let directors = self.network.directors.len() as u32;
        let validators = self.network.identities.len() as u32 * directors.min(2);
        Connections { mesh: directors * (directors - 1) / 2, validators }
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

    /// Accounts of those that have signed twice by now.
    fn offenders(&self) -> BTreeSet<AccountId32> {
        let progress = self.network.shared.progress();
        let signed = progress.double_signed.iter();
        signed.map(|signed| self.network.identities[signed.validator].id()).collect()
    }

    /// Checkpoints for which every honest validator has a certificate.
    fn certificates(&self) -> u64 {
        let progress = self.network.shared.progress();
        let signed = &progress.double_signed;
        let offender = |number: &usize| signed.iter().any(|signed| signed.validator == *number);
        let honest: Vec<_> =
            (0..self.network.identities.len()).filter(|number| !offender(number)).collect();
        let complete = progress
            .checkpoints
            .values()
            .filter(|of| honest.iter().all(|number| of.certified.contains_key(number)));
        complete.count() as u64
    }

    /// Whether those are slashed that have signed twice, or are to.
    fn all_slashed(&self) -> bool {
        let is_slashed = |account: &AccountId32| {
            self.cases.iter().any(|case| case.validator == *account && case.slashed.is_some())
        };
        let mut offenders = self.offenders();
        if let Some(planned) = self.options.offender() {
            offenders.insert(self.network.identities[usize::from(planned.validator) - 1].id());
        }
        offenders.iter().all(is_slashed)
    }

    fn is_reached(&self) -> bool {
        match self.options.until {
            None => false,
            Some(Until::Slashed) => self.all_slashed(),
            Some(Until::Checkpoints(wanted)) => self.certificates() >= wanted && self.all_slashed(),
        }
    }

    /// Ends the run and closes the books.
    async fn finish(mut self, end: End, screen: &mut Screen) -> Outcome {
        self.network.shared.vote_from.send_replace(None);
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

    fn blocks_to_slash(&self) -> Vec<u64> {
        let progress = self.network.shared.progress();
        let blocks = progress.double_signed.iter().filter_map(|signed| {
            let account = self.network.identities[signed.validator].id();
            let case = self.cases.iter().find(|case| case.validator == account)?;
            Some(case.slashed.as_ref()?.block.saturating_sub(signed.finalized))
        });
        blocks.collect()
    }

    fn summary(&self) -> Summary {
        let ledger = self.network.shared.ledger();
        let totals = ledger.totals();
        let latency_ms = Latency {
            p50: ledger.latency_ms(0.50),
            p95: ledger.latency_ms(0.95),
            p99: ledger.latency_ms(0.99),
            max: ledger.latency_max_ms(),
        };
        drop(ledger);
        // Not inside the literal below: a lock taken there is held until its end.
        let checkpoints = self.network.shared.progress().checkpoints.len() as u64;
        let offenders = self.offenders();
        let honest = self.cases.iter().filter(|case| !offenders.contains(&case.validator));
        Summary {
            directors: self.network.directors.len(),
            validators: self.network.identities.len(),
            checkpoints,
            votes_published: totals.published,
            deliveries_expected: totals.expected,
            deliveries: totals.delivered,
            lost: totals.outstanding(),
            duplicates: totals.duplicates,
            repeats: self.network.shared.repeats(),
            latency_ms,
            certificates: self.certificates(),
            connections: self.connections,
            double_signs_detected: self.evidence().len() as u64,
            slashed: self.cases.iter().filter_map(|case| self.slashed(case)).collect(),
            honest_slashed: honest.count() as u64,
        }
    }

    fn slashed(&self, case: &Case) -> Option<Slashed> {
        let taken = case.slashed.as_ref()?;
        let id = case.validator.to_string();
        let detected = self.evidence().into_iter().find(|found| found.validator == id);
        // Where no director could be asked, the second vote itself: an upper bound.
        let progress = self.network.shared.progress();
        let signed = progress.double_signed.iter().find(|of| of.checkpoint == case.checkpoint);
        let signed_at = signed.map_or(taken.finalized_at_ms, |signed| signed.at_ms);
        let detected_at = detected.map_or(signed_at, |found| found.detected_at_ms);
        Some(Slashed {
            validator: self.number_of(&case.validator),
            checkpoint: case.checkpoint,
            amount: taken.amount,
            reporter: self.network.name_of(&case.reporter),
            detected_to_finalized_ms: taken.finalized_at_ms.saturating_sub(detected_at),
        })
    }

    /// Number of a validator, from 1.
    fn number_of(&self, account: &AccountId32) -> usize {
        let at = self.network.identities.iter().position(|identity| identity.id() == *account);
        at.map_or(0, |at| at + 1)
    }

    /// Double signs that directors have proven, each with the moment when the first one had it.
    fn evidence(&self) -> Vec<Evidence> {
        let mut found: Vec<Evidence> = Vec::new();
        for status in self.statuses.iter().flatten() {
            for item in status["evidence"].as_array().into_iter().flatten() {
                let Some(item) = Evidence::read(item) else { continue };
                match found.iter_mut().find(|known| known.id == item.id) {
                    Some(known) => {
                        known.detected_at_ms = known.detected_at_ms.min(item.detected_at_ms);
                    }
                    None => found.push(item),
                }
            }
        }
        found
    }

    fn faults(&self, summary: &Summary, end: &End) -> Vec<String> {
        let mut faults = Vec::new();
        let mut wrong = |is: bool, what: String| is.then(|| faults.push(what));
        if let End::Failed(error) = end {
            wrong(true, format!("{error:#}"));
        }
        wrong(matches!(end, End::TimedOut), "gave up: --timeout was reached first".into());
        wrong(matches!(end, End::Interrupted), "interrupted before what --until asks for".into());
        wrong(
            summary.honest_slashed > 0,
            format!("{} honest validators were accused on chain", summary.honest_slashed),
        );
        if self.hand.has_touched() {
            return faults;
        }
        let mut wrong = |is: bool, what: String| is.then(|| faults.push(what));
        wrong(summary.lost > 0, format!("{} deliveries were lost", summary.lost));
        wrong(summary.duplicates > 0, format!("{} deliveries were duplicates", summary.duplicates));
        let strange = self.network.shared.ledger().strange();
        wrong(strange > 0, format!("{strange} messages came that nobody had published"));
        let wanted = self.wanted_connections();
        wrong(
            summary.connections != wanted,
            format!("{:?} were counted instead of {wanted:?}", summary.connections),
        );
        wrong(!self.all_slashed(), "the validator that signs twice is not slashed (yet)".into());
        for (checkpoint, votes, expected) in self.missing_votes() {
            wrong(true, format!("only {votes} of {expected} voted at checkpoint {checkpoint}"));
        }
        faults
    }

    /// Checkpoints but for the last, which may have come when the run ended, at which somebody did not
    /// vote: with how many did and how many had to.
    fn missing_votes(&self) -> Vec<(u64, u32, u32)> {
        let progress = self.network.shared.progress();
        let voters = |checkpoint: u64| {
            let gone =
                progress.double_signed.iter().filter(|of| of.checkpoint < checkpoint).count();
            (self.network.identities.len() - gone) as u32
        };
        let votes = progress.checkpoints.iter().map(|(at, of)| (*at, of.votes, voters(*at)));
        let mut votes: Vec<_> = votes.collect();
        votes.pop();
        votes.retain(|(_, votes, expected)| votes < expected);
        votes
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

    fn picture(&self) -> Picture {
        let network = &self.network;
        let finalized = network.chain.node.head().borrow().map_or(0, |head| head.number);
        let directors = network.directors.iter().zip(&self.statuses).map(|(director, status)| {
            let status = status.as_ref();
            let list = |name: &str| status.and_then(|s| s[name].as_array()).map_or(0, Vec::len);
            let stat = |name: &str| status.and_then(|s| s["stats"][name].as_u64()).unwrap_or(0);
            DirectorRow {
                name: director.identity.name.clone(),
                mesh: list("mesh"),
                validators: list("validators"),
                relayed: stat("relayed"),
                loops_prevented: stat("loops_prevented"),
                memory_mib: director.process.rss_kib().unwrap_or(0) / 1024,
            }
        });
        Picture {
            finalized,
            node_memory_mib: network.chain.process.rss_kib().unwrap_or(0) / 1024,
            checkpoints: crate::table::checkpoint_rows(&network.shared, SHOWN),
            directors: directors.collect(),
            slashes: self.slash_rows(),
        }
    }

    fn slash_rows(&self) -> Vec<SlashRow> {
        let evidence = self.evidence();
        let progress = self.network.shared.progress();
        let rows = progress.double_signed.iter().map(|signed| {
            let identity = &self.network.identities[signed.validator];
            let account = identity.id();
            let case = self.cases.iter().find(|case| case.validator == account);
            let id = account.to_string();
            SlashRow {
                validator: identity.name.clone(),
                checkpoint: signed.checkpoint,
                detected_after_ms: evidence
                    .iter()
                    .find(|found| found.validator == id)
                    .map(|found| found.detected_at_ms.saturating_sub(signed.at_ms)),
                proven: case.map(|case| {
                    (self.network.name_of(&case.reporter), case.proven_in, case.apply_at)
                }),
                slashed: case
                    .and_then(|case| case.slashed.as_ref())
                    .map(|taken| (taken.amount, taken.reward, taken.block)),
            }
        });
        rows.collect()
    }
}

/// A double sign, as a director's status has it.
struct Evidence {
    id: String,
    validator: String,
    detected_at_ms: u64,
}

impl Evidence {
    fn read(item: &Value) -> Option<Self> {
        Some(Self {
            id: item["id"].as_str()?.to_string(),
            validator: item["validator"].as_str()?.to_string(),
            detected_at_ms: item["detected_at_ms"].as_u64()?,
        })
    }
}
