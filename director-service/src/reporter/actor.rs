//! Takes proofs in, starts pursuits, keeps the outbox and the status.

use super::{
    Config, EvidenceStatus, MAX_PURSUITS, RECHECK_BLOCKS,
    progress::{Progress, Teller},
    pursuit::{End, Past, Pursuit},
    refusals::Refusals,
    resume::Resume,
};
use crate::{
    chain::Chain,
    failpoint::{self, Failpoint},
    store::{Outbox, Record, State, Written},
};
use director_primitives::{AccountId32, DoubleSignProof, H256};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};
use tokio::{
    sync::{mpsc, watch},
    task::{self, JoinError, JoinSet},
    time::Instant,
};

/// Reports of pursuits that may wait.
const PROGRESS: usize = 64;

/// A proof, its state on disk, and what is known beside that.
pub(super) struct Entry {
    pub(super) record: Record,
    status: EvidenceStatus,
    /// Pursuits that ended by a fault.
    faults: u32,
    /// Whether it is from a former life, and not yet at an end once in this one.
    pub(super) resumed: bool,
    /// The newest finalized block when it was done, in this life.
    pub(super) done_at: Option<u64>,
    /// Since when a node that is not behind is below what this director knew of when its state changed last.
    below_since: Option<Instant>,
}

pub(super) struct Actor {
    config: Arc<Config>,
    pub(super) chain: Arc<dyn Chain>,
    pub(super) outbox: Outbox,
    pub(super) entries: BTreeMap<H256, Entry>,
    /// Those that are to be pursued, oldest first.
    pub(super) queue: VecDeque<H256>,
    /// Those that are tried again now and then.
    pub(super) waiting: BTreeSet<H256>,
    /// Those that blocks refuse; they are tried again as well.
    pub(super) resting: BTreeSet<H256>,
    /// Those of which a node that is behind has said what may not hold; they are tried again at each block.
    pub(super) behind: BTreeSet<H256>,
    /// What blocks have said against reports, by the accused.
    refused: BTreeMap<AccountId32, Refusals>,
    /// Which tens of blocks that was done for.
    rechecked: u64,
    /// The newest finalized block.
    pub(super) newest: u64,
    pursuits: JoinSet<End>,
    pursued: HashMap<task::Id, H256>,
    progress: mpsc::Sender<(H256, Progress)>,
    publish: watch::Sender<Arc<Vec<EvidenceStatus>>>,
    /// Whether there is something to publish: to look costs a copy of everything.
    pub(super) changed: bool,
    /// Said last about the chain as a whole, so that it is said once.
    trouble: Option<String>,
    pub(super) resume: Resume,
    /// What the disk did not answer in time.
    pub(super) unanswered: Option<Written>,
}

/// Works until all handles are gone.
pub(super) async fn run(
    config: Config,
    chain: Arc<dyn Chain>,
    outbox: Outbox,
    mut proofs: mpsc::Receiver<DoubleSignProof>,
    publish: watch::Sender<Arc<Vec<EvidenceStatus>>>,
) {
    let (progress, mut reports) = mpsc::channel(PROGRESS);
    let mut blocks = chain.finalized();
    let newest = blocks.borrow().as_ref().map_or(0, |snapshot| snapshot.number);
    let mut actor = Actor {
        config: Arc::new(config),
        chain,
        outbox,
        entries: BTreeMap::new(),
        queue: VecDeque::new(),
        waiting: BTreeSet::new(),
        resting: BTreeSet::new(),
        behind: BTreeSet::new(),
        refused: BTreeMap::new(),
        rechecked: 0,
        newest,
        pursuits: JoinSet::new(),
        pursued: HashMap::new(),
        progress,
        publish,
        changed: false,
        trouble: None,
        resume: Resume::default(),
        unanswered: None,
    };
    actor.resume().await;
    loop {
        actor.start_pursuits();
        actor.publish();
        tokio::select! {
            // What is under way comes before what is new; a run of a test can be repeated.
            biased;
            Some((id, progress)) = reports.recv() => actor.progressed(id, progress).await,
            Some(ended) = actor.pursuits.join_next_with_id() => actor.ended(ended).await,
            () = actor.resume.due() => actor.resume().await,
            () = actor.outbox.settle() => {}
            Ok(()) = blocks.changed() => {
                let number = blocks.borrow().as_ref().map(|snapshot| snapshot.number);
                actor.at_block(number.unwrap_or_default()).await;
            }
            proof = proofs.recv() => match proof {
                Some(proof) => actor.take(proof).await,
                None => break,
            },
        }
    }
}

impl Actor {
    /// Takes a proof in; `resumed` if a former life left it.
    pub(super) fn enter(&mut self, record: Record, resumed: bool) {
        let status = EvidenceStatus {
            id: record.proof.id(),
            proof: record.proof,
            checkpoint: record.proof.first.vote.checkpoint,
            validator: None,
            state: record.state.clone(),
            proven_at_ms: record.proven_at_ms,
            changed_at_ms: record.changed_at_ms,
            attempts: 0,
            trouble: None,
        };
        self.changed = true;
        let id = status.id;
        let entry = Entry { record, status, faults: 0, resumed, done_at: None, below_since: None };
        self.entries.insert(id, entry);
    }

    async fn take(&mut self, proof: DoubleSignProof) {
        let id = proof.id();
        if self.entries.contains_key(&id) {
            return self.take_again(id).await;
        }
        failpoint::hit(Failpoint::Taken);
        if !self.make_room(&proof) {
            return;
        }
        let now = now_ms();
        let (state, known_block) = (State::Proven, self.finalized().unwrap_or_default());
        let record = Record { proof, state, proven_at_ms: now, changed_at_ms: now, known_block };
        // What is on disk of it may be further; then that is taken up instead.
        if self.resume.is_done() {
            self.save(&record).await;
        }
        self.enter(record, false);
        self.queue.push_back(id);
    }

    fn start_pursuits(&mut self) {
        while self.pursuits.len() < MAX_PURSUITS && !self.resume.holds_up() {
            let Some(id) = self.next_to_pursue() else { return };
            if self.is_pursued(&id) {
                // Still, or it has just ended and comes anew.
                continue;
            }
            let entry = self.entries.get(&id);
            if let Some(entry) = entry.filter(|entry| !entry.record.state.is_done()) {
                let refused = self.refused.get(&self.accused(&entry.record.proof)).cloned();
                let pursuit = Pursuit::new(
                    self.config.clone(),
                    self.chain.clone(),
                    entry.record.proof,
                    entry.record.state.clone(),
                    Teller { id, progress: self.progress.clone() },
                    Past {
                        faults: entry.faults,
                        resumed: entry.resumed,
                        refused,
                        known_block: entry.record.known_block,
                        below_since: entry.below_since,
                    },
                );
                let task = self.pursuits.spawn(pursuit.run());
                self.pursued.insert(task.id(), id);
            }
        }
    }

    /// Takes the first in the queue against whose validator nothing is pursued.
    fn next_to_pursue(&mut self) -> Option<H256> {
        let proof = |id: &H256| self.entries.get(id).map(|entry| entry.record.proof);
        let busy: BTreeSet<_> =
            self.pursued.values().filter_map(proof).map(|proof| self.accused(&proof)).collect();
        let is_free = |id: &H256| {
            self.is_pursued(id) || proof(id).is_none_or(|of| !busy.contains(&self.accused(&of)))
        };
        let at = self.queue.iter().position(is_free)?;
        self.queue.remove(at)
    }

    pub(super) fn is_pursued(&self, id: &H256) -> bool {
        self.pursued.values().any(|of| of == id)
    }

    /// A pursuit has ended, as it should or by a panic.
    async fn ended(&mut self, ended: Result<(task::Id, End), JoinError>) {
        let task = match &ended {
            Ok((task, _)) => *task,
            Err(error) => error.id(),
        };
        let Some(id) = self.pursued.remove(&task) else { return };
        let Some(entry) = self.entries.get_mut(&id) else { return };
        entry.below_since = match &ended {
            Ok((_, End::Behind { below_since })) => *below_since,
            _ => None,
        };
        match &entry.record.state {
            state if state.is_done() => {}
            State::Waiting { .. } if ended.is_ok() => {
                // If it is excused, all begin at the same block.
                entry.resumed = false;
                self.waiting.insert(id);
                self.drop_surplus_waiting().await;
            }
            _ if matches!(ended, Ok((_, End::Refused))) => {
                self.resting.insert(id);
            }
            _ if matches!(ended, Ok((_, End::Behind { .. }))) => {
                self.behind.insert(id);
            }
            _ => {
                entry.faults = entry.faults.saturating_add(1);
                let cause = ended.err().map_or("it ended early".into(), |error| error.to_string());
                tracing::error!(
                    proof = ?id,
                    "the pursuit of a proof failed ({cause}); it begins anew, please report this"
                );
                self.queue.push_back(id);
            }
        }
    }

    /// Tries those again that wait for governance, or for the node.
    pub(super) fn recheck(&mut self, finalized: u64) {
        self.queue.extend(std::mem::take(&mut self.behind));
        let round = finalized / RECHECK_BLOCKS;
        if round != self.rechecked {
            self.rechecked = round;
            self.queue.extend(std::mem::take(&mut self.waiting));
            self.queue.extend(std::mem::take(&mut self.resting));
        }
    }

    async fn progressed(&mut self, id: H256, progress: Progress) {
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        self.changed = true;
        match progress {
            Progress::Accused(validator, Some(in_vain)) => {
                // This proof's trouble, not the chain's.
                if entry.status.trouble.as_ref() != Some(&in_vain) {
                    tracing::warn!(%validator, "a report of a double sign has to wait: {in_vain}");
                }
                entry.status.validator = Some(validator);
                entry.status.trouble = Some(in_vain);
            }
            Progress::Refused(refused) => {
                let proof = entry.record.proof;
                self.refused.insert(self.accused(&proof), refused);
            }
            Progress::Accused(validator, None) => {
                entry.status.validator = Some(validator);
                entry.status.trouble = None;
                if self.trouble.take().is_some() {
                    tracing::info!("reports of double signs reach the chain again");
                }
            }
            Progress::Trouble(trouble) => {
                if self.trouble.as_ref() != Some(&trouble) {
                    tracing::warn!("a report of a double sign has to wait: {trouble}");
                    self.trouble = Some(trouble.clone());
                }
                entry.status.trouble = Some(trouble);
            }
            Progress::State(state, written) => {
                if entry.record.state != state {
                    self.change(id, state).await;
                }
                // Who asked may have ended.
                let _ = written.send(());
            }
        }
    }

    pub(super) async fn change(&mut self, id: H256, state: State) {
        let finalized = self.finalized();
        let Some(entry) = self.entries.get_mut(&id) else { return };
        match &state {
            State::Finalized { block } => {
                let validator = entry.status.validator.as_ref().map(ToString::to_string);
                let validator = validator.unwrap_or_default();
                tracing::info!(proof = ?id, validator, block, "double sign reported");
            }
            State::Obsolete { why } => {
                tracing::info!(proof = ?id, why, "report of a double sign: obsolete");
            }
            _ => tracing::info!(proof = ?id, "report of a double sign: {}", state.name()),
        }
        self.changed = true;
        entry.status.attempts += u32::from(matches!(state, State::Signed { .. }));
        if state.is_done() {
            entry.status.trouble = None;
            entry.done_at = finalized;
        }
        entry.record.state = state.clone();
        entry.record.changed_at_ms = now_ms();
        entry.record.known_block = entry.record.known_block.max(finalized.unwrap_or_default());
        entry.status.state = state;
        entry.status.changed_at_ms = entry.record.changed_at_ms;
        let record = entry.record.clone();
        if record.state.is_done() || matches!(record.state, State::Waiting { .. }) {
            // The chain has spoken: what comes next is another story.
            self.refused.remove(&self.accused(&record.proof));
        }
        self.save(&record).await;
        self.drop_surplus_done();
    }

    /// The newest finalized block, once one is known.
    fn finalized(&self) -> Option<u64> {
        self.chain.finalized().borrow().as_ref().map(|snapshot| snapshot.number)
    }

    fn publish(&mut self) {
        if !std::mem::take(&mut self.changed) {
            return;
        }
        let mut all: Vec<_> = self.entries.values().map(|entry| entry.status.clone()).collect();
        all.sort_by_key(|status| (status.proven_at_ms, status.id));
        self.publish.send_if_modified(|published| {
            let changed = **published != all;
            if changed {
                *published = Arc::new(all);
            }
            changed
        });
    }
}

fn now_ms() -> u64 {
    // Before 1970 every time is 0.
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
