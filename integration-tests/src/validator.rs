//! Runs one validator as a task: follows the chain, votes at checkpoints, receives, certifies.

use crate::{keys::Identity, ledger::Ledger, outages::Outages};
use anyhow::Context;
use codec::{DecodeAll, Encode};
use director_primitives::{
    CheckpointNumber, H256, PayloadKind, Priority, PublicKey, Range, SignedVote, Snapshot,
};
use director_service::{
    chain::Node,
    client::{
        Client, Config, Counted, DirectorAddress, Event, LocalKey, Message, MessageId,
        PublishError, Publisher, VoteRefused, Voter,
    },
    network::DownReason,
    testing::Equivocator,
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
};

/// Checkpoints whose votes a validator counts.
const WINDOW: u64 = 16;

/// What the validators of a run did, for whoever shows it.
#[derive(Default)]
pub struct Progress {
    /// Director of each validator that is connected and authorized, by number from 0.
    pub ready: BTreeMap<usize, PublicKey>,
    /// Validators, by number from 0, that have had a standby.
    pub standbys: BTreeSet<usize>,
    /// By checkpoint.
    pub checkpoints: BTreeMap<CheckpointNumber, Checkpoint>,
    /// Who signed twice, in the order in which it happened.
    pub double_signed: Vec<DoubleSigned>,
    /// What went wrong for good.
    pub failures: Vec<String>,
    /// Times that a validator lost its primary. Leaving it by choice is not among them.
    pub disconnected: u64,
    /// When validators had no primary that took what they said, leaving it by choice included.
    pub outages: Outages,
    /// Times that primary and standby changed places.
    pub moved: u64,
    /// Messages that a primary should have sent and another director had to.
    pub withheld: u64,
    /// Messages that are lost for good, as clients were told.
    pub gaps: Vec<Range>,
    /// The clients' sending ends, by number of the validator.
    publishers: BTreeMap<usize, Publisher>,
}

/// Two blocks signed for one checkpoint.
#[derive(Clone, Copy, Debug)]
pub struct DoubleSigned {
    /// Number of the validator, from 0.
    pub validator: usize,
    /// The checkpoint.
    pub checkpoint: CheckpointNumber,
    /// Number of the last finalized block when the second vote was sent.
    pub finalized: u64,
    /// When that was, in milliseconds since the Unix epoch.
    pub at_ms: u64,
}

/// What happened at a checkpoint.
#[derive(Default)]
pub struct Checkpoint {
    /// Validators that voted.
    pub votes: u32,
    /// Time from seeing the finalized checkpoint to the certificate, for each validator that has
    /// it, by number from 0.
    pub certified: HashMap<usize, Duration>,
}

/// What all validators of a run share.
pub struct Shared {
    ledger: Mutex<Ledger>,
    progress: Mutex<Progress>,
    /// Told whenever either of them changed.
    pub changed: Notify,
    /// Checkpoints from this one on are voted for; `None`: none.
    pub vote_from: watch::Sender<Option<CheckpointNumber>>,
    /// Who is to sign two blocks at the next checkpoint, by number from 0.
    double_sign: Mutex<BTreeSet<usize>>,
    interval: u64,
    genesis_hash: H256,
}

impl Shared {
    /// Shared by `validators` on the chain of this snapshot.
    pub fn new(validators: usize, snapshot: &Snapshot) -> Arc<Self> {
        Arc::new(Self {
            ledger: Mutex::new(Ledger::new(validators)),
            progress: Mutex::default(),
            changed: Notify::new(),
            vote_from: watch::Sender::new(None),
            double_sign: Mutex::default(),
            interval: snapshot.domain.checkpoint_interval,
            genesis_hash: snapshot.domain.genesis_hash,
        })
    }

    /// The book of messages. Somebody who panicked with it is told of elsewhere.
    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the validators did. Somebody who panicked with it is told of elsewhere.
    pub fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has a validator, by number from 0, sign two blocks at the next checkpoint.
    pub fn ask_to_double_sign(&self, number: usize) {
        self.double_sign.lock().unwrap_or_else(PoisonError::into_inner).insert(number);
    }

    fn is_to_double_sign(&self, number: usize) -> bool {
        self.double_sign.lock().unwrap_or_else(PoisonError::into_inner).contains(&number)
    }

    /// Messages that came twice and that the clients kept from the validators.
    pub fn repeats(&self) -> u64 {
        self.progress().publishers.values().map(|of| of.stats().duplicates).sum()
    }

    /// The validators' sending ends, with their numbers from 0.
    pub fn publishers(&self) -> Vec<(usize, Publisher)> {
        self.progress().publishers.iter().map(|(number, of)| (*number, of.clone())).collect()
    }

    /// Those who may publish, by number.
    pub(crate) fn speakers(&self) -> Vec<usize> {
        self.progress().publishers.keys().copied().collect()
    }

    /// Publishes for a validator, and puts that into the book; `None` if it has been retired. Under the lock that
    /// [`Self::retire`] takes: who looks what a retired one has unconfirmed sees all that it said.
    pub(crate) fn publish(
        &self,
        number: usize,
        group: u64,
        kind: PayloadKind,
        class: Priority,
        payload: Vec<u8>,
    ) -> Option<Result<(), PublishError>> {
        let progress = self.progress();
        let publisher = progress.publishers.get(&number)?;
        let (key, at) = (publisher.key(), Instant::now());
        let published = publisher.publish(kind, class, payload);
        // Others take the book first.
        drop(progress);
        Some(published.map(|id| record(self, number, key, id, group, at)))
    }

    /// A validator is about to leave: it says nothing any more.
    pub(crate) fn retire(&self, number: usize) -> Option<Publisher> {
        self.progress().publishers.remove(&number)
    }
}

/// How one validator is run.
pub struct Setup {
    /// Its number, from 0.
    pub number: usize,
    /// Its keys.
    pub identity: Identity,
    /// Its directors, most wanted first.
    pub directors: Vec<DirectorAddress>,
    /// First checkpoint at which it signs two blocks, if it does.
    pub double_sign_from: Option<CheckpointNumber>,
    /// Whether it checks others' signatures.
    pub check_signatures: bool,
}

/// Starts a validator; it runs until `stop` is closed, then closes its connection.
pub fn spawn(
    setup: Setup,
    node: Node,
    shared: Arc<Shared>,
    stop: watch::Receiver<()>,
) -> JoinHandle<anyhow::Result<()>> {
    tokio::spawn(async move {
        let name = setup.identity.name.clone();
        // A task of its own, so that a panic is a failure like any other.
        let result = match tokio::spawn(run(setup, node, shared.clone(), stop)).await {
            Ok(result) => result.context(name),
            Err(error) => Err(anyhow::anyhow!("{name}: {error}")),
        };
        if let Err(error) = &result {
            shared.progress().failures.push(format!("{error:#}"));
            shared.changed.notify_waiters();
        }
        result
    })
}

async fn run(
    setup: Setup,
    node: Node,
    shared: Arc<Shared>,
    mut stop: watch::Receiver<()>,
) -> anyhow::Result<()> {
    let Setup { number, identity, directors, double_sign_from, check_signatures } = setup;
    let (secret, genesis_hash) = (identity.peer_secret(), shared.genesis_hash);
    let config = Config::new(secret, identity.id(), genesis_hash, directors);
    let config = Config { check_signatures, ..config };
    let mut client = Client::start(config, node.finalized(), Arc::new(node.clone())).await?;
    shared.progress().publishers.insert(number, client.publisher());
    let key = || LocalKey::from_seed(&identity.checkpoint_secret());
    let mut validator = Validator {
        number,
        voter: Voter::new(shared.genesis_hash, key(), WINDOW),
        equivocator: Equivocator::new(shared.genesis_hash, key()),
        double_sign_from,
        silent: false,
        seen: BTreeMap::new(),
        node: node.clone(),
        shared,
    };
    let mut blocks = node.blocks(None);
    loop {
        tokio::select! {
            event = client.next() => {
                let event = event.context("the client has ended")?;
                validator.on_event(event);
            }
            block = blocks.next() => {
                if block.number.is_multiple_of(validator.shared.interval) {
                    validator.on_checkpoint(block.number, block.hash)?;
                }
            }
            _ = stop.changed() => break,
        }
    }
    client.shutdown().await;
    Ok(())
}

struct Validator {
    number: usize,
    voter: Voter<LocalKey>,
    equivocator: Equivocator<LocalKey>,
    double_sign_from: Option<CheckpointNumber>,
    /// Whether it has signed twice: then it votes no more.
    silent: bool,
    /// When it saw a checkpoint finalized.
    seen: BTreeMap<CheckpointNumber, Instant>,
    node: Node,
    shared: Arc<Shared>,
}

impl Validator {
    fn on_event(&mut self, event: Event) {
        match event {
            Event::Message(message) => self.on_message(&message),
            Event::Authorized { director } => {
                let mut progress = self.shared.progress();
                progress.ready.insert(self.number, director);
                progress.outages.end(self.number, Instant::now());
                drop(progress);
                self.shared.changed.notify_waiters();
            }
            Event::Disconnected { director, reason } => {
                tracing::debug!(self.number, %director, ?reason, "disconnected");
                let mut progress = self.shared.progress();
                progress.ready.remove(&self.number);
                progress.outages.begin(self.number, Instant::now());
                // Leaving one that is slow, for one that is not, is no loss; `moved` tells it.
                let is_left = reason == DownReason::Disconnected;
                progress.disconnected += u64::from(!is_left);
                drop(progress);
                self.shared.changed.notify_waiters();
            }
            Event::Moved { to, .. } => {
                let mut progress = self.shared.progress();
                progress.ready.insert(self.number, to);
                progress.outages.end(self.number, Instant::now());
                progress.moved += 1;
                drop(progress);
                self.shared.changed.notify_waiters();
            }
            Event::Withheld { .. } => self.shared.progress().withheld += 1,
            Event::Gap(range) => {
                tracing::warn!(self.number, ?range, "messages are lost");
                self.shared.progress().gaps.push(range);
            }
            Event::Standby { .. } => {
                self.shared.progress().standbys.insert(self.number);
                self.shared.changed.notify_waiters();
            }
            Event::Connected { .. } | Event::Approved { .. } => {}
            Event::Refused(answer) => {
                tracing::debug!(self.number, %answer, "the primary takes nothing");
                self.shared.progress().outages.begin(self.number, Instant::now());
            }
            Event::Unreachable { .. } | Event::Redirected { .. } => {
                tracing::debug!(self.number, ?event, "not connected yet");
            }
        }
    }

    fn on_message(&mut self, message: &Message) {
        let MessageId { epoch, class, seq } = message.id;
        let id = (message.origin, epoch, class, seq);
        self.shared.ledger().received(id, self.number, message.received_at);
        if message.kind == PayloadKind::CheckpointVote
            && let Ok(vote) = SignedVote::decode_all(&mut &*message.payload)
        {
            self.count(&vote);
        }
        self.shared.changed.notify_waiters();
    }

    fn count(&mut self, vote: &SignedVote) {
        let Some(snapshot) = self.node.finalized().borrow().clone() else { return };
        if let Counted::Certificate(certificate) = self.voter.count(&snapshot, vote) {
            let checkpoint = certificate.vote.checkpoint;
            // Others may have been faster than this validator's own node.
            let seen = *self.seen.entry(checkpoint).or_insert_with(Instant::now);
            let mut progress = self.shared.progress();
            let of = progress.checkpoints.entry(checkpoint).or_default();
            of.certified.insert(self.number, seen.elapsed());
        }
    }

    fn on_checkpoint(&mut self, block: u64, hash: H256) -> anyhow::Result<()> {
        let checkpoint = block / self.shared.interval;
        let early = self.shared.vote_from.borrow().is_none_or(|from| checkpoint < from);
        if early || self.silent {
            return Ok(());
        }
        self.seen.entry(checkpoint).or_insert_with(Instant::now);
        self.seen = self.seen.split_off(&checkpoint.saturating_sub(WINDOW));
        let signs_twice = self.double_sign_from.is_some_and(|from| checkpoint >= from)
            || self.shared.is_to_double_sign(self.number);
        let votes = match signs_twice {
            true => self.equivocator.double_sign(checkpoint, hash).to_vec(),
            false => match self.voter.vote(checkpoint, hash) {
                Ok(vote) => vec![vote],
                Err(refused @ VoteRefused::AlreadySigned { .. }) => return Err(refused.into()),
                Err(VoteRefused::TooOld { .. }) => return Ok(()),
            },
        };
        for vote in &votes {
            let (group, kind) = (vote.vote.checkpoint, PayloadKind::CheckpointVote);
            let class = Priority::Critical;
            match self.shared.publish(self.number, group, kind, class, vote.encode()) {
                Some(published) => published?,
                // It is leaving.
                None => return Ok(()),
            }
            self.count(vote);
        }
        if signs_twice {
            // It will be cut off: nobody waits for what it gets from here on, and it votes no more.
            self.shared.ledger().leave(self.number);
            self.silent = true;
            let mut progress = self.shared.progress();
            let (validator, finalized, at_ms) = (self.number, block, now_ms());
            progress.double_signed.push(DoubleSigned { validator, checkpoint, finalized, at_ms });
        }
        self.shared.progress().checkpoints.entry(checkpoint).or_default().votes += 1;
        self.shared.changed.notify_waiters();
        Ok(())
    }
}

/// Puts a message of a validator into the book.
fn record(
    shared: &Shared,
    number: usize,
    origin: PublicKey,
    id: MessageId,
    group: u64,
    at: Instant,
) {
    let MessageId { epoch, class, seq } = id;
    shared.ledger().published(group, (origin, epoch, class, seq), number, at);
}

/// The machine's clock, in milliseconds since the Unix epoch: what directors' statuses tell, too.
pub fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
