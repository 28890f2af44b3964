//! Signs one vote after the other: first the protection file, synced, then the signer.

use super::{
    outlet::Outlet,
    protection::{Medium, Permit, Protection, ProtectionError},
    protocol::Refusal,
    signer::Signer,
};
use director_primitives::{CheckpointNumber, CheckpointVote, H256, SignedVote};
use serde_json::Value;
use std::sync::Arc;
use tokio::{sync::mpsc, task::JoinHandle};

/// Votes that wait to be signed.
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
    pub(super) result: Result<(SignedVote, bool), Refusal>,
}

/// The task that signs; it ends with this.
pub(super) struct Signing {
    jobs: mpsc::Sender<Job>,
    outcomes: mpsc::Receiver<Outcome>,
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
        let (jobs, mut wanted) = mpsc::channel::<Job>(MAX_WAITING);
        let (done, outcomes) = mpsc::channel(MAX_WAITING);
        let task = tokio::spawn(async move {
            while let Some(job) = wanted.recv().await {
                let vote =
                    CheckpointVote { checkpoint: job.checkpoint, block_hash: job.block_hash };
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
                if done.send(Outcome { job, result }).await.is_err() {
                    return;
                }
            }
        });
        Self { jobs, outcomes, task }
    }

    /// Hands a vote over.
    pub(super) fn enqueue(&self, job: Job) -> Result<(), Refusal> {
        self.jobs.try_send(job).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Refusal::new(
                "busy",
                format!("{MAX_WAITING} votes wait to be signed"),
                "wait for their answers; a slow signer or disk holds them up",
            ),
            mpsc::error::TrySendError::Closed(_) => Refusal::new(
                "protection",
                "signing has ended with a panic",
                "restart the sidecar, and report what its log says",
            ),
        })
    }

    /// Returns when the protection file is closed.
    pub(super) async fn stop(mut self) {
        self.task.abort();
        // Aborted, or done; a vote that is being written down is finished by its thread.
        let _ = (&mut self.task).await;
    }

    /// The next vote that is done with. Never `None` while this lives, unless signing panicked.
    pub(super) async fn outcome(&mut self) -> Option<Outcome> {
        self.outcomes.recv().await
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
        _ => ("protection", "make room on the disk or repair it, then vote again"),
    };
    Refusal::new(code, error.to_string(), remedy)
}

#[cfg(test)]
mod tests;
