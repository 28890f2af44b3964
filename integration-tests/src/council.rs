//! Has the council decide: a member proposes a motion, members vote, a member closes it.

use crate::chain::{Chain, block_of, dev_account};
use anyhow::{Context, bail};
use codec::{Compact, Encode, Output};
use director_primitives::{AccountId32, H256};
use director_service::chain::{Account, ChainError, Included, interface};
use futures::future::try_join_all;
use subxt::{dynamic::tx, error::DispatchError, tx::Payload, utils::Static};

/// Votes that pass a motion about directors or a slash: two thirds of the three members.
pub const TWO_THIRDS: u32 = 2;

/// What a motion's call may weigh: more than any of the pallets' calls does.
const WEIGHT_BOUND: (Compact<u64>, Compact<u64>) = (Compact(50_000_000_000), Compact(1_000_000));

/// A motion that waits for votes.
#[derive(Clone, Debug)]
pub struct Motion {
    hash: H256,
    index: u32,
    /// Bytes of its call.
    length: u32,
}

impl Chain {
    /// Has the council invite directors.
    ///
    /// # Errors
    ///
    /// As the chain refuses a step.
    pub async fn invite_directors(&self, directors: &[AccountId32]) -> anyhow::Result<()> {
        let invite = |director: &AccountId32| {
            let call = tx("DirectorRegistry", "add_director", (Static(director.clone()),));
            async move { self.pass(&call).await }
        };
        try_join_all(directors.iter().map(invite))
            .await
            .context("the council invites directors")?;
        Ok(())
    }

    /// Has the council remove a director.
    ///
    /// # Errors
    ///
    /// As the chain refuses a step.
    pub async fn remove_director(&self, director: &AccountId32) -> anyhow::Result<Included> {
        let call = tx("DirectorRegistry", "remove_director", (Static(director.clone()),));
        self.pass(&call).await.context("the council removes a director")
    }

    /// Has the council invite a director's successor.
    ///
    /// # Errors
    ///
    /// As the chain refuses a step.
    pub async fn swap_director(
        &self,
        director: &AccountId32,
        successor: &AccountId32,
    ) -> anyhow::Result<Included> {
        let accounts = (Static(director.clone()), Static(successor.clone()));
        let call = tx("DirectorRegistry", "swap_director", accounts);
        self.pass(&call).await.context("the council swaps a director")
    }

    /// Has two of the three members pass a motion; where it was closed.
    ///
    /// # Errors
    ///
    /// As the chain refuses a step, or the call itself.
    pub async fn pass<C: Payload>(&self, call: &C) -> anyhow::Result<Included> {
        let closer = dev_account("Alice");
        let motion = self.propose_and_vote(call).await?;
        let closed = self.close(&motion, &closer).await?;
        match self.result_of(&motion, closed).await? {
            Some(Ok(())) => Ok(closed),
            Some(Err(error)) => Err(ChainError::Refused(error).into()),
            None => bail!("two of three members agree, and yet {motion:?} was not executed"),
        }
    }

    /// Has two of the three members propose a motion and vote for it, so that it can be closed.
    ///
    /// # Errors
    ///
    /// As the chain refuses a step.
    pub async fn propose_and_vote<C: Payload>(&self, call: &C) -> anyhow::Result<Motion> {
        let [first, second] = ["Alice", "Bob"].map(dev_account);
        let (motion, _) = self.propose(TWO_THIRDS, call, &first).await?;
        tokio::try_join!(self.vote(&motion, true, &first), self.vote(&motion, true, &second))?;
        Ok(motion)
    }

    /// Has a member propose a motion that takes `threshold` votes. One that takes a single vote is executed
    /// at once.
    ///
    /// # Errors
    ///
    /// As the chain refuses it.
    pub async fn propose<C: Payload>(
        &self,
        threshold: u32,
        call: &C,
        member: &Account,
    ) -> anyhow::Result<(Motion, Included)> {
        let encoded = self.at_head().await?.tx().call_data(call)?;
        let hash = H256(sp_crypto_hashing::blake2_256(&encoded));
        let length = encoded.len() as u32;
        let arguments =
            (Static(Compact(threshold)), Static(Encoded(encoded)), Static(Compact(length)));
        let included = self.call(&tx("Council", "propose", arguments), member).await?;
        let proposed: Vec<interface::council::events::Proposed> =
            self.events(block_of(included)).await?;
        let index = proposed.iter().find(|event| event.proposal_hash == hash);
        let index = index.map_or(0, |event| event.proposal_index);
        Ok((Motion { hash, index, length }, included))
    }

    /// Has a member vote.
    ///
    /// # Errors
    ///
    /// As the chain refuses it.
    pub async fn vote(
        &self,
        motion: &Motion,
        approve: bool,
        member: &Account,
    ) -> Result<Included, ChainError> {
        let vote = (Static(motion.hash), Static(Compact(motion.index)), Static(approve));
        self.call(&tx("Council", "vote", vote), member).await
    }

    /// Has a motion closed: executed if it has its votes, forgotten if it cannot get them any more.
    ///
    /// # Errors
    ///
    /// As the chain refuses it. What the motion's call did is in [`Self::result_of`].
    pub async fn close(&self, motion: &Motion, member: &Account) -> Result<Included, ChainError> {
        self.call(&close(motion), member).await
    }

    /// What the call of a motion did in the block in which the motion was closed; `None` if it was not
    /// executed there. An error has its name.
    ///
    /// # Errors
    ///
    /// If the node does not answer.
    pub async fn result_of(
        &self,
        motion: &Motion,
        closed: Included,
    ) -> anyhow::Result<Option<Result<(), String>>> {
        let at = self.node.at(block_of(closed)).await?;
        for event in self.all_events(block_of(closed)).await?.iter() {
            let event = event?;
            if !event.is::<interface::council::events::Executed>() {
                continue;
            }
            // The motion's hash, then `Result<(), DispatchError>`.
            let (hash, result) = event.field_bytes().split_at(32);
            match result.split_first() {
                _ if hash != motion.hash.as_bytes() => {}
                Some((0, _)) => return Ok(Some(Ok(()))),
                Some((_, error)) => {
                    let error = DispatchError::decode_from(error, at.metadata())?;
                    return Ok(Some(Err(name(&error))));
                }
                None => bail!("an event without its result"),
            }
        }
        Ok(None)
    }
}

/// The call that closes a motion.
pub fn close(motion: &Motion) -> impl Payload + use<> {
    let Motion { hash, index, length } = *motion;
    let (index, length) = (Static(Compact(index)), Static(Compact(length)));
    tx("Council", "close", (Static(hash), index, Static(WEIGHT_BOUND), length))
}

/// `Pallet.Error` where it is a pallet's.
fn name(error: &DispatchError) -> String {
    match error {
        DispatchError::Module(error) => error.details_string().replacen("::", ".", 1),
        error => error.to_string(),
    }
}

/// Bytes that are an encoding already.
#[derive(Clone)]
pub(crate) struct Encoded(pub(crate) Vec<u8>);

impl Encode for Encoded {
    fn encode_to<T: Output + ?Sized>(&self, dest: &mut T) {
        dest.write(&self.0);
    }
}
