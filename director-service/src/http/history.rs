//! Remembers how much went through and how fast, for an hour of a day: bounded, in memory.
//!
//! Counters are read once a second. Each window keeps the difference between two of its readings, so that a coarse point
//! has all that its seconds had, and no second is in two points. When a window is full its oldest point goes.

use serde::Serialize;
use std::collections::VecDeque;

/// Buckets of the time in queues, as the network counts it: bucket 0 zeros, bucket `i` less than `2^i` µs.
pub const BUCKETS: usize = 26;

/// What was counted since the start, and what is there now.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    /// Frames that came in.
    pub ingress: u64,
    /// Copies that were handed out.
    pub deliveries: u64,
    /// Bytes received, on both networks.
    pub bytes_in: u64,
    /// Bytes sent, on both networks.
    pub bytes_out: u64,
    /// Messages that were refused.
    pub refused: u64,
    /// Frames that were lost to full queues.
    pub dropped: u64,
    /// Missing messages that nobody has any more.
    pub given_up: u64,
    /// Messages that a director was asked for and kept.
    pub withheld: u64,
    /// Time that Critical messages waited in validators' queues.
    pub queue_us: [u64; BUCKETS],
    /// Now: validators that are connected.
    pub validators: u64,
    /// Now: directors that are connected.
    pub mesh: u64,
    /// Now: memory of the process.
    pub memory_bytes: u64,
    /// Now: use of the processors, in thousandths.
    pub cpu_permille: u16,
}

/// What happened between two readings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Point {
    /// Its end, in milliseconds since the Unix epoch.
    pub t_ms: u64,
    /// Frames that came in, a second.
    pub ingress_per_s: f64,
    /// Copies that were handed out, a second.
    pub deliveries_per_s: f64,
    /// Bytes received, a second.
    pub in_bytes_per_s: f64,
    /// Bytes sent, a second.
    pub out_bytes_per_s: f64,
    /// Messages that were refused, a second.
    pub refused_per_s: f64,
    /// Frames that were lost to full queues.
    pub dropped: u64,
    /// Missing messages that nobody has any more. For alarms, and not drawn; so is the next one.
    #[serde(skip)]
    pub given_up: u64,
    /// Messages that a director was asked for and kept.
    #[serde(skip)]
    pub withheld: u64,
    /// Median of the time that Critical messages waited to be written to validators, in milliseconds; `None` if
    /// nothing was written.
    pub queue_p50_ms: Option<f64>,
    /// The same of the slowest hundredth.
    pub queue_p99_ms: Option<f64>,
    /// At its end: validators that are connected.
    pub validators: u64,
    /// At its end: directors that are connected.
    pub mesh: u64,
    /// At its end: memory of the process.
    pub memory_bytes: u64,
    /// At its end: use of the processors, in thousandths.
    pub cpu_permille: u16,
}

/// Points of one length.
#[derive(Debug)]
struct Window {
    name: &'static str,
    step_ms: u64,
    most: usize,
    last: Option<(u64, Totals)>,
    points: VecDeque<Point>,
}

/// All windows.
#[derive(Debug)]
pub struct History([Window; 3]);

/// The points of a window.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Series {
    /// `5m`, `1h` or `24h`.
    pub window: &'static str,
    /// Length of a point, in milliseconds.
    pub step_ms: u64,
    /// The oldest first.
    pub points: Vec<Point>,
}

impl Default for History {
    fn default() -> Self {
        let window = |name, step_ms, most| Window {
            name,
            step_ms,
            most,
            last: None,
            points: VecDeque::with_capacity(most),
        };
        Self([window("5m", 1_000, 300), window("1h", 10_000, 360), window("24h", 120_000, 720)])
    }
}

impl History {
    /// Takes a reading: `steady_ms` on a clock that is never corrected, `unix_ms` on the wall.
    pub fn take(&mut self, steady_ms: u64, unix_ms: u64, totals: &Totals) {
        for window in &mut self.0 {
            window.take(steady_ms, unix_ms, totals);
        }
    }

    /// The newest second.
    pub fn newest(&self) -> Option<Point> {
        self.0[0].points.back().copied()
    }

    /// How much of it there was in the last so many seconds, five minutes at most.
    pub fn within(&self, seconds: usize, of: impl Fn(&Point) -> u64) -> u64 {
        self.0[0].points.iter().rev().take(seconds).map(of).sum()
    }

    /// The window with this name.
    pub fn window(&self, name: &str) -> Option<Series> {
        let found = self.0.iter().find(|window| window.name == name)?;
        let points = found.points.iter().copied().collect();
        Some(Series { window: found.name, step_ms: found.step_ms, points })
    }
}

impl Window {
    fn take(&mut self, steady_ms: u64, unix_ms: u64, totals: &Totals) {
        let Some((begun, before)) = self.last else {
            self.last = Some((steady_ms, *totals));
            return;
        };
        // A reading comes a little early or late.
        let took = steady_ms.saturating_sub(begun);
        if took + 500 < self.step_ms {
            return;
        }
        if self.points.len() == self.most {
            self.points.pop_front();
        }
        self.points.push_back(point(unix_ms, took.max(1) as f64 / 1e3, &before, totals));
        self.last = Some((steady_ms, *totals));
    }
}

fn point(t_ms: u64, seconds: f64, before: &Totals, now: &Totals) -> Point {
    // Networks begin anew when the peer key is rotated: their counters then fall.
    let grown = |now: u64, before: u64| if now < before { now } else { now - before };
    let rate = |now, before| (grown(now, before) as f64 / seconds * 10.0).round() / 10.0;
    let waits: [u64; BUCKETS] =
        std::array::from_fn(|at| grown(now.queue_us[at], before.queue_us[at]));
    Point {
        t_ms,
        ingress_per_s: rate(now.ingress, before.ingress),
        deliveries_per_s: rate(now.deliveries, before.deliveries),
        in_bytes_per_s: rate(now.bytes_in, before.bytes_in),
        out_bytes_per_s: rate(now.bytes_out, before.bytes_out),
        refused_per_s: rate(now.refused, before.refused),
        dropped: grown(now.dropped, before.dropped),
        given_up: grown(now.given_up, before.given_up),
        withheld: grown(now.withheld, before.withheld),
        queue_p50_ms: quantile_ms(&waits, 0.50),
        queue_p99_ms: quantile_ms(&waits, 0.99),
        validators: now.validators,
        mesh: now.mesh,
        memory_bytes: now.memory_bytes,
        cpu_permille: now.cpu_permille,
    }
}

/// Where in its bucket a value is, is not known: as if all were spread evenly there.
fn quantile_ms(counts: &[u64; BUCKETS], quantile: f64) -> Option<f64> {
    let all: u64 = counts.iter().sum();
    let rank = (all as f64 * quantile).ceil().max(1.0);
    let mut below = 0u64;
    for (bucket, count) in counts.iter().enumerate() {
        if (below + count) as f64 >= rank && *count > 0 {
            let (low, high) = match bucket {
                0 => (0.0, 0.0),
                _ => (2f64.powi(bucket as i32 - 1), 2f64.powi(bucket as i32)),
            };
            let us = low + (high - low) * (rank - below as f64) / *count as f64;
            return Some(us.round() / 1e3);
        }
        below += count;
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn reading(seconds: u64) -> Totals {
        Totals { ingress: seconds * 100, dropped: seconds, ..Totals::default() }
    }

    #[test]
    fn every_second_is_in_one_point_of_each_window() {
        let mut history = History::default();
        for second in 0..=3_600 {
            // A clock that is late now and then.
            let late = if second % 7 == 0 { 120 } else { 0 };
            history.take(second * 1_000 + late, second * 1_000, &reading(second));
        }
        let fine = history.window("5m").unwrap();
        assert_eq!((fine.points.len(), fine.step_ms), (300, 1_000));
        let hour = history.window("1h").unwrap();
        assert_eq!(hour.points.len(), 360);
        assert_eq!(hour.points.iter().map(|of| of.dropped).sum::<u64>(), 3_600);
        let rates = hour.points.iter().map(|of| of.ingress_per_s);
        assert!(rates.clone().all(|rate| (98.0..102.0).contains(&rate)), "{rates:?}");
        assert_eq!(history.window("24h").unwrap().points.len(), 30);
        assert_eq!(history.within(60, |of| of.dropped), 60);
        assert!(history.window("1w").is_none());
    }

    #[test]
    fn it_never_grows_beyond_its_windows() {
        let mut history = History::default();
        for second in 0..200_000 {
            history.take(second * 1_000, second * 1_000, &reading(second));
        }
        let lengths = history.0.iter().map(|of| of.points.len()).collect::<Vec<_>>();
        assert_eq!(lengths, [300, 360, 720]);
    }

    #[test]
    fn counters_that_begin_anew_make_no_negative_rate() {
        let mut history = History::default();
        history.take(0, 0, &reading(50));
        history.take(1_000, 1_000, &reading(1));
        assert_eq!(history.newest().unwrap().ingress_per_s, 100.0);
    }

    #[test]
    fn quantiles_lie_in_their_bucket() {
        let mut waits = [0; BUCKETS];
        assert_eq!(quantile_ms(&waits, 0.5), None);
        // 90 within 512 to 1,024 µs, 10 within 8,192 to 16,384.
        (waits[10], waits[14]) = (90, 10);
        let (median, slowest) = (quantile_ms(&waits, 0.5).unwrap(), quantile_ms(&waits, 0.99));
        assert!((0.512..=1.024).contains(&median), "{median}");
        assert!((8.192..=16.384).contains(&slowest.unwrap()), "{slowest:?}");
        (waits[10], waits[14]) = (0, 0);
        waits[0] = 5;
        assert_eq!(quantile_ms(&waits, 0.99), Some(0.0));
    }
}
