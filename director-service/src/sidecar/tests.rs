//! A chain with one validator, for the tests of the parts.

use crate::client::{LocalKey, Signer as _};
use director_primitives::{
    AccountId32, H256, Snapshot,
    runtime_api::{DirectorSet, Domain, ValidatorInfo, ValidatorStatus},
};

pub(super) const GENESIS: H256 = H256::repeat_byte(9);

/// Seed of the validator's peer key.
pub(super) const PEER: [u8; 32] = [1; 32];

/// Seed of its checkpoint key.
pub(super) const CHECKPOINT: [u8; 32] = [2; 32];

/// Blocks from one checkpoint to the next.
pub(super) const INTERVAL: u64 = 10;

pub(super) fn account() -> AccountId32 {
    AccountId32::new([3; 32])
}

/// Block `number`, at which the only validator is this.
pub(super) fn snapshot(number: u64, status: ValidatorStatus) -> Snapshot {
    let validator = ValidatorInfo {
        account: account(),
        registration_id: 1,
        status,
        stake: 1_000,
        unbonding: 0,
        checkpoint_key: LocalKey::from_seed(&CHECKPOINT).key(),
        peer_key: LocalKey::from_seed(&PEER).key(),
        retired_keys: Vec::new(),
        slashable_from: 0,
    };
    let domain = Domain {
        genesis_hash: GENESIS,
        checkpoint_interval: INTERVAL,
        min_stake: 1,
        unbonding_period: 100,
        slash_defer_period: 5,
        min_directors: 1,
        max_directors: 7,
        max_validators: 1_000,
        max_active_validators: 100,
        stale_after: 100,
    };
    let directors = DirectorSet { version: 1, active: Vec::new(), invited: Vec::new() };
    Snapshot::new(number, H256::repeat_byte(number as u8), domain, directors, vec![validator])
}
