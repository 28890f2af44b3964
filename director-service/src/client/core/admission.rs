//! Gets a candidate admitted: asks with a stake proof, weighs the answers, moves on.
//!
//! * upon a finalized block, while this validator is a candidate: a stake proof is made for it; it is
//!   not wanted any more when the connection ends;
//! * upon the proof: the request is signed and sent; again after [`ASK_AGAIN_BLOCKS`], since what a
//!   director has heard is gone when it restarts;
//! * upon `Approved`: waits. The directors tell each other; the chain decides;
//! * upon an answer that another block may change: asks again with the next block;
//! * upon any other no: the next director. Each decides by its own lights, and two of three suffice;
//! * upon nothing, for [`PATIENCE_BLOCKS`]: the next director. Where the chain has let us in already, after some seconds
//!   ([`super::watch`]).

use super::{Core, Output, Proven, session::Slot};
use crate::{
    client::{Event, signer::Keys},
    repair::Millis,
};
use director_primitives::{
    Answer, Application, AuthorizationRequest, Control, PublicKey, SignedAuthorizationRequest,
    runtime_api::ValidatorStatus,
};

/// Blocks after which a candidate asks a director again.
pub(in crate::client) const ASK_AGAIN_BLOCKS: u64 = 4;

/// Blocks at one director after which a candidate tries the next one. Seven directors take turns at
/// submitting in 12.
pub(in crate::client) const PATIENCE_BLOCKS: u64 = 16;

/// Whether the same request may be answered otherwise a block later: the director's node is behind
/// ours, or does not answer.
fn passes(answer: Answer) -> bool {
    matches!(answer, Answer::Stale | Answer::NotRegistered | Answer::Unavailable)
}

impl<K: Keys> Core<K> {
    /// Asks the primary to be authorized, if that makes sense now: has the proof made first.
    pub(super) fn ask(&mut self, out: &mut Vec<Output>) {
        let Some(snapshot) = self.snapshot.clone() else { return };
        let Some(director) = self.links.primary() else { return };
        let refused_at = self.links.refused_at(&director);
        let Some(session) = self.links.session_mut(&director) else { return };
        if !session.welcomed || session.authorized || session.proving.is_some() {
            return;
        }
        let Some(own) = snapshot.validator_by_peer_key(&self.keys.key()) else { return };
        // Once the chain has us authorized, the director says so by itself.
        if own.account != self.config.account || own.status != ValidatorStatus::Candidate {
            return;
        }
        let asked_at = session.asked_at.or(refused_at);
        if asked_at.is_some_and(|at| snapshot.number < at.saturating_add(ASK_AGAIN_BLOCKS)) {
            return;
        }
        session.asked_at = Some(snapshot.number);
        self.attempts += 1;
        session.proving = Some(self.attempts);
        out.push(Output::Prove {
            attempt: self.attempts,
            account: own.account.clone(),
            registration_id: own.registration_id,
            block: (snapshot.number, snapshot.hash),
        });
    }

    /// Sends the request that the proof is for, if it is for this connection.
    pub(super) fn proven(&mut self, now: Millis, proven: Proven, out: &mut Vec<Output>) {
        let Some(director) = self.links.primary() else { return };
        let Some(session) = self.links.session_mut(&director) else { return };
        if session.proving != Some(proven.attempt) {
            return;
        }
        session.proving = None;
        let stake_proof = match proven.result {
            Ok(stake_proof) => stake_proof,
            Err(error) => {
                let block = proven.block.0;
                tracing::warn!(
                    block,
                    "cannot prove the stake to a director ({error}); trying again with the next \
                     block, check that the node runs and keeps the states of recent blocks"
                );
                session.asked_at = None;
                return;
            }
        };
        if session.authorized {
            return;
        }
        let (block_number, block_hash) = proven.block;
        let request = AuthorizationRequest {
            validator: self.config.account.clone(),
            registration_id: proven.registration_id,
            block_number,
            block_hash,
            timestamp_ms: self.unix_ms(now),
        };
        let signature = self.keys.sign_statement(&self.config.genesis_hash, &request);
        let request = SignedAuthorizationRequest { request, signature };
        let message = Control::AuthorizationRequest(Application { request, stake_proof });
        out.push(Output::Send { to: director, message });
    }

    /// A director answers, or says by itself that it has revoked us.
    pub(super) fn answer(
        &mut self,
        now: Millis,
        director: PublicKey,
        answer: Answer,
        out: &mut Vec<Output>,
    ) {
        let Some(session) = self.links.session(&director) else { return };
        let is_primary = session.slot == Slot::Primary;
        match answer {
            Answer::AlreadyAuthorized => return self.authorized(now, director, out),
            Answer::Approved { votes, needed } => {
                return out.push(Output::Tell(Event::Approved { director, votes, needed }));
            }
            // An answer from before it was finalized.
            refused if session.authorized && !matches!(refused, Answer::Revoked(_)) => return,
            _ => {}
        }
        self.shut_out(now, &director, answer, out);
        if passes(answer) {
            if let Some(session) = self.links.session_mut(&director) {
                session.asked_at = None;
            }
            return;
        }
        self.links.refused(director, self.block());
        if is_primary {
            self.leave(now, &director, out);
        } else {
            self.choice.avoid(&director, now, self.config.avoid_ms);
            self.drop_link(now, &director, out);
        }
    }

    /// Tries the next director if this one has not let us in for long.
    pub(super) fn lose_patience(&mut self, now: Millis, out: &mut Vec<Output>) {
        let Some(snapshot) = self.snapshot.clone() else { return };
        let Some(director) = self.links.primary() else { return };
        let Some(session) = self.links.session(&director) else { return };
        let own = snapshot.validator_by_peer_key(&self.keys.key());
        let admissible = own.is_some_and(|own| {
            matches!(own.status, ValidatorStatus::Candidate | ValidatorStatus::Authorized)
        });
        let long = snapshot.number >= session.since.saturating_add(PATIENCE_BLOCKS);
        if admissible && long && !session.authorized && self.choice.len() > 1 {
            let blocks = PATIENCE_BLOCKS;
            tracing::info!(%director, "not admitted for {blocks} blocks; trying the next director");
            self.leave(now, &director, out);
        }
    }
}
