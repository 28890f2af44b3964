//! What the core may be told, each with its default and the reason for it.

use super::conduct;
use crate::repair;
use director_primitives::{AccountId32, PublicKey, Snapshot};
use std::collections::BTreeSet;

/// How much of one class a validator may send in the long run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Messages a second.
    pub messages_per_s: u64,
    /// Bytes a second, of whole frames. At least one frame of any length passes a rested bucket.
    pub bytes_per_s: u64,
}

/// How much each validator may send over its own connection; see `rates.rs` for what becomes of more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// For each class, in the order of `Priority::ALL`.
    ///
    /// Default for Critical, High and Normal: 2,000 messages, four times a validator's even share when
    /// 21 of them send the 10,000 messages a second that a director is made for, and a tenth of what
    /// one core can pass on, so that one flooder leaves nine tenths to the others. For Bulk 200:
    /// blocks are few. And 4 MiB in each class: a second of full rate at 2 KiB a message, and what a
    /// client keeps to send again after a failover.
    pub classes: [Rate; 4],
    /// Checkpoint votes a second beyond those limits that the detector is still shown. Default 500:
    /// within a burst all votes for all checkpoints in memory six times over (an honest validator
    /// votes once for each), at most 4 % of a core.
    pub votes_per_s: u64,
    /// How much of a rate may come at once, in milliseconds of it. Default 1,000: a client that
    /// reconnects sends what it has at once, and a longer one would let a flooder hold a core for
    /// as long.
    pub burst_ms: u64,
}

impl Default for Rates {
    fn default() -> Self {
        let bytes_per_s = 4 * 1024 * 1024;
        let messages = Rate { messages_per_s: 2_000, bytes_per_s };
        let bulk = Rate { messages_per_s: 200, bytes_per_s };
        Self { classes: [messages, messages, messages, bulk], votes_per_s: 500, burst_ms: 1_000 }
    }
}

/// Whom this director admits. What the chain asks for it asks for in any case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Least stake, in the chain's smallest unit. Default: what the chain asks for; less has no effect.
    /// A validator that falls below it is revoked.
    pub min_stake: Option<u128>,
    /// If there are any, these validators and no others are approved. Default: none.
    pub allow: BTreeSet<AccountId32>,
    /// Validators that are never approved. Default: none.
    pub deny: BTreeSet<AccountId32>,
}

impl Policy {
    /// Whether the lists have nothing against this validator.
    pub fn admits(&self, validator: &AccountId32) -> bool {
        !self.deny.contains(validator) && (self.allow.is_empty() || self.allow.contains(validator))
    }

    /// Least stake of a validator.
    pub fn least_stake(&self, snapshot: &Snapshot) -> u128 {
        snapshot.domain.min_stake.max(self.min_stake.unwrap_or_default())
    }
}

/// How the core behaves. Periods are in finalized blocks, checkpoints, or milliseconds of a clock that
/// the caller has.
#[derive(Clone, Debug)]
pub struct Config {
    /// Account of this director, as it stands in the director registry.
    pub account: AccountId32,
    /// Peer key of this director; [`super::Crypto::sign`] signs with it.
    pub peer_key: PublicKey,
    /// Fingerprints of frames that the seen-cache keeps. Default 10,000: one second at full load;
    /// the sequence windows know what it has forgotten.
    pub seen_capacity: usize,
    /// Furthest that an origin's epoch may jump ahead of its last one. Default 2^61: an epoch is
    /// usually a clock, in whatever unit; one wild value must not use up the numbers.
    pub max_epoch_jump: u64,
    /// Checkpoints below the finalized one whose votes are kept in memory. Default 64: honest votes
    /// are for the newest two or three. Older ones are compared on disk.
    pub recent_checkpoints: u64,
    /// Checkpoints below the finalized one whose votes are looked at at all. Default 10,000.
    pub history_checkpoints: u64,
    /// Checkpoints above the finalized one whose votes are looked at. Default 16: a validator may
    /// hear of a finalized block before this director does, but not by much.
    pub checkpoints_ahead: u64,
    /// Votes below the memory that may wait for the disk at once. Default 1,024.
    pub max_recalls: usize,
    /// The same for one validator, so that none takes the room of the others. Default 16.
    pub max_recalls_per_validator: usize,
    /// Whom this director admits.
    pub policy: Policy,
    /// When a validator is revoked for what it does.
    pub conduct: conduct::Limits,
    /// The wall clock at the core's moment 0, in milliseconds since the Unix epoch. Default 0: for a
    /// simulation, whose clock begins there.
    pub unix_ms_at_start: u64,
    /// Milliseconds from one heartbeat to the next. Default 200.
    pub heartbeat_ms: u64,
    /// Milliseconds from one heartbeat to a validator to the next. Default 500: enough to see how loaded a
    /// director is.
    pub validator_heartbeat_ms: u64,
    /// Bytes of the log. Default 64 MiB: ten seconds at 10,000 votes a second, minutes at the pace of a
    /// chain.
    pub log_bytes: usize,
    /// Oldest frame in the log, in milliseconds. Default 60,000: who was away for longer has to catch up on
    /// the chain anyway.
    pub log_ms: u64,
    /// Most bytes that one question is answered with, but for a single longer frame. Default 512 KiB: it
    /// fits into what a connection reads at once.
    pub fetch_page_bytes: usize,
    /// Bytes a second that a validator is sent out of the log, twice as many at once. Default 4 MiB: as fast
    /// as it may send, and a page of two seconds' outage at once.
    pub fetch_bytes_per_s: u64,
    /// The same for a director, and no more at once. Default 16 MiB: it may have to catch up on all of it.
    pub mesh_fetch_bytes_per_s: u64,
    /// Questions a second of a director. Default 64: it asks at most every 40 ms.
    pub mesh_fetches_per_s: u64,
    /// How patient this director is when it misses something.
    pub repair: repair::Settings,
    /// How long a validator for which there is no room may take to say that it only wants to stand by, in
    /// milliseconds. Default 2,000.
    pub guest_ms: u64,
    /// After so long without another director this one is ready without, in milliseconds. Default 2,000.
    pub alone_ms: u64,
    /// After so long this director is ready whatever others claim to have, in milliseconds. Default 30,000.
    pub catch_up_ms: u64,
    /// Milliseconds from one validator to the next that is asked to move. Default 20: 50 a second, so that they
    /// do not all call another director at once.
    pub drain_interval_ms: u64,
    /// How long a director that is to stop waits for its validators, in milliseconds. Default 30,000.
    pub drain_ms: u64,
    /// Oldest time that an authorization request may bear, in milliseconds before now. Default 600,000,
    /// as many as `request_max_age_blocks` at 6 s: a client asks anew every few blocks.
    pub request_max_age_ms: u64,
    /// Furthest that a request's time may be ahead of this director's clock, in milliseconds. Default
    /// 120,000: clocks that are set at all are nearer than that.
    pub clock_skew_ms: u64,
    /// Oldest block that an authorization request may name, in blocks before the finalized one.
    /// Default 100.
    pub request_max_age_blocks: u64,
    /// Blocks that a request may be ahead of this director's own view. Default 16.
    pub request_ahead_blocks: u64,
    /// How many blocks an approval counts. Default 600: an hour at 6 s; it is signed anew before
    /// it expires while the candidate still waits.
    pub approval_valid_blocks: u64,
    /// Blocks that the director of the next rank waits longer before it submits. Default 2.
    pub turn_blocks: u64,
    /// Blocks after which votes are submitted again if the chain still does not know. Default 10.
    pub resubmit_blocks: u64,
    /// Blocks after which request and vote are told to the peers again while the candidate waits.
    /// Default 3.
    pub resend_blocks: u64,
    /// How long a frame from a peer waits for its origin to be authorized at this director's own
    /// view of the chain, in milliseconds. Default 3,000: directors do not hear of a finalized block
    /// at the same moment, and what one of them already accepts must not be lost at the next.
    pub park_ms: u64,
    /// Most bytes of such frames. Default 4 MiB; more are treated as if they had waited.
    pub park_bytes: usize,
    /// What each validator may send over its own connection.
    pub rates: Rates,
    /// How long the frames of a validator that sent a forged one are checked apart from the others',
    /// in milliseconds. Default 10,000: so one forgery in ten seconds is all that it can mix in.
    pub suspect_ms: u64,
}

impl Config {
    /// Blocks that an approval must still count for this director to submit it: it may take until
    /// the next attempt before it lands. Never more than half the life of its own approvals.
    pub(super) fn submission_margin(&self) -> u64 {
        self.resubmit_blocks.min(self.approval_valid_blocks / 2)
    }

    /// The wall clock at a moment of the core's, in milliseconds since the Unix epoch.
    pub(super) fn unix_ms(&self, now: super::Millis) -> u64 {
        self.unix_ms_at_start.saturating_add(now)
    }

    /// The defaults for the director with this account and peer key.
    pub fn new(account: AccountId32, peer_key: PublicKey) -> Self {
        Self {
            account,
            peer_key,
            seen_capacity: 10_000,
            max_epoch_jump: 1 << 61,
            recent_checkpoints: 64,
            history_checkpoints: 10_000,
            checkpoints_ahead: 16,
            max_recalls: 1_024,
            max_recalls_per_validator: 16,
            policy: Policy::default(),
            conduct: conduct::Limits::default(),
            unix_ms_at_start: 0,
            heartbeat_ms: 200,
            validator_heartbeat_ms: 500,
            log_bytes: 64 * 1024 * 1024,
            log_ms: 60_000,
            fetch_page_bytes: 512 * 1024,
            fetch_bytes_per_s: 4 * 1024 * 1024,
            mesh_fetch_bytes_per_s: 16 * 1024 * 1024,
            mesh_fetches_per_s: 64,
            repair: repair::Settings::default(),
            guest_ms: 2_000,
            alone_ms: 2_000,
            catch_up_ms: 30_000,
            drain_interval_ms: 20,
            drain_ms: 30_000,
            request_max_age_ms: 600_000,
            clock_skew_ms: 120_000,
            request_max_age_blocks: 100,
            request_ahead_blocks: 16,
            approval_valid_blocks: 600,
            turn_blocks: 2,
            resubmit_blocks: 10,
            resend_blocks: 3,
            park_ms: 3_000,
            park_bytes: 4 * 1024 * 1024,
            rates: Rates::default(),
            suspect_ms: 10_000,
        }
    }
}
