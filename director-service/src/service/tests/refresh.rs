//! A director refreshes its record in time, and not more often.

use super::super::{Stopper, refresh};
use crate::chain::{Again, Chain, ChainError, Extrinsic, Fate, Included, Journal};
use async_trait::async_trait;
use director_primitives::{
    AccountId32, AuthorizationRequest, DoubleSignProof, H256, Offence, ProvenStake, PublicKey,
    Reason, Signature, SignedDirectorVote, Snapshot, StakeProof, StakeRefusal,
    runtime_api::{DirectorInfo, DirectorSet, Domain, PendingSlash},
};
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

const STALE_AFTER: u64 = 100;

fn account() -> AccountId32 {
    AccountId32::new([1; 32])
}

struct FakeChain {
    blocks: watch::Sender<Option<Arc<Snapshot>>>,
    /// Blocks at which a refresh was asked for.
    refreshed: Mutex<Vec<u64>>,
    goes_through: bool,
}

fn snapshot(number: u64, refreshed_at: Option<u64>) -> Arc<Snapshot> {
    let domain = Domain {
        genesis_hash: H256::zero(),
        checkpoint_interval: 10,
        min_stake: 1,
        unbonding_period: 1,
        slash_defer_period: 1,
        min_directors: 1,
        max_directors: 7,
        max_validators: 10,
        max_active_validators: 10,
        stale_after: STALE_AFTER,
    };
    let director = |refreshed_at| DirectorInfo {
        account: account(),
        peer_key: PublicKey::from_raw([1; 32]),
        endpoints: Default::default(),
        region: Default::default(),
        capacity: 1,
        active_since: 0,
        refreshed_at,
    };
    let active = refreshed_at.map(director).into_iter().collect();
    let directors = DirectorSet { version: 1, active, invited: Vec::new() };
    Arc::new(Snapshot::new(number, H256::zero(), domain, directors, Vec::new()))
}

#[async_trait]
impl Chain for FakeChain {
    fn finalized(&self) -> watch::Receiver<Option<Arc<Snapshot>>> {
        self.blocks.subscribe()
    }

    async fn block_hash(&self, _: u64) -> Result<Option<H256>, ChainError> {
        Ok(None)
    }

    async fn check_evidence(
        &self,
        _: &DoubleSignProof,
    ) -> Result<Result<Offence<AccountId32>, Reason>, ChainError> {
        Err(ChainError::Refused("not asked for here".into()))
    }

    async fn check_evidence_at_best(
        &self,
        _: &DoubleSignProof,
    ) -> Result<Result<Offence<AccountId32>, Reason>, ChainError> {
        Err(ChainError::Refused("not asked for here".into()))
    }

    async fn report_double_sign(
        &self,
        _: &DoubleSignProof,
        _: &dyn Journal,
    ) -> Result<Option<Extrinsic>, ChainError> {
        Err(ChainError::Refused("not asked for here".into()))
    }

    async fn pending_reports(
        &self,
        _: &DoubleSignProof,
    ) -> Result<std::collections::BTreeSet<H256>, ChainError> {
        Err(ChainError::Refused("not asked for here".into()))
    }

    async fn submit_again(&self, _: &Extrinsic) -> Result<Again, ChainError> {
        Err(ChainError::Refused("not asked for here".into()))
    }

    async fn fate(&self, _: &Extrinsic) -> Result<Fate, ChainError> {
        Err(ChainError::Refused("not asked for here".into()))
    }

    async fn submit_votes(
        &self,
        _: Vec<SignedDirectorVote<AccountId32>>,
    ) -> Result<Included, ChainError> {
        Err(ChainError::Refused("not asked for here".into()))
    }

    async fn check_stake(
        &self,
        _: &AuthorizationRequest<AccountId32>,
        _: &StakeProof,
    ) -> Result<ProvenStake, StakeRefusal> {
        Err(StakeRefusal::Unavailable)
    }

    async fn refresh(&self) -> Result<Included, ChainError> {
        let number = self.blocks.borrow().as_ref().map_or(0, |snapshot| snapshot.number);
        self.refreshed.lock().unwrap().push(number);
        match self.goes_through {
            true => Ok(Included {
                block_number: number,
                block_hash: H256::zero(),
                extrinsic_hash: H256::zero(),
            }),
            false => Err(ChainError::Pool("no fee".into())),
        }
    }

    async fn rotate_peer_key(&self, _: PublicKey, _: Signature) -> Result<Included, ChainError> {
        Err(ChainError::Refused("not asked for here".into()))
    }

    async fn pending_slashes(&self) -> Result<Vec<PendingSlash<AccountId32>>, ChainError> {
        Ok(Vec::new())
    }
}

/// Blocks at which a director refreshes whose record says this at each block.
async fn refreshes(
    goes_through: bool,
    blocks: impl Iterator<Item = (u64, Option<u64>)>,
) -> Vec<u64> {
    let chain = Arc::new(FakeChain {
        blocks: watch::Sender::new(None),
        refreshed: Mutex::default(),
        goes_through,
    });
    let stopper = Stopper::new();
    let task = tokio::spawn(refresh::run(chain.clone(), account(), stopper.clone()));
    for (number, refreshed_at) in blocks {
        chain.blocks.send_replace(Some(snapshot(number, refreshed_at)));
        // On this single thread the task sees each block.
        for _ in 0..4 {
            tokio::task::yield_now().await;
        }
    }
    stopper.stop();
    task.await.unwrap();
    chain.refreshed.lock().unwrap().clone()
}

#[tokio::test]
async fn at_half_of_the_time_once() {
    let blocks = (1..=200).map(|number| (number, Some(if number > 52 { 52 } else { 0 })));
    let times = refreshes(true, blocks).await;
    assert_eq!(times, [51, 103, 123, 143, 163, 183], "later the chain does not know of it");
}

#[tokio::test]
async fn again_after_a_failure() {
    let times = refreshes(false, (1..=100).map(|number| (number, Some(0)))).await;
    assert_eq!(times, [51, 71, 91]);
}

#[tokio::test]
async fn not_by_who_is_no_director() {
    let times = refreshes(true, (1..=1_000).map(|number| (number, None))).await;
    assert_eq!(times, [0; 0]);
}
