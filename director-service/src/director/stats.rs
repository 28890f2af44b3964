//! Counts what the core did and what it refused.

use director_primitives::Priority;

/// Why something was not accepted, or not passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// No finalized block is known yet.
    NotReady,
    /// Not a signed envelope.
    Malformed,
    /// It came over the mesh from somebody who is no active director.
    NotADirector,
    /// A validator sent an envelope of somebody else.
    ForeignOrigin,
    /// The sender has exceeded what it may send in that class.
    RateLimited,
    /// The origin is no registered validator.
    UnknownOrigin,
    /// The origin is registered and not authorized.
    Unauthorized,
    /// The origin has started anew since.
    OldEpoch,
    /// The epoch is too far ahead of the origin's last one.
    EpochTooFar,
    /// The signature is not the origin's.
    BadSignature,
    /// The origin signed another envelope with this place in its sequence.
    Equivocation,
    /// The payload is not a vote.
    MalformedVote,
    /// The vote is compressed, so that the detector could not see it.
    CompressedVote,
    /// The vote's key is none of the origin's checkpoint keys.
    ForeignVoteKey,
    /// The vote is for a checkpoint below the history.
    VoteTooOld,
    /// The vote is for a checkpoint too far above the finalized one.
    VoteTooFarAhead,
    /// The vote's own signature is wrong.
    InvalidVote,
    /// The same vote was passed on already.
    RepeatedVote,
    /// Two votes of that validator for that checkpoint were passed on already.
    ThirdVote,
    /// Too many votes wait for the disk.
    TooManyRecalls,
    /// A control message that this sender may not send.
    UnexpectedControl,
    /// An authorization request that was answered with anything but approval.
    RequestRefused,
    /// A director's vote that says nothing: about nothing that is open, by no active director, expired, of
    /// an earlier term or from the future.
    UselessDirectorVote,
    /// A director's vote with a wrong signature.
    BadDirectorVote,
    /// A heartbeat that is not newer than the last, or not signed by the director that sent it.
    BadHeartbeat,
    /// A peer's proof that proves nothing: forged, or for another chain.
    ForgedProof,
    /// A peer's proof of an offence that is punished or excused already.
    LateProof,
    /// More proofs against one validator than are needed.
    SurplusProof,
}

impl Refusal {
    /// All reasons.
    pub const ALL: [Self; 28] = [
        Self::NotReady,
        Self::Malformed,
        Self::NotADirector,
        Self::ForeignOrigin,
        Self::RateLimited,
        Self::UnknownOrigin,
        Self::Unauthorized,
        Self::OldEpoch,
        Self::EpochTooFar,
        Self::BadSignature,
        Self::Equivocation,
        Self::MalformedVote,
        Self::CompressedVote,
        Self::ForeignVoteKey,
        Self::VoteTooOld,
        Self::VoteTooFarAhead,
        Self::InvalidVote,
        Self::RepeatedVote,
        Self::ThirdVote,
        Self::TooManyRecalls,
        Self::UnexpectedControl,
        Self::RequestRefused,
        Self::UselessDirectorVote,
        Self::BadDirectorVote,
        Self::BadHeartbeat,
        Self::ForgedProof,
        Self::LateProof,
        Self::SurplusProof,
    ];

    /// The reason's name as a metric label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotReady => "not_ready",
            Self::Malformed => "malformed",
            Self::NotADirector => "not_a_director",
            Self::ForeignOrigin => "foreign_origin",
            Self::RateLimited => "rate_limited",
            Self::UnknownOrigin => "unknown_origin",
            Self::Unauthorized => "unauthorized",
            Self::OldEpoch => "old_epoch",
            Self::EpochTooFar => "epoch_too_far",
            Self::BadSignature => "bad_signature",
            Self::Equivocation => "equivocation",
            Self::MalformedVote => "malformed_vote",
            Self::CompressedVote => "compressed_vote",
            Self::ForeignVoteKey => "foreign_vote_key",
            Self::VoteTooOld => "vote_too_old",
            Self::VoteTooFarAhead => "vote_too_far_ahead",
            Self::InvalidVote => "invalid_vote",
            Self::RepeatedVote => "repeated_vote",
            Self::ThirdVote => "third_vote",
            Self::TooManyRecalls => "too_many_recalls",
            Self::UnexpectedControl => "unexpected_control",
            Self::RequestRefused => "request_refused",
            Self::UselessDirectorVote => "useless_director_vote",
            Self::BadDirectorVote => "bad_director_vote",
            Self::BadHeartbeat => "bad_heartbeat",
            Self::ForgedProof => "forged_proof",
            Self::LateProof => "late_proof",
            Self::SurplusProof => "surplus_proof",
        }
    }
}

/// How often each [`Refusal`] happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refused([u64; Refusal::ALL.len()]);

impl Refused {
    pub(super) fn add(&mut self, reason: Refusal) {
        self.0[reason as usize] += 1;
    }

    /// How often this happened.
    pub fn get(&self, reason: Refusal) -> u64 {
        self.0[reason as usize]
    }

    /// Each reason with its count.
    pub fn iter(&self) -> impl Iterator<Item = (Refusal, u64)> + '_ {
        Refusal::ALL.into_iter().map(|reason| (reason, self.get(reason)))
    }

    /// All of them together.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

/// Buckets of [`Stats::verify_batch`].
pub const BATCH_BUCKETS: usize = 12;

/// How exactly the time of a certificate is known: its owner lets time go by as often.
pub const TICK_MS: u64 = 50;

/// Buckets of [`Stats::certificate_ms`]; the last one has everything above 25.6 s.
pub const CERTIFICATE_BUCKETS: usize = 11;

/// What the core did since it was made. Numbers only grow, but for the gauges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Frames that came in, whatever became of them.
    pub frames: u64,
    /// Frames that were passed on.
    pub relayed: u64,
    /// Copies that were handed out for them.
    pub deliveries: u64,
    /// Repeats that were not passed on again: loops, replays, second ways through the mesh.
    pub loops_prevented: u64,
    /// Of the repeats, the ones that only the sequence window still knew.
    pub replays_after_eviction: u64,
    /// Frames of peers that waited for their origin to be authorized at this director's own view.
    pub parked: u64,
    /// Frames of suspects: of validators that sent a forged one a moment ago.
    pub suspect_frames: u64,
    /// Envelope signatures that were checked.
    pub signatures_checked: u64,
    /// How often so many were checked together: bucket 0 counts single ones, bucket `i` batches of
    /// more than `2^(i-1)` and at most `2^i`, the last bucket all that are larger.
    pub verify_batch: [u64; BATCH_BUCKETS],
    /// Correctly signed votes that the detector saw.
    pub votes_seen: u64,
    /// Votes so far beyond their sender's limits that nobody looked at them; not passed on either.
    pub votes_unseen: u64,
    /// Frames that were not passed on because of their sender's limits, by class.
    pub rate_limited: [u64; 4],
    /// Votes that were compared with the disk.
    pub votes_recalled: u64,
    /// Second envelopes for one place in a sequence, both correctly signed.
    pub envelope_equivocations: u64,
    /// Votes with a wrong signature of their own, from origins that signed the envelope.
    pub invalid_votes: u64,
    /// Double signs that this director proved by itself.
    pub double_signs_detected: u64,
    /// Proofs that came from peers and were new and right.
    pub proofs_from_peers: u64,
    /// Requests of candidates that came in, from themselves or over the mesh.
    pub requests: u64,
    /// Stake proofs that were handed out to be checked.
    pub stakes_checked: u64,
    /// Approvals that this director signed.
    pub approvals_signed: u64,
    /// Revocations that this director signed.
    pub revocations_signed: u64,
    /// Validators that enough directors revoked, as this director heard before the chain did.
    pub revocations: u64,
    /// Validators that were sent away because there was no room.
    pub redirects: u64,
    /// Heartbeats that this director signed.
    pub heartbeats_sent: u64,
    /// Heartbeats of other directors that were new and right.
    pub heartbeats_heard: u64,
    /// Votes of other directors that were accepted.
    pub director_votes_accepted: u64,
    /// Times that collected votes were handed to the chain.
    pub submissions: u64,
    /// Messages that were missing and came because they were asked for.
    pub repaired: u64,
    /// Of these, messages that another director was asked for long before and has not sent.
    pub withheld: u64,
    /// Messages that are missing and that nobody has any more.
    pub given_up: u64,
    /// Questions to other directors for what is missing.
    pub fetches_asked: u64,
    /// Questions of directors and validators that were answered.
    pub fetches_served: u64,
    /// Bytes of frames that were sent for them, or to a validator that said where it had stopped.
    pub replayed_bytes: u64,
    /// Times that what a director said it has was not what its hash says.
    pub vectors_mismatched: u64,
    /// Validators that were asked to move because this director will stop.
    pub moves_asked: u64,
    /// Checkpoints at which enough authorized validators voted for one block, as this director saw it happen.
    pub certificates: u64,
    /// How long that took from the first vote: bucket 0 counts less than a tick, bucket `i` up to `50 ms * 2^i`.
    pub certificate_ms: [u64; CERTIFICATE_BUCKETS],
    /// All that time together, in milliseconds.
    pub certificate_ms_sum: u64,
    /// Gauge: the newest such checkpoint.
    pub certified: u64,
    /// Gauge: directors that are connected.
    pub mesh_connections: u64,
    /// Gauge: validators and candidates that are connected, but for standbys.
    pub public_connections: u64,
    /// Gauge: validators that are connected and want only to know what there is.
    pub standby_connections: u64,
    /// Gauge: frames in the log.
    pub log_frames: u64,
    /// Gauge: bytes of the log.
    pub log_bytes: u64,
    /// Gauge: how long the oldest frame has been in the log, in milliseconds.
    pub log_oldest_ms: u64,
    /// Gauge: sequences of which something is missing.
    pub behind: u64,
    /// Gauge: number of the finalized block.
    pub finalized: u64,
    /// Gauge: validators that are authorized at that block.
    pub authorized: u64,
    /// Gauge: votes in memory.
    pub votes_in_memory: u64,
    /// What was refused, by reason.
    pub refused: Refused,
}

impl Stats {
    /// So many signatures are checked together.
    pub(super) fn verify(&mut self, frames: usize) {
        self.signatures_checked += frames as u64;
        let bucket = frames.next_power_of_two().ilog2() as usize;
        self.verify_batch[bucket.min(BATCH_BUCKETS - 1)] += 1;
    }

    /// A checkpoint has its votes, so long after the first of them.
    pub(super) fn certified(&mut self, checkpoint: u64, after_ms: u64) {
        self.certificates += 1;
        self.certified = self.certified.max(checkpoint);
        self.certificate_ms_sum += after_ms;
        let bucket = after_ms.div_ceil(TICK_MS).max(1).next_power_of_two().ilog2() as usize;
        self.certificate_ms[bucket.min(CERTIFICATE_BUCKETS - 1)] += 1;
    }

    /// Frames of this class that were not passed on because of their sender's limits.
    pub fn rate_limited(&self, class: Priority) -> u64 {
        self.rate_limited[class.index()]
    }
}
