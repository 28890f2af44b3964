//! Bounds what waits, what is remembered, and what strangers may cost.

use super::ConfigError;
use serde::{Deserialize, Serialize};

/// What bounds memory, and what those may cost that may not speak.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Messages whose fingerprints are kept to recognise repeats. Default 10,000, which is a second
    /// of full load; sequence windows recognise what this has forgotten. 64 bytes each.
    pub seen_messages: usize,
    /// Largest batch of messages whose signatures are checked together. Default 256: then
    /// one costs 9 µs instead of 36; with 1,024 it is 8.5, and to find a forged one costs twice as much.
    pub verify_batch: usize,
    /// MiB that messages to and from validators may take while they wait, each counted once however
    /// many it waits for. Default 256: a minute of 10,000 messages a second. Beyond it the validator
    /// with most waiting is disconnected, until it is enough.
    pub memory_mib: u64,
    /// The same for messages to and from directors. Default 256.
    pub mesh_memory_mib: u64,
    /// MiB that may wait for one validator in each of Critical, High and Normal; Bulk has twice as
    /// much, and a link to a director four times. Default 8: a second of 20,000 votes, so that a
    /// validator may stop for as long. Beyond it Normal and Bulk lose their oldest message, Critical
    /// and High the connection.
    pub queue_mib: u64,
    /// MiB of messages that are kept for whoever missed them. Default 64: ten seconds of 10,000 votes a
    /// second, hours at the pace of a chain of 21 validators.
    pub log_mib: u64,
    /// Seconds that they are kept at most. Default 60: who was away for longer catches up on the chain.
    pub log_seconds: u64,
    /// Mbit a second that this machine can write to validators and directors. Default 1,000. What is left of
    /// it is told to others, so that validators find a director that can carry them; nothing is limited.
    pub bandwidth_mbit: u64,
    /// Connections to validators and candidates. Default 1,100: all that a chain may have, and some.
    /// Each takes up to 64 KiB beside what waits, and a file descriptor (`ulimit -n`).
    pub max_connections: usize,
    /// Of those, from one address. Default 64: many validators may be behind one router. Here and
    /// below loopback is excepted, and an address of IPv6 stands for its /64.
    pub max_connections_per_address: usize,
    /// Handshakes of validators under way at once, from addresses that nothing is known of, and as many
    /// from known ones. Default 512, at 15 KiB and a file descriptor each: after a restart everybody calls at once.
    pub max_handshakes: usize,
    /// Of those, from one address. Default 8.
    pub max_handshakes_per_address: usize,
    /// Milliseconds that a handshake may take. Default 10,000: a bad line needs one.
    pub handshake_timeout_ms: u64,
    /// Handshakes a second from one address. Default 8; one costs half a millisecond of CPU.
    pub handshakes_per_s_per_address: u32,
    /// So many of them at once. Default 32: validators behind one router come back together.
    pub handshake_burst_per_address: u32,
    /// Handshakes a second from all addresses together that have not brought an allowed key within
    /// the last hour. Default 64, which is 4 % of a core: strangers get no more of it.
    pub strangers_per_s: u32,
    /// So many of them at once. Default 512: after a restart nobody is known, and all validators must
    /// get in within seconds.
    pub strangers_burst: u32,
    /// Whether loopback is excepted from all that is said of addresses here. Default `true`: a development
    /// network connects all its validators from one address.
    pub spare_loopback: bool,
    /// Milliseconds from the handshake until something valid came. Default 10,000: a client says
    /// something every second.
    pub first_message_ms: u64,
    /// KiB that are read within a minute of a key that is registered but not authorized. Default 320:
    /// the longest control message has 256, a request with its stake proof has a few.
    pub candidate_kib_per_minute: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            seen_messages: 10_000,
            verify_batch: 256,
            memory_mib: 256,
            mesh_memory_mib: 256,
            queue_mib: 8,
            log_mib: 64,
            log_seconds: 60,
            bandwidth_mbit: 1_000,
            max_connections: 1_100,
            max_connections_per_address: 64,
            max_handshakes: 512,
            max_handshakes_per_address: 8,
            handshake_timeout_ms: 10_000,
            handshakes_per_s_per_address: 8,
            handshake_burst_per_address: 32,
            strangers_per_s: 64,
            strangers_burst: 512,
            spare_loopback: true,
            first_message_ms: 10_000,
            candidate_kib_per_minute: 320,
        }
    }
}

impl Limits {
    /// Least MiB of a queue: it must hold the longest message.
    const MIN_QUEUE_MIB: u64 = 2;

    /// Least MiB of the log: of its half for Bulk, one message is a part.
    const MIN_LOG_MIB: u64 = 4;

    /// Most seconds of the log.
    const MAX_LOG_SECONDS: u64 = 86_400;

    /// Most MiB of anything: beyond that it is a misunderstanding of the unit.
    const MAX_MIB: u64 = 1 << 20;

    /// Least KiB for a candidate: it must be able to send one control message of any length.
    const MIN_CANDIDATE_KIB: u64 = 272;

    /// The fields that must not be 0.
    pub(super) fn positive(&self) -> [(&'static str, u64); 14] {
        [
            ("limits.seen_messages", self.seen_messages as u64),
            ("limits.verify_batch", self.verify_batch as u64),
            ("limits.max_connections", self.max_connections as u64),
            ("limits.max_connections_per_address", self.max_connections_per_address as u64),
            ("limits.max_handshakes", self.max_handshakes as u64),
            ("limits.max_handshakes_per_address", self.max_handshakes_per_address as u64),
            ("limits.handshake_timeout_ms", self.handshake_timeout_ms),
            ("limits.handshakes_per_s_per_address", self.handshakes_per_s_per_address.into()),
            ("limits.handshake_burst_per_address", self.handshake_burst_per_address.into()),
            ("limits.strangers_per_s", self.strangers_per_s.into()),
            ("limits.strangers_burst", self.strangers_burst.into()),
            ("limits.first_message_ms", self.first_message_ms),
            ("limits.log_seconds", self.log_seconds),
            ("limits.bandwidth_mbit", self.bandwidth_mbit),
        ]
    }

    /// MiB that may wait for one validator and for one director, in all classes.
    fn queues_mib(&self) -> (u64, u64) {
        let of_validator = self.queue_mib.saturating_mul(5);
        (of_validator, of_validator.saturating_mul(4))
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let invalid = |field, cause: String| Err(ConfigError::Invalid { field, cause });
        if self.candidate_kib_per_minute < Self::MIN_CANDIDATE_KIB {
            let least = Self::MIN_CANDIDATE_KIB;
            return invalid(
                "limits.candidate_kib_per_minute",
                format!("must be at least {least}: a control message may have 256 KiB"),
            );
        }
        if self.queue_mib < Self::MIN_QUEUE_MIB {
            let least = Self::MIN_QUEUE_MIB;
            return invalid(
                "limits.queue_mib",
                format!("must be at least {least}: a message may have 1 MiB"),
            );
        }
        if !(Self::MIN_LOG_MIB..=Self::MAX_MIB).contains(&self.log_mib) {
            let (least, most) = (Self::MIN_LOG_MIB, Self::MAX_MIB);
            return invalid(
                "limits.log_mib",
                format!("must be from {least} to {most}: half of it is for blocks of 1 MiB"),
            );
        }
        if self.log_seconds > Self::MAX_LOG_SECONDS {
            let most = Self::MAX_LOG_SECONDS;
            return invalid(
                "limits.log_seconds",
                format!("must be at most {most}, which is a day"),
            );
        }
        let (of_validator, of_director) = self.queues_mib();
        for (field, memory_mib, least) in [
            ("limits.memory_mib", self.memory_mib, of_validator),
            ("limits.mesh_memory_mib", self.mesh_memory_mib, of_director),
        ] {
            if memory_mib < least {
                return invalid(
                    field,
                    format!(
                        "must be at least {least}, which is what may wait for one peer with \
                         limits.queue_mib = {}; raise it, or lower limits.queue_mib",
                        self.queue_mib
                    ),
                );
            }
            if memory_mib > Self::MAX_MIB {
                return invalid(
                    field,
                    format!("must be at most {}; the unit is MiB", Self::MAX_MIB),
                );
            }
        }
        Ok(())
    }
}
