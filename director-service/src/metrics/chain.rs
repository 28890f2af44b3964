//! What is measured of the chain: its nodes, its runtime, the account.

use super::list::{gauge, plain, set};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use std::sync::atomic::AtomicU64;

/// Place of a node in the configuration, from 0: there are 8 at most.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Index {
    endpoint: u64,
}

/// How the chain is doing, read anew for each scrape.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    /// Each node: whether it is in use, and the newest finalized block that it is known to have.
    pub endpoints: Vec<(bool, Option<u64>)>,
    /// How often another node was taken.
    pub changes: u64,
    /// Version of the runtime, and whether this program can submit to it; `None` without a node.
    pub runtime: Option<(u32, bool)>,
    /// What the account has, and what it should have; `None` until that is known.
    pub funds: Option<(u128, u128)>,
}

pub(super) struct ChainMetrics {
    in_use: Family<Index, Gauge<u64, AtomicU64>>,
    finalized: Family<Index, Gauge<u64, AtomicU64>>,
    changes: Counter,
    spec_version: Gauge<u64, AtomicU64>,
    compatible: Gauge<u64, AtomicU64>,
    balance: Gauge<f64, AtomicU64>,
    min_balance: Gauge<f64, AtomicU64>,
    low: Gauge<u64, AtomicU64>,
}

impl ChainMetrics {
    pub(super) fn new(r: &mut Registry) -> Self {
        let in_use = "1 for the node that is in use, by place in chain.urls";
        let compatible = "1 while this program can submit to the chain's runtime";
        Self {
            in_use: plain(r, "chain_endpoint_in_use", in_use),
            finalized: plain(r, "chain_endpoint_finalized_block", "Newest block of each node"),
            changes: plain(r, "chain_endpoint_changes", "Times that another node was taken"),
            spec_version: gauge(r, "chain_spec_version", "Version of the runtime, 0 if unknown"),
            compatible: gauge(r, "chain_compatible", compatible),
            balance: plain(r, "account_balance", "What the account has, in the smallest unit"),
            min_balance: plain(r, "account_min_balance", "What it should have at least"),
            low: gauge(r, "account_low", "1 while it has less"),
        }
    }

    pub(super) fn take(&self, chain: &Chain) {
        for (index, (in_use, finalized)) in chain.endpoints.iter().enumerate() {
            let label = Index { endpoint: index as u64 };
            self.in_use.get_or_create(&label).set((*in_use).into());
            if let Some(finalized) = finalized {
                self.finalized.get_or_create(&label).set(*finalized);
            }
        }
        set(&self.changes, chain.changes);
        let (version, compatible) = chain.runtime.unwrap_or((0, false));
        self.spec_version.set(version.into());
        self.compatible.set(compatible.into());
        if let Some((balance, wanted)) = chain.funds {
            // As exact as a metric is: 15 digits.
            self.balance.set(balance as f64);
            self.min_balance.set(wanted as f64);
            self.low.set((balance < wanted).into());
        }
    }
}
