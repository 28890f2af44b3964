//! Brings one proof to its end.

use super::Config;
use crate::{
    chain::{Chain, ChainError, Included},
    store::State,
};
use director_primitives::{AccountId32, DoubleSignProof, H256, Offence, Reason, Snapshot, turn};
use rand::Rng;
use std::{sync::Arc, time::Duration};
use tokio::sync::mpsc;

/// What a pursuit tells.
#[derive(Clone, Debug)]
pub(super) enum Progress {
    /// The chain would accept the proof, against this validator.
    Accused(AccountId32),
    /// It is further, or at its end.
    State(State),
    /// It has to wait, for this reason.
    Trouble(String),
}

/// One proof on its way.
pub(super) struct Pursuit {
    pub(super) config: Arc<Config>,
    pub(super) chain: Arc<dyn Chain>,
    pub(super) proof: DoubleSignProof,
    pub(super) state: State,
    pub(super) progress: mpsc::Sender<(H256, Progress)>,
}

/// What to do after a try.
enum Next {
    /// Nothing is left to do.
    Done(State),
    /// Another director's turn: try again at this block.
    WaitFor(u64),
    /// Something went wrong: try again after a while.
    Retry(String),
}

impl Pursuit {
    /// Tries until the chain has spoken.
    pub(super) async fn run(mut self) {
        let first_block = self.first_block().await;
        let mut failures = 0;
        loop {
            match self.attempt(first_block).await {
                Next::Done(state) => return self.enter(state).await,
                Next::WaitFor(block) => {
                    failures = 0;
                    self.wait_for(block).await;
                }
                Next::Retry(trouble) => {
                    self.tell(Progress::Trouble(trouble)).await;
                    tokio::time::sleep(self.retry_delay(failures)).await;
                    failures = failures.saturating_add(1);
                }
            }
        }
    }

    async fn attempt(&mut self, first_block: u64) -> Next {
        let offence = match self.chain.check_evidence(&self.proof).await {
            Ok(Ok(offence)) => offence,
            Ok(Err(reason)) => return self.obsolete(reason).await,
            Err(error) => return Next::Retry(error.to_string()),
        };
        self.tell(Progress::Accused(offence.validator.clone())).await;
        let (finalized, turn) = self.turn(first_block);
        if finalized < turn {
            return Next::WaitFor(turn);
        }
        self.enter(State::Submitted { block: finalized }).await;
        match self.chain.report_double_sign(&self.proof).await {
            Ok(Included { block_number, .. }) => {
                tracing::info!(validator = ?offence.validator, block_number, "double sign reported");
                Next::Done(State::Finalized { block: block_number })
            }
            // The dry run of the next try says what it means.
            Err(error) => Next::Retry(error.to_string()),
        }
    }

    /// The chain does not want the proof (any more): find out whether that is this director's doing.
    async fn obsolete(&self, reason: Reason) -> Next {
        if reason != Reason::AlreadyPunished {
            let why = format!("the chain says that it proves nothing punishable: {reason:?}");
            return Next::Done(State::Obsolete { why });
        }
        if matches!(self.state, State::Submitted { .. }) {
            match self.own_report().await {
                Ok(Some(block)) => return Next::Done(State::Finalized { block }),
                Ok(None) => {}
                Err(error) => return Next::Retry(error.to_string()),
            }
        }
        let why = "the validator is punished already, another report was first".into();
        Next::Done(State::Obsolete { why })
    }

    /// The block of this director's own report of this offence, if it waits to be applied: a
    /// submission may go through although nobody was told.
    async fn own_report(&self) -> Result<Option<u64>, ChainError> {
        let (first, second) = (self.proof.first.vote, self.proof.second.vote);
        let is_ours = |offence: &Offence<AccountId32>| {
            (offence.checkpoint, offence.first_hash, offence.second_hash)
                == (first.checkpoint, first.block_hash, second.block_hash)
        };
        let slashes = self.chain.pending_slashes().await?;
        let own = slashes
            .into_iter()
            .find(|slash| slash.reporter == self.config.account && is_ours(&slash.offence));
        Ok(own.map(|slash| slash.reported_at))
    }

    /// The finalized block, and the one from which it is this director's turn.
    fn turn(&self, first_block: u64) -> (u64, u64) {
        let finalized = self.chain.finalized();
        let Some(snapshot) = finalized.borrow().clone() else {
            return (first_block, first_block);
        };
        let directors = snapshot.directors.active.iter().map(|director| &director.account);
        let count = snapshot.directors.active.len() as u64;
        let rank = turn::rank(self.proof.id().as_bytes(), &self.config.account, directors);
        // Who is no director comes after all of them.
        let rank = rank.map_or(count, u64::from);
        let turn = first_block.saturating_add(rank.saturating_mul(self.config.turn_blocks));
        (snapshot.number, turn)
    }

    /// The block that is finalized when the pursuit starts.
    async fn first_block(&self) -> u64 {
        let mut finalized = self.chain.finalized();
        if finalized.borrow().is_none() {
            self.tell(Progress::Trouble("no finalized block is known yet".into())).await;
        }
        let snapshot = finalized.wait_for(Option::is_some).await;
        // Without a chain there is no order of turns either.
        snapshot.ok().and_then(|snapshot| number(&snapshot)).unwrap_or_default()
    }

    async fn wait_for(&self, block: u64) {
        let mut finalized = self.chain.finalized();
        let reached = finalized.wait_for(|snapshot| number(snapshot).is_some_and(|n| n >= block));
        if reached.await.is_err() {
            // Nobody tells of blocks any more: ask the chain itself, now and then.
            tokio::time::sleep(self.config.last_retry).await;
        }
    }

    /// Doubles from the first wait to the last; the half of it is chance, so that directors that
    /// lost their node together do not come back together.
    fn retry_delay(&self, failures: u32) -> Duration {
        let full = self
            .config
            .first_retry
            .saturating_mul(1u32.checked_shl(failures).unwrap_or(u32::MAX))
            .min(self.config.last_retry);
        full.mul_f64(rand::rng().random_range(0.5..=1.0))
    }

    async fn enter(&mut self, state: State) {
        self.state = state.clone();
        self.tell(Progress::State(state)).await;
    }

    async fn tell(&self, progress: Progress) {
        // If the actor has ended, this task is about to.
        let _ = self.progress.send((self.proof.id(), progress)).await;
    }
}

fn number(snapshot: &Option<Arc<Snapshot>>) -> Option<u64> {
    snapshot.as_ref().map(|snapshot| snapshot.number)
}
