//! A chain in memory: blocks, a best one ahead of the finalized one, a pool, nonces, lifetimes, fees.

use crate::chain::LIFETIME;
use director_primitives::{
    AccountId32, CheckpointNumber, DoubleSignProof, H256, Offence, PublicKey, Reason, Snapshot,
    runtime_api::{
        DirectorInfo, DirectorSet, Domain, PendingSlash, ValidatorInfo, ValidatorStatus,
    },
    test_utils::TestKey,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, OnceLock},
};
use tokio::sync::watch;

/// What anybody may be told of a finalized block.
pub(super) type Blocks = watch::Sender<Option<Arc<Snapshot>>>;

pub(super) fn account(n: u8) -> AccountId32 {
    AccountId32::new([n; 32])
}

/// Who signs two blocks, with `TestKey` 1.
pub(super) fn offender() -> AccountId32 {
    account(77)
}

pub(super) fn offence(proof: &DoubleSignProof) -> Offence<AccountId32> {
    Offence {
        validator: offender(),
        checkpoint: proof.first.vote.checkpoint,
        first_hash: proof.first.vote.block_hash,
        second_hash: proof.second.vote.block_hash,
    }
}

/// Block `number` with directors 0 to 2.
pub(super) fn snapshot(number: u64) -> Arc<Snapshot> {
    snapshot_with(number, 3)
}

/// Block `number` with so many directors.
pub(super) fn snapshot_with(number: u64, directors: u8) -> Arc<Snapshot> {
    let director = |n| DirectorInfo {
        account: account(n),
        peer_key: PublicKey::from_raw([n; 32]),
        endpoints: Default::default(),
        region: Default::default(),
        capacity: 1,
        active_since: 0,
        refreshed_at: 0,
    };
    /// Making a key takes longer than all the rest of a block.
    static KEY: OnceLock<PublicKey> = OnceLock::new();
    let key = KEY.get_or_init(|| TestKey::new(1).public());
    let active = (0..directors).map(director).collect();
    let domain = Domain {
        genesis_hash: H256::zero(),
        checkpoint_interval: 10,
        min_stake: 0,
        unbonding_period: 100,
        slash_defer_period: 5,
        min_directors: 1,
        max_directors: 7,
        max_validators: 10,
        max_active_validators: 100,
        stale_after: 100,
    };
    let validator = ValidatorInfo {
        account: offender(),
        registration_id: 1,
        status: ValidatorStatus::Authorized,
        stake: 1,
        unbonding: 0,
        checkpoint_key: *key,
        peer_key: PublicKey::from_raw([200; 32]),
        retired_keys: Vec::new(),
        slashable_from: 0,
    };
    let directors = DirectorSet { version: 1, active, invited: Vec::new() };
    Arc::new(Snapshot::new(number, H256::zero(), domain, directors, vec![validator]))
}

/// What an extrinsic does.
#[derive(Clone, Debug)]
pub(super) enum Call {
    Report(DoubleSignProof),
    /// Something else that uses up a nonce.
    Other,
}

/// An extrinsic.
#[derive(Clone, Debug)]
pub(super) struct Tx {
    /// Its bytes, as far as this chain looks at them.
    pub(super) id: u64,
    pub(super) from: AccountId32,
    pub(super) nonce: u64,
    pub(super) born: u64,
    pub(super) call: Call,
}

/// What a block has led to.
#[derive(Clone, Default)]
pub(super) struct State {
    nonces: BTreeMap<AccountId32, u64>,
    slash: Option<PendingSlash<AccountId32>>,
    slashable_from: CheckpointNumber,
    /// What became of extrinsics, by their ids, and in which blocks.
    pub(super) included: BTreeMap<u64, (u64, Result<(), &'static str>)>,
    /// Who paid for reports, once for each.
    pub(super) reports: Vec<AccountId32>,
    /// How often somebody was punished.
    pub(super) punished: usize,
}

impl State {
    pub(super) fn nonce(&self, account: &AccountId32) -> u64 {
        self.nonces.get(account).copied().unwrap_or_default()
    }

    pub(super) fn slashes(&self) -> Vec<PendingSlash<AccountId32>> {
        self.slash.clone().into_iter().collect()
    }

    pub(super) fn check(&self, proof: &DoubleSignProof) -> Result<Offence<AccountId32>, Reason> {
        if self.slash.is_some() {
            return Err(Reason::AlreadyPunished);
        }
        if proof.first.vote.checkpoint < self.slashable_from {
            return Err(Reason::Excused);
        }
        Ok(offence(proof))
    }

    fn apply(&mut self, tx: &Tx, number: u64, refuses: Option<&'static str>) {
        *self.nonces.entry(tx.from.clone()).or_default() += 1;
        let Call::Report(proof) = &tx.call else { return };
        self.reports.push(tx.from.clone());
        let result = match self.check(proof) {
            Ok(offence) if refuses.is_none() => {
                let (reporter, reported_at) = (tx.from.clone(), number);
                let apply_at = number + 5;
                self.slash = Some(PendingSlash { offence, reporter, reported_at, apply_at });
                self.punished += 1;
                Ok(())
            }
            Ok(_) => Err(refuses.unwrap_or_default()),
            Err(_) => Err("SlashingEvidence.AlreadyPunished"),
        };
        self.included.insert(tx.id, (number, result));
    }
}

struct Inner {
    /// State after each block, from number `first` on.
    states: Vec<State>,
    first: u64,
    lag: u64,
    directors: u8,
    pool: Vec<Tx>,
    signed: Vec<Tx>,
    /// Those that some node was handed.
    handed: BTreeSet<u64>,
    /// Most reports that were in the pool at once.
    most: usize,
    cancel: bool,
    /// Blocks that are to come without extrinsics.
    withheld: u64,
    /// Whether blocks refuse what dry runs find right, and at which checkpoint they do not.
    refuses: bool,
    spared: Option<CheckpointNumber>,
    /// What they say then, one after the other.
    errors: Vec<&'static str>,
    /// From which blocks on the chain knows keys, if not always.
    known_from: BTreeMap<PublicKey, u64>,
    poor: BTreeSet<AccountId32>,
    nodes: Vec<Blocks>,
}

/// The chain. Clones share it.
#[derive(Clone)]
pub(super) struct Sim(Arc<Mutex<Inner>>);

impl Sim {
    /// A chain at block 100 that finalizes each block when `lag` more are made.
    pub(super) fn new(lag: u64) -> Self {
        Self::with_directors(lag, 3)
    }

    /// The same with so many directors.
    pub(super) fn with_directors(lag: u64, directors: u8) -> Self {
        let states = vec![State::default(); lag as usize + 1];
        Self(Arc::new(Mutex::new(Inner {
            states,
            first: 100,
            lag,
            directors,
            pool: Vec::new(),
            signed: Vec::new(),
            handed: BTreeSet::new(),
            most: 0,
            cancel: false,
            withheld: 0,
            refuses: false,
            spared: None,
            errors: vec!["SlashingEvidence.TooManyPending"],
            known_from: BTreeMap::new(),
            poor: BTreeSet::new(),
            nodes: Vec::new(),
        })))
    }

    fn with<T>(&self, act: impl FnOnce(&mut Inner) -> T) -> T {
        act(&mut self.0.lock().unwrap())
    }

    /// A node that hears of blocks at once.
    pub(super) fn node(&self) -> Blocks {
        let node = watch::Sender::new(Some(self.newest()));
        self.with(|inner| inner.nodes.push(node.clone()));
        node
    }

    /// A node hears of blocks no more.
    pub(super) fn detach(&self, node: &Blocks) {
        self.with(|inner| inner.nodes.retain(|known| !known.same_channel(node)));
    }

    /// A node hears of blocks again, of the newest at once.
    pub(super) fn attach(&self, node: &Blocks) {
        self.detach(node);
        self.with(|inner| inner.nodes.push(node.clone()));
        tell(node, &self.newest());
    }

    /// Makes a block out of what is in the pool.
    pub(super) fn block(&self) {
        self.with(|inner| {
            let number = inner.first + inner.states.len() as u64;
            let mut state = inner.best().clone();
            if std::mem::take(&mut inner.cancel)
                && let Some(slash) = state.slash.take()
            {
                state.slashable_from = slash.offence.checkpoint + 1;
            }
            if inner.withheld > 0 {
                inner.withheld -= 1;
            } else {
                inner.pool.sort_by_key(|tx| tx.nonce);
                for tx in std::mem::take(&mut inner.pool) {
                    if tx.nonce == state.nonce(&tx.from) && !inner.poor.contains(&tx.from) {
                        let spared = match &tx.call {
                            Call::Report(proof) => Some(proof.first.vote.checkpoint),
                            Call::Other => None,
                        };
                        let refuses = inner.refuses && (spared.is_none() || spared != inner.spared);
                        let paid = state.reports.len() % inner.errors.len();
                        let refuses = refuses.then_some(inner.errors[paid]);
                        state.apply(&tx, number, refuses);
                    } else if tx.nonce > state.nonce(&tx.from) {
                        inner.pool.push(tx);
                    }
                }
            }
            inner.pool.retain(|tx| number + 1 < tx.born + LIFETIME);
            inner.states.push(state);
        });
        let newest = self.newest();
        for node in self.with(|inner| inner.nodes.clone()) {
            tell(&node, &newest);
        }
    }

    /// Number of the newest finalized block.
    pub(super) fn finalized(&self) -> u64 {
        self.with(|inner| inner.finalized())
    }

    /// The newest finalized block.
    fn newest(&self) -> Arc<Snapshot> {
        self.with(|inner| snapshot_with(inner.finalized(), inner.directors))
    }

    pub(super) fn directors(&self) -> u8 {
        self.with(|inner| inner.directors)
    }

    pub(super) fn finalized_state(&self) -> State {
        self.with(|inner| inner.states[(inner.finalized() - inner.first) as usize].clone())
    }

    pub(super) fn best_state(&self) -> State {
        self.with(|inner| inner.best().clone())
    }

    /// Governance takes the slash back that waits, in the next block.
    pub(super) fn cancel(&self) {
        self.with(|inner| inner.cancel = true);
    }

    /// The next blocks come without extrinsics.
    pub(super) fn withhold(&self, blocks: u64) {
        self.with(|inner| inner.withheld = blocks);
    }

    /// Whether blocks refuse reports that dry runs find right.
    pub(super) fn refuse(&self, refuses: bool) {
        self.with(|inner| inner.refuses = refuses);
    }

    /// What blocks say then, one after the other.
    pub(super) fn refuse_with(&self, errors: &[&'static str]) {
        self.with(|inner| (inner.refuses, inner.errors) = (true, errors.to_vec()));
    }

    /// The chain knows this key from a block on.
    pub(super) fn know_from(&self, key: PublicKey, block: u64) {
        self.with(|inner| inner.known_from.insert(key, block));
    }

    pub(super) fn knows_at(&self, key: &PublicKey, block: u64) -> bool {
        self.with(|inner| inner.known_from.get(key).is_none_or(|from| *from <= block))
    }

    /// Blocks refuse all reports but those of an offence at this checkpoint.
    pub(super) fn refuse_all_but(&self, checkpoint: CheckpointNumber) {
        self.with(|inner| (inner.refuses, inner.spared) = (true, Some(checkpoint)));
    }

    /// Whether this account has money.
    pub(super) fn fund(&self, account: &AccountId32, funded: bool) {
        self.with(|inner| match funded {
            true => inner.poor.remove(account),
            false => inner.poor.insert(account.clone()),
        });
    }

    pub(super) fn is_poor(&self, account: &AccountId32) -> bool {
        self.with(|inner| inner.poor.contains(account))
    }

    /// All nodes forget what is in their pools.
    pub(super) fn lose_pool(&self) {
        self.with(|inner| inner.pool.clear());
    }

    /// Signs with the number that comes next, the pool's extrinsics counted.
    pub(super) fn sign(&self, from: &AccountId32, call: Call) -> Tx {
        self.with(|inner| {
            let pooled = inner.pool.iter().filter(|tx| tx.from == *from).map(|tx| tx.nonce + 1);
            let nonce = pooled.max().unwrap_or_default().max(inner.best().nonce(from));
            let (id, born) = (inner.signed.len() as u64, inner.finalized());
            let tx = Tx { id, from: from.clone(), nonce, born, call };
            inner.signed.push(tx.clone());
            tx
        })
    }

    /// Whose reports of this proof the next block could have.
    pub(super) fn pending(&self, proof: &DoubleSignProof) -> BTreeSet<H256> {
        let is_it = |tx: &&Tx| matches!(&tx.call, Call::Report(of) if of.id() == proof.id());
        self.with(|inner| {
            let nonce = |tx: &Tx| inner.best().nonce(&tx.from);
            let ready = inner.pool.iter().filter(|tx| tx.nonce == nonce(tx)).filter(is_it);
            ready.map(|tx| H256(*tx.from.as_ref())).collect()
        })
    }

    /// Most reports that the pool had at once.
    pub(super) fn most_at_once(&self) -> usize {
        self.with(|inner| inner.most)
    }

    /// How many extrinsics some node was handed, each counted once.
    pub(super) fn handed(&self) -> usize {
        self.with(|inner| inner.handed.len())
    }

    /// Hands an extrinsic to the pool, which has no use for one that is too old or whose nonce is taken.
    pub(super) fn hand(&self, id: u64) {
        self.with(|inner| {
            inner.handed.insert(id);
            let tx = inner.signed[id as usize].clone();
            let next = inner.first + inner.states.len() as u64;
            let is_old = next >= tx.born + LIFETIME;
            let is_taken = |other: &Tx| (&other.from, other.nonce) == (&tx.from, tx.nonce);
            let is_used = tx.nonce < inner.best().nonce(&tx.from);
            if !is_old && !is_used && !inner.pool.iter().any(is_taken) {
                inner.pool.push(tx);
                let is_report = |tx: &&Tx| matches!(tx.call, Call::Report(_));
                inner.most = inner.most.max(inner.pool.iter().filter(is_report).count());
            }
        });
    }
}

impl Inner {
    fn best(&self) -> &State {
        &self.states[self.states.len() - 1]
    }

    fn finalized(&self) -> u64 {
        self.first + self.states.len() as u64 - 1 - self.lag
    }
}

fn tell(node: &Blocks, newest: &Arc<Snapshot>) {
    node.send_if_modified(|known| {
        let is_new = known.as_ref().is_none_or(|known| known.number < newest.number);
        if is_new {
            *known = Some(newest.clone());
        }
        is_new
    });
}
