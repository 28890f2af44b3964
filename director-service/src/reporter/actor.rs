//! Takes proofs in, starts pursuits, keeps the outbox and the status.

use super::{
    Config, EvidenceStatus, MAX_DONE, MAX_PURSUITS, MAX_WAITING, RECHECK_BLOCKS,
    progress::{Progress, Teller},
    pursuit::Pursuit,
    resume::Resume,
};
use crate::{
    chain::Chain,
    failpoint::{self, Failpoint},
    store::{Outbox, Record, State, StoreError},
};
use director_primitives::{DoubleSignProof, H256};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::{
    sync::{mpsc, watch},
    task::{self, AbortHandle, JoinError, JoinSet},
    time::timeout,
};

/// Longest wait for the disk: one that hangs must keep no proof from the chain.
const SAVING: Duration = Duration::from_secs(5);

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
    /// Which tens of blocks that was done for.
    rechecked: u64,
    /// The newest finalized block.
    pub(super) newest: u64,
    pursuits: JoinSet<()>,
    pub(super) pursued: HashMap<task::Id, (H256, AbortHandle)>,
    progress: mpsc::Sender<(H256, Progress)>,
    publish: watch::Sender<Arc<Vec<EvidenceStatus>>>,
    /// Whether there is something to publish: to look costs a copy of everything.
    pub(super) changed: bool,
    /// Said last about the chain as a whole, so that it is said once.
    trouble: Option<String>,
    pub(super) resume: Resume,
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
        rechecked: 0,
        newest,
        pursuits: JoinSet::new(),
        pursued: HashMap::new(),
        progress,
        publish,
        changed: false,
        trouble: None,
        resume: Resume::default(),
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
        self.entries.insert(status.id, Entry { record, status, faults: 0, resumed, done_at: None });
    }

    async fn take(&mut self, proof: DoubleSignProof) {
        let id = proof.id();
        if self.entries.contains_key(&id) {
            return;
        }
        failpoint::hit(Failpoint::Taken);
        if !self.make_room(&proof).await {
            return;
        }
        let now = now_ms();
        let state = State::Proven;
        let record = Record { proof, state, proven_at_ms: now, changed_at_ms: now };
        // What is on disk of it may be further; then that is taken up instead.
        if self.resume.is_done() {
            self.save(&record).await;
        }
        self.enter(record, false);
        self.queue.push_back(id);
    }

    fn start_pursuits(&mut self) {
        while self.pursuits.len() < MAX_PURSUITS && !self.resume.holds_up() {
            let Some(id) = self.queue.pop_front() else {
                return;
            };
            if self.pursued.values().any(|(of, _)| *of == id) {
                // It is pursued still, or has just ended and comes anew.
                continue;
            }
            let entry = self.entries.get(&id);
            if let Some(entry) = entry.filter(|entry| !entry.record.state.is_done()) {
                let pursuit = Pursuit::new(
                    self.config.clone(),
                    self.chain.clone(),
                    entry.record.proof,
                    entry.record.state.clone(),
                    Teller { id, progress: self.progress.clone() },
                    entry.faults,
                    entry.resumed,
                );
                let task = self.pursuits.spawn(pursuit.run());
                self.pursued.insert(task.id(), (id, task));
            }
        }
    }

    /// A pursuit has ended, as it should or by a panic.
    async fn ended(&mut self, ended: Result<(task::Id, ()), JoinError>) {
        let task = match &ended {
            Ok((task, ())) => *task,
            Err(error) => error.id(),
        };
        let Some((id, _)) = self.pursued.remove(&task) else { return };
        if ended.as_ref().is_err_and(JoinError::is_cancelled) {
            // It made room for another one.
            return;
        }
        let Some(entry) = self.entries.get_mut(&id) else { return };
        match &entry.record.state {
            state if state.is_done() => {}
            State::Waiting { .. } if ended.is_ok() => {
                // If it is excused, all begin at the same block.
                entry.resumed = false;
                self.waiting.insert(id);
                self.drop_surplus_waiting().await;
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

    /// Tries those again that wait for governance.
    pub(super) fn recheck(&mut self, finalized: u64) {
        let round = finalized / RECHECK_BLOCKS;
        if round != self.rechecked {
            self.rechecked = round;
            self.queue.extend(std::mem::take(&mut self.waiting));
        }
    }

    async fn progressed(&mut self, id: H256, progress: Progress) {
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        self.changed = true;
        match progress {
            Progress::Accused(validator) => {
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
        let finalized = self.chain.finalized().borrow().as_ref().map(|of| of.number);
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
        entry.status.state = state;
        entry.status.changed_at_ms = entry.record.changed_at_ms;
        let record = entry.record.clone();
        self.save(&record).await;
        self.drop_surplus_done().await;
    }

    /// Keeps the done ones bounded while the director runs, too.
    async fn drop_surplus_done(&mut self) {
        let done = self.entries.values().filter(|entry| entry.record.state.is_done());
        let mut done: Vec<_> = done.map(|e| (e.record.changed_at_ms, e.status.id)).collect();
        if done.len() <= MAX_DONE {
            return;
        }
        done.sort_unstable();
        self.changed = true;
        for (_, id) in &done[..done.len() - MAX_DONE] {
            self.entries.remove(id);
            if let Err(error) = self.outbox.remove(*id).await {
                tracing::warn!("cannot remove an old proof from the outbox: {error}");
            }
        }
    }

    /// The oldest of too many that wait is given up: one proof is enough to punish a validator.
    async fn drop_surplus_waiting(&mut self) {
        if self.waiting.len() <= MAX_WAITING {
            return;
        }
        let age = |id: &H256| self.entries.get(id).map(|entry| entry.record.proven_at_ms);
        let Some(oldest) = self.waiting.iter().copied().min_by_key(age) else { return };
        self.waiting.remove(&oldest);
        let why = format!("the validator is punished already, and {MAX_WAITING} newer proofs wait");
        self.change(oldest, State::Obsolete { why }).await;
    }

    /// A proof that cannot be saved is pursued none the less.
    pub(super) async fn save(&self, record: &Record) {
        let saved = timeout(SAVING, self.outbox.put(record.clone())).await;
        let saved = saved.unwrap_or_else(|_| Err(StoreError::Failed("the disk hangs".into())));
        if let Err(error) = saved {
            tracing::error!("a proof would not survive a restart: {error}");
        }
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
