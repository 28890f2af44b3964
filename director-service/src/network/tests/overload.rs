//! One slow peer is nobody else's trouble.

use super::{Peer, key};
use crate::network::{DownReason, DropReason, Event, Sent, Side};
use director_primitives::Priority::{self, Bulk, Critical, Normal};

const FRAME_LEN: usize = 4 * 1024;

fn frame(n: u32) -> Vec<u8> {
    let mut frame = vec![0; FRAME_LEN];
    frame[..4].copy_from_slice(&n.to_le_bytes());
    frame
}

fn number(frame: &[u8]) -> u32 {
    u32::from_le_bytes(frame[..4].try_into().unwrap())
}

/// A director with short queues, a validator that reads and one that does not.
async fn uneven() -> (Peer, Peer, Peer) {
    let director = Peer::start(Side::Public, 1, |config| {
        config.limits.queue_bytes = [64 * 1024; 4];
        // Each frame is waited for before the next is sent: that is not what holding back is for.
        config.limits.hold_normal_ms = 0;
    });
    let mut director = director.await;
    director.handle.allow([key(2), key(3)]);
    let mut fast = Peer::validator(2, &director).await;
    director.up().await;
    let slow = Peer::start(Side::Client, 3, |config| config.limits.inbound_bytes_per_peer = 1);
    let mut slow = slow.await;
    slow.want(&director);
    director.up().await;
    fast.up().await;
    slow.up().await;
    (director, fast, slow)
}

/// Sends 8 MiB to both, as fast as the fast one takes it. Returns what became of the slow one's.
async fn flood(director: &Peer, fast: &mut Peer, slow: &Peer, class: Priority) -> Vec<Sent> {
    let mut sent = Vec::new();
    for n in 0..2_048 {
        sent.push(director.send(slow, class, &frame(n)));
        assert_eq!(director.send(fast, class, &frame(n)), Sent::Queued);
        let got = fast.frames(1).await;
        assert_eq!(got.iter().map(|(_, frame)| number(frame)).collect::<Vec<_>>(), [n]);
    }
    sent
}

#[tokio::test]
async fn a_slow_reader_loses_the_oldest_and_nobody_else_notices() {
    let (director, mut fast, mut slow) = uneven().await;
    let sent = flood(&director, &mut fast, &slow, Normal).await;
    assert!(sent.iter().all(|sent| *sent == Sent::Queued));
    let dropped = director.handle.stats().dropped(Normal, DropReason::Overflow);
    assert!(dropped > 0);
    assert!(director.handle.is_connected(&slow.key()));

    // Now it reads: what was not dropped is all there, in order, the newest included.
    let got = slow.frames(2_048 - dropped as usize).await;
    let numbers: Vec<_> = got.iter().map(|(_, frame)| number(frame)).collect();
    assert!(numbers.is_sorted_by(|a, b| a < b));
    assert_eq!(numbers.last(), Some(&2_047));
    assert_eq!(director.handle.stats().dropped(Normal, DropReason::Overflow), dropped);
}

#[tokio::test]
async fn a_slow_reader_of_votes_is_disconnected() {
    let (mut director, mut fast, slow) = uneven().await;
    let sent = flood(&director, &mut fast, &slow, Critical).await;
    let cut = sent.iter().position(|sent| *sent == Sent::Overflow(Critical)).unwrap();
    assert!(sent[..cut].iter().all(|sent| *sent == Sent::Queued));
    assert_eq!(director.down().await, (slow.key(), DownReason::Overflow(Critical)));
    let stats = director.handle.stats();
    assert!(stats.dropped(Critical, DropReason::Overflow) >= 1);
    assert!(stats.dropped(Critical, DropReason::Disconnected) >= 1);
    assert!(director.handle.is_connected(&fast.key()));
}

#[tokio::test]
async fn a_reader_that_pauses_loses_nothing() {
    let mut director = Peer::director(1, &[key(2)]).await;
    let validator = Peer::start(Side::Client, 2, |config| config.limits.inbound_bytes_per_peer = 1);
    let mut validator = validator.await;
    validator.want(&director);
    director.up().await;
    validator.up().await;
    // Within the queue's bounds, far beyond those of the reader.
    let count = 400;
    for n in 0..count {
        assert_eq!(director.send(&validator, Critical, &frame(n)), Sent::Queued);
    }
    let got = validator.frames(count as usize).await;
    let numbers: Vec<_> = got.iter().map(|(_, frame)| number(frame)).collect();
    assert_eq!(numbers, (0..count).collect::<Vec<_>>());
}

#[tokio::test]
async fn when_memory_runs_out_the_worst_peer_goes_and_the_others_stay() {
    let director = Peer::start(Side::Public, 1, |config| {
        config.limits.queue_bytes = [1 << 30; 4];
        config.limits.memory_bytes = 1 << 20;
    });
    let mut director = director.await;
    director.handle.allow([key(2), key(3)]);
    let mut fast = Peer::validator(2, &director).await;
    director.up().await;
    let slow = Peer::start(Side::Client, 3, |config| config.limits.inbound_bytes_per_peer = 1);
    let mut slow = slow.await;
    slow.want(&director);
    director.up().await;
    fast.up().await;
    slow.up().await;

    let sent = flood(&director, &mut fast, &slow, Critical).await;
    let shed = sent.iter().position(|sent| *sent == Sent::NotConnected).unwrap();
    assert!(sent[..shed].iter().all(|sent| *sent == Sent::Queued));
    assert_eq!(director.down().await, (slow.key(), DownReason::Shed));
    let stats = director.handle.stats();
    assert!(stats.dropped(Critical, DropReason::Shed) > 200);
    assert_eq!(stats.dropped(Critical, DropReason::Disconnected), 0);
    // It may be back by now, and not reading again.
    assert!(stats.waiting_bytes <= 1 << 20, "{}", stats.waiting_bytes);
    assert!(director.handle.is_connected(&fast.key()));
}

/// The director takes no events: what comes of its validators waits.
#[tokio::test]
async fn an_inbound_backlog_costs_the_worst_peer_its_connection_and_nobody_else() {
    const KIB: usize = 1024;
    let director = Peer::start(Side::Public, 1, |config| {
        config.limits.inbound_bytes_per_peer = 1 << 20;
        config.limits.memory_bytes = 1 << 20;
    });
    let mut director = director.await;
    director.handle.allow((2..6).map(key));
    let mut validators = Vec::new();
    for secret in 2..6 {
        let mut validator = Peer::start(Side::Client, secret, |_| {}).await;
        validator.handle.allow([director.key()]);
        // Once: who is disconnected does not come back.
        validator.handle.dial(director.key(), director.handle.listening());
        validator.up().await;
        director.up().await;
        validators.push(validator);
    }
    let (worst, others) = validators.split_last_mut().unwrap();
    for (sent, other) in (1..).zip(&mut *others) {
        for n in 0..50 {
            other.send(&director, Critical, &frame(n));
        }
        let expected = sent * 50 * FRAME_LEN as u64;
        director.stats_when(|stats| stats.waiting_bytes >= expected).await;
    }
    for n in 0..225 {
        worst.send(&director, if n % 2 == 0 { Normal } else { Bulk }, &frame(n));
    }
    assert_eq!(worst.down().await.0, director.key());
    let stats = director.stats_when(|stats| stats.connections == 3).await;
    // All that it had is gone, and nothing else.
    assert!((600 * KIB as u64..650 * KIB as u64).contains(&stats.waiting_bytes), "{stats:?}");
    let shed = |class| stats.dropped_in(class, DropReason::Shed);
    assert!(shed(Normal) + shed(Bulk) > 50, "{stats:?}");
    assert_eq!(shed(Critical), 0);

    let mut downs = Vec::new();
    let mut frames = 0;
    while let Some(event) = director.events.try_recv() {
        match event {
            Event::Down { peer, reason } => downs.push((peer, reason)),
            Event::Frames(batch) => {
                assert!(batch.iter().all(|(peer, _)| *peer != key(5)));
                frames += batch.len();
            }
            other => panic!("unexpected {other:?}"),
        }
    }
    assert_eq!(downs, [(key(5), DownReason::Shed)]);
    assert_eq!(frames, 150);
    assert_eq!(director.handle.stats().waiting_bytes, 0);
    for other in others {
        assert!(other.handle.is_connected(&director.key()));
    }
}

/// It leaves frames behind and goes, again and again: those who stay do not pay for it.
#[tokio::test]
async fn who_comes_and_goes_leaves_no_more_than_there_is_room_for() {
    let director =
        Peer::start(Side::Public, 1, |config| config.limits.memory_bytes = 512 * 1024).await;
    director.handle.allow([key(2), key(3)]);
    let mut steady = Peer::validator(2, &director).await;
    steady.up().await;
    for n in 0..20 {
        steady.send(&director, Critical, &frame(n));
    }
    director.stats_when(|stats| stats.frames_in == 20).await;
    for round in 1..6 {
        let mut fickle = Peer::validator(3, &director).await;
        fickle.up().await;
        for n in 0..50 {
            fickle.send(&director, Critical, &frame(n));
        }
        director.stats_when(|stats| stats.frames_in == 20 + round * 50).await;
        fickle.handle.shutdown().await;
        director.stats_when(|stats| stats.connections == 1).await;
    }
    let stats = director.handle.stats();
    assert!(stats.waiting_bytes <= 512 * 1024, "{stats:?}");
    assert!(stats.dropped_in(Critical, DropReason::Shed) >= 100, "{stats:?}");
    assert!(director.handle.is_connected(&steady.key()));
}
