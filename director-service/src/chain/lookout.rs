//! Looks at the nodes that are not in use, and says when another one is better.

use super::{
    ChainError,
    endpoints::Comparison,
    horizon::Look,
    node::Shared,
    session::{Head, Rpc, Session, finalized_header, is_well, limit},
};
use director_primitives::H256;
use futures::future::join_all;
use std::sync::{Arc, atomic::Ordering};
use subxt::rpcs::{RpcClient, methods::legacy::NumberOrHex};
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tracing::debug;

/// A node to change to.
pub(super) struct Better {
    pub(super) index: usize,
    pub(super) session: Session,
    /// Why the one in use is left.
    pub(super) why: String,
    /// Whether what the one in use has claimed is not believed any more.
    pub(super) retracts: bool,
}

/// Looks at the nodes that are not in use.
struct Lookout<'a> {
    shared: &'a Arc<Shared>,
    used: usize,
    lines: Vec<Option<Rpc>>,
    comparison: Comparison,
}

/// Returns when another node is better than the one in use and a connection to it stands. Never, if there
/// is no other.
pub(super) async fn watch(shared: &Arc<Shared>, used: usize) -> Better {
    let count = shared.settings.urls.len();
    if count < 2 {
        return std::future::pending().await;
    }
    let wait = shared.settings.look_interval;
    let mut looks = interval_at(Instant::now() + wait, wait);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let comparison = Comparison::new(used, count, shared.finalized_number());
    let mut lookout = Lookout { shared, used, lines: vec![None; count], comparison };
    loop {
        looks.tick().await;
        let looks = lookout.look().await;
        if let Some(better) = lookout.decide(looks).await {
            return better;
        }
    }
}

impl Lookout<'_> {
    /// How far all nodes are, as far as they can be used.
    async fn look(&mut self) -> Vec<Option<Look>> {
        let (shared, used) = (self.shared, self.used);
        let asked = self.lines.iter_mut().enumerate().map(|(index, line)| async move {
            if index == used {
                return Some(look_at_own(shared).await);
            }
            match ask(shared, index, line).await {
                Ok(look) => {
                    shared.update_endpoints(|all| all.heard(index, look.finalized));
                    Some(look)
                }
                Err(error) => {
                    *line = None;
                    shared.refuse(index, &error);
                    None
                }
            }
        });
        join_all(asked).await
    }

    /// Which node to change to, if any.
    async fn decide(&mut self, looks: Vec<Option<Look>>) -> Option<Better> {
        let (shared, used, now) = (self.shared, self.used, Instant::now());
        let own = shared.finalized_number();
        let (far_fetched, contradicted_by) = {
            let mut horizon = shared.horizon();
            for (index, look) in looks.iter().enumerate() {
                horizon.looked(index, *look, now);
            }
            horizon.compare(now);
            let far_fetched: Vec<_> = looks
                .iter()
                .enumerate()
                .map(|(index, look)| {
                    look.is_some_and(|look| horizon.is_far_fetched(index, look.finalized, now))
                })
                .collect();
            (far_fetched, horizon.contradicted(used, own, now))
        };
        if let Some(index) = contradicted_by {
            let why = format!("nobody else has finalized block {own}, which it has claimed");
            if let Some(better) = self.open(index, why, true).await {
                return Some(better);
            }
        }
        let own_is_well = looks.get(used).copied().flatten().is_some_and(|look| look.is_well);
        let mut others = looks.iter().zip(&far_fetched).enumerate();
        let own_is_alone =
            !others.any(|(index, (look, far))| index != used && look.is_some() && !far);
        let is_behind = !own_is_well || self.comparison.stands_still() && own_is_alone;
        let mut finalized: Vec<_> = looks.iter().map(|look| look.map(|of| of.finalized)).collect();
        for (index, number) in finalized.iter_mut().enumerate().filter(|(index, _)| *index != used)
        {
            let Some(claimed) = *number else { continue };
            if far_fetched[index] && !is_behind {
                shared.doubt(index, claimed, own);
                *number = None;
            } else {
                shared.update_endpoints(|all| all.doubted(index, None));
            }
        }
        let mut choice = self.comparison.see(own, &finalized);
        while let Some((index, why)) = choice {
            if let Some(better) = self.open(index, why, false).await {
                if far_fetched[index]
                    && let Some(claimed) = finalized[index]
                {
                    shared.horizon().trust(claimed, now);
                }
                return Some(better);
            }
            // One that answers and cannot be used must not hide those behind it.
            finalized[index] = None;
            choice = self.comparison.choose(&finalized);
        }
        None
    }

    async fn open(&self, index: usize, why: String, retracts: bool) -> Option<Better> {
        match open(self.shared, index).await {
            Ok(session) => Some(Better { index, session, why, retracts }),
            Err(error) => {
                self.shared.refuse(index, &error);
                None
            }
        }
    }
}

/// How far the node in use is, as it says.
async fn look_at_own(shared: &Shared) -> Look {
    let session = shared.session.borrow().clone();
    let is_well = match session {
        Some(session) => session.is_well().await,
        None => false,
    };
    Look { finalized: shared.told.load(Ordering::Relaxed), is_well }
}

/// Connects to a node that must know the same chain, with the same finalized blocks.
pub(super) async fn open(shared: &Shared, index: usize) -> Result<Session, ChainError> {
    let session = Session::open(&shared.settings.urls[index], shared.genesis()).await?;
    if shared.last_endpoint() != Some(index) {
        let (head, _) = session.finalized_header().await?;
        same_history(shared, &session.rpc, head.number).await?;
    }
    Ok(session)
}

/// How far a node is. Connects first if there is no connection.
async fn ask(shared: &Shared, index: usize, line: &mut Option<Rpc>) -> Result<Look, ChainError> {
    let rpc = match line {
        Some(rpc) => rpc,
        None => {
            let url = &shared.settings.urls[index];
            let rpc = Rpc::new(limit(RpcClient::from_insecure_url(url)).await?);
            let found = limit(rpc.genesis_hash()).await?;
            if let Some(expected) = shared.genesis().filter(|hash| *hash != found) {
                return Err(ChainError::OtherChain { expected, found });
            }
            line.insert(rpc)
        }
    };
    let (head, _) = finalized_header(rpc).await?;
    same_history(shared, rpc, head.number).await?;
    debug!(index, head.number, "looked at another node");
    Ok(Look { finalized: head.number, is_well: is_well(rpc).await })
}

/// Whether a node that has finalized as much has finalized the same: two nodes of a chain whose finality was
/// broken, or one that lies, must not be taken for each other.
async fn same_history(shared: &Shared, rpc: &Rpc, finalized: u64) -> Result<(), ChainError> {
    let Some(Head { number, hash: ours }) = shared.newest_known_up_to(finalized) else {
        return Ok(());
    };
    let at = NumberOrHex::Number(number);
    let theirs: Option<H256> = limit(rpc.chain_get_block_hash(Some(at))).await?;
    match theirs {
        Some(theirs) if theirs != ours => Err(ChainError::Unexpected(format!(
            "it has finalized block {theirs:?} as number {number}, the node that was used before {ours:?}; \
             one of them is on a fork"
        ))),
        Some(_) => Ok(()),
        None => Err(ChainError::Unexpected(format!(
            "it has no block {number}, though it says that it has finalized block {finalized}"
        ))),
    }
}
