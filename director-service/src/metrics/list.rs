//! Metrics of one value each, as lists: a name, what it means, and what is read of the room's counts.

use prometheus_client::{
    metrics::{counter::Counter, gauge::Gauge},
    registry::{Metric, Registry, Unit},
};
use std::sync::atomic::{AtomicU64, Ordering};

/// What is read of a room's counts `S`.
type Read<S> = fn(&S) -> u64;

/// Name, help, and where the value is.
pub(super) type List<S> = &'static [(&'static str, &'static str, Read<S>)];

/// The counters of a list.
pub(super) struct Counters<S: 'static>(Vec<(Counter, Read<S>)>);

impl<S: 'static> Counters<S> {
    pub(super) fn new(registry: &mut Registry, list: List<S>) -> Self {
        let entries = list.iter().map(|(name, help, read)| (counter(registry, name, help), *read));
        Self(entries.collect())
    }

    pub(super) fn take(&self, counts: &S) {
        for (counter, read) in &self.0 {
            set(counter, read(counts));
        }
    }
}

/// The gauges of a list.
pub(super) struct Gauges<S: 'static>(Vec<(Gauge<u64, AtomicU64>, Read<S>)>);

impl<S: 'static> Gauges<S> {
    pub(super) fn new(registry: &mut Registry, list: List<S>) -> Self {
        let entries = list.iter().map(|(name, help, read)| (gauge(registry, name, help), *read));
        Self(entries.collect())
    }

    pub(super) fn take(&self, counts: &S) {
        for (gauge, read) in &self.0 {
            gauge.set(read(counts));
        }
    }
}

/// The rooms' counts only grow, as a counter's must.
pub(super) fn set(counter: &Counter, value: u64) {
    counter.inner().store(value, Ordering::Relaxed);
}

pub(super) fn counter(registry: &mut Registry, name: &str, help: &str) -> Counter {
    plain(registry, name, help)
}

pub(super) fn gauge(registry: &mut Registry, name: &str, help: &str) -> Gauge<u64, AtomicU64> {
    plain(registry, name, help)
}

/// Registers a metric without a unit, or with one that its name has already.
pub(super) fn plain<M: Metric + Clone + Default>(
    registry: &mut Registry,
    name: &str,
    help: &str,
) -> M {
    let metric = M::default();
    registry.register(name, help, metric.clone());
    metric
}

/// Registers a metric with a unit, which becomes the end of its name.
pub(super) fn in_unit<M: Metric + Clone + Default>(
    registry: &mut Registry,
    name: &str,
    help: &str,
    unit: Unit,
) -> M {
    let metric = M::default();
    registry.register_with_unit(name, help, unit, metric.clone());
    metric
}
