//! Sends strangers to a director's public port: some finish the handshake with keys that nobody knows,
//! the others connect and hold on, with garbage or without a word.

use super::{Namespace, PUBLIC_PORT, Site};
use director_primitives::{H256, PublicKey};
use director_service::network::{self, Config, Event, Multiaddr, Side};
use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};
use tokio::{
    io::AsyncWriteExt,
    net::TcpStream,
    task::JoinHandle,
    time::{Interval, MissedTickBehavior, interval, timeout},
};

/// How many swarms knock from one address at a time: more than a director lets an address try at once.
const KNOCKERS: u32 = 12;

/// How many sockets knock from one address in turn.
const HOLDERS: u32 = 4;

/// Sockets that each of them holds open: the oldest goes when there is another.
const HELD: usize = 16;

/// How long an attempt may take before it is given up and counted as neither.
const ATTEMPT: Duration = Duration::from_secs(15);

/// What the strangers did so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attempts {
    /// Connections that were tried, of both kinds.
    pub tried: u64,
    /// Those of them with a key, which were turned away.
    pub turned_away: u64,
    /// Those with a key that were let in: there must be none.
    pub let_in: u64,
}

#[derive(Default)]
struct Counts {
    tried: AtomicU64,
    turned_away: AtomicU64,
    let_in: AtomicU64,
}

/// Strangers that knock until this is dropped.
pub struct Crowd {
    tasks: Vec<JoinHandle<anyhow::Result<()>>>,
    counts: Arc<Counts>,
}

impl Crowd {
    /// Has strangers in these namespaces knock at a director so many times a second in all, three
    /// times out of four with a key.
    pub fn start(homes: &[Namespace], at: &Site, genesis: H256, per_s: u32) -> Self {
        let counts = Arc::new(Counts::default());
        let of_each = f64::from(per_s) / homes.len().max(1) as f64;
        let pace = |share: f64, workers: u32| {
            Duration::from_secs_f64(f64::from(workers) / (of_each * share).max(0.1))
        };
        let director = (at.key(), at.public());
        let socket = SocketAddr::from((at.address(super::Net::Public), PUBLIC_PORT));
        let mut tasks = Vec::new();
        for home in homes {
            for _ in 0..KNOCKERS {
                let (director, counts) = (director.clone(), counts.clone());
                let knock = knock_with_a_key(director, genesis, pace(0.75, KNOCKERS), counts);
                tasks.push(home.spawn(knock));
            }
            for number in 0..HOLDERS {
                let hold = hold_on(socket, number % 2 == 0, pace(0.25, HOLDERS), counts.clone());
                tasks.push(home.spawn(hold));
            }
        }
        Self { tasks, counts }
    }

    /// What they did so far.
    pub fn attempts(&self) -> Attempts {
        let of = |count: &AtomicU64| count.load(Relaxed);
        Attempts {
            tried: of(&self.counts.tried),
            turned_away: of(&self.counts.turned_away),
            let_in: of(&self.counts.let_in),
        }
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Connects as a client would, with a key that nobody knows.
async fn knock_with_a_key(
    (key, address): (PublicKey, Multiaddr),
    genesis: H256,
    every: Duration,
    counts: Arc<Counts>,
) -> anyhow::Result<()> {
    let config = Config::new(Side::Client, rand::random(), genesis);
    let (handle, mut events) = network::start(config).await?;
    handle.allow([key]);
    let mut turn = paced(every);
    loop {
        turn.tick().await;
        counts.tried.fetch_add(1, Relaxed);
        handle.dial(key, vec![address.clone()]);
        let outcome = timeout(ATTEMPT, async {
            loop {
                match events.recv().await {
                    Some(Event::DialFailed { .. }) => return Some(false),
                    Some(Event::Up { .. }) => return Some(true),
                    Some(_) => {}
                    None => return None,
                }
            }
        });
        match outcome.await {
            Ok(Some(false)) => counts.turned_away.fetch_add(1, Relaxed),
            Ok(Some(true)) => {
                handle.disconnect(&key);
                counts.let_in.fetch_add(1, Relaxed)
            }
            Ok(None) => return Ok(()),
            Err(_) => 0,
        };
    }
}

/// Connects and holds on to the connection.
async fn hold_on(
    at: SocketAddr,
    says_garbage: bool,
    every: Duration,
    counts: Arc<Counts>,
) -> anyhow::Result<()> {
    let mut held = VecDeque::with_capacity(HELD);
    let mut turn = paced(every);
    loop {
        turn.tick().await;
        counts.tried.fetch_add(1, Relaxed);
        let Ok(Ok(mut stream)) = timeout(ATTEMPT, TcpStream::connect(at)).await else { continue };
        if says_garbage {
            // It may be closed already.
            let _ = stream.write_all(&rand::random::<[u8; 32]>()).await;
        }
        if held.len() == HELD {
            held.pop_front();
        }
        held.push_back(stream);
    }
}

fn paced(every: Duration) -> Interval {
    let mut turn = interval(every);
    // Who is late is not to come twice.
    turn.set_missed_tick_behavior(MissedTickBehavior::Skip);
    turn
}
