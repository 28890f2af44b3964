//! Kills directors while a double sign is on its way to the chain, again and again in one network, and looks what
//! became of it.
//!
//! Each run has an offender of its own, whose client sends both votes as any validator's does: to its primary, and once
//! more to another director if that dies. The director that is killed is the one whose turn it is to report; now and then
//! the one that comes after it is killed as well, or the node that all of them follow. A supervisor starts them again
//! at once, as an operator's service manager would.

mod plan;
mod summary;

pub use plan::{Beside, Kill};
pub use summary::{Run, Summary};

use crate::{
    book::{self, Book},
    chain::Chain,
    director::{Director, settles},
    double_signer::{Offender, two_votes},
    keys::Identity,
    network::{Network, Plan, addresses},
};
use anyhow::{Context, ensure};
use director_primitives::{AccountId32, H256, Snapshot, turn::rank};
use director_service::failpoint::Failpoint;
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::Value;
use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{sleep, timeout},
};

/// Bounds each wait.
const SOON: Duration = Duration::from_secs(90);

/// Honest validators.
const VALIDATORS: usize = 3;

/// Offenders that are brought onto the chain together.
const BATCH: usize = 20;

/// Of so many runs in a row the last one kills at a random time, the others at failpoints.
const IN_A_ROW: usize = 4;

/// Within this time after the second vote somebody is killed at a random time: until it is finalized, and a little more.
const RANDOM: Duration = Duration::from_millis(1_500);

/// A network in which directors are killed.
pub struct Kills {
    network: Network,
    dir: PathBuf,
    chance: StdRng,
    book: watch::Receiver<Book>,
    keeper: JoinHandle<()>,
    offenders: VecDeque<Identity>,
    made: usize,
    /// The failpoint of the first run: few runs in a row do not come to all of them.
    first: usize,
    runs: Vec<Run>,
    began: Instant,
}

impl Kills {
    /// Brings up a chain, three directors and some validators.
    ///
    /// # Errors
    ///
    /// Whatever keeps them from coming up.
    pub async fn start(dir: PathBuf, seed: u64) -> anyhow::Result<Self> {
        let plan = Plan { block_time_ms: 1_000, ..Plan::quick(VALIDATORS, &dir) };
        let chain = Chain::start_in(&dir, &chain_folder(&dir), plan.block_time_ms).await?;
        let network = Network::start_on(chain, &plan, |_| {}).await?;
        let (keeper, book) = book::keep(network.chain.node.clone());
        let mut chance = StdRng::seed_from_u64(seed);
        let first = chance.random_range(0..Failpoint::ALL.len());
        let (offenders, runs, began) = (VecDeque::new(), Vec::new(), Instant::now());
        Ok(Self { network, dir, chance, book, keeper, offenders, made: 0, first, runs, began })
    }

    /// Has the next offender sign twice and kills a director meanwhile.
    ///
    /// # Errors
    ///
    /// If it is not reported, or reported more than twice, or a director does not come back.
    pub async fn run(&mut self) -> anyhow::Result<Run> {
        let (number, kill) = (self.runs.len() + 1, self.next_kill());
        let offender = self.next_offender().await?;
        let beside = Beside::of_run(self.runs.len());
        let run = self.attempt(kill, beside, offender).await;
        let run = run.with_context(|| {
            let logs = self.network.directors.iter().map(|of| of.process.log_tail());
            let logs: Vec<_> = logs.collect();
            format!("run {number}: killed {kill}{beside}\n{}", logs.join("\n--\n"))
        })?;
        self.runs.push(run.clone());
        Ok(run)
    }

    async fn attempt(
        &mut self,
        kill: Kill,
        beside: Beside,
        offender: Identity,
    ) -> anyhow::Result<Run> {
        let (victim, second) = (self.in_turn(&offender, 0)?, self.in_turn(&offender, 1)?);
        for director in &self.network.directors {
            director.wait_for_status(SOON, is_linked).await?;
        }
        let account = offender.id();
        let snapshot = self.snapshot()?;
        let (votes, proof) = two_votes(&snapshot, &offender, &mut self.chance)?;
        let mut addresses = addresses(&self.network.directors)?;
        let first = self.chance.random_range(0..addresses.len());
        addresses.rotate_left(first);
        let client = Offender::connect(&self.network.chain, &offender, addresses).await?;

        let mut director = self.network.directors.remove(victim);
        let name = director.identity.name.clone();
        if let Kill::At(at, passing) = kill {
            director.process.end_at(at, passing)?;
        }
        client.vote(&votes)?;
        let struck = self.is_time(&mut director, kill, &account, proof).await?;
        let director = match struck {
            true => self.strike(director, beside, second - usize::from(second > victim)).await?,
            false => director,
        };
        self.network.directors.insert(victim, director);

        self.reported(&account).await?;
        for (at, director) in self.network.directors.iter().enumerate() {
            // Who was dead while the chain punished the offender may never have heard of it.
            let was_dead = at == victim || beside == Beside::Second && at == second;
            let may_lack = struck && was_dead;
            let settled = |status: &Value| is_settled(status, &proof, may_lack);
            director
                .wait_for_status(SOON, settled)
                .await
                .with_context(|| format!("{} has not settled the proof", director.identity.name))?;
        }
        client.leave().await;
        let (reports, case) = {
            let book = self.book.borrow();
            (book.reports(&proof), book.case(&account))
        };
        let reporter = case.reporter.context("it is reported")?;
        ensure!((1..=2).contains(&reports), "{reports} extrinsics report it");
        let reporter = self.network.name_of(&reporter);
        Ok(Run {
            kill,
            beside,
            struck,
            victim: name,
            reporter,
            extrinsics: reports,
            account,
            proof,
        })
    }

    /// Waits until it is time to kill it; whether it comes to that.
    async fn is_time(
        &self,
        director: &mut Director,
        kill: Kill,
        offender: &AccountId32,
        proof: H256,
    ) -> anyhow::Result<bool> {
        match kill {
            Kill::After(delay) => sleep(delay).await,
            Kill::At(..) => {
                let (http, done) = (director.ports.http, self.reported(offender));
                let settled = async {
                    done.await?;
                    settles(http, |status| is_settled(status, &proof, false)).await;
                    anyhow::Ok(())
                };
                tokio::select! {
                    ended = director.process.ended() => ended?,
                    settled = timeout(SOON, settled) => {
                        settled.context("its proof is not settled")??;
                        director.process.disarm();
                        return Ok(false);
                    }
                }
            }
        }
        Ok(true)
    }

    /// Kills it and what is to be killed in the same moment, the second director at this place, and starts them again.
    async fn strike(
        &mut self,
        director: Director,
        beside: Beside,
        second: usize,
    ) -> anyhow::Result<Director> {
        let dir = &self.dir;
        match beside {
            Beside::Nothing => director.kill().await.restart(dir).await,
            Beside::Second => {
                let other = self.network.directors.remove(second);
                let (killed, other) = tokio::join!(director.kill(), other.kill());
                let (back, other) = tokio::try_join!(killed.restart(dir), other.restart(dir))?;
                self.network.directors.insert(second, other);
                Ok(back)
            }
            Beside::Node => {
                let chain = &mut self.network.chain;
                let (killed, node) = tokio::join!(director.kill(), chain.kill());
                node?;
                chain.restart_in(dir, &chain_folder(dir)).await?;
                killed.restart(dir).await
            }
        }
    }

    /// Waits until the chain has it that the offender signed twice.
    async fn reported(&self, offender: &AccountId32) -> anyhow::Result<()> {
        let mut book = self.book.clone();
        let reported = book.wait_for(|book| book.case(offender).proven > 0);
        timeout(SOON, reported).await.context("nobody reports it")??;
        Ok(())
    }

    /// Every failpoint in turn, from the first on, and random times in between.
    fn next_kill(&mut self) -> Kill {
        let number = self.runs.len();
        if number % IN_A_ROW == IN_A_ROW - 1 {
            return Kill::After(self.chance.random_range(Duration::ZERO..RANDOM));
        }
        let at = Failpoint::ALL[(self.first + number - number / IN_A_ROW) % Failpoint::ALL.len()];
        // The outbox is written to when the proof comes, when it is signed and when it is final.
        let most = if matches!(at, Failpoint::Committing | Failpoint::Committed) { 3 } else { 1 };
        Kill::At(at, self.chance.random_range(1..=most))
    }

    fn snapshot(&self) -> anyhow::Result<Arc<Snapshot>> {
        let snapshot = self.network.chain.node.finalized().borrow().clone();
        snapshot.context("there are blocks")
    }

    /// The director whose turn to report this offender is the so manieth.
    fn in_turn(&self, offender: &Identity, turn: u32) -> anyhow::Result<usize> {
        let snapshot = self.snapshot()?;
        let accused = offender.id();
        let has_turn = |of: &Director| {
            let directors = snapshot.directors.active.iter().map(|director| &director.account);
            rank(accused.as_ref(), &of.identity.id(), directors) == Some(turn)
        };
        self.network.directors.iter().position(has_turn).context("somebody has that turn")
    }

    /// A validator that is authorized and has done nothing yet.
    async fn next_offender(&mut self) -> anyhow::Result<Identity> {
        if self.offenders.is_empty() {
            let numbers = self.made + 1..=self.made + BATCH;
            let batch: Vec<_> = numbers.map(|n| Identity::named(format!("offender-{n}"))).collect();
            self.made += BATCH;
            self.network.authorize(&batch).await?;
            self.offenders.extend(batch);
        }
        self.offenders.pop_front().context("there are some")
    }

    /// Waits until all slashes are applied, and looks whether every offender was slashed once and nobody else, and
    /// whether some outbox has a proof that is not done.
    ///
    /// # Errors
    ///
    /// If not.
    pub async fn end(self) -> anyhow::Result<Summary> {
        let took = self.began.elapsed();
        let mut book = self.book.clone();
        let applied = |book: &Book| self.runs.iter().all(|of| book.case(&of.account).applied > 0);
        timeout(SOON, book.wait_for(applied)).await.context("not everybody is slashed")??;
        {
            let book = self.book.borrow();
            ensure!(book.cases() == self.runs.len(), "others are accused: {book:?}");
            for run in &self.runs {
                let case = book.case(&run.account);
                let once = (case.proven, case.applied) == (1, 1) && case.taken > 0;
                let reports = book.reports(&run.proof);
                ensure!(
                    once && (1..=2).contains(&reports),
                    "{run:?}: {case:?}, {reports} extrinsics"
                );
            }
        }
        for director in &self.network.directors {
            // By then each of them was killed now and then.
            let settled =
                |status: &Value| self.runs.iter().all(|run| is_settled(status, &run.proof, true));
            director.wait_for_status(SOON, settled).await?;
        }
        let whole =
            self.network.wait_until(|of| Ok(of.shared.ledger().totals().outstanding() == 0));
        timeout(SOON, whole).await.context("votes of honest validators are lost")??;
        ensure!(self.network.shared.ledger().totals().duplicates == 0, "votes came twice");
        self.keeper.abort();
        self.network.shutdown().await;
        Ok(Summary { runs: self.runs, took })
    }
}

/// Where the node has its chain: it comes back with what it had.
fn chain_folder(dir: &Path) -> PathBuf {
    dir.join("chain")
}

/// Whether a director is connected to both others and has what they have.
fn is_linked(status: &Value) -> bool {
    let peers = status["mesh"].as_array().map_or(&[][..], Vec::as_slice);
    let all = peers.len() == 2 && peers.iter().all(|peer| peer["connected"] == true);
    all && status["caught_up"] == true
}

/// Whether a director that is up has nothing left to do about a proof: it knows it, unless it `may_lack` it, and is done with it.
fn is_settled(status: &Value, proof: &H256, may_lack: bool) -> bool {
    let id = format!("{proof:?}");
    let mut known = status["evidence"].as_array().into_iter().flatten();
    let is_done = |of: &Value| {
        // None of them is unpunishable: what is called obsolete was thrown away.
        of["state"].as_str().is_some_and(|of| of == "finalized" || of == "superseded")
    };
    let found = known.find(|of| of["id"] == id.as_str());
    status["active"] == true && found.map_or(may_lack, is_done)
}

#[cfg(test)]
mod tests;
