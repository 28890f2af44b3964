//! Decides what is left to do about a proof that the chain does not want.
//!
//! What the chain says depends on the block that it is asked at. A node that begins anew has finalized blocks of long ago, at which
//! a validator's key was not known yet; to call the proof unpunishable then would lose it. So what may change with the chain is the
//! last word only
//!
//! * if the node says that it is not behind, and no other one is far ahead (`chain::Chain::level`);
//! * at a block that is no lower than the one that this director knew of when the proof came or changed its state last, which is in
//!   the outbox. A node that claimed too much before a restart may have put that too high: after [`PATIENCE`] at a node that is
//!   not behind it does not count any more.
//!
//! Until then the proof is asked about again at each block, and holds up no other one.

use super::pursuit::{Next, Pursuit};
use crate::{
    chain::{ChainError, Fate},
    store::State,
};
use director_primitives::{OffenceContext, Reason};
use std::time::Duration;
use tokio::time::Instant;

/// How the outbox begins to say that a proof is unpunishable; older versions have written the same.
pub(super) const UNPUNISHABLE: &str = "the chain says that it proves nothing punishable";

/// How long a node that is not behind may be below what this director knew once.
const PATIENCE: Duration = Duration::from_secs(3_600);

impl Pursuit {
    /// The chain does not want the proof (any more): find out whether that is this director's doing,
    /// and whether it may change.
    pub(super) async fn unwanted(
        &mut self,
        reason: Reason,
        finalized: u64,
    ) -> Result<Next, ChainError> {
        let is_punished = reason == Reason::AlreadyPunished;
        if is_punished && let Some(end) = self.reported().await? {
            return Ok(Next::Done(end));
        }
        if depends_on_state(reason) && self.is_of_long_ago(finalized).await? {
            let why = "the node is behind, or was further once: what it says of the proof may be of long ago";
            self.teller.trouble(format!("{why} ({reason:?})")).await;
            return Ok(Next::Later);
        }
        if !is_punished {
            let why = format!("{UNPUNISHABLE}: {reason:?}");
            return Ok(Next::Done(State::Obsolete { why }));
        }
        let since = match self.state {
            // A node may have claimed too much then.
            State::Waiting { since } => since.min(finalized),
            _ => finalized,
        };
        let end = self.snapshot().map_or(0, |snapshot| snapshot.domain.unbonding_period);
        if finalized > since.saturating_add(end) {
            let why = "the validator is punished already, and nobody has taken it back".into();
            return Ok(Next::Done(State::Obsolete { why }));
        }
        Ok(Next::Done(State::Waiting { since }))
    }

    /// How the proof ended, if a report of it, or of what excuses it as well, is in the chain.
    async fn reported(&self) -> Result<Option<State>, ChainError> {
        if let Some(extrinsic) = self.signed() {
            // It may have got into the block of the dry run since it was looked for.
            match self.chain.fate(&extrinsic).await {
                Ok(Fate::Included(included)) => {
                    return Ok(Some(State::Finalized { block: included.block_number }));
                }
                Ok(_) | Err(ChainError::Unexpected(_)) => {}
                Err(error) => return Err(error),
            }
        }
        let key = &self.proof.first.key;
        let accused = self.snapshot().and_then(|snapshot| snapshot.key_owner(key));
        let (first, second) = (self.proof.first.vote, self.proof.second.vote);
        for slash in self.chain.pending_slashes().await? {
            let offence = &slash.offence;
            let is_this = (offence.checkpoint, offence.first_hash, offence.second_hash)
                == (first.checkpoint, first.block_hash, second.block_hash);
            if is_this && slash.reporter == self.config.account {
                // A submission may go through although nobody was told.
                return Ok(Some(State::Finalized { block: slash.reported_at }));
            }
            let is_accused = accused.as_ref() == Some(&offence.validator);
            if is_this || is_accused && offence.checkpoint >= first.checkpoint {
                // Cancelled, that slash excuses this offence as well.
                return Ok(Some(State::Superseded));
            }
        }
        Ok(None)
    }

    /// Whether what was said at this block may not be the last word.
    async fn is_of_long_ago(&mut self, finalized: u64) -> Result<bool, ChainError> {
        // Asked after the dry run: a node that has caught up since is further than that was.
        let newest = self.chain.level().await?;
        let is_level = newest
            .is_some_and(|newest| newest <= finalized.saturating_add(self.config.turn_blocks));
        if finalized == 0 {
            return Ok(true);
        }
        if !is_level || finalized >= self.known_block {
            self.below_since = None;
            return Ok(!is_level);
        }
        Ok(self.below_since.get_or_insert_with(Instant::now).elapsed() < PATIENCE)
    }
}

/// Whether the chain may say something else of the same proof at another block.
const fn depends_on_state(reason: Reason) -> bool {
    match reason {
        Reason::UnknownKey
        | Reason::DifferentValidators
        | Reason::AlreadyPunished
        | Reason::Excused
        // At block 0 a chain does not know its own genesis hash yet.
        | Reason::OtherChain => true,
        Reason::SameBlock
        | Reason::NotCanonical
        | Reason::DifferentCheckpoints
        | Reason::SmallOrderKey
        | Reason::InvalidFirstSignature
        | Reason::InvalidSecondSignature => false,
    }
}
