//! Where a report is signed: it is written down, and looked for elsewhere once more.

use super::progress::Teller;
use crate::{
    chain::{Chain, ChainError, Extrinsic, Journal},
    store::State,
};
use async_trait::async_trait;
use director_primitives::DoubleSignProof;

/// Where a report is on its way already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// In the best block, where it may wait for finality.
    InBlock,
    /// In the node's pool.
    InPool,
    Nowhere,
}

/// Where a report of a proof is on its way already, as far as the node tells.
pub(super) async fn seen(chain: &dyn Chain, proof: &DoubleSignProof) -> Result<Seen, ChainError> {
    if chain.check_evidence_at_best(proof).await?.is_err() {
        return Ok(Seen::InBlock);
    }
    match chain.is_report_pending(proof).await {
        Ok(true) => Ok(Seen::InPool),
        Ok(false) => Ok(Seen::Nowhere),
        Err(error) => {
            // Some nodes tell nobody. Then turns alone keep directors apart.
            tracing::debug!(%error, "it is not known what the pool has");
            Ok(Seen::Nowhere)
        }
    }
}

/// Writes a report down, and looks once more whether it is still wanted: signing and a slow disk take their time, in
/// which another director's turn may have begun.
pub(super) struct Desk<'a> {
    pub(super) teller: &'a Teller,
    pub(super) chain: &'a dyn Chain,
    pub(super) proof: &'a DoubleSignProof,
    pub(super) ignores_pool: bool,
}

#[async_trait]
impl Journal for Desk<'_> {
    async fn write(&self, extrinsic: &Extrinsic) -> bool {
        let Extrinsic { bytes, nonce, born } = extrinsic.clone();
        self.teller.state(State::Signed { bytes, nonce, born }).await;
        match seen(self.chain, self.proof).await {
            Ok(Seen::InBlock) => false,
            Ok(Seen::InPool) => self.ignores_pool,
            // Handing it over says what is wrong.
            Ok(Seen::Nowhere) | Err(_) => true,
        }
    }
}
