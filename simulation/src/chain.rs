//! A chain that finalizes blocks, does what governance wants, and punishes who is proven guilty.

use crate::{
    Millis,
    node::{Node, checkpoint_key},
};
use director_primitives::{
    AccountId32, Decision, DoubleSignProof, H256, Priority, ProvenStake, RevocationReason,
    SignedDirectorVote, Snapshot,
    runtime_api::{
        DirectorInfo, DirectorSet, Domain, Endpoint, EndpointScope, ValidatorInfo, ValidatorStatus,
    },
    threshold::approvals_needed,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Least stake, and everybody's.
const STAKE: u128 = 1_000;

/// Number of the first block.
pub(crate) const FIRST_BLOCK: u64 = 100;

/// What a block may change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Governance takes a director in.
    AddDirector(u8),
    /// Governance takes a director out.
    RemoveDirector(u8),
    /// A validator has registered.
    Register(u8),
    /// A validator has left.
    Leave(u8),
    /// Enough directors have approved.
    Authorize(u8),
    /// Enough directors have revoked.
    Revoke(u8, RevocationReason),
    /// A double sign was proven.
    Tombstone(u8),
}

/// What the chain is like in a run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Time from block to block, in milliseconds.
    pub block_ms: Millis,
    /// Blocks from checkpoint to checkpoint.
    pub checkpoint_interval: u64,
    /// Latest that a node hears of a block, in milliseconds after the first.
    pub spread_ms: Millis,
    /// Blocks from a proof at a director to the punishment.
    pub slash_after: u64,
    /// Blocks from votes at a director to their effect.
    pub votes_after: u64,
    /// Room of each director.
    pub capacity: u32,
}

/// The chain as whoever sees all of it.
pub(crate) struct Chain {
    settings: Settings,
    directors: BTreeSet<u8>,
    version: u64,
    validators: BTreeMap<u8, ValidatorInfo<AccountId32>>,
    registrations: u64,
    pending: BTreeMap<u64, Vec<Change>>,
    blocks: Vec<Arc<Snapshot>>,
    /// What was changed, with the block.
    pub(crate) changes: Vec<(u64, Change)>,
}

/// The chain that everything is signed for.
pub(crate) fn genesis() -> H256 {
    H256::repeat_byte(7)
}

/// Hash of a block.
pub(crate) fn block_hash(number: u64) -> H256 {
    H256::from_low_u64_be(number + 1)
}

impl Chain {
    /// The first block, with these directors and authorized validators.
    pub(crate) fn new(
        settings: Settings,
        directors: impl IntoIterator<Item = u8>,
        validators: impl IntoIterator<Item = u8>,
    ) -> Self {
        let mut chain = Self {
            settings,
            directors: directors.into_iter().collect(),
            version: 1,
            validators: BTreeMap::new(),
            registrations: 0,
            pending: BTreeMap::new(),
            blocks: Vec::new(),
            changes: Vec::new(),
        };
        for n in validators {
            chain.register(n, ValidatorStatus::Authorized);
        }
        let first = chain.snapshot(FIRST_BLOCK);
        chain.blocks.push(first);
        chain
    }

    fn register(&mut self, n: u8, status: ValidatorStatus) {
        self.registrations += 1;
        let info = ValidatorInfo {
            account: Node::Validator(n).account(),
            registration_id: self.registrations,
            status,
            stake: STAKE,
            unbonding: 0,
            checkpoint_key: checkpoint_key(n).0,
            peer_key: Node::Validator(n).key(),
            retired_keys: Vec::new(),
            slashable_from: 0,
        };
        self.validators.insert(n, info);
    }

    /// The newest block.
    pub(crate) fn latest(&self) -> Arc<Snapshot> {
        self.blocks[self.blocks.len() - 1].clone()
    }

    /// A block, if there is one with this number.
    pub(crate) fn block(&self, number: u64) -> Option<&Arc<Snapshot>> {
        self.blocks.get(usize::try_from(number.checked_sub(FIRST_BLOCK)?).ok()?)
    }

    /// Whether a director is active at the newest block.
    pub(crate) fn is_director(&self, n: u8) -> bool {
        self.directors.contains(&n)
    }

    /// A validator's status at the newest block.
    pub(crate) fn status(&self, n: u8) -> Option<ValidatorStatus> {
        self.validators.get(&n).map(|validator| validator.status)
    }

    /// A change is to be in the block so many after the next one.
    pub(crate) fn plan(&mut self, after: u64, change: Change) {
        let number = self.latest().number + 1 + after;
        let planned = self.pending.entry(number).or_default();
        if !planned.contains(&change) {
            planned.push(change);
        }
    }

    /// The next block. Returns what it changed.
    pub(crate) fn finalize(&mut self) -> Vec<Change> {
        let number = self.latest().number + 1;
        let planned = self.pending.remove(&number).unwrap_or_default();
        let changed: Vec<_> = planned.into_iter().filter(|change| self.change(change)).collect();
        self.changes.extend(changed.iter().map(|change| (number, change.clone())));
        let block = self.snapshot(number);
        self.blocks.push(block);
        changed
    }

    /// Whether it changes anything.
    fn change(&mut self, change: &Change) -> bool {
        let changed = match *change {
            Change::AddDirector(n) => self.directors.insert(n),
            Change::RemoveDirector(n) => self.directors.remove(&n),
            Change::Register(n) => {
                let is_new = !self.validators.contains_key(&n);
                if is_new {
                    self.register(n, ValidatorStatus::Candidate);
                }
                is_new
            }
            Change::Leave(n) => self.validators.remove(&n).is_some(),
            Change::Authorize(n) => self.set(n, ValidatorStatus::Authorized),
            Change::Revoke(n, _) => self.set(n, ValidatorStatus::Revoked),
            Change::Tombstone(n) => self.set(n, ValidatorStatus::Tombstoned),
        };
        if changed && matches!(change, Change::AddDirector(_) | Change::RemoveDirector(_)) {
            self.version += 1;
        }
        changed
    }

    fn set(&mut self, n: u8, status: ValidatorStatus) -> bool {
        let Some(validator) = self.validators.get_mut(&n) else { return false };
        let may = match status {
            ValidatorStatus::Authorized => validator.status == ValidatorStatus::Candidate,
            _ => validator.status != ValidatorStatus::Tombstoned,
        };
        may && std::mem::replace(&mut validator.status, status) != status
    }

    fn snapshot(&self, number: u64) -> Arc<Snapshot> {
        let domain = Domain {
            genesis_hash: genesis(),
            checkpoint_interval: self.settings.checkpoint_interval,
            min_stake: STAKE,
            unbonding_period: 1_000,
            slash_defer_period: 5,
            min_directors: 1,
            max_directors: 7,
            max_validators: 1_000,
            max_active_validators: 100,
            stale_after: 100,
        };
        let active = self.directors.iter().map(|n| self.director(*n)).collect();
        let directors = DirectorSet { version: self.version, active, invited: Vec::new() };
        let validators = self.validators.values().cloned().collect();
        Arc::new(Snapshot::new(number, block_hash(number), domain, directors, validators))
    }

    fn director(&self, n: u8) -> DirectorInfo<AccountId32> {
        let address = format!("/ip4/203.0.113.{}/tcp/30400", n + 1).into_bytes();
        let endpoint = |address: Vec<u8>| Endpoint {
            scope: EndpointScope::Public,
            address: address.try_into().unwrap_or_default(),
        };
        DirectorInfo {
            account: Node::Director(n).account(),
            peer_key: Node::Director(n).key(),
            endpoints: vec![endpoint(address)].try_into().unwrap_or_default(),
            region: Default::default(),
            capacity: self.settings.capacity,
            refreshed_at: FIRST_BLOCK,
            active_since: FIRST_BLOCK,
        }
    }

    /// A director hands in a proof. Whether the chain believes it.
    pub(crate) fn report(&mut self, proof: &DoubleSignProof) -> bool {
        let Ok(offence) = proof.check(&*self.latest()) else { return false };
        if let Some(Node::Validator(n)) = Node::of_account(&offence.validator) {
            self.plan(self.settings.slash_after, Change::Tombstone(n));
        }
        true
    }

    /// A director hands in votes about a validator.
    pub(crate) fn submit(
        &mut self,
        validator: &AccountId32,
        votes: &[SignedDirectorVote<AccountId32>],
    ) {
        let latest = self.latest();
        let Some(info) = latest.validator(validator) else { return };
        let Some(Node::Validator(n)) = Node::of_account(validator) else { return };
        let counts = |signed: &&SignedDirectorVote<AccountId32>| {
            let vote = &signed.vote;
            let by = latest.director(&signed.director);
            vote.validator == *validator
                && vote.registration_id == info.registration_id
                && vote.valid_until >= latest.number
                && by.is_some_and(|by| signed.verify(&latest.domain.genesis_hash, &by.peer_key))
        };
        let (mut approve, mut revoke) = (BTreeSet::new(), BTreeMap::new());
        for signed in votes.iter().filter(counts) {
            match signed.vote.decision {
                Decision::Approve => drop(approve.insert(&signed.director)),
                Decision::Revoke(reason) => drop(revoke.insert(&signed.director, reason)),
            }
        }
        let needed = approvals_needed(latest.directors.active.len() as u32) as usize;
        let after = self.settings.votes_after;
        if approve.len() >= needed {
            self.plan(after, Change::Authorize(n));
        } else if revoke.len() >= needed
            && let Some(reason) = revoke.values().next()
        {
            self.plan(after, Change::Revoke(n, *reason));
        }
    }

    /// What a right stake proof of a validator shows at a block.
    pub(crate) fn proven(&self, number: u64, account: &AccountId32) -> Option<ProvenStake> {
        let validator = self.block(number)?.validator(account)?;
        Some(ProvenStake {
            registration_id: validator.registration_id,
            status: validator.status,
            peer_key: validator.peer_key,
            stake: validator.stake,
            unbonding: validator.unbonding,
            held: validator.stake + validator.unbonding,
        })
    }
}

/// The class of votes.
pub(crate) const VOTE_CLASS: Priority = Priority::Critical;
