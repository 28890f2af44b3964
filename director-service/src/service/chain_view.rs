//! Says for the HTTP page how the chain is doing, as this director sees it.

use super::funds::Funds;
use crate::{
    chain::{Endpoint, Node},
    http::NodeStatus,
    metrics,
};
use director_primitives::AccountId32;

/// What keeps the director from its work though it has a node.
pub(super) fn not_ready(node: &Node) -> Option<String> {
    let error = node.runtime()?.acting.err()?;
    Some(format!("relaying, but submitting nothing: {error}"))
}

/// What an operator should see to.
pub(super) fn warnings(
    nodes: &[Endpoint],
    troubles: Vec<(usize, String)>,
    account: &AccountId32,
    funds: Option<Funds>,
) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Some(Funds { free, wanted }) = funds.filter(Funds::are_low) {
        warnings.push(format!(
            "account {account} has {free} of the smallest unit, less than {wanted} (chain.min_balance): send \
             it tokens, or it cannot pay for reports and votes"
        ));
    }
    // What is wrong with the only one, others tell.
    for (index, trouble) in troubles.into_iter().filter(|_| nodes.len() > 1) {
        let name = nodes.get(index).map_or("", |of| &of.name);
        warnings.push(format!("node {index} ({name}): {trouble}"));
    }
    warnings
}

/// The nodes, in the order of the configuration.
pub(super) fn nodes(node: &Node) -> Vec<NodeStatus> {
    let all = node.endpoints().all.into_iter();
    all.map(|of| NodeStatus {
        name: of.name,
        in_use: of.in_use,
        finalized: of.finalized,
        trouble: of.trouble,
    })
    .collect()
}

/// What is measured of the chain.
pub(super) fn reading(node: &Node, funds: Option<Funds>) -> metrics::Chain {
    let endpoints = node.endpoints();
    metrics::Chain {
        endpoints: endpoints.all.iter().map(|of| (of.in_use, of.finalized)).collect(),
        changes: endpoints.changes,
        runtime: node.runtime().map(|runtime| (runtime.spec_version, runtime.acting.is_ok())),
        funds: funds.map(|funds| (funds.free, funds.wanted)),
    }
}
