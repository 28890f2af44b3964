//! Revokes validators: for what they did, for too little stake, or because the operator says so.
//!
//! A revocation is a vote ([`super::ballots`]). What follows from the votes that are there is kept here:
//! whom this director serves no more because it revoked it itself, and whom nobody may serve because
//! enough directors did.

use super::{Crypto, Director, Millis, Output, ballots::is_open};
use director_primitives::{
    AccountId32, Decision, RevocationReason, Snapshot,
    runtime_api::{ValidatorInfo, ValidatorStatus},
};
use std::collections::HashMap;

/// Validators that are to be kept out although the chain has them authorized.
#[derive(Debug, Default)]
pub(super) struct Outlaws {
    /// Revoked by enough directors, with this director's or somebody's reason and since when.
    revoked: HashMap<AccountId32, (RevocationReason, Millis)>,
    /// Revoked by this director.
    unwanted: HashMap<AccountId32, RevocationReason>,
}

impl Outlaws {
    /// Forgets those about whom nothing is open any more.
    pub(super) fn retain(&mut self, is_open: impl Fn(&AccountId32) -> bool) {
        self.revoked.retain(|account, _| is_open(account));
        self.unwanted.retain(|account, _| is_open(account));
    }

    /// Why this director revoked the validator, if it did.
    pub(super) fn unwanted(&self, validator: &AccountId32) -> Option<RevocationReason> {
        self.unwanted.get(validator).copied()
    }

    /// Why enough directors revoked the validator, if they did.
    pub(super) fn revoked(&self, validator: &AccountId32) -> Option<RevocationReason> {
        self.revoked.get(validator).map(|(reason, _)| *reason)
    }

    /// Whether what a validator says is passed on no more: `grace_ms` after its revocation.
    pub(super) fn is_silenced(&self, validator: &AccountId32, now: Millis, grace_ms: u64) -> bool {
        // Nearly always nobody.
        !self.revoked.is_empty()
            && self
                .revoked
                .get(validator)
                .is_some_and(|(_, since)| now >= since.saturating_add(grace_ms))
    }
}

/// What becomes of an operator's wish to revoke a validator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevokeOutcome {
    /// It is signed, or was before.
    Signed {
        /// Revocations that count.
        votes: u32,
        /// Revocations that it takes.
        needed: u32,
    },
    /// No such validator is registered.
    NotRegistered,
    /// It may not speak anyway: it was revoked, is tombstoned or leaves.
    NotEligible,
    /// This node is no active director (yet), or knows no finalized block.
    NoDirectorOurselves,
}

impl<C: Crypto> Director<C> {
    /// An operator wants a validator out.
    pub(super) fn revoke_for_operator(
        &mut self,
        now: Millis,
        validator: &AccountId32,
        out: &mut Vec<Output>,
    ) -> RevokeOutcome {
        let snapshot = self.snapshot.clone();
        let Some(snapshot) = snapshot.filter(|s| s.director(&self.config.account).is_some()) else {
            return RevokeOutcome::NoDirectorOurselves;
        };
        let Some(status) = snapshot.validator(validator).map(|validator| validator.status) else {
            return RevokeOutcome::NotRegistered;
        };
        if !is_open(status) {
            return RevokeOutcome::NotEligible;
        }
        self.revoke(now, &snapshot, validator, RevocationReason::Operator, out);
        let tally = snapshot.validator(validator).map(|of| self.tally(&snapshot, of));
        let (votes, needed) = tally.unwrap_or_default();
        RevokeOutcome::Signed { votes, needed }
    }

    /// Signs a revocation and cuts the validator off here, unless that was done already.
    pub(super) fn revoke(
        &mut self,
        now: Millis,
        snapshot: &Snapshot,
        validator: &AccountId32,
        reason: RevocationReason,
        out: &mut Vec<Output>,
    ) {
        let Some(info) = snapshot.validator(validator).filter(|of| is_open(of.status)) else {
            return;
        };
        let ballot = self.ballots.entry(validator, info.registration_id);
        if snapshot.director(&self.config.account).is_none()
            || ballot.revocation_by(&self.config.account).is_some()
        {
            return;
        }
        // It takes the place of an approval.
        ballot.votes.remove(&self.config.account);
        ballot.application = None;
        self.sign(snapshot, validator, Decision::Revoke(reason), out);
        self.take_effect(now, snapshot, validator, out);
    }

    /// Revokes whose stake has fallen below what this director asks for.
    pub(super) fn revoke_low_stakes(
        &mut self,
        now: Millis,
        snapshot: &Snapshot,
        out: &mut Vec<Output>,
    ) {
        let least = self.config.policy.least_stake(snapshot);
        let is_low = |of: &&ValidatorInfo<AccountId32>| {
            of.status == ValidatorStatus::Authorized && of.stake < least
        };
        let low: Vec<_> =
            snapshot.validators().iter().filter(is_low).map(|of| of.account.clone()).collect();
        for validator in low {
            self.revoke(now, snapshot, &validator, RevocationReason::LowStake, out);
        }
    }

    /// Settles whether a validator is kept out. `true` if that has changed.
    pub(super) fn judge_outlaw(
        &mut self,
        now: Millis,
        snapshot: &Snapshot,
        validator: &AccountId32,
    ) -> bool {
        let Some(info) = snapshot.validator(validator) else { return false };
        let Some(ballot) = self.ballots.by_validator.get(validator) else { return false };
        let own = ballot.revocation_by(&self.config.account);
        let any = || {
            let mut reasons = ballot.votes.values().filter_map(|vote| match vote.vote.decision {
                Decision::Revoke(reason) => Some(reason),
                Decision::Approve => None,
            });
            reasons.next()
        };
        let (votes, needed) = self.tally(snapshot, info);
        let is_out = info.status == ValidatorStatus::Authorized && votes >= needed;
        let reason = if is_out { own.or_else(any) } else { None };
        let Outlaws { revoked, unwanted } = &mut self.outlaws;
        let was = (revoked.contains_key(validator), unwanted.contains_key(validator));
        match reason {
            Some(reason) => {
                revoked.entry(validator.clone()).or_insert_with(|| {
                    self.stats.revocations += 1;
                    (reason, now)
                });
            }
            None => {
                revoked.remove(validator);
            }
        }
        match own {
            Some(reason) => {
                unwanted.insert(validator.clone(), reason);
            }
            None => {
                unwanted.remove(validator);
            }
        }
        was != (revoked.contains_key(validator), unwanted.contains_key(validator))
    }
}
