//! Where a report is signed: it is written down, and looked for elsewhere once more.

use super::progress::Teller;
use crate::{
    chain::{Chain, ChainError, Extrinsic, Journal},
    store::State,
};
use async_trait::async_trait;
use director_primitives::{DoubleSignProof, H256};
use std::collections::BTreeSet;

/// Where reports are on their way already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// In the best block, where one may wait for finality.
    InBlock,
    /// In the node's pool, these.
    InPool(BTreeSet<H256>),
    Nowhere,
    /// In no block, and it is not known what the pool has.
    Unknown,
}

impl Seen {
    /// Whether one is known to be.
    pub(super) const fn is_any(&self) -> bool {
        matches!(self, Self::InBlock | Self::InPool(_))
    }
}

/// Where reports of a proof are on their way already, as far as the node tells.
pub(super) async fn seen(chain: &dyn Chain, proof: &DoubleSignProof) -> Result<Seen, ChainError> {
    if chain.check_evidence_at_best(proof).await?.is_err() {
        return Ok(Seen::InBlock);
    }
    match chain.pending_reports(proof).await {
        Ok(reports) if reports.is_empty() => Ok(Seen::Nowhere),
        Ok(reports) => Ok(Seen::InPool(reports)),
        Err(error) => {
            // Some nodes tell nobody, and who fills the pool makes it more than an answer can hold.
            tracing::debug!(%error, "it is not known what the pool has");
            Ok(Seen::Unknown)
        }
    }
}

/// Writes a report down, and looks once more whether it is still wanted: signing and a slow disk take their time, in
/// which another director's turn may have begun.
pub(super) struct Desk<'a> {
    pub(super) teller: &'a Teller,
    pub(super) chain: &'a dyn Chain,
    pub(super) proof: &'a DoubleSignProof,
    /// What was seen before.
    pub(super) seen: Seen,
    /// Whether what the pool has says nothing.
    pub(super) ignores_pool: bool,
}

#[async_trait]
impl Journal for Desk<'_> {
    async fn write(&self, extrinsic: &Extrinsic) -> bool {
        let Extrinsic { bytes, nonce, born } = extrinsic.clone();
        self.teller.state(State::Signed { bytes, nonce, born }).await;
        match (seen(self.chain, self.proof).await, &self.seen) {
            (Ok(Seen::InBlock), _) => false,
            (Ok(Seen::InPool(_)), _) if self.ignores_pool => true,
            (Ok(Seen::InPool(now)), Seen::InPool(before)) => now.is_subset(before),
            (Ok(Seen::InPool(_)), _) => false,
            // Handing it over says what is wrong.
            (Ok(Seen::Nowhere | Seen::Unknown) | Err(_), _) => true,
        }
    }
}
