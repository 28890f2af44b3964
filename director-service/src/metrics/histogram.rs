//! Shows distributions as Prometheus histograms: ones that a room counts, and one of durations.

use prometheus_client::{
    encoding::{EncodeMetric, MetricEncoder, NoLabelSet},
    metrics::{
        MetricType, TypedMetric,
        histogram::{Histogram, exponential_buckets},
    },
};
use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// A histogram that a room counts and that is set as a whole for each scrape.
#[derive(Clone, Debug, Default)]
pub(super) struct Counted(Arc<Mutex<Reading>>);

#[derive(Debug, Default)]
struct Reading {
    /// Upper bounds with how many values are below them and above the bound before.
    buckets: Vec<(f64, u64)>,
    sum: f64,
}

impl Counted {
    /// Takes the counts of all buckets. The last one has no upper bound; `bound` says that of the
    /// others.
    pub(super) fn set(&self, counts: &[u64], bound: impl Fn(usize) -> f64, sum: f64) {
        let last = counts.len().saturating_sub(1);
        let bound = |at| if at == last { f64::INFINITY } else { bound(at) };
        let buckets = counts.iter().enumerate().map(|(at, count)| (bound(at), *count)).collect();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Reading { buckets, sum };
    }
}

impl EncodeMetric for Counted {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        let Reading { buckets, sum } = &*self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The encoder adds the buckets up.
        let count = buckets.iter().map(|(_, count)| count).sum();
        encoder.encode_histogram::<NoLabelSet>(*sum, count, buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

impl TypedMetric for Counted {
    const TYPE: MetricType = MetricType::Histogram;
}

/// How long something took, each time. Clones are the same histogram.
#[derive(Clone, Debug)]
pub struct Durations(pub(super) Histogram);

impl Default for Durations {
    /// From 16 µs, which is less than one signature takes, to half a second in powers of two.
    fn default() -> Self {
        Self(Histogram::new(exponential_buckets(16e-6, 2.0, 16)))
    }
}

impl Durations {
    /// It took so long once more.
    pub fn observe(&self, duration: Duration) {
        self.0.observe(duration.as_secs_f64());
    }
}
