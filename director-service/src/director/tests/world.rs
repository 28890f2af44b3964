//! A chain, directors and validators made of small numbers, for tests of the core.
//!
//! Used by the unit tests and by `tests/several_directors_in_simulated_time.rs`; whoever includes it
//! names the core `core`.

use super::core::{Config, Crypto, Director, Frame, Input, Link, Output, Received, ValidatorVote};
use codec::Encode;
use director_primitives::{
    AccountId32, Application, AuthorizationRequest, Encoding, Envelope, H256, PayloadKind,
    Priority, ProvenStake, PublicKey, Signature, SignedAuthorizationRequest, SignedEnvelope,
    SignedVote, Snapshot, StakeProof, StakeRefusal,
    runtime_api::{DirectorInfo, DirectorSet, Domain, RetiredKey, ValidatorInfo, ValidatorStatus},
    test_utils::TestKey,
};
use std::sync::Arc;

/// Blocks between two checkpoints.
pub(crate) const INTERVAL: u64 = 10;

/// Least stake on the chain.
pub(crate) const MIN_STAKE: u128 = 1_000;

pub(crate) fn genesis() -> H256 {
    H256::repeat_byte(7)
}

pub(crate) fn block_hash(number: u64) -> H256 {
    H256::from_low_u64_be(number + 1)
}

pub(crate) fn director_account(n: u8) -> AccountId32 {
    AccountId32::new([100 + n; 32])
}

pub(crate) fn director_key(n: u8) -> TestKey {
    TestKey::new(1_000 + u64::from(n))
}

pub(crate) fn validator_account(n: u8) -> AccountId32 {
    AccountId32::new([n; 32])
}

pub(crate) fn validator_key(n: u8) -> TestKey {
    TestKey::new(2_000 + u64::from(n))
}

pub(crate) fn checkpoint_key(n: u8) -> TestKey {
    TestKey::new(3_000 + u64::from(n))
}

/// Checks and signs with the primitives themselves.
#[derive(Clone)]
pub(crate) struct TestCrypto(pub(crate) TestKey);

impl Crypto for TestCrypto {
    fn verify_envelopes(&mut self, genesis_hash: &H256, frames: &[&[u8]]) -> Vec<bool> {
        let signed = |frame: &&[u8]| {
            SignedEnvelope::from_bytes(frame).is_ok_and(|envelope| envelope.verify(genesis_hash))
        };
        frames.iter().map(signed).collect()
    }

    fn sign(&self, bytes: &[u8]) -> Signature {
        self.0.sign_bytes(bytes)
    }
}

/// What the chain says.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) number: u64,
    pub(crate) directors: Vec<u8>,
    pub(crate) validators: Vec<ValidatorInfo<AccountId32>>,
    /// Directors that have rotated their peer keys.
    pub(crate) new_keys: Vec<u8>,
    /// Directors that became so after block 0, and when.
    pub(crate) terms: Vec<(u8, u64)>,
    /// Validators that each director has room for.
    pub(crate) capacity: u32,
}

impl World {
    /// Block 100 with directors `0..directors` and authorized validators `0..validators`.
    pub(crate) fn new(directors: u8, validators: u8) -> Self {
        let validator = |n| ValidatorInfo {
            account: validator_account(n),
            registration_id: u64::from(n) + 1,
            status: ValidatorStatus::Authorized,
            stake: MIN_STAKE,
            unbonding: 0,
            checkpoint_key: checkpoint_key(n).public(),
            peer_key: validator_key(n).public(),
            retired_keys: Vec::new(),
            slashable_from: 0,
        };
        Self {
            number: 100,
            directors: (0..directors).collect(),
            validators: (0..validators).map(validator).collect(),
            new_keys: Vec::new(),
            terms: Vec::new(),
            capacity: 100,
        }
    }

    pub(crate) fn status(mut self, n: u8, status: ValidatorStatus) -> Self {
        self.validators[usize::from(n)].status = status;
        self
    }

    pub(crate) fn at(mut self, number: u64) -> Self {
        self.number = number;
        self
    }

    /// Validator `n` signs with `key` from now on, its old key stays punishable.
    pub(crate) fn rotate(mut self, n: u8, key: &TestKey) -> Self {
        let validator = &mut self.validators[usize::from(n)];
        let retired = RetiredKey { key: validator.checkpoint_key, until: u64::MAX };
        validator.retired_keys.push(retired);
        validator.checkpoint_key = key.public();
        self
    }

    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        let director = |n: &u8| DirectorInfo {
            account: director_account(*n),
            peer_key: match self.new_keys.contains(n) {
                true => TestKey::new(9_000 + u64::from(*n)).public(),
                false => director_key(*n).public(),
            },
            endpoints: Default::default(),
            region: Default::default(),
            capacity: self.capacity,
            active_since: self.terms.iter().find(|(of, _)| of == n).map_or(0, |(_, since)| *since),
            refreshed_at: 0,
        };
        let domain = Domain {
            genesis_hash: genesis(),
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
        let active = self.directors.iter().map(director).collect();
        let directors = DirectorSet { version: 1, active, invited: Vec::new() };
        let hash = block_hash(self.number);
        Arc::new(Snapshot::new(self.number, hash, domain, directors, self.validators.clone()))
    }
}

/// The configuration of director `n`.
pub(crate) fn config(n: u8) -> Config {
    Config::new(director_account(n), director_key(n).public())
}

/// The core of director `n`.
pub(crate) fn director(n: u8, history: Vec<ValidatorVote>) -> Director<TestCrypto> {
    Director::new(config(n), TestCrypto(director_key(n)), history)
}

/// Validator `n`'s envelope.
pub(crate) fn envelope(n: u8, class: Priority, epoch: u64, seq: u64, payload: &[u8]) -> Envelope {
    Envelope {
        origin: validator_key(n).public(),
        epoch,
        class,
        seq,
        kind: PayloadKind::Opaque(Default::default()),
        encoding: Encoding::Identity,
        payload: payload.to_vec(),
    }
}

/// An envelope signed by validator `n`.
pub(crate) fn sign(n: u8, envelope: Envelope) -> Frame {
    validator_key(n).envelope(&genesis(), envelope).encode().into()
}

/// Validator `n`'s message.
pub(crate) fn message(n: u8, seq: u64, payload: &[u8]) -> Frame {
    sign(n, envelope(n, Priority::Normal, 1, seq, payload))
}

/// Validator `n`'s vote.
pub(crate) fn vote(n: u8, checkpoint: u64, hash: u8) -> SignedVote {
    checkpoint_key(n).vote(&genesis(), checkpoint, H256::repeat_byte(hash))
}

/// A vote in validator `n`'s envelope.
pub(crate) fn vote_frame(n: u8, seq: u64, vote: &SignedVote) -> Frame {
    let kind = PayloadKind::CheckpointVote;
    sign(n, Envelope { kind, ..envelope(n, Priority::Critical, 1, seq, &vote.encode()) })
}

/// The same frame with a wrong signature.
pub(crate) fn forge(frame: &Frame) -> Frame {
    let mut bytes = frame.to_vec();
    let last = bytes.len() - 40;
    bytes[last] ^= 1;
    bytes.into()
}

/// Validator `n`'s request, made at this block.
pub(crate) fn request(n: u8, number: u64) -> SignedAuthorizationRequest<AccountId32> {
    let request = AuthorizationRequest {
        validator: validator_account(n),
        registration_id: u64::from(n) + 1,
        block_number: number,
        block_hash: block_hash(number),
        timestamp_ms: 0,
    };
    let signature = validator_key(n).sign(&genesis(), &request);
    SignedAuthorizationRequest { request, signature }
}

/// A request with a proof; what the proof proves is for [`check_stake`] to say.
pub(crate) fn application(request: SignedAuthorizationRequest<AccountId32>) -> Application {
    Application { request, stake_proof: StakeProof::default() }
}

/// What a right proof about a validator proves at this block.
pub(crate) fn proven(snapshot: &Snapshot, account: &AccountId32) -> Option<ProvenStake> {
    let validator = snapshot.validator(account)?;
    Some(ProvenStake {
        registration_id: validator.registration_id,
        status: validator.status,
        peer_key: validator.peer_key,
        stake: validator.stake,
        unbonding: validator.unbonding,
        held: validator.stake + validator.unbonding,
    })
}

/// Checks a proof as if it were right.
pub(crate) fn check_stake(snapshot: &Snapshot, application: &Application) -> Input {
    let request = application.request.clone();
    let found = proven(snapshot, &request.request.validator);
    Input::StakeChecked { request, result: found.ok_or(StakeRefusal::NotRegistered) }
}

/// A frame as validator `n` hands it to its director.
pub(crate) fn from_validator(n: u8, frame: &Frame) -> Received {
    Received { from: validator_key(n).public(), link: Link::Public, frame: frame.clone() }
}

/// A frame as director `n` passes it on.
pub(crate) fn from_director(n: u8, frame: &Frame) -> Received {
    Received { from: director_key(n).public(), link: Link::Mesh, frame: frame.clone() }
}

/// A core in the middle of its work.
pub(crate) struct Rig {
    pub(crate) core: Director<TestCrypto>,
    pub(crate) now: u64,
    snapshot: Option<Arc<Snapshot>>,
}

impl Rig {
    /// A core that knows nothing and nobody yet.
    pub(crate) fn bare(core: Director<TestCrypto>) -> Self {
        Self { core, now: 0, snapshot: None }
    }

    /// Director 0 at this world, with all other directors and all validators connected.
    pub(crate) fn new(world: &World) -> Self {
        Self::with(world, director(0, Vec::new()))
    }

    pub(crate) fn with(world: &World, core: Director<TestCrypto>) -> Self {
        let mut rig = Self::bare(core);
        rig.finalize(world);
        for n in world.directors.iter().filter(|n| **n != 0) {
            rig.put(Input::Up { peer: director_key(*n).public(), link: Link::Mesh });
        }
        for n in 0..world.validators.len() as u8 {
            rig.put(Input::Up { peer: validator_key(n).public(), link: Link::Public });
        }
        rig
    }

    pub(crate) fn put(&mut self, input: Input) -> Vec<Output> {
        let mut out = Vec::new();
        self.core.handle(self.now, input, &mut out);
        out
    }

    pub(crate) fn frames(&mut self, batch: Vec<Received>) -> Vec<Output> {
        self.put(Input::Frames(batch))
    }

    pub(crate) fn finalize(&mut self, world: &World) -> Vec<Output> {
        let snapshot = world.snapshot();
        self.snapshot = Some(snapshot.clone());
        self.put(Input::Finalized(snapshot))
    }

    /// The same, with every stake proof that is to be checked found right at once.
    pub(crate) fn put_proving(&mut self, input: Input) -> Vec<Output> {
        let out = self.put(input);
        let snapshot = self.snapshot.clone().expect("a block was finalized");
        let check = |application: &Application| check_stake(&snapshot, application);
        self.answer_checks(out, check)
    }

    /// Answers every stake proof that is to be checked, and those that follow.
    pub(crate) fn answer_checks(
        &mut self,
        mut out: Vec<Output>,
        check: impl Fn(&Application) -> Input,
    ) -> Vec<Output> {
        let mut at = 0;
        while at < out.len() {
            if let Output::CheckStake(application) = &out[at] {
                let answered = check(application);
                out.remove(at);
                out.extend(self.put(answered));
            } else {
                at += 1;
            }
        }
        out
    }
}

/// The relayed frames with their recipients.
pub(crate) fn relayed(out: &[Output]) -> Vec<(Frame, Vec<PublicKey>)> {
    let relay = |output: &Output| match output {
        Output::Relay { frame, to, .. } => {
            let keys: Vec<_> = to.iter().map(|(_, key)| *key).collect();
            assert_eq!(keys.len(), to.count());
            Some((frame.clone(), keys))
        }
        _ => None,
    };
    out.iter().filter_map(relay).collect()
}
