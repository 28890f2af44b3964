//! What the two networks count, the mesh and the public one.

use super::{
    class_name,
    histogram::Counted,
    list::{in_unit, plain, set},
};
use crate::network::{Distribution, DropReason, Refusal, Stats};
use director_primitives::Priority;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::{Registry, Unit},
};
use std::sync::atomic::AtomicU64;

/// What the two networks count.
pub(super) struct Network {
    connections: Family<Net, Gauge<u64, AtomicU64>>,
    bytes_in: Family<Net, Counter>,
    bytes_out: Family<Net, Counter>,
    frames_in: Family<Net, Counter>,
    frames_out: Family<Net, Counter>,
    waiting_bytes: Family<Net, Gauge<u64, AtomicU64>>,
    queue_seconds: Family<Queue, Counted>,
    write_bytes: Family<Net, Counted>,
    dropped: Family<Drop, Counter>,
    dropped_in: Family<Drop, Counter>,
    handshakes: Family<Net, Gauge<u64, AtomicU64>>,
    replaced: Family<Net, Counter>,
    turned_away: Family<TurnedAway, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Net {
    network: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Queue {
    network: &'static str,
    class: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TurnedAway {
    network: &'static str,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Drop {
    network: &'static str,
    class: &'static str,
    reason: &'static str,
}

impl Network {
    pub(super) fn new(r: &mut Registry) -> Self {
        let waited = "Time in a peer's queue: of each write the frame that waited longest";
        Self {
            connections: plain(r, "connections", "Connections, by network"),
            bytes_in: plain(r, "received_bytes", "Bytes received, by network"),
            bytes_out: plain(r, "sent_bytes", "Bytes sent, by network"),
            frames_in: plain(r, "received_frames", "Frames received, by network"),
            frames_out: plain(r, "sent_frames", "Frames sent, by network"),
            waiting_bytes: in_unit(r, "waiting", "Bytes that wait, each frame once", Unit::Bytes),
            queue_seconds: in_unit(r, "queue", waited, Unit::Seconds),
            write_bytes: in_unit(r, "write", "Length of each write to a peer", Unit::Bytes),
            dropped: plain(r, "dropped_frames", "Frames lost on their way to a peer"),
            dropped_in: plain(r, "dropped_received_frames", "Frames thrown away before the core"),
            handshakes: plain(r, "handshakes", "Inbound handshakes under way, by network"),
            replaced: plain(r, "replaced_connections", "Connections that a newer one replaced"),
            turned_away: plain(r, "refused_connections", "Connections refused, by reason"),
        }
    }

    pub(super) fn take(&self, network: &'static str, stats: &Stats) {
        let label = Net { network };
        self.connections.get_or_create(&label).set(stats.connected);
        set(&self.bytes_in.get_or_create(&label), stats.bytes_in);
        set(&self.bytes_out.get_or_create(&label), stats.bytes_out);
        set(&self.frames_in.get_or_create(&label), stats.frames_in);
        set(&self.frames_out.get_or_create(&label), stats.frames_out);
        self.waiting_bytes.get_or_create(&label).set(stats.waiting_bytes);
        // The buckets are of whole bytes, each of less than a power of two.
        let bound = |at: usize| 2f64.powi(at as i32) - 1.0;
        let Distribution { counts, sum } = &stats.write_bytes;
        self.write_bytes.get_or_create(&label).set(counts, bound, *sum as f64);
        for class in Priority::ALL {
            let bound = |at: usize| 2f64.powi(at as i32) / 1e6;
            let Distribution { counts, sum } = &stats.queue_us[class.index()];
            let label = Queue { network, class: class_name(class) };
            self.queue_seconds.get_or_create(&label).set(counts, bound, *sum as f64 / 1e6);
        }
        for (class, reason, count) in drops(stats) {
            set(&self.dropped.get_or_create(&Drop { network, class, reason }), count);
        }
        for class in Priority::ALL {
            for reason in DropReason::ALL {
                let count = stats.dropped_in(class, reason);
                let label = Drop { network, class: class_name(class), reason: drop_name(reason) };
                set(&self.dropped_in.get_or_create(&label), count);
            }
        }
        self.handshakes.get_or_create(&Net { network }).set(stats.handshakes);
        set(&self.replaced.get_or_create(&Net { network }), stats.replaced);
        for reason in Refusal::ALL {
            let label = TurnedAway { network, reason: reason.name() };
            set(&self.turned_away.get_or_create(&label), stats.refused(reason));
        }
    }
}

/// What a network lost, by class and reason.
pub fn drops(stats: &Stats) -> impl Iterator<Item = (&'static str, &'static str, u64)> + '_ {
    Priority::ALL.into_iter().flat_map(move |class| {
        DropReason::ALL
            .into_iter()
            .map(move |reason| (class_name(class), drop_name(reason), stats.dropped(class, reason)))
    })
}

fn drop_name(reason: DropReason) -> &'static str {
    match reason {
        DropReason::Overflow => "overflow",
        DropReason::TooLarge => "too_large",
        DropReason::Disconnected => "disconnected",
        DropReason::Shed => "shed",
    }
}
