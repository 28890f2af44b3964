//! Brings an adversary among honest validators, and looks what became of them.

use crate::{PER_S, SOON, VALIDATORS};
use director_primitives::{Answer, H256, Range, SignedEnvelope, SignedVote};
use director_service::{client::LocalKey, testing::Author};
use futures::future::try_join_all;
use integration_tests::{
    director::Director,
    keys::Identity,
    load::Load,
    metrics::{Metrics, wait_until_counted},
    network::Network,
    probe::Probe,
};
use std::time::Instant;
use tokio::time::timeout;

/// Messages that honest validators say in each scene at least, most of them after what the adversary did.
const LEAST: u64 = 200;

/// One adversary among honest validators that speak.
pub(crate) struct Scene<'a> {
    name: &'static str,
    began: Instant,
    network: &'a Network,
    pub(crate) probe: Probe,
    /// Number of the director that it annoys.
    home: usize,
    load: Load,
    /// What the directors had counted when it came.
    before: Vec<Metrics>,
    /// What honest validators had said then, how often they had lost their connection, and messages.
    published: u64,
    disconnected: u64,
    gaps: usize,
}

impl<'a> Scene<'a> {
    /// Authorizes the adversary and lets the honest ones speak.
    pub(crate) async fn begin(
        network: &'a Network,
        name: &'static str,
        identity: &Identity,
        home: usize,
    ) -> Self {
        let began = Instant::now();
        let mut probe = Probe::start(identity.clone(), network.chain.genesis_hash).await.unwrap();
        for director in &network.directors {
            probe.enter(director.identity.peer_key(), director.ports.public).await.unwrap();
        }
        let asked = network.directors[home].identity.peer_key();
        let answer = probe.ask(asked, &network.chain.node).await.unwrap();
        assert!(matches!(answer, Answer::Approved { .. }), "{name}: {answer:?}");
        for director in &network.directors {
            assert!(probe.welcome(director.identity.peer_key()).await.unwrap().authorized);
        }
        let before = try_join_all(network.directors.iter().map(Metrics::of)).await.unwrap();
        let load = Load::start(network.shared.clone(), PER_S);
        let published = network.shared.ledger().totals().published;
        let (disconnected, gaps) = losses(network);
        Self { name, began, network, probe, home, load, before, published, disconnected, gaps }
    }

    pub(crate) fn home(&self) -> &'a Director {
        &self.network.directors[self.home]
    }

    /// What it writes envelopes with.
    pub(crate) fn author(&self) -> Author<LocalKey> {
        let key = LocalKey::from_seed(&self.probe.identity.peer_secret());
        Author::new(self.network.chain.genesis_hash, key, self.probe.epoch)
    }

    /// Its vote for a checkpoint that is finalized; the block is the right one turned by this number.
    pub(crate) async fn vote(&self, turned_by: u8) -> SignedVote {
        let chain = &self.network.chain;
        let snapshot = chain.node.ready().await.unwrap();
        let interval = snapshot.domain.checkpoint_interval;
        let checkpoint = snapshot.number / interval;
        let block = chain.node.block_hash(checkpoint * interval).await.unwrap().unwrap();
        let block = H256(block.0.map(|byte| byte ^ turned_by));
        self.probe.identity.vote(&chain.genesis_hash, checkpoint, block)
    }

    pub(crate) fn send(&self, envelopes: &[SignedEnvelope]) {
        let home = self.home().identity.peer_key();
        for envelope in envelopes {
            self.probe.send(home, envelope).unwrap();
        }
    }

    /// Waits until its director has counted at least so much since it came.
    pub(crate) async fn counted(&self, least: &[(&str, u64)]) -> Metrics {
        let counted = wait_until_counted(self.home(), &self.before[self.home], least, SOON).await;
        counted.unwrap_or_else(|error| panic!("{}: {error:#}", self.name))
    }

    /// By how much a count of its director's has grown since it came.
    pub(crate) fn grown(&self, now: &Metrics, series: &str) -> u64 {
        now.since(&self.before[self.home], series)
    }

    /// Waits until all honest validators have received each of these, once.
    pub(crate) async fn heard(&self, envelopes: &[SignedEnvelope]) {
        for envelope in envelopes {
            let heard = timeout(SOON, self.network.wait_until_heard(envelope)).await;
            heard
                .unwrap_or_else(|_| panic!("{}: {:?}", self.name, self.who_heard(envelope)))
                .unwrap();
        }
    }

    /// Nobody has received any of these.
    pub(crate) fn not_heard(&self, envelopes: &[SignedEnvelope]) {
        for envelope in envelopes {
            assert_eq!(self.who_heard(envelope), [0; 0], "{}: {envelope:?}", self.name);
        }
    }

    /// Waits until each of these was received by all, once, or by nobody.
    pub(crate) async fn all_or_none_heard(&self, envelopes: &[SignedEnvelope]) {
        let all: Vec<_> = (0..VALIDATORS).collect();
        let settled = self.network.wait_until(|network| {
            let mut heard = envelopes.iter().map(|envelope| network.who_heard(envelope));
            Ok(heard.all(|heard| heard.is_empty() || heard == all))
        });
        timeout(SOON, settled).await.expect("half of them heard it").unwrap();
    }

    pub(crate) fn who_heard(&self, envelope: &SignedEnvelope) -> Vec<usize> {
        self.network.who_heard(envelope)
    }

    /// Looks what became of the honest ones. So many directors have revoked the adversary.
    pub(crate) async fn end(self, revocations: u64) {
        let Self { name, began, network, probe, load, before, disconnected, gaps, .. } = self;
        let enough = self.published + LEAST;
        let spoken = network.wait_until(|of| Ok(of.shared.ledger().totals().published >= enough));
        timeout(SOON, spoken).await.expect("honest validators speak").unwrap();
        let published = load.stop().await;
        assert_eq!(published.refused, 0, "{name}: an outbox is full");
        let all = network.wait_until(|of| Ok(of.shared.ledger().totals().outstanding() == 0));
        timeout(SOON, all)
            .await
            .unwrap_or_else(|_| {
                let totals = network.shared.ledger().totals();
                panic!("{name}: messages of honest validators are lost: {totals:?}")
            })
            .unwrap();
        assert_eq!(network.shared.ledger().totals().duplicates, 0, "{name}");
        assert_eq!(
            losses(network),
            (disconnected, gaps),
            "{name}: a connection or a message is lost"
        );
        assert_eq!(network.shared.progress().ready.len(), VALIDATORS, "{name}");

        let snapshot = network.chain.node.ready().await.unwrap();
        for identity in &network.identities {
            assert!(snapshot.is_authorized(&identity.peer_key()), "{name}: {}", identity.name);
        }
        let mut signed = 0;
        for (director, before) in network.directors.iter().zip(&before) {
            let status = director.wait_for_status(SOON, |of| of["ready"] == true).await.unwrap();
            assert_eq!(status["evidence"].as_array().map(Vec::len), Some(0), "{name}: {status:#}");
            let now = Metrics::of(director).await.unwrap();
            signed += now.since(before, "revocations_signed_total");
            assert_eq!(now.since(before, "revocations_total"), 0, "{name}");
        }
        assert_eq!(signed, revocations, "{name}: revocations");
        probe.shutdown().await;
        let (messages, took) = (published.messages, began.elapsed());
        eprintln!("{name}: {messages} messages of honest validators are whole ({took:.1?})");
    }
}

/// How often honest validators have lost their connection, and how many gaps in honest sequences they were told.
fn losses(network: &Network) -> (u64, usize) {
    let progress = network.shared.progress();
    let is_honest = |gap: &&Range| network.identities.iter().any(|of| of.peer_key() == gap.origin);
    (progress.disconnected, progress.gaps.iter().filter(is_honest).count())
}
