//! Whatever strangers do at the ports of a director, it goes on: each of their connections ends in time, no
//! descriptor and no memory of them is left, and no validator notices.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod misdeeds;

use integration_tests::{
    chain::{FEES, STAKE},
    director::{Director, get, write_config},
    keys::Identity,
    load::Load,
    network::{Network, Plan},
    probe::Probe,
    process::{Managed, sibling},
};
use misdeeds::{Cut, Misdeed, Spoken, crowd, pelt};
use std::{
    fs,
    net::SocketAddr,
    path::Path,
    time::{Duration, Instant},
};
use tokio::{
    io::AsyncReadExt,
    task::JoinSet,
    time::{sleep, timeout},
};

/// Bounds a failure.
const PATIENCE: Duration = Duration::from_secs(280);

/// Bounds a step.
const SOON: Duration = Duration::from_secs(30);

/// Until a connection is over, whatever is done with it: a handshake may take ten seconds.
const OVER: Duration = Duration::from_secs(50);

const VALIDATORS: usize = 4;

/// Messages a second of all honest validators together.
const PER_S: u64 = 100;

/// Who does one thing at one door at once.
const EACH: usize = 20;

/// Who connects and says nothing at one door at once.
const CROWD: usize = 600;

/// Datagrams.
const DATAGRAMS: usize = 5_000;

/// What a director may have more afterwards: descriptors (a log, a look at the clock), and memory: half a thousand
/// handshakes of 64 KiB, which the allocator may keep.
const MOST_DESCRIPTORS: usize = 8;
const MOST_KIB: u64 = 32 * 1024;

/// How often the kernel's tables are looked at.
const LOOK: Duration = Duration::from_millis(100);

#[tokio::test(flavor = "multi_thread")]
async fn every_door_holds() {
    timeout(PATIENCE, run()).await.expect("done within the bound");
}

async fn run() {
    let dir = tempfile::tempdir().unwrap();
    let plan = Plan::quick(VALIDATORS, dir.path());
    let network = Network::start(&plan, |_| {}).await.unwrap();
    let candidate = Identity::validator(VALIDATORS + 1);
    network.chain.fund(vec![(candidate.id(), STAKE + FEES)]).await.unwrap();
    network.chain.register(&candidate, STAKE).await.unwrap();
    let target = &network.directors[0];
    let load = Load::start(network.shared.clone(), PER_S);
    votes_are_whole(&network).await;
    let before = Held::by(&target.process);
    let disconnected = network.shared.progress().disconnected;

    misdeeds_end_in_time(target).await;
    resets_after_the_handshake_leave_nothing(&network, &candidate).await;
    crowds_are_borne(&network).await;
    before.is_all_that_is_left(&target.process).await;
    datagrams_are_borne(&network, dir.path(), &candidate).await;

    get(format!("http://127.0.0.1:{}/healthz", target.ports.http)).await.unwrap();
    votes_are_whole(&network).await;
    assert_eq!(load.stop().await.refused, 0, "an outbox is full");
    let all = network.wait_until(|of| Ok(of.shared.ledger().totals().outstanding() == 0));
    timeout(SOON, all).await.expect("messages are lost").unwrap();
    assert_eq!(network.shared.ledger().totals().duplicates, 0);
    let now = network.shared.progress().disconnected;
    assert_eq!(now, disconnected, "validators have lost their connection");
    network.shutdown().await;
}

/// Ports of a director, with what is spoken there.
fn doors(director: &Director) -> [(&'static str, Spoken, SocketAddr); 3] {
    let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
    [
        ("mesh", Spoken::Libp2p, at(director.ports.mesh)),
        ("public", Spoken::Libp2p, at(director.ports.public)),
        ("http", Spoken::Http, at(director.ports.http)),
    ]
}

/// Each misdeed at each door, by several at once.
async fn misdeeds_end_in_time(director: &Director) {
    let mut at_all_doors = JoinSet::new();
    for (name, spoken, at) in doors(director) {
        at_all_doors.spawn(async move {
            for misdeed in Misdeed::ALL {
                let began = Instant::now();
                let mut strangers = JoinSet::new();
                for _ in 0..EACH {
                    strangers.spawn(misdeed.commit(spoken, at));
                }
                let over = timeout(OVER, strangers.join_all()).await;
                let over = over.unwrap_or_else(|_| panic!("{misdeed:?} at {name} does not end"));
                for connected in over {
                    connected.unwrap_or_else(|error| panic!("{misdeed:?} at {name}: {error}"));
                }
                eprintln!("{misdeed:?} at {name}: over after {:.1?}", began.elapsed());
            }
        });
    }
    at_all_doors.join_all().await;
}

/// A candidate is let in, and its connection is reset.
async fn resets_after_the_handshake_leave_nothing(network: &Network, candidate: &Identity) {
    let target = &network.directors[0];
    let [_, (_, _, public), _] = doors(target);
    for _ in 0..5 {
        let cut = Cut::before(public).await.unwrap();
        let mut probe = Probe::start(candidate.clone(), network.chain.genesis_hash).await.unwrap();
        let key = target.identity.peer_key();
        let welcome = timeout(SOON, probe.enter(key, cut.port)).await.expect("it is let in");
        assert!(!welcome.unwrap().authorized);
        cut.now().await.unwrap();
        probe.shutdown().await;
    }
}

/// More connections than a door has places for, at one door after the other, while votes go on.
async fn crowds_are_borne(network: &Network) {
    let target = &network.directors[0];
    for (name, _, at) in doors(target) {
        let began = Instant::now();
        let held = timeout(SOON, crowd(at, CROWD)).await.expect("they connect").unwrap();
        is_healthy(target).await;
        votes_are_whole(network).await;
        // Each is told to go in the end.
        let mut ends = JoinSet::new();
        for mut socket in held {
            ends.spawn(async move { socket.read_to_end(&mut Vec::new()).await.is_ok() });
        }
        let ended = timeout(OVER, ends.join_all()).await;
        ended.unwrap_or_else(|_| panic!("the crowd at {name} is not told to go"));
        eprintln!("{CROWD} at {name}: gone after {:.1?}", began.elapsed());
    }
    let said = target.process.wait_for_log("HTTP connections are taken", SOON);
    said.await.expect("the log says that there was no room");
}

/// Asks until it is answered: who comes while all places were taken a moment ago is closed.
async fn is_healthy(director: &Director) {
    let url = format!("http://127.0.0.1:{}/healthz", director.ports.http);
    let answered = async {
        while get(url.clone()).await.is_err() {
            sleep(LOOK).await;
        }
    };
    timeout(SOON, answered).await.expect("nobody can ask whether it is healthy");
}

/// Garbage at the QUIC ports of a director that the chain does not know, which therefore lets nobody in; then
/// somebody knocks at them and gets that for an answer, after a handshake.
async fn datagrams_are_borne(network: &Network, dir: &Path, candidate: &Identity) {
    let identity = Identity::director(9);
    let config = write_config(&identity, dir, &network.chain.url).unwrap();
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace("127.0.0.1/tcp/0", "127.0.0.1/udp/0/quic-v1")).unwrap();
    let arguments =
        ["run", "--config", config.to_str().unwrap(), "--exit-on-stdin-eof"].map(String::from);
    let log = dir.join("quic.log");
    let program = sibling("director").unwrap();
    let mut process = Managed::spawn("quic", &program, &arguments, log).unwrap();
    let line = process.wait_for_line("listening ", SOON).await.unwrap();
    let before = Held::by(&process);

    let port = |network: &str| -> u16 {
        let found = line.split(' ').find_map(|part| part.strip_prefix(&format!("{network}=")));
        found.unwrap().split('/').nth(4).unwrap().parse().unwrap()
    };
    for network in ["mesh", "public"] {
        let at = SocketAddr::from(([127, 0, 0, 1], port(network)));
        pelt(at, DATAGRAMS).await.unwrap();
    }
    let mut probe = Probe::start(candidate.clone(), network.chain.genesis_hash).await.unwrap();
    let address = format!("/ip4/127.0.0.1/udp/{}/quic-v1", port("public"));
    let knocked = probe.knock_at(identity.peer_key(), address.parse().unwrap());
    let refused = timeout(SOON, knocked).await.expect("an answer").unwrap();
    let refused = refused.expect("it is let in by whom the chain does not know");
    assert!(refused.contains("closed the connection"), "no handshake: {refused}");
    probe.shutdown().await;
    before.is_all_that_is_left(&process).await;
    process.check_alive().unwrap();
    process.stop().await;
}

/// Waits until everybody has everybody's votes for a checkpoint that is yet to come.
async fn votes_are_whole(network: &Network) {
    let votes = network.wait_for_all_votes(network.next_checkpoint());
    timeout(SOON, votes).await.expect("votes are lost").unwrap();
}

/// What a process holds.
#[derive(Clone, Copy, Debug)]
struct Held {
    descriptors: usize,
    kib: u64,
}

impl Held {
    fn by(process: &Managed) -> Self {
        let pid = process.pid().expect("it runs");
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count();
        Self { descriptors, kib: process.rss_kib().expect("the kernel says") }
    }

    /// Waits until it holds no more than then, but for what is allowed.
    async fn is_all_that_is_left(self, process: &Managed) {
        let end = Instant::now() + SOON;
        loop {
            let now = Self::by(process);
            let descriptors = now.descriptors.saturating_sub(self.descriptors);
            let kib = now.kib.saturating_sub(self.kib);
            if descriptors <= MOST_DESCRIPTORS && kib <= MOST_KIB {
                eprintln!("left: {descriptors} descriptors and {kib} KiB more than before");
                return;
            }
            assert!(Instant::now() < end, "left of {self:?}: {now:?}");
            // The kernel's tables cannot be awaited.
            sleep(LOOK).await;
        }
    }
}
