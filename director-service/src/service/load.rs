//! Measures how busy this machine is with the director, and what it could still write.

#[cfg(test)]
mod tests;

use std::{fs, num::NonZero, thread::available_parallelism, time::Duration};
use tokio::time::Instant;

/// Length of what `/proc` counts the time of a process in, in milliseconds: 100 a second on every Linux.
const TICK_MS: u64 = 10;

/// Bytes a second of one Mbit a second.
const MBIT: u64 = 125_000;

/// What was there when it was measured last.
#[derive(Clone, Copy, Debug)]
struct Reading {
    at: Instant,
    cpu_ms: u64,
    written: u64,
}

/// Measures from one moment to the next.
#[derive(Debug)]
pub(super) struct Meter {
    bandwidth: u64,
    cores: u64,
    last: Option<Reading>,
}

impl Meter {
    /// For a machine that can write so many Mbit a second.
    pub(super) fn new(bandwidth_mbit: u64) -> Self {
        let cores = available_parallelism().map_or(1, NonZero::get) as u64;
        Self { bandwidth: bandwidth_mbit.saturating_mul(MBIT), cores, last: None }
    }

    /// Of the machine's processors, the thousandths that this process has used since the last time (0 where
    /// the system does not tell), and bytes a second that are left of the bandwidth, given how many have
    /// been written in all. The first time nothing is used yet.
    pub(super) fn measure(&mut self, now: Instant, written: u64) -> (u16, u64) {
        let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
        self.take(Reading { at: now, cpu_ms: cpu_ms(&stat).unwrap_or_default(), written })
    }

    fn take(&mut self, reading: Reading) -> (u16, u64) {
        let Some(last) = self.last.replace(reading) else { return (0, self.bandwidth) };
        let elapsed = reading.at.saturating_duration_since(last.at).max(Duration::from_millis(1));
        let elapsed_ms = elapsed.as_millis() as u64;
        let cpu_ms = reading.cpu_ms.saturating_sub(last.cpu_ms);
        let permille = cpu_ms.saturating_mul(1_000) / (elapsed_ms * self.cores);
        let written = reading.written.saturating_sub(last.written);
        let per_s = written.saturating_mul(1_000) / elapsed_ms;
        (permille.min(1_000) as u16, self.bandwidth.saturating_sub(per_s))
    }
}

/// Milliseconds of processor time out of `/proc/self/stat`: its 14th and 15th field. The second one may hold
/// anything, and ends with the last `)`.
fn cpu_ms(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    Some((ticks()? + ticks()?) * TICK_MS)
}
