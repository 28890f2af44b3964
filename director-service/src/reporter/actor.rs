//! Takes proofs in, starts pursuits, keeps the outbox and the status.

use super::{
    Config, EvidenceStatus, MAX_DONE, MAX_PURSUITS,
    pursuit::{Progress, Pursuit},
};
use crate::{
    chain::Chain,
    store::{Outbox, Record, State},
};
use director_primitives::{DoubleSignProof, H256};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};

/// Reports of pursuits that may wait.
const PROGRESS: usize = 64;

/// A proof, its state on disk, and what is known beside that.
struct Entry {
    record: Record,
    status: EvidenceStatus,
}

struct Actor {
    config: Arc<Config>,
    chain: Arc<dyn Chain>,
    outbox: Outbox,
    entries: BTreeMap<H256, Entry>,
    /// Those that are not pursued yet, oldest first.
    queue: VecDeque<H256>,
    pursuits: JoinSet<()>,
    progress: mpsc::Sender<(H256, Progress)>,
    publish: watch::Sender<Arc<Vec<EvidenceStatus>>>,
    /// Said last about the chain as a whole, so that it is said once.
    trouble: Option<String>,
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
    let mut actor = Actor {
        config: Arc::new(config),
        chain,
        outbox,
        entries: BTreeMap::new(),
        queue: VecDeque::new(),
        pursuits: JoinSet::new(),
        progress,
        publish,
        trouble: None,
    };
    actor.resume().await;
    loop {
        actor.start_pursuits();
        actor.publish();
        tokio::select! {
            proof = proofs.recv() => match proof {
                Some(proof) => actor.take(proof).await,
                None => break,
            },
            Some((id, progress)) = reports.recv() => actor.progressed(id, progress).await,
            Some(_) = actor.pursuits.join_next() => {}
        }
    }
}

impl Actor {
    /// Takes up what a former life left.
    async fn resume(&mut self) {
        let mut records = match self.outbox.all().await {
            Ok(records) => records,
            Err(error) => {
                tracing::error!("cannot read the evidence outbox: {error}");
                return;
            }
        };
        records.sort_by_key(|record| record.proven_at_ms);
        let done = records.iter().filter(|record| record.state.is_done()).count();
        let mut surplus = done.saturating_sub(MAX_DONE);
        for record in records {
            let id = record.proof.id();
            if record.state.is_done() && surplus > 0 {
                surplus -= 1;
                if let Err(error) = self.outbox.remove(id).await {
                    tracing::warn!("cannot remove an old proof from the outbox: {error}");
                }
                continue;
            }
            if !record.state.is_done() {
                tracing::info!(proof = ?id, "resuming the report of a double sign");
                self.queue.push_back(id);
            }
            self.enter(record);
        }
    }

    fn enter(&mut self, record: Record) {
        let status = EvidenceStatus {
            id: record.proof.id(),
            checkpoint: record.proof.first.vote.checkpoint,
            validator: None,
            state: record.state.clone(),
            proven_at_ms: record.proven_at_ms,
            changed_at_ms: record.changed_at_ms,
            attempts: 0,
            trouble: None,
        };
        self.entries.insert(status.id, Entry { record, status });
    }

    async fn take(&mut self, proof: DoubleSignProof) {
        let id = proof.id();
        if self.entries.contains_key(&id) {
            return;
        }
        let now = now_ms();
        let state = State::Proven;
        let record = Record { proof, state, proven_at_ms: now, changed_at_ms: now };
        self.save(&record).await;
        self.enter(record);
        self.queue.push_back(id);
    }

    fn start_pursuits(&mut self) {
        while self.pursuits.len() < MAX_PURSUITS {
            let Some(id) = self.queue.pop_front() else {
                return;
            };
            if let Some(entry) = self.entries.get(&id) {
                let pursuit = Pursuit {
                    config: self.config.clone(),
                    chain: self.chain.clone(),
                    proof: entry.record.proof,
                    state: entry.record.state.clone(),
                    progress: self.progress.clone(),
                };
                self.pursuits.spawn(pursuit.run());
            }
        }
    }

    async fn progressed(&mut self, id: H256, progress: Progress) {
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
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
            Progress::State(state) => {
                tracing::info!(proof = ?id, ?state, "report of a double sign");
                entry.status.attempts += u32::from(matches!(state, State::Submitted { .. }));
                if state.is_done() {
                    entry.status.trouble = None;
                }
                entry.record.state = state.clone();
                entry.record.changed_at_ms = now_ms();
                entry.status.state = state;
                entry.status.changed_at_ms = entry.record.changed_at_ms;
                let record = entry.record.clone();
                self.save(&record).await;
                self.drop_surplus().await;
            }
        }
    }

    /// Keeps the done ones bounded while the director runs, too.
    async fn drop_surplus(&mut self) {
        let done = self.entries.values().filter(|entry| entry.record.state.is_done());
        let mut done: Vec<_> = done.map(|e| (e.record.changed_at_ms, e.status.id)).collect();
        if done.len() <= MAX_DONE {
            return;
        }
        done.sort_unstable();
        for (_, id) in &done[..done.len() - MAX_DONE] {
            self.entries.remove(id);
            if let Err(error) = self.outbox.remove(*id).await {
                tracing::warn!("cannot remove an old proof from the outbox: {error}");
            }
        }
    }

    /// A proof that cannot be saved is pursued none the less.
    async fn save(&self, record: &Record) {
        if let Err(error) = self.outbox.put(record.clone()).await {
            tracing::error!("a proof would not survive a restart: {error}");
        }
    }

    fn publish(&self) {
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
