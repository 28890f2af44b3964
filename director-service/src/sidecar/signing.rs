//! Signs one vote after the other, in the order in which they were asked for: first the protection file, synced, then
//! the signer.

use super::{
    outlet::Outlet,
    protection::{Medium, Permit, Protection, ProtectionError},
    protocol::Refusal,
    signer::Signer,
};
use crate::failpoint::{self, Failpoint};
use director_primitives::{CheckpointNumber, CheckpointVote, H256, SignedVote};
use serde_json::Value;
use std::{collections::VecDeque, sync::Arc};
use tokio::{sync::mpsc, task::JoinHandle};

/// Votes that wait to be signed, or for their answer.
const MAX_WAITING: usize = 16;

/// A vote that is wanted.
pub(super) struct Job {
    pub(super) checkpoint: CheckpointNumber,
    pub(super) block_hash: H256,
    /// Who wants it, and its name for the command; `None` for the sidecar itself.
    pub(super) asked: Option<(Arc<Outlet>, Option<Value>)>,
}

/// What became of it: the vote, and whether it was signed before.
pub(super) struct Outcome {
    pub(super) job: Job,
    pub(super) result: Signed,
}

type Signed = Result<(SignedVote, bool), Refusal>;

/// The task that signs; it ends with this.
pub(super) struct Signing {
    votes: mpsc::Sender<CheckpointVote>,
    signed: mpsc::Receiver<Signed>,
    /// What the task has, the next one to be done first.
    waiting: VecDeque<Job>,
    task: JoinHandle<()>,
}

impl Drop for Signing {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Signing {
    pub(super) fn start<M: Medium + Send + 'static>(
        genesis_hash: H256,
        signer: Signer,
        mut protection: Protection<M>,
    ) -> Self {
        let (votes, mut wanted) = mpsc::channel::<CheckpointVote>(MAX_WAITING);
        let (done, signed) = mpsc::channel(MAX_WAITING);
        let task = tokio::spawn(async move {
            while let Some(vote) = wanted.recv().await {
                let (back, permitted) = permit(protection, vote).await;
                let Some(back) = back else { return };
                protection = back;
                let result = match permitted {
                    Ok(permit) => signer
                        .sign(&genesis_hash, vote)
                        .await
                        .map(|vote| (vote, permit == Permit::Again))
                        .map_err(|error| {
                            let remedy = "the same vote may be asked for again";
                            Refusal::new("signer", error.to_string(), remedy)
                        }),
                    Err(refusal) => Err(refusal),
                };
                failpoint::hit(Failpoint::VoteSigned);
                if done.send(result).await.is_err() {
                    return;
                }
            }
        });
        Self { votes, signed, waiting: VecDeque::new(), task }
    }

    /// Hands a vote over.
    pub(super) fn enqueue(&mut self, job: Job) -> Result<(), Refusal> {
        if self.waiting.len() >= MAX_WAITING {
            return Err(Refusal::new(
                "busy",
                format!("{MAX_WAITING} votes wait to be signed"),
                "wait for their answers; a slow signer or disk holds them up",
            ));
        }
        let vote = CheckpointVote { checkpoint: job.checkpoint, block_hash: job.block_hash };
        // There is room: no more than wait are in it.
        self.votes.try_send(vote).map_err(|_| {
            let remedy = "restart the sidecar, and report what its log says";
            Refusal::new("protection", "signing has ended with a panic", remedy)
        })?;
        self.waiting.push_back(job);
        Ok(())
    }

    /// Whether no vote waits.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The votes that wait. What becomes of them is not told any more.
    pub(super) fn give_up(&mut self) -> Vec<Job> {
        self.signed.close();
        std::mem::take(&mut self.waiting).into()
    }

    /// Returns when the protection file is closed.
    pub(super) async fn stop(mut self) {
        self.task.abort();
        // Aborted, or done; a vote that is being written down is finished by its thread.
        let _ = (&mut self.task).await;
    }

    /// The next vote that is done with. `None` if signing panicked. Nothing is lost when it is cancelled.
    pub(super) async fn outcome(&mut self) -> Option<Outcome> {
        let result = self.signed.recv().await?;
        let job = self.waiting.pop_front()?;
        Some(Outcome { job, result })
    }
}

/// Asks the file on a thread that may wait for the disk. It is handed back, unless that panicked.
async fn permit<M: Medium + Send + 'static>(
    mut protection: Protection<M>,
    vote: CheckpointVote,
) -> (Option<Protection<M>>, Result<Permit, Refusal>) {
    let asked = tokio::task::spawn_blocking(move || {
        let permitted = protection.permit(vote.checkpoint, vote.block_hash);
        (protection, permitted)
    });
    match asked.await {
        Ok((protection, permitted)) => {
            (Some(protection), permitted.map_err(|error| refusal(&error)))
        }
        Err(error) => {
            let remedy = "restart the sidecar";
            (None, Err(Refusal::new("protection", error.to_string(), remedy)))
        }
    }
}

fn refusal(error: &ProtectionError) -> Refusal {
    let (code, remedy) = match error {
        ProtectionError::AlreadySigned { .. } => {
            ("already-signed", "vote for nothing else at this checkpoint; wait for the next one")
        }
        ProtectionError::TooOld { .. } => ("too-old", "wait for a later checkpoint"),
        ProtectionError::Replaced(_) | ProtectionError::Linked(_) => {
            ("protection", "nothing is signed until the file has its one name again")
        }
        _ => ("protection", "make room on the disk or repair it, then vote again"),
    };
    Refusal::new(code, error.to_string(), remedy)
}

#[cfg(test)]
mod tests;
