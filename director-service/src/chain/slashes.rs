//! Reads from a block's events what became of slashes.

use super::{
    CALL_TIMEOUT, ChainError, Head, Node,
    interface::slashing_evidence::events::{SlashApplied, SlashCancelled},
    session::{timeout, unexpected},
};
use director_primitives::{AccountId32, CheckpointNumber};

/// A slash came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlashEnd {
    /// Whose it was.
    pub validator: AccountId32,
    /// The checkpoint that it was about.
    pub checkpoint: CheckpointNumber,
    /// What was really taken, in the chain's smallest unit; `None` if governance cancelled it.
    pub taken: Option<u128>,
}

impl Node {
    /// Slashes that came to their end in this finalized block.
    ///
    /// # Errors
    ///
    /// If the node does not answer, or has thrown the block's state away.
    pub async fn slash_ends(&self, block: Head) -> Result<Vec<SlashEnd>, ChainError> {
        let at = self.at(block).await?;
        let events = timeout(CALL_TIMEOUT, at.events().fetch()).await?.map_err(unexpected)?;
        let mut ends = Vec::new();
        for applied in events.find::<SlashApplied>() {
            let SlashApplied { validator, checkpoint, taken, .. } = applied.map_err(unexpected)?;
            let validator = AccountId32::new(validator.0);
            ends.push(SlashEnd { validator, checkpoint, taken: Some(taken) });
        }
        for cancelled in events.find::<SlashCancelled>() {
            let SlashCancelled { validator, checkpoint, .. } = cancelled.map_err(unexpected)?;
            let validator = AccountId32::new(validator.0);
            ends.push(SlashEnd { validator, checkpoint, taken: None });
        }
        Ok(ends)
    }
}
