//! Chooses what comes next.

use super::Run;
use crate::scene::{
    DIRECTORS, GENESIS, INTERVAL, QUIET, VALIDATORS, block_hash, director_account, director_key,
    seal_heartbeat, signed, validator_account, validator_key, vote,
};
use codec::Encode;
use director_primitives::{
    AccountId32, Answer, Application, Attach, AuthorizationRequest, Control, Decision,
    DirectorVote, DoubleSignProof, Encoding, Envelope, Fetch, Fetched, H256, Heartbeat,
    PayloadKind, Priority, PublicKey, Range, Redirect, RevocationReason, Role, Served, Signature,
    SignedAuthorizationRequest, SignedHeartbeat, SignedVote, StakeProof, Vector, VectorEntry,
    VectorSummary, Welcome, authorization::first_nonce, runtime_api::ValidatorStatus,
    test_utils::TestKey,
};
use director_service::director::{Frame, Input, Link, Received};

/// Validators below it sign one block for each checkpoint, the others any.
pub(super) const HONEST: u8 = 3;

/// The block that they sign.
pub(super) const HONEST_BLOCK: u8 = 0xaa;

/// Things said that may be said again.
const REMEMBERED: usize = 32;

/// Numbers at which something ends.
const EDGES: [u64; 12] =
    [0, 1, 2, 3, 63, 64, 4_095, 4_096, 16_384, 1 << 61, u64::MAX - 1, u64::MAX];

/// What was said, to be said again.
#[derive(Default)]
pub(super) struct Said {
    frames: Vec<Frame>,
    votes: Vec<SignedVote>,
}

fn remember<T>(said: &mut Vec<T>, what: T) {
    if said.len() >= REMEMBERED {
        said.remove(0);
    }
    said.push(what);
}

/// The quiet one's message with this vote.
pub(super) fn quiet_vote(vote: &SignedVote) -> Frame {
    signed(Envelope {
        origin: validator_key(QUIET).1,
        epoch: 1,
        class: Priority::Critical,
        seq: 1,
        kind: PayloadKind::CheckpointVote,
        encoding: Encoding::Identity,
        payload: vote.encode(),
    })
}

impl Run<'_> {
    /// What happens next.
    pub(super) fn input(&mut self) -> Input {
        let input = match self.choices.below(32) {
            0..=2 => {
                self.change_the_world();
                Some(Input::Finalized(self.world.snapshot()))
            }
            3..=5 => Some(Input::Up { peer: self.somebody(), link: self.link() }),
            6 => Some(Input::Down { peer: self.somebody(), link: self.link() }),
            7..=17 => {
                let count = 1 + self.choices.below(6);
                Some(Input::Frames((0..count).map(|_| self.received()).collect()))
            }
            18..=26 => {
                let (from, link) = (self.somebody(), self.link());
                Some(Input::Control { from, link, message: self.control() })
            }
            27 => self.recalled(),
            28 => self.stake_checked(),
            29 => Some(Input::Revoke { validator: validator_account(self.loud()) }),
            // Seldom: nothing is as it was afterwards.
            30 if self.choices.byte() == 0xff => Some(Input::Drain),
            _ => None,
        };
        input.unwrap_or_else(|| {
            self.now += u64::from(self.choices.byte()) * 16;
            Input::Tick
        })
    }

    fn edge(&mut self) -> u64 {
        match self.choices.below(3) {
            0 => self.choices.of(&EDGES),
            1 => self.choices.byte().into(),
            _ => self.choices.number(),
        }
    }

    /// A validator that is not the quiet one.
    fn loud(&mut self) -> u8 {
        1 + self.choices.below(VALIDATORS - 1)
    }

    /// A director's key, a validator's, or nobody's.
    fn somebody(&mut self) -> PublicKey {
        match self.choices.below(8) {
            0 => PublicKey::from_raw([self.choices.byte(); 32]),
            1..=3 => director_key(self.choices.below(DIRECTORS)).1,
            _ => validator_key(self.loud()).1,
        }
    }

    fn link(&mut self) -> Link {
        self.choices.of(&[Link::Mesh, Link::Public])
    }

    /// A checkpoint near the finalized one, or anywhere.
    fn checkpoint(&mut self) -> u64 {
        let near = (self.world.number / INTERVAL).saturating_sub(36);
        match self.choices.below(4) {
            0 => self.edge(),
            _ => near.saturating_add(u64::from(self.choices.below(44))),
        }
    }

    /// A later block, or an earlier one; somebody is revoked, comes back, or has a new key; directors change.
    fn change_the_world(&mut self) {
        let number = self.world.number;
        let by = u64::from(self.choices.byte());
        self.world.number = match self.choices.below(8) {
            0 => number.saturating_sub(by),
            1 => number.saturating_add(by * 1_000),
            _ => number.saturating_add(by % 32),
        };
        let n = self.loud();
        let status = self.choices.of(&[
            ValidatorStatus::Candidate,
            ValidatorStatus::Authorized,
            ValidatorStatus::Revoked,
            ValidatorStatus::Authorized,
            ValidatorStatus::Exiting,
            ValidatorStatus::Tombstoned,
        ]);
        // Governance that takes a punishment back excuses the offence, too: that would be another world.
        let of = &mut self.world.status[usize::from(n)];
        if *of != ValidatorStatus::Tombstoned {
            *of = status;
        }
        match self.choices.below(6) {
            // Not of the honest ones: who would sign twice then is hard to say here.
            0 => self.world.rotated |= 1 << (HONEST + self.choices.below(VALIDATORS - HONEST)),
            1 => self.world.directors = self.choices.below(1 << DIRECTORS),
            2 => self.world.capacity = self.choices.below(4).into(),
            _ => {}
        }
    }

    fn received(&mut self) -> Received {
        let frame = self.frame();
        remember(&mut self.said.frames, frame.clone());
        Received { from: self.somebody(), link: self.link(), frame }
    }

    fn frame(&mut self) -> Frame {
        match self.choices.below(8) {
            0 if !self.said.frames.is_empty() => self.old_frame(),
            1 if !self.said.frames.is_empty() => {
                let mut bytes = self.old_frame().to_vec();
                if bytes.is_empty() {
                    bytes.push(self.choices.byte());
                } else {
                    self.choices.flip(&mut bytes);
                }
                bytes.into()
            }
            2 => self.choices.some_bytes().into(),
            _ => {
                let n = self.loud();
                let envelope = self.envelope(n);
                signed(envelope)
            }
        }
    }

    fn old_frame(&mut self) -> Frame {
        let at = usize::from(self.choices.byte()) % self.said.frames.len();
        self.said.frames[at].clone()
    }

    fn envelope(&mut self, n: u8) -> Envelope {
        let (epoch, seq) = match self.choices.below(4) {
            0 => (self.edge(), self.edge()),
            _ => (1, 1 + u64::from(self.choices.below(40))),
        };
        let class = self.choices.of(&Priority::ALL);
        let (kind, payload) = match self.choices.coin() {
            false => (PayloadKind::Opaque(Default::default()), self.choices.some_bytes()),
            true => {
                // Somebody else's vote, now and then.
                let of = if self.choices.below(8) == 0 { self.loud() } else { n };
                (PayloadKind::CheckpointVote, self.vote_of(of).encode())
            }
        };
        let encoding = match self.choices.below(16) {
            0 => Encoding::Zstd,
            _ => Encoding::Identity,
        };
        Envelope { origin: validator_key(n).1, epoch, class, seq, kind, encoding, payload }
    }

    /// Honest ones have one block for each checkpoint. A signature that nobody made may be anybody's.
    fn vote_of(&mut self, n: u8) -> SignedVote {
        let checkpoint = self.checkpoint();
        let is_forged = self.choices.below(8) == 0;
        let later = self.world.has_rotated(n) && self.choices.coin();
        let hash = match n < HONEST && !is_forged {
            true => HONEST_BLOCK,
            false => 0xa8 + self.choices.below(5),
        };
        let mut vote = vote(n, later, checkpoint, hash);
        if is_forged {
            vote.signature = Signature::from_raw([9; 64]);
        }
        remember(&mut self.said.votes, vote);
        vote
    }

    fn some_vote(&mut self) -> SignedVote {
        let n = self.loud();
        let vote = self.vote_of(n);
        let at = usize::from(self.choices.byte()) % self.said.votes.len();
        if self.choices.coin() { vote } else { self.said.votes[at] }
    }

    fn control(&mut self) -> Control {
        match self.choices.below(13) {
            0 => Control::Welcome(Welcome { last_epoch: self.edge(), authorized: true }),
            1 => self.request(),
            2 => Control::AuthorizationAnswer(Answer::Approved { votes: 1, needed: u32::MAX }),
            3 => self.director_vote(),
            4 => self.evidence(),
            5 => self.heartbeat(),
            6 => {
                let directors = vec![self.somebody()].try_into().unwrap_or_default();
                Control::Redirect(Redirect { directors })
            }
            7 => {
                let role = self.choices.of(&[Role::Primary, Role::Standby]);
                let vector = self.entries().try_into().unwrap_or_default();
                Control::Attach(Attach { role, vector })
            }
            8 => {
                let entries = self.entries().try_into().unwrap_or_default();
                Control::Vector(Vector { entries, complete: self.choices.coin() })
            }
            9 => Control::VectorRequest,
            10 => {
                let ranges: Vec<_> = (0..self.choices.below(16)).map(|_| self.range()).collect();
                Control::Fetch(Fetch { ranges: ranges.try_into().unwrap_or_default() })
            }
            11 => {
                let ranges: Vec<_> = (0..self.choices.below(8)).map(|_| self.served()).collect();
                Control::Fetched(Fetched { ranges: ranges.try_into().unwrap_or_default() })
            }
            _ => Control::Move(Redirect::default()),
        }
    }

    fn request(&mut self) -> Control {
        let n = self.loud();
        let block_number = self.world.number.saturating_add(self.choices.below(20).into());
        let block_number = block_number.saturating_sub(10);
        let request: AuthorizationRequest<AccountId32> = AuthorizationRequest {
            validator: validator_account(n),
            registration_id: u64::from(n) + 1,
            block_number,
            block_hash: block_hash(block_number),
            timestamp_ms: self.edge(),
        };
        let signature = validator_key(n).0.sign(&GENESIS, &request);
        let request = SignedAuthorizationRequest { request, signature };
        Control::AuthorizationRequest(Application { request, stake_proof: StakeProof::default() })
    }

    /// A director's, or what another one signed for it.
    fn director_vote(&mut self) -> Control {
        let n = self.choices.below(DIRECTORS);
        let of = self.loud();
        let near = first_nonce(self.world.number).saturating_add(self.choices.below(5).into());
        let vote = DirectorVote {
            validator: validator_account(of),
            registration_id: u64::from(of) + 1,
            decision: self.choices.of(&[
                Decision::Approve,
                Decision::Revoke(RevocationReason::Operator),
                Decision::Revoke(RevocationReason::DoubleSign),
            ]),
            nonce: if self.choices.below(4) == 0 { self.edge() } else { near },
            valid_until: if self.choices.below(4) == 0 { self.edge() } else { u64::MAX },
        };
        let signer: &TestKey = &director_key(self.another(n)).0;
        Control::DirectorVote(signer.director_vote(&GENESIS, director_account(n), vote))
    }

    /// The same director, seldom another one.
    fn another(&mut self, n: u8) -> u8 {
        if self.choices.below(8) == 0 { (n + 1) % DIRECTORS } else { n }
    }

    /// Of votes that were given, put together in any way.
    fn evidence(&mut self) -> Control {
        let (first, second) = (self.some_vote(), self.some_vote());
        let genesis_hash = if self.choices.below(8) == 0 { H256::zero() } else { GENESIS };
        let proof = DoubleSignProof { genesis_hash, first, second };
        let ordered = DoubleSignProof::new(genesis_hash, first, second);
        Control::Evidence(ordered.filter(|_| self.choices.coin()).unwrap_or(proof))
    }

    fn heartbeat(&mut self) -> Control {
        let n = self.choices.below(DIRECTORS);
        let vector = match self.choices.coin() {
            true => VectorSummary::Delta(self.entries()),
            false => VectorSummary::Hash(H256::repeat_byte(self.choices.byte())),
        };
        let heartbeat = Heartbeat {
            director: director_key(n).1,
            time_ms: self.edge(),
            validators: self.choices.byte().into(),
            capacity: self.choices.byte().into(),
            cpu_permille: self.choices.byte().into(),
            bandwidth_bytes_per_s: self.edge(),
            finalized: self.edge(),
            vector,
        };
        let mut signature = seal_heartbeat(&heartbeat);
        if self.choices.below(8) == 0 {
            signature.0[0] ^= 1;
        }
        Control::Heartbeat(SignedHeartbeat { heartbeat, signature })
    }

    fn entries(&mut self) -> Vec<VectorEntry> {
        let entry = |run: &mut Self| VectorEntry {
            origin: run.somebody(),
            epoch: if run.choices.below(3) == 0 { run.edge() } else { 1 },
            contiguous: [(); 4].map(|()| run.edge()),
        };
        (0..self.choices.below(6)).map(|_| entry(self)).collect()
    }

    fn range(&mut self) -> Range {
        let epoch = if self.choices.below(3) == 0 { self.edge() } else { 1 };
        let class = self.choices.of(&Priority::ALL);
        Range { origin: self.somebody(), epoch, class, first: self.edge(), last: self.edge() }
    }

    fn served(&mut self) -> Served {
        Served { range: self.range(), gone_to: self.edge(), served_to: self.edge() }
    }
}
