//! Brings up a whole network: chain, directors, validators, in the order in which people would.

use crate::{
    chain::{Chain, FEES, STAKE},
    director::Director,
    keys::Identity,
    options::DoubleSign,
    process::Managed,
    validator::{self, Setup, Shared},
};
use anyhow::{Context, bail};
use director_primitives::{CheckpointNumber, Envelope, PublicKey, SignedEnvelope};
use director_service::client::DirectorAddress;
use futures::future::{join_all, try_join_all};
use std::{path::PathBuf, sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep, sleep_until},
};

/// How long bringing everybody up may take on chain, in blocks.
const START_BLOCKS: u32 = 120;

/// What a network consists of.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Directors.
    pub directors: usize,
    /// Validators.
    pub validators: usize,
    /// Time from one block to the next, in milliseconds.
    pub block_time_ms: u64,
    /// Who signs twice, and at which checkpoint.
    pub offender: Option<DoubleSign>,
    /// Whether validators check each other's signatures. All of them run in one process here.
    pub check_signatures: bool,
    /// Where logs and state go.
    pub dir: PathBuf,
}

impl Plan {
    /// Three directors and quick blocks, with nobody who signs twice, and signatures that are checked.
    pub fn quick(validators: usize, dir: impl Into<PathBuf>) -> Self {
        Self {
            directors: 3,
            validators,
            block_time_ms: 250,
            offender: None,
            check_signatures: true,
            dir: dir.into(),
        }
    }
}

/// How often counters are looked at, which cannot be awaited.
const LOOK: Duration = Duration::from_millis(20);

/// A network that runs.
pub struct Network {
    /// The chain.
    pub chain: Chain,
    /// The directors.
    pub directors: Vec<Director>,
    /// Keys of the validators.
    pub identities: Vec<Identity>,
    /// What the validators share.
    pub shared: Arc<Shared>,
    tasks: Vec<JoinHandle<anyhow::Result<()>>>,
    /// One for each validator, or one for all.
    stops: Vec<watch::Sender<()>>,
    /// Validators that have left: those with the first numbers.
    left: usize,
}

impl Network {
    /// Starts everything and waits until every validator is authorized and connected. `say` is
    /// told each step.
    ///
    /// # Errors
    ///
    /// Whatever keeps the network from coming up, with the end of a log where there is one.
    pub async fn start(plan: &Plan, mut say: impl FnMut(&str)) -> anyhow::Result<Self> {
        let dir = &plan.dir;
        std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        say("starting the chain (it compiles its runtime first)");
        let chain = Chain::start(dir, plan.block_time_ms).await?;
        Self::start_on(chain, plan, say).await
    }

    /// The same on a chain that runs already and has nobody on it.
    ///
    /// # Errors
    ///
    /// As [`Self::start`].
    pub async fn start_on(
        chain: Chain,
        plan: &Plan,
        mut say: impl FnMut(&str),
    ) -> anyhow::Result<Self> {
        let dir = &plan.dir;
        say(&format!("the chain answers at {}", chain.url));

        let identities: Vec<_> = (1..=plan.validators).map(Identity::validator).collect();
        let invited: Vec<_> = (1..=plan.directors).map(Identity::director).collect();
        say(&format!("starting {} directors", plan.directors));
        let start = invited.iter().map(|of| Director::start(of.clone(), dir, &chain.url));
        let directors = try_join_all(start).await?;

        say("the council invites the directors; accounts are funded");
        let accounts: Vec<_> = invited.iter().map(Identity::id).collect();
        let funds = accounts.iter().map(|account| (account.clone(), FEES));
        let funds = funds.chain(identities.iter().map(|of| (of.id(), STAKE + FEES)));
        tokio::try_join!(chain.invite_directors(&accounts), chain.fund(funds.collect()))?;

        say(&format!("the directors activate themselves; {} validators stake", plan.validators));
        let register = identities.iter().map(|of| async {
            let registered = chain.register(of, STAKE).await;
            registered.with_context(|| format!("{} registers", of.name))
        });
        let activate = directors.iter().map(|of| chain.activate(&of.identity, of.ports));
        tokio::try_join!(try_join_all(activate), try_join_all(register))?;

        say("the validators connect; the directors authorize them");
        let snapshot = chain.node.ready().await?;
        let shared = Shared::new(plan.validators, &snapshot);
        let addresses = addresses(&directors)?;
        let spawn = identities.iter().enumerate().map(|(number, identity)| {
            let offends = plan.offender.filter(|of| usize::from(of.validator) == number + 1);
            let (from, check) = (offends.map(|of| of.checkpoint), plan.check_signatures);
            spawn(&chain, &shared, addresses.clone(), identity.clone(), number, from, check)
        });
        let (tasks, stops) = spawn.unzip();
        let mut network = Self { chain, directors, identities, shared, tasks, stops, left: 0 };
        let patience = Duration::from_millis(plan.block_time_ms) * START_BLOCKS;
        network.wait_until_ready(patience.max(Duration::from_secs(60))).await?;
        say("everybody is authorized and connected");
        network.vote();
        Ok(network)
    }

    /// Has as many validators leave as others come, the first ones, evenly spread over `within`: on chain, and their
    /// clients once somebody has what they said. Returns when those who came are authorized. Their accounts have been
    /// funded; they hear and speak, and the book does not count on them.
    ///
    /// # Errors
    ///
    /// As the chain refuses it, or that of who left.
    pub async fn rotate(
        &mut self,
        newcomers: Vec<Identity>,
        within: Duration,
    ) -> anyhow::Result<()> {
        let (begun, count, first) = (Instant::now(), newcomers.len(), self.identities.len());
        let leaving: Vec<_> =
            (self.left..).zip(self.tasks.drain(..count).zip(self.stops.drain(..count))).collect();
        self.left += count;
        let (chain, shared, identities) = (&self.chain, &self.shared, &self.identities);
        let addresses = addresses(&self.directors)?;
        let turns =
            leaving.into_iter().zip(&newcomers).enumerate().map(|(turn, (of, newcomer))| {
                let (directors, (number, (task, stop))) = (addresses.clone(), of);
                async move {
                    sleep_until(begun + within * turn as u32 / count as u32).await;
                    let leave = async {
                        let publisher = shared.retire(number);
                        while publisher.as_ref().is_some_and(|of| of.unconfirmed() > 0) {
                            sleep(LOOK).await;
                        }
                        shared.ledger().leave(number);
                        drop(stop);
                        task.await??;
                        chain.request_exit(&identities[number]).await?;
                        anyhow::Ok(())
                    };
                    let join = async {
                        chain.register(newcomer, STAKE).await?;
                        let (identity, number) = (newcomer.clone(), first + turn);
                        Ok(spawn(chain, shared, directors, identity, number, None, false))
                    };
                    Ok::<_, anyhow::Error>(tokio::try_join!(leave, join)?.1)
                }
            });
        let (tasks, stops): (Vec<_>, Vec<_>) = try_join_all(turns).await?.into_iter().unzip();
        let keys: Vec<_> = newcomers.iter().map(Identity::peer_key).collect();
        self.tasks.extend(tasks);
        self.stops.extend(stops);
        self.identities.extend(newcomers);
        self.chain.wait_until_authorized(&keys).await
    }

    /// A chain and validators that run already. What directors there are is the caller's business.
    pub(crate) fn of(
        chain: Chain,
        identities: Vec<Identity>,
        shared: Arc<Shared>,
        tasks: Vec<JoinHandle<anyhow::Result<()>>>,
        stop: watch::Sender<()>,
    ) -> Self {
        let (directors, stops) = (Vec::new(), vec![stop]);
        Self { chain, directors, identities, shared, tasks, stops, left: 0 }
    }

    /// Lets the validators vote from the next checkpoint on.
    pub fn vote(&self) {
        self.shared.vote_from.send_replace(Some(self.next_checkpoint()));
    }

    /// Lets the validators vote no more, until they are let again.
    pub fn pause_votes(&self) {
        self.shared.vote_from.send_replace(None);
    }

    /// The first checkpoint that nobody can have voted for yet.
    pub fn next_checkpoint(&self) -> CheckpointNumber {
        let snapshot = self.chain.node.finalized().borrow().clone();
        snapshot.map_or(1, |s| s.number / s.domain.checkpoint_interval.max(1) + 1)
    }

    /// Waits until all validators have all others' votes for a checkpoint that is yet to come.
    ///
    /// # Errors
    ///
    /// As [`Self::wait_until`].
    pub async fn wait_for_all_votes(&self, checkpoint: CheckpointNumber) -> anyhow::Result<()> {
        let all = self.identities.len() as u64;
        self.wait_until(|network| {
            let totals = network.shared.ledger().group(checkpoint);
            Ok(totals.published == all && totals.delivered == all * (all - 1))
        })
        .await
    }

    /// The validators that received an envelope of somebody who is not among them, by number from
    /// 0, repeats included.
    pub fn who_heard(&self, signed: &SignedEnvelope) -> Vec<usize> {
        let Envelope { origin, epoch, class, seq, .. } = &signed.envelope;
        self.shared.ledger().receivers_of_strange(&(*origin, *epoch, *class, *seq))
    }

    /// Waits until all validators have received such an envelope, once each.
    ///
    /// # Errors
    ///
    /// As [`Self::wait_until`].
    pub async fn wait_until_heard(&self, signed: &SignedEnvelope) -> anyhow::Result<()> {
        let all: Vec<_> = (0..self.identities.len()).collect();
        self.wait_until(|network| Ok(network.who_heard(signed) == all)).await
    }

    async fn wait_until_ready(&mut self, patience: Duration) -> anyhow::Result<()> {
        let keys: Vec<PublicKey> = self.identities.iter().map(Identity::peer_key).collect();
        let all = keys.len();
        let ready = async {
            self.chain.wait_until_authorized(&keys).await?;
            // With a second director, each has a standby there.
            let standbys = if self.directors.len() > 1 { all } else { 0 };
            self.wait_until(|network| {
                let progress = network.shared.progress();
                Ok(progress.ready.len() == all && progress.standbys.len() >= standbys)
            })
            .await
        };
        let Ok(ready) = tokio::time::timeout(patience, ready).await else {
            let authorized = self.chain.node.finalized().borrow().clone();
            let authorized = authorized.map_or(0, |snapshot| snapshot.authorized_count());
            let connected = self.shared.progress().ready.len();
            bail!(
                "after {patience:?} only {authorized} of {all} validators are authorized and \
                 {connected} connected; end of the log of director-1:\n{}",
                self.directors[0].process.log_tail()
            );
        };
        ready
    }

    /// Waits until `reached`, looking whenever a validator did something.
    ///
    /// # Errors
    ///
    /// That of `reached`, or of a validator that failed.
    pub async fn wait_until(
        &self,
        mut reached: impl FnMut(&Self) -> anyhow::Result<bool>,
    ) -> anyhow::Result<()> {
        loop {
            let changed = self.shared.changed.notified();
            tokio::pin!(changed);
            // From here on no change is missed.
            changed.as_mut().enable();
            if let Some(failure) = self.shared.progress().failures.first() {
                bail!("{failure}");
            }
            if reached(self)? {
                return Ok(());
            }
            changed.await;
        }
    }

    /// Whether every process still runs.
    ///
    /// # Errors
    ///
    /// Names the one that has ended, with the end of its log.
    pub fn check_alive(&mut self) -> anyhow::Result<()> {
        let directors = self.directors.iter_mut().map(|director| &mut director.process);
        std::iter::once(&mut self.chain.process).chain(directors).try_for_each(Managed::check_alive)
    }

    /// The number, from 1, of the director or validator with this account, as a name.
    pub fn name_of(&self, account: &director_primitives::AccountId32) -> String {
        let everybody = self.directors.iter().map(|director| &director.identity);
        let mut everybody = everybody.chain(&self.identities);
        let found = everybody.find(|identity| identity.id() == *account);
        found.map_or_else(|| account.to_string(), |identity| identity.name.clone())
    }

    /// Ends everything, validators first.
    pub async fn shutdown(mut self) {
        let directors = std::mem::take(&mut self.directors);
        let stop = join_all(directors.into_iter().map(|director| director.process.stop()));
        self.shutdown_with(stop).await;
    }

    /// The same, with directors that are ended in another way.
    pub(crate) async fn shutdown_with<T>(self, directors: impl Future<Output = T>) {
        drop(self.stops);
        join_all(self.tasks).await;
        directors.await;
        self.chain.process.stop().await;
    }
}

/// Starts the client of a validator, which begins with the directors in turn. It ends when what comes with it is dropped.
fn spawn(
    chain: &Chain,
    shared: &Arc<Shared>,
    mut directors: Vec<DirectorAddress>,
    identity: Identity,
    number: usize,
    double_sign_from: Option<CheckpointNumber>,
    check_signatures: bool,
) -> (JoinHandle<anyhow::Result<()>>, watch::Sender<()>) {
    let first = number % directors.len();
    directors.rotate_left(first);
    let setup = Setup { number, identity, directors, double_sign_from, check_signatures };
    let (stop, stopped) = watch::channel(());
    (validator::spawn(setup, chain.node.clone(), shared.clone(), stopped), stop)
}

/// Where validators reach the directors.
///
/// # Errors
///
/// Never: ports make addresses.
pub fn addresses(directors: &[Director]) -> anyhow::Result<Vec<DirectorAddress>> {
    let address = |director: &Director| {
        let address = format!("/ip4/127.0.0.1/tcp/{}", director.ports.public).parse()?;
        Ok(DirectorAddress { peer_key: director.identity.peer_key(), addresses: vec![address] })
    };
    directors.iter().map(address).collect()
}
