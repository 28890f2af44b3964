//! Notices when a validator misbehaves so often, or so plainly, that it is to be revoked.
//!
//! * *Two envelopes for one place in a sequence*, both rightly signed: once is enough, no honest client
//!   does it. The second one is passed on to the other directors, and to nobody else, so that each of
//!   them convicts the validator by itself.
//! * *Wrong signatures* of frames over the validator's own connection, where nobody else can have made
//!   them, and of votes in an envelope that it signed: a handful, in case that memory or a disk fails.
//! * *Limits broken* in several of the last periods: an honest client that comes back after an outage
//!   exceeds them for some seconds, not for a minute.
//!
//! What only one director sees convicts with that director alone: it serves the validator no more. The
//! validator goes to the next one, and if it goes on there as before, that one revokes it too.
//!
//! Memory: one record for each registered validator that ever misbehaved.

use super::{
    Crypto, Director, Link, Millis, Output, Recipients, Refusal, relay::Passing, rules::Screened,
};
use director_primitives::{AccountId32, RevocationReason, Snapshot};
use std::{collections::HashMap, sync::Arc};

/// What is too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Length of a period in milliseconds. Default 10,000.
    pub period_ms: u64,
    /// Refused messages of one period that make it a bad one. Default 200: 20 a second beyond the limits.
    pub limited_per_period: u32,
    /// Bad periods among the last [`PERIODS`] that revoke. Default 6: a minute of two.
    pub limited_periods: u32,
    /// Wrong signatures within [`PERIODS`] that revoke. Default 20.
    pub forged: u32,
}

/// Periods that are remembered.
pub const PERIODS: u32 = 12;

impl Default for Limits {
    fn default() -> Self {
        Self { period_ms: 10_000, limited_per_period: 200, limited_periods: 6, forged: 20 }
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Record {
    /// The period that is counted, from the director's start.
    period: u64,
    /// Messages refused in it.
    limited: u32,
    /// Bit `i`: the limits were broken in the period `i` before it.
    bad: u32,
    /// Wrong signatures by period, the present one first.
    forged: [u32; PERIODS as usize],
    equivocated: bool,
}

impl Record {
    fn advance(&mut self, period: u64) {
        let by = period.saturating_sub(self.period).min(PERIODS.into()) as usize;
        if by == 0 {
            return;
        }
        self.period = period;
        self.limited = 0;
        self.bad = self.bad.checked_shl(by as u32).unwrap_or_default() & ((1 << PERIODS) - 1);
        self.forged.rotate_right(by % PERIODS as usize);
        self.forged[..by].fill(0);
    }
}

/// What validators did.
#[derive(Debug)]
pub(super) struct Conduct {
    limits: Limits,
    records: HashMap<AccountId32, Record>,
}

impl Conduct {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, records: HashMap::new() }
    }

    fn record(&mut self, validator: &AccountId32, now: Millis) -> &mut Record {
        let record = self.records.entry(validator.clone()).or_default();
        record.advance(now / self.limits.period_ms.max(1));
        record
    }

    /// A message of the validator was refused for its limits.
    pub(super) fn limited(
        &mut self,
        validator: &AccountId32,
        now: Millis,
    ) -> Option<RevocationReason> {
        let Limits { limited_per_period, limited_periods, .. } = self.limits;
        let record = self.record(validator, now);
        record.limited = record.limited.saturating_add(1);
        if record.limited >= limited_per_period {
            record.bad |= 1;
        }
        (record.bad.count_ones() >= limited_periods).then_some(RevocationReason::RateLimit)
    }

    /// The validator sent something with a wrong signature.
    pub(super) fn forged(
        &mut self,
        validator: &AccountId32,
        now: Millis,
    ) -> Option<RevocationReason> {
        let most = self.limits.forged;
        let record = self.record(validator, now);
        record.forged[0] = record.forged[0].saturating_add(1);
        let all: u32 = record.forged.iter().fold(0, |sum, of| sum.saturating_add(*of));
        (all >= most).then_some(RevocationReason::InvalidSignatures)
    }

    /// The validator signed two envelopes for one place. `true` the first time.
    pub(super) fn equivocated(&mut self, validator: &AccountId32, now: Millis) -> bool {
        !std::mem::replace(&mut self.record(validator, now).equivocated, true)
    }

    /// Forgets who is not registered any more.
    pub(super) fn retain(&mut self, snapshot: &Snapshot) {
        self.records.retain(|validator, _| snapshot.validator(validator).is_some());
    }
}

impl<C: Crypto> Director<C> {
    /// A frame whose signature is wrong. Over its own connection, that is the validator's own doing.
    pub(super) fn forged(
        &mut self,
        now: Millis,
        snapshot: &Snapshot,
        frame: &Screened<'_>,
        out: &mut Vec<Output>,
    ) {
        self.refuse(Refusal::BadSignature);
        if frame.received.link == Link::Public {
            let until = now.saturating_add(self.config.suspect_ms);
            self.senders.forged(&frame.validator, frame.header.class, until);
            let reason = self.conduct.forged(&frame.validator, now);
            self.convict(now, snapshot, &frame.validator, reason, out);
        }
    }

    /// Revokes a validator if its conduct gives a reason.
    pub(super) fn convict(
        &mut self,
        now: Millis,
        snapshot: &Snapshot,
        validator: &AccountId32,
        reason: Option<RevocationReason>,
        out: &mut Vec<Output>,
    ) {
        if let Some(reason) = reason {
            self.revoke(now, snapshot, validator, reason, out);
        }
    }

    /// A validator signed two envelopes for one place in its sequence.
    ///
    /// The other directors get the second one, the first time, and convict the validator by themselves. Returns whether they do now.
    pub(super) fn equivocated(
        &mut self,
        now: Millis,
        snapshot: &Snapshot,
        frame: &Screened<'_>,
        is_known: bool,
        out: &mut Vec<Output>,
    ) -> bool {
        self.stats.envelope_equivocations += 1;
        let is_told = self.conduct.equivocated(&frame.validator, now) && !is_known;
        if is_told {
            let Passing { frame, class, origin, from, .. } = Passing::of(frame, false);
            let (mesh, public) = (self.members.mesh().clone(), Arc::new([]));
            let to = Recipients { mesh, public, origin, from };
            out.push(Output::Relay { frame, class, to });
        }
        let reason = RevocationReason::EnvelopeEquivocation;
        self.revoke(now, snapshot, &frame.validator, reason, out);
        is_told
    }
}
