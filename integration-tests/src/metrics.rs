//! Reads what a director counts: its `/metrics`.

use crate::director::{Director, get};
use anyhow::bail;
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// How often a director is asked while a count is waited for.
const INTERVAL: Duration = Duration::from_millis(50);

/// What every name begins with.
const PREFIX: &str = "director_";

/// All that a director counted, at one moment.
#[derive(Clone, Debug, Default)]
pub struct Metrics(HashMap<String, f64>);

impl Metrics {
    /// What a director has counted up to now.
    ///
    /// # Errors
    ///
    /// If it does not answer.
    pub async fn of(director: &Director) -> anyhow::Result<Self> {
        let text = get(format!("http://127.0.0.1:{}/metrics", director.ports.http)).await?;
        Ok(Self::read(&text))
    }

    fn read(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let series = lines.filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.strip_prefix(PREFIX)?.to_string(), value.parse().ok()?))
        });
        Self(series.collect())
    }

    /// One count, by its name without `director_` and with its labels: `refused_total{reason="malformed"}`. What
    /// there is not is zero.
    pub fn get(&self, series: &str) -> f64 {
        self.0.get(series).copied().unwrap_or_default()
    }

    /// By how much a count has grown since then.
    pub fn since(&self, before: &Self, series: &str) -> u64 {
        (self.get(series) - before.get(series)) as u64
    }
}

/// Waits until a director's counts have all grown by at least so much since then: it publishes them a moment
/// after it counts.
///
/// # Errors
///
/// If it does not answer, or `within` passes before; the message has how much they have grown.
pub async fn wait_until_counted(
    director: &Director,
    before: &Metrics,
    least: &[(&str, u64)],
    within: Duration,
) -> anyhow::Result<Metrics> {
    let end = Instant::now() + within;
    loop {
        let now = Metrics::of(director).await?;
        if least.iter().all(|(series, count)| now.since(before, series) >= *count) {
            return Ok(now);
        }
        if Instant::now() >= end {
            let grown = least.iter().map(|(series, _)| (series, now.since(before, series)));
            let (name, grown) = (&director.identity.name, grown.collect::<Vec<_>>());
            bail!("{name} has counted {grown:?} after {within:?}, not {least:?}");
        }
        // A page cannot be awaited.
        tokio::time::sleep(INTERVAL).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_prometheus_reads() {
        let text = "# TYPE director_refused counter\ndirector_refused_total{reason=\"a\"} 7\n\
                    director_memory_bytes 1.5e3\nother 1\n# EOF\n";
        let metrics = Metrics::read(text);
        assert_eq!(metrics.get("refused_total{reason=\"a\"}"), 7.0);
        assert_eq!(metrics.get("memory_bytes"), 1500.0);
        assert_eq!(metrics.get("refused_total{reason=\"b\"}"), 0.0);
        assert_eq!(metrics.since(&Metrics::default(), "refused_total{reason=\"a\"}"), 7);
    }
}
