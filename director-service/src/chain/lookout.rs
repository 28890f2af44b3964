//! Looks at the nodes that are not in use, and says when another one is better.

use super::{
    ChainError,
    endpoints::Comparison,
    node::Shared,
    session::{Head, Rpc, Session, finalized_header, limit},
};
use director_primitives::H256;
use futures::future::join_all;
use std::sync::Arc;
use subxt::rpcs::{RpcClient, methods::legacy::NumberOrHex};
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tracing::debug;

/// A node to change to.
pub(super) struct Better {
    pub(super) index: usize,
    pub(super) session: Session,
    /// Why the one in use is left.
    pub(super) why: String,
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
    let mut lines: Vec<Option<Rpc>> = vec![None; count];
    let mut comparison = Comparison::new(used, count, shared.finalized_number());
    loop {
        looks.tick().await;
        let asked = lines.iter_mut().enumerate().map(|(index, line)| async move {
            if index == used {
                return Some(shared.finalized_number());
            }
            match ask(shared, index, line).await {
                Ok(finalized) => {
                    shared.update_endpoints(|all| {
                        all.heard(index, finalized);
                        all.all[index].trouble = None;
                    });
                    Some(finalized)
                }
                Err(error) => {
                    *line = None;
                    shared.refuse(index, &error);
                    None
                }
            }
        });
        let finalized = join_all(asked).await;
        let Some((index, why)) = comparison.see(shared.finalized_number(), &finalized) else {
            continue;
        };
        match open(shared, index).await {
            Ok(session) => return Better { index, session, why },
            Err(error) => shared.refuse(index, &error),
        }
    }
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
async fn ask(shared: &Shared, index: usize, line: &mut Option<Rpc>) -> Result<u64, ChainError> {
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
    Ok(head.number)
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
