//! What a client does with directors, messages and votes: the parts alone, then with a director that
//! does as the test says.
//!
//! Nothing sleeps: tests wait for events, and [`PATIENCE`] only bounds a failure.

#![allow(clippy::unwrap_used)]

mod asking;
mod compression;
mod connect;
mod failover;
mod following;
mod inbox;
mod liars;
mod link;
mod outbox;
mod rig;
mod votes;
mod window;

use super::{LocalKey, Signer};
use codec::Encode;
use director_primitives::{
    AccountId32, Encoding, Envelope, H256, PayloadKind, Priority, SignedEnvelope, Snapshot,
    runtime_api::{DirectorInfo, DirectorSet, Domain, ValidatorInfo, ValidatorStatus},
};
use std::time::Duration;

const GENESIS: H256 = H256::repeat_byte(7);
const PATIENCE: Duration = Duration::from_secs(30);

fn peer_key(n: u8) -> LocalKey {
    LocalKey::from_seed(&[n; 32])
}

fn checkpoint_key(n: u8) -> LocalKey {
    LocalKey::from_seed(&[100 + n; 32])
}

fn account(n: u8) -> AccountId32 {
    AccountId32::new([n; 32])
}

fn validator(n: u8, status: ValidatorStatus) -> ValidatorInfo<AccountId32> {
    ValidatorInfo {
        account: account(n),
        registration_id: u64::from(n),
        status,
        stake: 1_000,
        unbonding: 0,
        checkpoint_key: checkpoint_key(n).key(),
        peer_key: peer_key(n).key(),
        retired_keys: Vec::new(),
        slashable_from: 0,
    }
}

/// Block `number` with these validators.
fn snapshot(number: u64, validators: Vec<ValidatorInfo<AccountId32>>) -> Snapshot {
    snapshot_with(number, validators, Vec::new())
}

/// Block `number` with these validators and directors.
fn snapshot_with(
    number: u64,
    validators: Vec<ValidatorInfo<AccountId32>>,
    active: Vec<DirectorInfo<AccountId32>>,
) -> Snapshot {
    let domain = Domain {
        genesis_hash: GENESIS,
        checkpoint_interval: 10,
        min_stake: 1,
        unbonding_period: 100,
        slash_defer_period: 5,
        min_directors: 1,
        max_directors: 7,
        max_validators: 1_000,
        max_active_validators: 100,
        stale_after: 100,
    };
    let directors = DirectorSet { version: 1, active, invited: Vec::new() };
    Snapshot::new(number, H256::repeat_byte(number as u8), domain, directors, validators)
}

/// Block `number`, at which the validators `1..=count` are authorized.
fn authorized(number: u64, count: u8) -> Snapshot {
    let authorized = |n| validator(n, ValidatorStatus::Authorized);
    snapshot(number, (1..=count).map(authorized).collect())
}

/// A message of validator `n`, encoded.
fn message(n: u8, epoch: u64, class: Priority, seq: u64) -> Vec<u8> {
    let envelope = Envelope {
        origin: peer_key(n).key(),
        epoch,
        class,
        seq,
        kind: PayloadKind::CheckpointVote,
        encoding: Encoding::Identity,
        payload: vec![n, seq as u8],
    };
    let signature = peer_key(n).sign_statement(&GENESIS, &envelope);
    SignedEnvelope { envelope, signature }.encode()
}
