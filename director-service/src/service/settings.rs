//! Says the operator's words in those of the rooms.

use super::Identity;
use crate::{
    config::{self, Config},
    director,
    network::{self, Side},
};

/// What the core is told.
pub(super) fn core(
    config: &Config,
    identity: &Identity,
    unix_ms_at_start: u64,
) -> director::Config {
    director::Config {
        seen_capacity: config.limits.seen_messages,
        recent_checkpoints: config.detector.recent_checkpoints,
        history_checkpoints: config.detector.history_checkpoints,
        rates: rates(&config.rates),
        policy: director::Policy {
            min_stake: config.policy.min_stake.map(|stake| stake.0),
            allow: config.policy.allow.clone(),
            deny: config.policy.deny.clone(),
        },
        conduct: director::conduct::Limits {
            period_ms: config.conduct.period_ms,
            limited_per_period: config.conduct.limited_per_period,
            limited_periods: config.conduct.limited_periods,
            forged: config.conduct.forged,
        },
        unix_ms_at_start,
        log_bytes: mib(config.limits.log_mib),
        log_ms: config.limits.log_seconds.saturating_mul(1_000),
        ..director::Config::new(identity.account.clone(), identity.peer_key)
    }
}

/// The operator's words for what validators may send, in the core's.
pub(super) fn rates(rates: &config::Rates) -> director::Rates {
    let rate = |messages_per_s, bytes_per_s| director::Rate { messages_per_s, bytes_per_s };
    director::Rates {
        classes: [
            rate(rates.critical_messages_per_s, rates.critical_bytes_per_s),
            rate(rates.high_messages_per_s, rates.high_bytes_per_s),
            rate(rates.normal_messages_per_s, rates.normal_bytes_per_s),
            rate(rates.bulk_messages_per_s, rates.bulk_bytes_per_s),
        ],
        votes_per_s: rates.votes_per_s,
        burst_ms: rates.burst_ms,
    }
}

fn mib(mib: u64) -> usize {
    usize::try_from(mib.saturating_mul(1024 * 1024)).unwrap_or(usize::MAX)
}

/// The operator's words for what may wait, in the network's.
pub(super) fn limits(side: Side, limits: &config::Limits) -> network::Limits {
    let queue = |times| mib(limits.queue_mib.saturating_mul(times));
    let defaults = network::Limits::of(side);
    match side {
        Side::Mesh => network::Limits {
            memory_bytes: mib(limits.mesh_memory_mib),
            queue_bytes: [queue(4), queue(4), queue(4), queue(8)],
            ..defaults
        },
        Side::Public | Side::Client => network::Limits {
            memory_bytes: mib(limits.memory_mib),
            queue_bytes: [queue(1), queue(1), queue(1), queue(2)],
            max_connections: limits.max_connections,
            max_connections_per_ip: limits.max_connections_per_address,
            max_pending: limits.max_handshakes,
            max_pending_per_ip: limits.max_handshakes_per_address,
            handshake_timeout_ms: limits.handshake_timeout_ms,
            handshakes_per_s_per_ip: limits.handshakes_per_s_per_address,
            handshake_burst_per_ip: limits.handshake_burst_per_address,
            strangers_per_s: limits.strangers_per_s,
            strangers_burst: limits.strangers_burst,
            spare_loopback: limits.spare_loopback,
            first_message_ms: limits.first_message_ms,
            restricted_bytes: usize::try_from(limits.candidate_kib_per_minute)
                .unwrap_or(usize::MAX)
                .saturating_mul(1024),
            ..defaults
        },
    }
}
