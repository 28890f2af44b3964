//! Holds the options that all load programs take.

use std::net::SocketAddr;

use anyhow::{Result, ensure};

use crate::payload::HEADER_BYTES;

/// Most bytes of prepared messages: they wait in memory before the clock starts.
const MAX_PREPARED_BYTES: u64 = 2 << 30;

/// What to load, how hard and for how long. Flatten it into the arguments of a load program.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Address of a relay; repeat it for several. Validator v uses relay v % n.
    #[arg(long = "relay", value_name = "ADDR", required = true)]
    pub relays: Vec<SocketAddr>,
    /// Process of a relay, to read its CPU time and memory; repeat it for several.
    #[arg(long = "relay-pid", value_name = "PID")]
    pub relay_pids: Vec<u32>,
    /// Validators; each has a connection of its own, publishes and receives.
    #[arg(long, default_value_t = 21)]
    pub validators: usize,
    /// Bytes of a vote, 24 at least.
    #[arg(long, value_name = "BYTES", default_value_t = 216)]
    pub payload: usize,
    /// Votes a second of all validators together: evenly spaced, validators in turn.
    #[arg(long, value_name = "MESSAGES", default_value_t = 1000)]
    pub rate: u64,
    /// Instead of `--rate`: all validators publish within 1 ms, once a second.
    #[arg(long, conflicts_with = "rate")]
    pub burst: bool,
    /// Beside the votes keep this many bulk messages of validator 0 outstanding; 0 for none.
    #[arg(long = "bulk", value_name = "WINDOW", default_value_t = 0)]
    pub bulk_window: u64,
    /// Bytes of a bulk message.
    #[arg(long, value_name = "BYTES", default_value_t = 1 << 20)]
    pub bulk_bytes: usize,
    /// The last so many validators connect and then never read nor publish.
    #[arg(long, value_name = "VALIDATORS", default_value_t = 0)]
    pub frozen: usize,
    /// Milliseconds of load before the measured window.
    #[arg(long, default_value_t = 1000)]
    pub warmup_ms: u64,
    /// Seconds of the measured window.
    #[arg(long, default_value_t = 5)]
    pub seconds: u64,
    /// Most milliseconds to wait for stragglers after the window.
    #[arg(long, default_value_t = 5000)]
    pub drain_ms: u64,
}

impl Options {
    /// Validators that publish and read: `0..live()`. The others are frozen.
    pub fn live(&self) -> usize {
        self.validators.saturating_sub(self.frozen)
    }

    /// The relay that a validator connects to.
    pub fn relay_of(&self, validator: usize) -> SocketAddr {
        self.relays[validator % self.relays.len()]
    }

    /// Votes a second of all validators together, in a burst or evenly spaced.
    pub fn ingress(&self) -> u64 {
        if self.burst { self.live() as u64 } else { self.rate }
    }

    /// The largest message that a relay must take.
    pub fn largest_payload(&self) -> usize {
        if self.bulk_window > 0 { self.payload.max(self.bulk_bytes) } else { self.payload }
    }

    pub(crate) fn warmup_ns(&self) -> u64 {
        self.warmup_ms * 1_000_000
    }

    pub(crate) fn end_ns(&self) -> u64 {
        self.warmup_ns() + self.seconds * 1_000_000_000
    }

    /// Refuses what cannot be measured, with a line that says what to do.
    pub fn validate(&self) -> Result<()> {
        ensure!(!self.relays.is_empty(), "no relay: give `--relay ADDR` at least once");
        ensure!(
            self.live() >= 2 && self.frozen < self.validators,
            "{} validators of which {} are frozen: leave at least 2 that are not",
            self.validators,
            self.frozen
        );
        ensure!(
            self.payload >= HEADER_BYTES && self.bulk_bytes >= HEADER_BYTES,
            "payloads start with a header: `--payload` and `--bulk-bytes` are {HEADER_BYTES} or more"
        );
        ensure!(self.burst || self.rate > 0, "`--rate 0` sends nothing: give 1 or more");
        ensure!(
            (1..=3600).contains(&self.seconds)
                && self.warmup_ms <= 600_000
                && self.drain_ms <= 600_000,
            "`--seconds` is 1 to 3600, `--warmup-ms` and `--drain-ms` are up to 600000"
        );
        let bytes = (self.ingress() as u128 * u128::from(self.end_ns()) / 1_000_000_000)
            * (self.payload as u128 + 64);
        ensure!(
            bytes <= u128::from(MAX_PREPARED_BYTES),
            "{} MiB of messages would be prepared in memory: lower `--rate`, `--seconds` or `--payload`",
            bytes >> 20
        );
        Ok(())
    }
}
