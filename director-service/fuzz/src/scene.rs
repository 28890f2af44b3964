//! A chain, directors and validators whose keys are known, and signatures that cost nothing.

use codec::Encode;
use director_primitives::{
    AccountId32, Envelope, H256, Heartbeat, PublicKey, Signature, SignedEnvelope, SignedHeartbeat,
    SignedVote, Snapshot,
    runtime_api::{DirectorInfo, DirectorSet, Domain, RetiredKey, ValidatorInfo, ValidatorStatus},
    signing::{Statement, signing_bytes, signing_prefix},
    test_utils::TestKey,
};
use director_service::{
    client::{self, Signer},
    director::{Config, Crypto, Frame, Rate, Rates},
};
use sp_crypto_hashing::blake2_256;
use std::{
    cell::RefCell,
    collections::HashMap,
    sync::{Arc, LazyLock},
};

/// The chain.
pub(crate) const GENESIS: H256 = H256([7; 32]);

/// Directors that there may be; the core is number 0.
pub(crate) const DIRECTORS: u8 = 4;

/// Validators that are registered.
pub(crate) const VALIDATORS: u8 = 6;

/// Blocks from one checkpoint to the next.
pub(crate) const INTERVAL: u64 = 10;

/// The validator that says nothing wrong, nor anything at all before the end.
pub(crate) const QUIET: u8 = 0;

const MIN_STAKE: u128 = 1_000;

/// Votes that are signed are kept, so many at most: honest ones are the same over and over.
const KEPT_VOTES: usize = 4_096;

/// Key pairs with their public halves.
struct Keys(Vec<(TestKey, PublicKey)>);

impl Keys {
    fn from(first: u64, count: u64) -> Self {
        let keys = (first..first + count).map(TestKey::new);
        Self(keys.map(|key| (key.clone(), key.public())).collect())
    }
}

static DIRECTOR_KEYS: LazyLock<Keys> = LazyLock::new(|| Keys::from(1_000, DIRECTORS.into()));
static VALIDATOR_KEYS: LazyLock<Keys> = LazyLock::new(|| Keys::from(2_000, VALIDATORS.into()));
static CHECKPOINT_KEYS: LazyLock<Keys> = LazyLock::new(|| Keys::from(3_000, VALIDATORS.into()));
/// What validators rotate to.
static LATER_KEYS: LazyLock<Keys> = LazyLock::new(|| Keys::from(4_000, VALIDATORS.into()));

pub(crate) fn director_key(n: u8) -> &'static (TestKey, PublicKey) {
    &DIRECTOR_KEYS.0[usize::from(n % DIRECTORS)]
}

pub(crate) fn validator_key(n: u8) -> &'static (TestKey, PublicKey) {
    &VALIDATOR_KEYS.0[usize::from(n % VALIDATORS)]
}

/// The key with which a validator votes, or voted before it rotated it.
pub(crate) fn checkpoint_key(n: u8, later: bool) -> &'static (TestKey, PublicKey) {
    let keys = if later { &LATER_KEYS } else { &CHECKPOINT_KEYS };
    &keys.0[usize::from(n % VALIDATORS)]
}

pub(crate) fn director_account(n: u8) -> AccountId32 {
    AccountId32::new([100 + n; 32])
}

pub(crate) fn validator_account(n: u8) -> AccountId32 {
    AccountId32::new([n; 32])
}

pub(crate) fn block_hash(number: u64) -> H256 {
    H256::from_low_u64_be(number)
}

/// What stands for an ed25519 signature of the same bytes by the same key, a hundred times as fast.
fn seal(key: &PublicKey, bytes: &[u8]) -> Signature {
    let hash = blake2_256(&(key, bytes).encode());
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&hash);
    signature[32..].copy_from_slice(&hash);
    Signature::from_raw(signature)
}

/// An envelope that its origin signed, as it is on the wire.
pub(crate) fn signed(envelope: Envelope) -> Frame {
    let signature = seal(&envelope.origin, &signing_bytes(&GENESIS, &envelope));
    SignedEnvelope { envelope, signature }.encode().into()
}

/// The same frame with another signature.
pub(crate) fn forged(frame: &Frame) -> Frame {
    let mut bytes = frame.to_vec();
    let last = bytes.len() - 40;
    bytes[last] ^= 1;
    bytes.into()
}

/// Whether the origin of this frame signed it.
pub(crate) fn is_signed(frame: &[u8]) -> bool {
    let Ok(SignedEnvelope { envelope, signature }) = SignedEnvelope::from_bytes(frame) else {
        return false;
    };
    seal(&envelope.origin, &signing_bytes(&GENESIS, &envelope)) == signature
}

/// The signature of a heartbeat.
pub(crate) fn seal_heartbeat(heartbeat: &Heartbeat) -> Signature {
    seal(&heartbeat.director, &signing_bytes(&GENESIS, heartbeat))
}

/// A vote, rightly signed.
pub(crate) fn vote(n: u8, later: bool, checkpoint: u64, hash: u8) -> SignedVote {
    thread_local! {
        static VOTES: RefCell<HashMap<(u8, bool, u64, u8), SignedVote>> = RefCell::default();
    }
    VOTES.with_borrow_mut(|votes| {
        if votes.len() >= KEPT_VOTES {
            votes.clear();
        }
        let sign = || {
            let hash = H256::repeat_byte(hash);
            checkpoint_key(n, later).0.vote(&GENESIS, checkpoint, hash)
        };
        *votes.entry((n, later, checkpoint, hash)).or_insert_with(sign)
    })
}

/// Checks and signs for director 0.
pub(crate) struct Seals;

impl Crypto for Seals {
    fn verify_envelopes(&mut self, genesis_hash: &H256, frames: &[&[u8]]) -> Vec<bool> {
        assert_eq!(*genesis_hash, GENESIS);
        frames.iter().map(|frame| is_signed(frame)).collect()
    }

    fn verify_heartbeat(&self, _: &H256, signed: &SignedHeartbeat) -> bool {
        seal_heartbeat(&signed.heartbeat) == signed.signature
    }

    fn sign(&self, bytes: &[u8]) -> Signature {
        let (key, public) = director_key(0);
        let heartbeat = signing_prefix(Heartbeat::KIND, &GENESIS);
        match bytes.starts_with(&heartbeat) {
            true => seal(public, bytes),
            false => key.sign_bytes(bytes),
        }
    }
}

/// Signs for a client, and checks what it hears.
#[derive(Clone)]
pub(crate) struct ClientSeals(pub(crate) PublicKey);

impl Signer for ClientSeals {
    fn key(&self) -> PublicKey {
        self.0
    }

    fn sign(&self, bytes: &[u8]) -> Signature {
        seal(&self.0, bytes)
    }
}

impl client::Keys for ClientSeals {
    fn verify(&self, genesis_hash: &H256, signed: &SignedEnvelope) -> bool {
        let SignedEnvelope { envelope, signature } = signed;
        seal(&envelope.origin, &signing_bytes(genesis_hash, envelope)) == *signature
    }
}

/// Bounds that some dozens of inputs come to.
pub(crate) fn config() -> Config {
    let rate = Rate { messages_per_s: 20, bytes_per_s: 64 * 1024 };
    Config {
        seen_capacity: 16,
        log_bytes: 8 * 1024,
        log_ms: 10_000,
        park_bytes: 4 * 1024,
        recent_checkpoints: 8,
        history_checkpoints: 32,
        checkpoints_ahead: 4,
        max_recalls: 6,
        max_recalls_per_validator: 3,
        fetch_page_bytes: 2 * 1024,
        rates: Rates { classes: [rate; 4], votes_per_s: 10, burst_ms: 1_000 },
        ..Config::new(director_account(0), director_key(0).1)
    }
}

/// What the chain says.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) number: u64,
    /// Bit `n`: director `n` is active.
    pub(crate) directors: u8,
    pub(crate) status: [ValidatorStatus; VALIDATORS as usize],
    /// Bit `n`: validator `n` has rotated its checkpoint key.
    pub(crate) rotated: u8,
    pub(crate) capacity: u32,
}

impl World {
    pub(crate) fn new() -> Self {
        let status = [ValidatorStatus::Authorized; VALIDATORS as usize];
        Self { number: 1_000, directors: 0b111, status, rotated: 0, capacity: 100 }
    }

    pub(crate) fn has_rotated(&self, n: u8) -> bool {
        self.rotated & (1 << n) != 0
    }

    fn validator(&self, n: u8) -> ValidatorInfo<AccountId32> {
        let retired = RetiredKey { key: checkpoint_key(n, false).1, until: u64::MAX };
        ValidatorInfo {
            account: validator_account(n),
            registration_id: u64::from(n) + 1,
            status: self.status[usize::from(n)],
            stake: MIN_STAKE,
            unbonding: 0,
            checkpoint_key: checkpoint_key(n, self.has_rotated(n)).1,
            peer_key: validator_key(n).1,
            retired_keys: if self.has_rotated(n) { vec![retired] } else { Vec::new() },
            slashable_from: 0,
        }
    }

    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        let director = |n| DirectorInfo {
            account: director_account(n),
            peer_key: director_key(n).1,
            endpoints: Default::default(),
            region: Default::default(),
            capacity: self.capacity,
            active_since: 0,
            refreshed_at: 0,
        };
        let domain = Domain {
            genesis_hash: GENESIS,
            checkpoint_interval: INTERVAL,
            min_stake: MIN_STAKE,
            unbonding_period: 1_000,
            slash_defer_period: 5,
            min_directors: 1,
            max_directors: 7,
            max_validators: 1_000,
            max_active_validators: 100,
            stale_after: 100,
        };
        let active = (0..DIRECTORS).filter(|n| self.directors & (1 << n) != 0).map(director);
        let directors = DirectorSet { version: 1, active: active.collect(), invited: Vec::new() };
        let validators = (0..VALIDATORS).map(|n| self.validator(n)).collect();
        Arc::new(Snapshot::new(self.number, block_hash(self.number), domain, directors, validators))
    }
}
