//! What peers do to each other: the parts alone, then over real sockets on loopback.
//!
//! Nothing sleeps: tests wait for events, and [`PATIENCE`] only bounds a failure.

#![allow(clippy::unwrap_used)]

mod address;
mod bulk;
mod callers;
mod churn;
mod dialer;
mod frame;
mod gate;
mod handshakes;
mod ingress;
mod leaving;
mod limits;
mod links;
mod listeners;
mod overload;
mod panics;
mod priorities;
mod queue;
mod quic;
mod strangers;
mod tap;
mod windows;

use super::{Config, DownReason, Event, Events, Frame, Handle, Payload, Side, Stats, start};
use director_primitives::{H256, Priority, PublicKey};
use std::time::Duration;
use tokio::time::timeout;

const GENESIS: H256 = H256::repeat_byte(7);
const PATIENCE: Duration = Duration::from_secs(30);

/// A swarm with the end that hears of it.
struct Peer {
    handle: Handle,
    events: Events,
}

impl Peer {
    async fn start(side: Side, secret: u8, tweak: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::new(side, [secret; 32], GENESIS);
        if side != Side::Client {
            config.listen.push("/ip4/127.0.0.1/tcp/0".parse().unwrap());
        }
        tweak(&mut config);
        let (handle, events) = start(config).await.unwrap();
        Self { handle, events }
    }

    /// A director that lets these in.
    async fn director(secret: u8, allowed: &[PublicKey]) -> Self {
        let director = Self::start(Side::Public, secret, |_| {}).await;
        director.handle.allow(allowed.iter().copied());
        director
    }

    /// A validator that keeps a connection to `director`.
    async fn validator(secret: u8, director: &Peer) -> Self {
        let validator = Self::start(Side::Client, secret, |_| {}).await;
        validator.want(director);
        validator
    }

    fn key(&self) -> PublicKey {
        self.handle.local_key()
    }

    fn want(&self, director: &Peer) {
        self.handle.allow([director.key()]);
        self.handle.maintain(director.key(), director.handle.listening());
    }

    async fn next(&mut self) -> Event {
        let event = timeout(PATIENCE, self.events.recv()).await;
        event.expect("an event should come").expect("the swarm should run")
    }

    async fn up(&mut self) -> PublicKey {
        match self.next().await {
            Event::Up { peer } => peer,
            other => panic!("expected Up, got {other:?}"),
        }
    }

    async fn down(&mut self) -> (PublicKey, DownReason) {
        match self.next().await {
            Event::Down { peer, reason } => (peer, reason),
            other => panic!("expected Down, got {other:?}"),
        }
    }

    /// The next `count` frames.
    async fn frames(&mut self, count: usize) -> Vec<(PublicKey, Frame)> {
        let mut frames = Vec::new();
        while frames.len() < count {
            match self.next().await {
                Event::Frames(batch) => frames.extend(batch),
                other => panic!("expected frames, got {other:?}"),
            }
        }
        frames
    }

    /// Waits until the statistics are as they should be: they are no events, so they are asked for.
    async fn stats_when(&self, expected: impl Fn(&Stats) -> bool) -> Stats {
        let asked = async {
            loop {
                let stats = self.handle.stats();
                if expected(&stats) {
                    return stats;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        match timeout(PATIENCE, asked).await {
            Ok(stats) => stats,
            Err(_) => panic!("not in time: {:?}", self.handle.stats()),
        }
    }

    fn send(&self, to: &Peer, class: Priority, bytes: &[u8]) -> super::Sent {
        self.handle.send(&to.key(), class, Payload::Envelope(bytes.into()))
    }
}

/// Some address that somebody listens on.
fn local() -> super::Multiaddr {
    "/ip4/192.0.2.100/tcp/30400".parse().unwrap()
}

/// The key of a secret, without starting anything.
fn key(secret: u8) -> PublicKey {
    let keypair = libp2p::identity::Keypair::ed25519_from_bytes([secret; 32]).unwrap();
    super::behaviour::key_of(&keypair.public().to_peer_id()).unwrap()
}
