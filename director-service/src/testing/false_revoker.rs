//! Revokes validators that did nothing.

use super::Liar;
use crate::client::Signer;
use director_primitives::{Control, Decision, RevocationReason, Snapshot};

/// A director that wants everybody out.
pub struct FalseRevoker<S>(Liar<S>);

impl<S: Signer> FalseRevoker<S> {
    /// A false revoker.
    pub fn new(liar: Liar<S>) -> Self {
        Self(liar)
    }

    /// Revocations of every validator, for every reason, in its own name and in those of all others.
    pub fn revoke_everybody(&mut self, snapshot: &Snapshot) -> Vec<Control> {
        const REASONS: [RevocationReason; 6] = [
            RevocationReason::LowStake,
            RevocationReason::RateLimit,
            RevocationReason::EnvelopeEquivocation,
            RevocationReason::InvalidSignatures,
            RevocationReason::DoubleSign,
            RevocationReason::Operator,
        ];
        let mut lies = Vec::new();
        for validator in snapshot.validators() {
            for reason in REASONS {
                let vote = self.0.vote(snapshot, validator, Decision::Revoke(reason));
                lies.extend(self.0.in_all_names(snapshot, &vote));
            }
        }
        lies
    }
}
