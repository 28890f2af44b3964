//! Gets a candidate admitted: asks with a stake proof, weighs the answers, moves on.
//!
//! * upon a finalized block, while this validator is a candidate: a task makes a stake proof for it;
//!   it ends with the connection;
//! * upon the proof: the request is signed and sent; again after [`ASK_AGAIN_BLOCKS`], since what a
//!   director has heard is gone when it restarts;
//! * upon `Approved`: waits. The directors tell each other; the chain decides;
//! * upon an answer that another block may change: asks again with the next block;
//! * upon any other no: the next director. Each decides by its own lights, and two of three suffice;
//! * upon nothing, for [`PATIENCE_BLOCKS`]: the next director.

use super::{
    Event,
    actor::{Actor, Gone, State, clock_ms},
    connect::Choice,
    prover::Prover,
    signer::Signer,
};
use crate::network::Payload;
use director_primitives::{
    Answer, Application, AuthorizationRequest, Control, H256, Priority, PublicKey, RegistrationId,
    SignedAuthorizationRequest, StakeProof, runtime_api::ValidatorStatus,
};
use std::{sync::Arc, time::Duration};
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};

/// Blocks after which a candidate asks a director again.
pub(super) const ASK_AGAIN_BLOCKS: u64 = 4;

/// Blocks at one director after which a candidate tries the next one. Seven directors take turns at
/// submitting in 12.
pub(super) const PATIENCE_BLOCKS: u64 = 16;

/// Longest wait for a proof.
const PROOF_TIMEOUT: Duration = Duration::from_secs(20);

/// A proof on its way. Its task ends when this is dropped.
pub(super) struct Proving {
    attempt: u64,
    task: JoinHandle<()>,
}

impl Drop for Proving {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What became of a proof.
pub(super) struct Proven {
    attempt: u64,
    registration_id: RegistrationId,
    block: (u64, H256),
    result: Result<StakeProof, String>,
}

/// Makes proofs, one at a time.
pub(super) struct Proofs {
    prover: Arc<dyn Prover>,
    attempts: u64,
    done: mpsc::Sender<Proven>,
}

impl Proofs {
    /// With the end at which the proofs come out.
    pub(super) fn new(prover: Arc<dyn Prover>) -> (Self, mpsc::Receiver<Proven>) {
        let (done, proven) = mpsc::channel(1);
        (Self { prover, attempts: 0, done }, proven)
    }
}

/// Whether the same request may be answered otherwise a block later: the director's node is behind
/// ours, or does not answer.
fn passes(answer: Answer) -> bool {
    matches!(answer, Answer::Stale | Answer::NotRegistered | Answer::Unavailable)
}

impl Actor {
    /// Asks to be authorized, if that makes sense now: makes the proof first.
    pub(super) fn ask(&mut self) {
        let (State::Connected(session), Some(snapshot)) = (&mut self.state, &self.snapshot) else {
            return;
        };
        if !session.welcomed || session.authorized || session.leaving || session.proving.is_some() {
            return;
        }
        let Some(own) = snapshot.validator_by_peer_key(&self.key.key()) else { return };
        // Once the chain has us authorized, the director says so by itself.
        if own.account != self.account || own.status != ValidatorStatus::Candidate {
            return;
        }
        let asked_at = session.asked_at.or(self.refused_at.get(&session.director).copied());
        if asked_at.is_some_and(|at| snapshot.number < at.saturating_add(ASK_AGAIN_BLOCKS)) {
            return;
        }
        session.asked_at = Some(snapshot.number);
        self.proofs.attempts += 1;
        let (prover, done) = (self.proofs.prover.clone(), self.proofs.done.clone());
        let (account, attempt) = (self.account.clone(), self.proofs.attempts);
        let (registration_id, block) = (own.registration_id, (snapshot.number, snapshot.hash));
        let task = tokio::spawn(async move {
            let result = timeout(PROOF_TIMEOUT, prover.stake_proof(&account, block)).await;
            let result = result.unwrap_or_else(|_| Err(format!("none within {PROOF_TIMEOUT:?}")));
            // The client may be gone meanwhile.
            let _ = done.send(Proven { attempt, registration_id, block, result }).await;
        });
        session.proving = Some(Proving { attempt, task });
    }

    /// Sends the request that the proof is for, if it is for this connection.
    pub(super) fn on_proof(&mut self, proven: Proven) {
        let State::Connected(session) = &mut self.state else { return };
        if session.proving.as_ref().is_none_or(|proving| proving.attempt != proven.attempt) {
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
        if session.authorized || session.leaving {
            return;
        }
        let (block_number, block_hash) = proven.block;
        let request = AuthorizationRequest {
            validator: self.account.clone(),
            registration_id: proven.registration_id,
            block_number,
            block_hash,
            timestamp_ms: clock_ms(),
        };
        let signature = self.key.sign_statement(&self.genesis_hash, &request);
        let request = SignedAuthorizationRequest { request, signature };
        let request = Control::AuthorizationRequest(Application { request, stake_proof });
        // If the connection is gone, the next one asks anew.
        let _ = self.shared.handle.send(
            &session.director,
            Priority::Critical,
            Payload::control(&request),
        );
    }

    /// A director answers, or says by itself that it has revoked us.
    pub(super) async fn on_answer(&mut self, answer: Answer) -> Result<(), Gone> {
        let State::Connected(session) = &mut self.state else { return Ok(()) };
        let director = session.director;
        let refused = match answer {
            Answer::AlreadyAuthorized => return self.authorized().await,
            Answer::Approved { votes, needed } => {
                return self.tell(Event::Approved { director, votes, needed }).await;
            }
            // An answer from before it was finalized.
            refused if session.authorized && !matches!(refused, Answer::Revoked(_)) => {
                return Ok(());
            }
            refused => refused,
        };
        if std::mem::replace(&mut session.authorized, false) {
            // What is published from here on waits for another director.
            self.shared.outbox().close();
        }
        if passes(refused) {
            session.asked_at = None;
        }
        self.tell(Event::Refused(refused)).await?;
        if !passes(refused) {
            let now = self.snapshot.as_ref().map_or(0, |snapshot| snapshot.number);
            self.refused_at.insert(director, now);
            self.leave();
        }
        Ok(())
    }

    /// Tries the next director if this one has not let us in for long.
    pub(super) fn lose_patience(&mut self) {
        let (State::Connected(session), Some(snapshot)) = (&self.state, &self.snapshot) else {
            return;
        };
        let own = snapshot.validator_by_peer_key(&self.key.key());
        let admissible = own.is_some_and(|own| {
            matches!(own.status, ValidatorStatus::Candidate | ValidatorStatus::Authorized)
        });
        let long = snapshot.number >= session.since.saturating_add(PATIENCE_BLOCKS);
        if admissible && long && !session.authorized && self.choice.has_others() {
            let (director, blocks) = (session.director, PATIENCE_BLOCKS);
            tracing::info!(%director, "not admitted for {blocks} blocks; trying the next director");
            self.leave();
        }
    }

    /// Moves to the next director, if there is one.
    fn leave(&mut self) {
        if self.choice.has_others() {
            self.depart(|choice, director| choice.skip(director));
        }
    }

    /// Chooses anew and ends the connection; `Down` follows, and then the dial.
    pub(super) fn depart(&mut self, choose: impl FnOnce(&mut Choice, &PublicKey)) {
        let State::Connected(session) = &mut self.state else { return };
        session.leaving = true;
        session.proving = None;
        choose(&mut self.choice, &session.director);
        self.shared.outbox().close();
        self.shared.handle.disconnect(&session.director);
    }
}
