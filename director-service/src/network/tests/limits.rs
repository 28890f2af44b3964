//! Peers that may connect do no more than they may.

use super::{
    PATIENCE, Peer, key,
    strangers::{connect, connect_from, nothing_is_left, shake_hands},
};
use crate::network::{DownReason, Event, Handle, Payload, Refusal, Side};
use director_primitives::{Control, Priority::Normal, Welcome};
use std::{
    net::IpAddr,
    time::{Duration, Instant},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A director with a candidate, which may be read for 50,000 bytes.
async fn restricting(listen: &str) -> (Peer, Peer) {
    let director = Peer::start(Side::Public, 1, |config| {
        config.limits.restricted_bytes = 50_000;
        config.listen = vec![listen.parse().unwrap()];
    });
    let mut director = director.await;
    director.handle.allow([key(2)]);
    director.handle.restrict([key(2)]);
    let candidate = Peer::start(Side::Client, 2, |config| {
        config.limits.redial_base_ms = 1;
        config.limits.redial_max_ms = 4;
    });
    let mut candidate = candidate.await;
    candidate.want(&director);
    assert_eq!((director.up().await, candidate.up().await), (key(2), key(1)));
    (director, candidate)
}

/// The candidate floods, is cut off, comes back, and is not let in before it may speak.
async fn a_flood_of_a_candidate_ends(listen: &str) {
    let (mut director, candidate) = restricting(listen).await;
    for n in 0..200u8 {
        candidate.send(&director, Normal, &[n; 1_000]);
    }
    let mut frames = 0;
    loop {
        match director.next().await {
            Event::Frames(batch) => frames += batch.len(),
            Event::Down { peer, reason } => {
                assert_eq!((peer, reason), (key(2), DownReason::Exceeded));
                break;
            }
            other => panic!("unexpected {other:?}"),
        }
    }
    // One read more than it may have, at most.
    assert!(frames <= 50 + 33, "{frames} frames of 1,000 bytes");
    director.stats_when(|stats| stats.refused(Refusal::OverBudget) > 0).await;
    assert!(!director.handle.is_connected(&key(2)));
    director.handle.restrict([]);
    assert_eq!(director.up().await, key(2));
}

#[tokio::test]
async fn a_candidate_that_floods_is_cut_off_until_the_minute_is_over() {
    a_flood_of_a_candidate_ends("/ip4/127.0.0.1/tcp/0").await;
}

#[tokio::test]
async fn over_quic_too() {
    a_flood_of_a_candidate_ends("/ip4/127.0.0.1/udp/0/quic-v1").await;
}

#[tokio::test]
async fn a_candidate_that_is_let_speak_is_not_cut_off() {
    let (mut director, candidate) = restricting("/ip4/127.0.0.1/tcp/0").await;
    director.handle.restrict([]);
    for n in 0..200u8 {
        candidate.send(&director, Normal, &[n; 1_000]);
    }
    assert_eq!(director.frames(200).await.len(), 200);
}

async fn impatient(allowed: u8) -> Peer {
    let director =
        Peer::start(Side::Public, 1, |config| config.limits.first_message_ms = 200).await;
    director.handle.allow([key(allowed)]);
    director
}

#[tokio::test]
async fn a_peer_that_opens_no_stream_goes() {
    let director = impatient(2).await;
    let begun = Instant::now();
    let _mute = shake_hands(&director.handle, 2).await.expect("its key is allowed");
    let stats = director.stats_when(|stats| stats.refused(Refusal::SaidNothing) == 1).await;
    assert_eq!(stats.connected, 0);
    director.stats_when(|stats| (stats.connections, stats.handshakes) == (0, 0)).await;
    nothing_is_left(&director.handle).await;
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn who_leaves_the_set_cannot_hold_its_connection() {
    let director = Peer::director(1, &[key(2)]).await;
    let _mute = shake_hands(&director.handle, 2).await.expect("its key is allowed");
    director.stats_when(|stats| stats.connections == 1).await;
    let begun = Instant::now();
    director.handle.allow([]);
    director.stats_when(|stats| stats.connections == 0).await;
    nothing_is_left(&director.handle).await;
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_peer_that_never_says_a_word_goes() {
    let mut director = impatient(2).await;
    let mute = Peer::start(Side::Client, 2, |config| config.limits.ping_interval_ms = 3_600_000);
    let mute = mute.await;
    mute.handle.allow([key(1)]);
    mute.handle.dial(key(1), director.handle.listening());
    assert_eq!(director.up().await, key(2));
    assert_eq!(director.down().await, (key(2), DownReason::SaidNothing));
    assert_eq!(director.handle.stats().refused(Refusal::SaidNothing), 1);
}

#[tokio::test]
async fn a_peer_that_says_something_stays() {
    let mut director = impatient(2).await;
    let validator =
        Peer::start(Side::Client, 2, |config| config.limits.ping_interval_ms = 20).await;
    validator.want(&director);
    assert_eq!(director.up().await, key(2));
    // So many signs of life take longer than a first word may.
    director.stats_when(|stats| stats.bytes_in >= 30 * 5).await;
    assert_eq!(director.handle.connected(), [key(2)]);
}

/// What a connection from this address is answered until its end.
async fn answer(handle: &Handle, from: &str) -> Vec<u8> {
    let mut socket = connect_from(handle, from).await;
    // It may be closed already.
    let _ = socket.write_all(b"\x13/multistream/1.0.0\n").await;
    let mut answer = Vec::new();
    // The end may be a reset: nobody has read what we sent.
    let _ = socket.read_to_end(&mut answer).await;
    answer
}

#[tokio::test]
async fn an_unknown_address_gets_no_byte() {
    let director =
        Peer::start(Side::Mesh, 9, |config| config.limits.handshake_timeout_ms = 200).await;
    director.handle.allow([key(2)]);
    let known: IpAddr = "::ffff:127.0.0.1".parse().unwrap();
    director.handle.allow_addresses(Some([known].into()));
    assert!(answer(&director.handle, "127.0.0.2").await.is_empty());
    assert_eq!(director.handle.stats().refused(Refusal::UnknownAddress), 1);
    assert!(!answer(&director.handle, "127.0.0.1").await.is_empty());

    let mut peer = Peer::start(Side::Mesh, 2, |_| {}).await;
    let mesh = [peer.key(), director.key()];
    director.handle.allow(mesh);
    peer.handle.allow(mesh);
    // One of them dials, from 127.0.0.1.
    peer.handle.maintain(director.key(), director.handle.listening());
    director.handle.maintain(peer.key(), peer.handle.listening());
    assert_eq!(peer.up().await, director.key());

    director.handle.allow_addresses(None);
    assert!(!answer(&director.handle, "127.0.0.2").await.is_empty());
    director.stats_when(|stats| stats.connected == 1 && stats.handshakes == 0).await;
}

#[tokio::test]
async fn a_flood_of_strangers_does_not_keep_out_who_is_known() {
    let director = Peer::start(Side::Public, 1, |config| {
        config.limits.spare_loopback = false;
        config.limits.strangers_per_s = 1;
        config.limits.strangers_burst = 4;
    });
    let mut director = director.await;
    director.handle.allow([key(2)]);
    let mut validator = Peer::validator(2, &director).await;
    director.up().await;
    validator.up().await;
    let mut flood = Vec::new();
    for n in 2..60 {
        flood.push(connect_from(&director.handle, &format!("127.0.0.{n}")).await);
    }
    director.stats_when(|stats| stats.refused(Refusal::TooManyStrangers) >= 50).await;
    director.handle.disconnect(&key(2));
    director.down().await;
    assert_eq!(tokio::time::timeout(PATIENCE, director.up()).await.unwrap(), key(2));
    drop(flood);
}

#[tokio::test]
async fn one_address_has_so_many_handshakes_a_second() {
    let director = Peer::start(Side::Public, 1, |config| {
        config.limits.spare_loopback = false;
        config.limits.handshake_burst_per_ip = 3;
        config.limits.handshakes_per_s_per_ip = 1;
    });
    let director = director.await;
    let mut callers = Vec::new();
    for _ in 0..20 {
        callers.push(connect(&director.handle).await);
    }
    director.stats_when(|stats| stats.refused(Refusal::TooFastFromAddress) >= 15).await;
    drop(callers);
    director.stats_when(|stats| stats.handshakes == 0).await;
}

#[tokio::test]
async fn a_slow_stranger_makes_room_for_the_next() {
    let mut director = Peer::start(Side::Public, 1, |config| config.limits.max_pending = 4).await;
    director.handle.allow([key(2)]);
    let mut idle = Vec::new();
    for _ in 0..4 {
        idle.push(connect(&director.handle).await);
    }
    director.stats_when(|stats| stats.handshakes == 4).await;
    // Until the oldest has had its second, the validator is refused, and comes back.
    let _validator = Peer::validator(2, &director).await;
    assert_eq!(director.up().await, key(2));
    assert!(director.handle.stats().refused(Refusal::MadeRoom) >= 1);
    drop(idle);
    director.stats_when(|stats| stats.handshakes == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_processes_with_one_key_fight_without_leaving_anything() {
    let mut director = Peer::director(1, &[key(2)]).await;
    let twins: Vec<_> = (0..2)
        .map(|_| {
            let address = director.handle.listening();
            tokio::spawn(async move {
                let mut twin = Peer::start(Side::Client, 2, |config| {
                    config.limits.redial_base_ms = 1;
                    config.limits.redial_max_ms = 2;
                })
                .await;
                twin.handle.allow([key(1)]);
                twin.handle.maintain(key(1), address);
                while twin.events.recv().await.is_some() {}
            })
        })
        .collect();
    let (mut up, mut ups) = (false, 0);
    while ups < 200 {
        match director.next().await {
            Event::Up { .. } => {
                assert!(!std::mem::replace(&mut up, true), "up twice");
                ups += 1;
            }
            Event::Down { reason, .. } => {
                assert!(std::mem::replace(&mut up, false), "down without up");
                assert!(matches!(reason, DownReason::Replaced | DownReason::Closed), "{reason:?}");
            }
            other => panic!("unexpected {other:?}"),
        }
    }
    assert!(director.handle.stats().replaced > 50);
    assert!(director.handle.stats().connections <= 3);
    for twin in twins {
        twin.abort();
    }
    director
        .stats_when(|stats| (stats.connected, stats.connections, stats.handshakes) == (0, 0, 0))
        .await;
    nothing_is_left(&director.handle).await;
    // What was said of it adds up, too.
    while let Some(event) = director.events.try_recv() {
        match event {
            Event::Up { .. } => assert!(!std::mem::replace(&mut up, true)),
            Event::Down { .. } => assert!(std::mem::replace(&mut up, false)),
            other => panic!("unexpected {other:?}"),
        }
    }
    assert!(!up);
    tokio::time::timeout(PATIENCE, director.handle.shutdown()).await.unwrap();
}

fn greeting() -> Payload {
    Payload::control(&Control::Welcome(Welcome { last_epoch: 1, authorized: true }))
}

#[tokio::test]
async fn a_validator_that_floods_with_control_is_cut_off() {
    let (mut director, validator) = director_and_validator().await;
    flood(&validator, &mut director).await;
}

#[tokio::test]
async fn a_director_that_floods_with_control_is_left() {
    let (director, mut validator) = director_and_validator().await;
    flood(&director, &mut validator).await;
}

async fn director_and_validator() -> (Peer, Peer) {
    let mut director = Peer::director(1, &[key(2)]).await;
    let mut validator = Peer::start(Side::Client, 2, |_| {}).await;
    validator.handle.allow([key(1)]);
    validator.handle.dial(key(1), director.handle.listening());
    assert_eq!((director.up().await, validator.up().await), (key(2), key(1)));
    (director, validator)
}

async fn flood(from: &Peer, to: &mut Peer) {
    for _ in 0..5_000 {
        from.handle.send(&to.key(), Normal, greeting());
    }
    let mut messages = 0;
    let reason = loop {
        match to.next().await {
            Event::Control(..) => messages += 1,
            Event::Down { reason, .. } => break reason,
            other => panic!("unexpected {other:?}"),
        }
    };
    assert_eq!(reason, DownReason::Exceeded);
    // What may come at once, and what a slow machine lets come meanwhile.
    assert!((128..1_000).contains(&messages), "{messages}");
}

#[tokio::test]
async fn a_director_may_send_its_peers_as_much_control_as_it_likes() {
    let mut director = Peer::start(Side::Mesh, 1, |_| {}).await;
    let mut other = Peer::start(Side::Mesh, 2, |_| {}).await;
    for (from, to) in [(&director, &other), (&other, &director)] {
        from.handle.allow([to.key()]);
        from.handle.maintain(to.key(), to.handle.listening());
    }
    director.up().await;
    other.up().await;
    for _ in 0..1_000 {
        other.handle.send(&key(1), Normal, greeting());
    }
    for _ in 0..1_000 {
        assert!(matches!(director.next().await, Event::Control(..)));
    }
}
