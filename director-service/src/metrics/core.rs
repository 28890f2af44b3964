//! What the core counts.

use super::{
    class_name,
    histogram::Counted,
    list::{Counters, Gauges, List, in_unit, plain, set},
};
use crate::director::{Refusal, Stats, TICK_MS};
use director_primitives::Priority;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::{Registry, Unit},
};
use std::sync::atomic::AtomicU64;

const COUNTERS: List<Stats> = &[
    ("frames", "Frames that came in", |of| of.frames),
    ("relayed", "Messages that were passed on", |of| of.relayed),
    ("deliveries", "Copies that were handed out for them", |of| of.deliveries),
    ("loops_prevented", "Repeats that were not passed on", |of| of.loops_prevented),
    ("suspect_frames", "Frames of senders of forged ones", |of| of.suspect_frames),
    ("signatures_checked", "Envelope signatures checked", |of| of.signatures_checked),
    ("votes_seen", "Signed votes that the detector saw", |of| of.votes_seen),
    ("votes_unseen", "Votes beyond all limits, not looked at", |of| of.votes_unseen),
    ("double_signs_detected", "Double signs proven here", |of| of.double_signs_detected),
    ("proofs_from_peers", "New proofs of other directors", |of| of.proofs_from_peers),
    ("parked", "Frames that waited for a block", |of| of.parked),
    ("votes_recalled", "Votes compared with the disk", |of| of.votes_recalled),
    ("invalid_votes", "Votes with a wrong signature of their own", |of| of.invalid_votes),
    ("envelope_equivocations", "Second envelopes for one place in a sequence", |of| {
        of.envelope_equivocations
    }),
    (
        "replays_after_eviction",
        "Repeats that only the sequence window knew, and frames behind it",
        |of| of.replays_after_eviction,
    ),
    ("authorization_requests", "Requests of candidates, of themselves or passed on", |of| {
        of.requests
    }),
    ("director_votes_accepted", "Votes of other directors that were new and right", |of| {
        of.director_votes_accepted
    }),
    ("heartbeats_sent", "Heartbeats that this director signed", |of| of.heartbeats_sent),
    ("approvals_signed", "Approvals of candidates signed", |of| of.approvals_signed),
    ("stakes_checked", "Stake proofs of candidates checked", |of| of.stakes_checked),
    ("revocations_signed", "Revocations signed", |of| of.revocations_signed),
    ("revocations", "Validators cut off by enough directors", |of| of.revocations),
    ("redirects", "Validators sent elsewhere for want of room", |of| of.redirects),
    ("heartbeats_heard", "Heartbeats of other directors", |of| of.heartbeats_heard),
    ("submissions", "Times that collected votes were submitted", |of| of.submissions),
    ("repaired", "Messages that came because they were asked for", |of| of.repaired),
    ("withheld", "Messages that one director was asked for and another one sent", |of| of.withheld),
    ("given_up", "Missing messages that nobody has any more", |of| of.given_up),
    ("fetches_asked", "Questions to directors for what is missing", |of| of.fetches_asked),
    ("fetches_served", "Questions of others that were answered", |of| of.fetches_served),
    ("replayed_bytes", "Bytes out of the log for whoever missed them", |of| of.replayed_bytes),
    ("vectors_mismatched", "Times that a director's vector was not what its hash says", |of| {
        of.vectors_mismatched
    }),
    ("moves_asked", "Validators asked to move by a drain", |of| of.moves_asked),
    ("certificates", "Checkpoints that got enough votes", |of| of.certificates),
];

const GAUGES: List<Stats> = &[
    ("finalized_block", "Newest finalized block known", |of| of.finalized),
    ("certified_checkpoint", "Newest checkpoint with enough votes", |of| of.certified),
    ("standby_connections", "Validators that only stand by", |of| of.standby_connections),
    ("log_frames", "Messages in the log", |of| of.log_frames),
    ("behind", "Sequences of which something is missing", |of| of.behind),
    ("authorized_validators", "Validators that may speak", |of| of.authorized),
    ("votes_in_memory", "Votes that the detector holds", |of| of.votes_in_memory),
];

/// What the core counts.
pub(super) struct Core {
    counters: Counters<Stats>,
    gauges: Gauges<Stats>,
    verify_batch: Counted,
    certificate_seconds: Counted,
    rate_limited: Family<Class, Counter>,
    refused: Family<Reason, Counter>,
    log_bytes: Gauge<u64, AtomicU64>,
    log_oldest_seconds: Gauge<f64, AtomicU64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Class {
    class: &'static str,
}

impl Core {
    pub(super) fn new(r: &mut Registry) -> Self {
        let certificate = "From a checkpoint's first vote to as many as a certificate takes";
        Self {
            counters: Counters::new(r, COUNTERS),
            gauges: Gauges::new(r, GAUGES),
            verify_batch: plain(r, "verify_batch", "Frames whose signatures came together"),
            certificate_seconds: in_unit(r, "certificate", certificate, Unit::Seconds),
            rate_limited: plain(r, "rate_limited", "Messages beyond limits, by class"),
            refused: plain(r, "refused", "Messages that were refused, by reason"),
            log_bytes: in_unit(r, "log", "Bytes of the log", Unit::Bytes),
            log_oldest_seconds: in_unit(
                r,
                "log_oldest",
                "Age of its oldest message",
                Unit::Seconds,
            ),
        }
    }

    pub(super) fn take(&self, stats: &Stats) {
        self.counters.take(stats);
        self.gauges.take(stats);
        for reason in Refusal::ALL {
            let label = Reason { reason: reason.name() };
            set(&self.refused.get_or_create(&label), stats.refused.get(reason));
        }
        for class in Priority::ALL {
            let label = Class { class: class_name(class) };
            set(&self.rate_limited.get_or_create(&label), stats.rate_limited(class));
        }
        // A batch of exactly so many is still in the bucket.
        let bound = |at: usize| 2f64.powi(at as i32);
        self.verify_batch.set(&stats.verify_batch, bound, stats.signatures_checked as f64);
        let bound = |at: usize| TICK_MS as f64 / 1e3 * 2f64.powi(at as i32);
        let sum = stats.certificate_ms_sum as f64 / 1e3;
        self.certificate_seconds.set(&stats.certificate_ms, bound, sum);
        self.log_bytes.set(stats.log_bytes);
        self.log_oldest_seconds.set(stats.log_oldest_ms as f64 / 1e3);
    }
}
