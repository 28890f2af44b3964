//! Keeps what a finalized block says about directors and validators, indexed for the hot path.

use crate::{
    CheckpointNumber, H256,
    keys::PublicKey,
    proof::OffenceContext,
    runtime_api::{DirectorInfo, DirectorSet, Domain, ValidatorInfo, ValidatorStatus},
};
use sp_core::crypto::AccountId32;
use std::collections::HashMap;

/// Directors and validators at one finalized block.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Number of the block.
    pub number: u64,
    /// Hash of the block.
    pub hash: H256,
    /// Chain and parameters.
    pub domain: Domain,
    /// The directors.
    pub directors: DirectorSet<AccountId32>,
    validators: Vec<ValidatorInfo<AccountId32>>,
    by_account: HashMap<AccountId32, usize>,
    by_peer_key: HashMap<PublicKey, usize>,
    by_checkpoint_key: HashMap<PublicKey, usize>,
    authorized: u32,
}

impl Snapshot {
    /// Indexes what a block says.
    pub fn new(
        number: u64,
        hash: H256,
        domain: Domain,
        directors: DirectorSet<AccountId32>,
        validators: Vec<ValidatorInfo<AccountId32>>,
    ) -> Self {
        let index = |key: fn(&ValidatorInfo<AccountId32>) -> PublicKey| {
            validators.iter().enumerate().map(|(at, v)| (key(v), at)).collect::<HashMap<_, _>>()
        };
        let by_peer_key = index(|v| v.peer_key);
        let mut by_checkpoint_key = index(|v| v.checkpoint_key);
        for (at, validator) in validators.iter().enumerate() {
            for retired in validator.retired_keys.iter().filter(|key| key.until >= number) {
                by_checkpoint_key.insert(retired.key, at);
            }
        }
        let by_account =
            validators.iter().enumerate().map(|(at, v)| (v.account.clone(), at)).collect();
        let authorized =
            validators.iter().filter(|v| v.status == ValidatorStatus::Authorized).count() as u32;
        Self {
            number,
            hash,
            domain,
            directors,
            validators,
            by_account,
            by_peer_key,
            by_checkpoint_key,
            authorized,
        }
    }

    /// All registered validators, in ascending order of accounts.
    pub fn validators(&self) -> &[ValidatorInfo<AccountId32>] {
        &self.validators
    }

    /// The validator with this account.
    pub fn validator(&self, account: &AccountId32) -> Option<&ValidatorInfo<AccountId32>> {
        self.by_account.get(account).map(|at| &self.validators[*at])
    }

    /// The validator with this peer key.
    pub fn validator_by_peer_key(&self, key: &PublicKey) -> Option<&ValidatorInfo<AccountId32>> {
        self.by_peer_key.get(key).map(|at| &self.validators[*at])
    }

    /// The validator whose checkpoint key this is, or was within the unbonding period.
    pub fn validator_by_checkpoint_key(
        &self,
        key: &PublicKey,
    ) -> Option<&ValidatorInfo<AccountId32>> {
        self.by_checkpoint_key.get(key).map(|at| &self.validators[*at])
    }

    /// Whether the validator with this peer key may speak.
    pub fn is_authorized(&self, peer_key: &PublicKey) -> bool {
        self.validator_by_peer_key(peer_key)
            .is_some_and(|v| v.status == ValidatorStatus::Authorized)
    }

    /// How many validators may speak and vote.
    pub fn authorized_count(&self) -> u32 {
        self.authorized
    }

    /// The active director with this peer key.
    pub fn director_by_peer_key(&self, key: &PublicKey) -> Option<&DirectorInfo<AccountId32>> {
        self.directors.active.iter().find(|director| director.peer_key == *key)
    }

    /// The active director with this account.
    pub fn director(&self, account: &AccountId32) -> Option<&DirectorInfo<AccountId32>> {
        self.directors.active.iter().find(|director| director.account == *account)
    }
}

impl OffenceContext for Snapshot {
    type AccountId = AccountId32;

    fn genesis_hash(&self) -> H256 {
        self.domain.genesis_hash
    }

    fn key_owner(&self, key: &PublicKey) -> Option<AccountId32> {
        self.validator_by_checkpoint_key(key).map(|v| v.account.clone())
    }

    fn is_punished(&self, validator: &AccountId32) -> bool {
        self.validator(validator).is_some_and(|v| v.status == ValidatorStatus::Tombstoned)
    }

    fn slashable_from(&self, validator: &AccountId32) -> CheckpointNumber {
        self.validator(validator).map_or(0, |v| v.slashable_from)
    }
}
