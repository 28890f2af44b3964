//! Approves validators that have no stake, or asked nobody.

use super::Liar;
use crate::client::Signer;
use director_primitives::{
    AccountId32, Application, Control, Decision, SignedAuthorizationRequest, Snapshot, StakeProof,
};

/// A director that approves whomever it likes, and passes on requests with proofs that prove nothing.
pub struct FalseApprover<S>(Liar<S>);

impl<S: Signer> FalseApprover<S> {
    /// A false approver.
    pub fn new(liar: Liar<S>) -> Self {
        Self(liar)
    }

    /// Approvals of every validator, authorized or not, several of each, in its own name and in those of
    /// all others.
    pub fn approve_everybody(&mut self, snapshot: &Snapshot) -> Vec<Control> {
        let mut lies = Vec::new();
        for validator in snapshot.validators() {
            for _ in 0..3 {
                let vote = self.0.vote(snapshot, validator, Decision::Approve);
                lies.extend(self.0.in_all_names(snapshot, &vote));
            }
        }
        lies
    }

    /// A candidate's own request, as this director heard it, with a proof of its own making.
    pub fn pass_on(&self, request: SignedAuthorizationRequest<AccountId32>) -> Control {
        let nodes = vec![vec![0x80; 64], b"I have seen the stake".to_vec()];
        let stake_proof = StakeProof::new(nodes).unwrap_or_default();
        Control::AuthorizationRequest(Application { request, stake_proof })
    }
}
