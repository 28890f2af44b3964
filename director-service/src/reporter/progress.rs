//! What a pursuit tells the actor, which writes it down.

use super::refusals::Refusals;
use crate::store::State;
use director_primitives::{AccountId32, H256};
use tokio::sync::{mpsc, oneshot};

/// What a pursuit tells.
#[derive(Debug)]
pub(super) enum Progress {
    /// The chain would accept the proof, against this validator; why no report is paid for all the same.
    Accused(AccountId32, Option<String>),
    /// A block refused a report, for the so manieth time.
    Refused(Refusals),
    /// It is further, or at its end. Answered when that is on disk, or cannot be.
    State(State, oneshot::Sender<()>),
    /// It has to wait, for this reason.
    Trouble(String),
}

/// Tells of one proof.
#[derive(Clone, Debug)]
pub(super) struct Teller {
    pub(super) id: H256,
    pub(super) progress: mpsc::Sender<(H256, Progress)>,
}

impl Teller {
    pub(super) async fn accused(&self, validator: AccountId32, in_vain: Option<String>) {
        self.tell(Progress::Accused(validator, in_vain)).await;
    }

    pub(super) async fn refused(&self, refusals: Refusals) {
        self.tell(Progress::Refused(refusals)).await;
    }

    pub(super) async fn trouble(&self, trouble: String) {
        self.tell(Progress::Trouble(trouble)).await;
    }

    /// Returns when the state is written.
    pub(super) async fn state(&self, state: State) {
        let (written, wait) = oneshot::channel();
        self.tell(Progress::State(state, written)).await;
        if wait.await.is_err() {
            // The actor has ended, and this task is about to: what is not written must not be done.
            std::future::pending::<()>().await;
        }
    }

    async fn tell(&self, progress: Progress) {
        // If the actor has ended, this task is about to.
        let _ = self.progress.send((self.id, progress)).await;
    }
}
