//! Connections come and go from all sides at once, on several threads.

use super::{Peer, key};
use crate::network::{DownReason, Event, Side};
use director_primitives::{Priority, PublicKey};
use std::collections::HashSet;

const VALIDATORS: u8 = 4;
const UPS: usize = 120;

/// A validator that comes back at once and sends whenever it is connected.
async fn restless(secret: u8, director: (PublicKey, Vec<crate::network::Multiaddr>)) {
    let mut peer = Peer::start(Side::Client, secret, |config| {
        config.limits.redial_base_ms = 1;
        config.limits.redial_max_ms = 4;
    })
    .await;
    peer.handle.allow([director.0]);
    peer.handle.maintain(director.0, director.1);
    let mut up = false;
    loop {
        match peer.next().await {
            Event::Up { .. } => {
                assert!(!std::mem::replace(&mut up, true));
                for n in 0..50u8 {
                    let payload = crate::network::Payload::Envelope(vec![n; 500].into());
                    peer.handle.send(&director.0, Priority::Normal, payload);
                }
            }
            Event::Down { .. } => assert!(std::mem::replace(&mut up, false)),
            Event::DialFailed { .. } => {}
            other => panic!("the director says nothing, but {other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn up_and_down_alternate_and_nothing_follows_a_down() {
    let keys: Vec<_> = (0..VALIDATORS).map(|n| key(10 + n)).collect();
    let mut director = Peer::director(1, &keys).await;
    let address = (director.key(), director.handle.listening());
    let tasks: Vec<_> =
        (0..VALIDATORS).map(|n| tokio::spawn(restless(10 + n, address.clone()))).collect();

    let (mut up, mut ups, mut frames) = (HashSet::new(), 0, 0);
    while ups < UPS {
        match director.next().await {
            Event::Up { peer } => {
                assert!(up.insert(peer), "up twice");
                ups += 1;
                // Each way of ending a connection has its turn, while frames come in.
                match ups % 3 {
                    0 => director.handle.disconnect(&peer),
                    1 => {
                        director.handle.allow(keys.iter().copied().filter(|key| *key != peer));
                        director.handle.allow(keys.iter().copied());
                    }
                    _ => {}
                }
            }
            Event::Down { peer, reason } => {
                assert!(up.remove(&peer), "down without up");
                assert!(matches!(reason, DownReason::Disconnected | DownReason::NotAllowed));
            }
            Event::Frames(batch) => {
                frames += batch.len();
                assert!(batch.iter().all(|(peer, _)| up.contains(peer)), "a frame after a down");
                // Those that are left alone are ended here, with frames on their way.
                if let Some((peer, _)) = batch.last() {
                    director.handle.disconnect(peer);
                }
            }
            other => panic!("unexpected {other:?}"),
        }
    }
    assert!(frames > 0);
    for task in tasks {
        assert!(!task.is_finished(), "a validator has seen something impossible");
        task.abort();
    }
}
