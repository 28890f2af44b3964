//! Says what an operator can set: every field with its unit, its default and the reason for it.
//!
//! A file in TOML, in which an unknown field is an error (a misspelt limit that silently keeps its
//! default is worse than a director that does not start), and over it the environment:
//! `DIRECTOR_<SECTION>_<FIELD>`, `DIRECTOR_CHAIN_URL=wss://node.example:9944`. Paths in the file are
//! relative to the folder that it is in. `config/director.example.toml` shows all of it.

mod load;
#[cfg(test)]
mod tests;

pub use load::ConfigError;

use crate::network::{Multiaddr, Socket, is_private};
use director_primitives::{AccountId32, H256};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeSet,
    net::SocketAddr,
    path::{Path, PathBuf},
};

/// Longest burst: what a validator may save up is what it may send at once.
const MAX_BURST_MS: u64 = 60_000;

/// Periods of conduct that the core remembers (`director::conduct::PERIODS`).
const PERIODS: u32 = 12;

/// Everything that an operator can set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Folder for the detector's history and the evidence outbox; made if it is not there. Must
    /// survive restarts: it holds votes that prove double signs, and proofs on their way.
    pub data_dir: PathBuf,
    /// The node.
    pub chain: Chain,
    /// The two secrets.
    pub keys: Keys,
    /// The private network of the directors.
    pub mesh: Mesh,
    /// The network that validators reach.
    pub public: Public,
    /// Whom this director admits.
    #[serde(default)]
    pub policy: Policy,
    /// When it wants a validator out for what it does.
    #[serde(default)]
    pub conduct: Conduct,
    /// Health, metrics and status.
    #[serde(default)]
    pub http: Http,
    /// What bounds memory.
    #[serde(default)]
    pub limits: Limits,
    /// What each validator may send.
    #[serde(default)]
    pub rates: Rates,
    /// How far back double signs are found.
    #[serde(default)]
    pub detector: Detector,
    /// What is told on stderr.
    #[serde(default)]
    pub log: Log,
}

/// Where the chain is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chain {
    /// WebSocket of a node that this operator trusts: `ws://127.0.0.1:9944`. A node can lie about
    /// who may speak, though it cannot make anybody be slashed.
    pub url: String,
    /// Genesis hash, `0x` and 64 digits. Default: whatever the node serves. Set it where it
    /// matters: it keeps a director from joining another chain by a wrong address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub genesis_hash: Option<H256>,
    /// Whether `ws://` may be used to another machine. Default `false`: whoever stands between
    /// could change what the chain says. Set it if the link is private already.
    #[serde(default)]
    pub allow_insecure: bool,
}

/// Files with secrets; each must be readable by its owner alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// Secret URI of the director's account (sr25519), which pays fees and receives rewards.
    pub account: PathBuf,
    /// Seed of the peer key (ed25519), 64 digits.
    pub peer: PathBuf,
}

/// The mesh of directors: give either `interface` or `listen`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mesh {
    /// Name of the private interface to listen on: `tailscale0`, `wg0`. Its addresses are found, waited
    /// for at boot, and followed when they change. No other interface is listened on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    /// TCP port on that interface. Default 30401.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Multiaddrs to listen on instead, of the private interface only: `/ip4/100.64.0.1/tcp/30401`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub listen: Vec<Multiaddr>,
    /// Whether a connection is answered only if it comes from the IP address of an active director's
    /// mesh endpoint. Default `true`: others do not even learn who listens. Set it to `false` if
    /// directors reach each other through address translation, and seem to come from elsewhere. While
    /// an active director's mesh endpoint is a name, everybody is answered anyway.
    #[serde(default = "yes")]
    pub known_addresses_only: bool,
}

/// For serde, which takes functions only.
fn yes() -> bool {
    true
}

impl Mesh {
    const DEFAULT_PORT: u16 = 30401;

    /// Longest name of an interface (`IFNAMSIZ`).
    const MAX_INTERFACE_LEN: usize = 15;

    /// Interface and port to listen on, unless addresses are given.
    pub fn interface(&self) -> Option<(&str, u16)> {
        let port = self.port.unwrap_or(Self::DEFAULT_PORT);
        self.interface.as_deref().map(|name| (name, port))
    }

    fn validate(&self, public: &Public) -> Result<(), ConfigError> {
        let invalid = |field, cause: String| Err(ConfigError::Invalid { field, cause });
        let public: Vec<_> = public.listen.iter().filter_map(Socket::of).collect();
        let Some((name, port)) = self.interface() else {
            if self.port.is_some() {
                return invalid(
                    "mesh.port",
                    "goes with mesh.interface; in mesh.listen the port is part of each address"
                        .into(),
                );
            }
            check_listen("mesh.listen", &self.listen, " (or mesh.interface)")?;
            let sockets = self.listen.iter().filter_map(|at| Some((at, Socket::of(at)?)));
            let mut shared = sockets.filter(|(_, of)| public.iter().any(|at| at.overlaps(*of)));
            return shared.next().map_or(Ok(()), |(shared, _)| {
                invalid(
                    "mesh.listen",
                    format!(
                        "{shared} is in public.listen too; the two networks need ports of their own"
                    ),
                )
            });
        };
        if !self.listen.is_empty() {
            return invalid(
                "mesh.interface",
                "and mesh.listen are both given; keep one: the interface, whose addresses are \
                 found, or the addresses"
                    .into(),
            );
        }
        let is_word = |letter: char| !letter.is_whitespace() && letter != '/';
        if name.is_empty() || name.len() > Self::MAX_INTERFACE_LEN || !name.chars().all(is_word) {
            return invalid(
                "mesh.interface",
                format!("{name:?} is no name of an interface; `ip address` lists them"),
            );
        }
        if port == 0 {
            return invalid("mesh.port", "must be at least 1: others have to know it".into());
        }
        let taken = |at: &Socket| matches!(at, Socket::Tcp(at) if at.port() == port);
        if public.iter().any(taken) {
            return invalid(
                "mesh.port",
                format!("{port} is in public.listen too; the two networks need ports of their own"),
            );
        }
        Ok(())
    }
}

/// The network that validators reach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Public {
    /// Multiaddrs to listen on: `/ip4/0.0.0.0/tcp/30400`, and for QUIC
    /// `/ip4/0.0.0.0/udp/30400/quic-v1`. TCP is the default for a reason: docs/benchmarks.md has both.
    pub listen: Vec<Multiaddr>,
}

/// Whom this director admits. The chain has rules of its own; these can only ask for more. One director's
/// policy keeps out nobody whom enough of the others admit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// Least stake, in the chain's smallest unit; a number, or in quotes if it is above 2^63. Default:
    /// what the chain asks for. Validators that fall below it are revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_stake: Option<Amount>,
    /// Accounts in SS58 or hex. If there are any, these are approved and no others. Default: none.
    pub allow: BTreeSet<AccountId32>,
    /// Accounts that are never approved. Default: none.
    pub deny: BTreeSet<AccountId32>,
}

/// An amount in the chain's smallest unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "AmountText", into = "String")]
pub struct Amount(pub u128);

/// TOML's numbers end at 2^63.
#[derive(Deserialize)]
#[serde(untagged, expecting = "an amount in the smallest unit: 1500, or \"1500\"")]
enum AmountText {
    Number(u64),
    Text(String),
}

impl TryFrom<AmountText> for Amount {
    type Error = String;

    fn try_from(text: AmountText) -> Result<Self, String> {
        match text {
            AmountText::Number(number) => Ok(Self(number.into())),
            AmountText::Text(text) => text
                .replace('_', "")
                .parse()
                .map(Self)
                .map_err(|_| format!("`{text}` is no amount; write digits alone")),
        }
    }
}

impl From<Amount> for String {
    fn from(amount: Amount) -> Self {
        amount.0.to_string()
    }
}

/// When a director wants a validator out for what it does: it signs a revocation and serves it no more.
/// What two signed envelopes for one place prove, and a proven double sign, are reasons without a limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Conduct {
    /// Length of a period in milliseconds. Default 10,000.
    pub period_ms: u64,
    /// Messages refused for `[rates]` in one period that make it a bad one. Default 200: 20 a second
    /// beyond the limits, and no matter how many in a period after an outage.
    pub limited_per_period: u32,
    /// Bad periods among the last 12 that revoke. Default 6: a minute of two.
    pub limited_periods: u32,
    /// Wrong signatures within 12 periods that revoke. Default 20; no honest client makes one, failing
    /// memory may.
    pub forged: u32,
}

impl Default for Conduct {
    fn default() -> Self {
        Self { period_ms: 10_000, limited_per_period: 200, limited_periods: 6, forged: 20 }
    }
}

/// Health, metrics and status over HTTP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// Address to listen on. Default `127.0.0.1:9615`: what it tells is nobody else's business.
    pub listen: SocketAddr,
    /// Whether that may be more than loopback. Default `false`; there is no password.
    pub allow_remote: bool,
}

impl Default for Http {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 9615)), allow_remote: false }
    }
}

/// What bounds memory.
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
    /// Connections to validators and candidates. Default 1,100: all that a chain may have, and some.
    /// Each takes up to 64 KiB beside what waits, and a file descriptor (`ulimit -n`).
    pub max_connections: usize,
    /// Of those, from one address. Default 64: many validators may be behind one router. Here and
    /// below loopback is excepted, and an address of IPv6 stands for its /64.
    pub max_connections_per_address: usize,
    /// Handshakes of validators under way at once, from addresses that nothing is known of, and as many
    /// from known ones. Default 512, at 10 KiB each: after a restart everybody calls at once.
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

    /// Most MiB of anything: beyond that it is a misunderstanding of the unit.
    const MAX_MIB: u64 = 1 << 20;

    /// Least KiB for a candidate: it must be able to send one control message of any length.
    const MIN_CANDIDATE_KIB: u64 = 272;

    /// The fields that must not be 0.
    fn positive(&self) -> [(&'static str, u64); 12] {
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
        ]
    }

    /// MiB that may wait for one validator and for one director, in all classes.
    fn queues_mib(&self) -> (u64, u64) {
        let of_validator = self.queue_mib.saturating_mul(5);
        (of_validator, of_validator.saturating_mul(4))
    }

    fn validate(&self) -> Result<(), ConfigError> {
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

/// What each validator may send over its own connection, by class. More is refused and counted, of
/// votes see `votes_per_s`.
///
/// Default for Critical, High and Normal: 2,000 messages a second, four times a validator's even share
/// when 21 of them send the 10,000 that a director is made for, and a tenth of what one core can pass
/// on: one flooder leaves nine tenths to the others. For Bulk 200: blocks are few. In each class
/// 4 MiB a second, which a client keeps to send again after a failover. Each message goes out once
/// for each receiver: 4 MiB/s to 20 of them are 0.7 Gbit/s.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rates {
    /// Critical messages a second.
    pub critical_messages_per_s: u64,
    /// Bytes of Critical messages a second.
    pub critical_bytes_per_s: u64,
    /// High messages a second.
    pub high_messages_per_s: u64,
    /// Bytes of High messages a second.
    pub high_bytes_per_s: u64,
    /// Normal messages a second.
    pub normal_messages_per_s: u64,
    /// Bytes of Normal messages a second.
    pub normal_bytes_per_s: u64,
    /// Bulk messages a second.
    pub bulk_messages_per_s: u64,
    /// Bytes of Bulk messages a second.
    pub bulk_bytes_per_s: u64,
    /// Checkpoint votes a second beyond those limits that the detector is still shown, though they
    /// are not passed on. Default 500: more than an honest validator has for all checkpoints that the
    /// detector keeps in memory, and 4 % of a core. Votes beyond that are not looked at.
    pub votes_per_s: u64,
    /// How much of a rate may come at once, in milliseconds of it. Default 1,000: a client that
    /// reconnects sends what it has at once; a longer one would let a flooder hold a core for as long.
    /// At least one message of any length passes.
    pub burst_ms: u64,
}

impl Default for Rates {
    fn default() -> Self {
        let bytes_per_s = 4 * 1024 * 1024;
        Self {
            critical_messages_per_s: 2_000,
            critical_bytes_per_s: bytes_per_s,
            high_messages_per_s: 2_000,
            high_bytes_per_s: bytes_per_s,
            normal_messages_per_s: 2_000,
            normal_bytes_per_s: bytes_per_s,
            bulk_messages_per_s: 200,
            bulk_bytes_per_s: bytes_per_s,
            votes_per_s: 500,
            burst_ms: 1_000,
        }
    }
}

/// How far back double signs are found, in checkpoints before the last finalized one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Detector {
    /// Checkpoints whose votes are kept on disk. Default 10,000. Up to the unbonding period it
    /// catches late forks as well; 200 bytes a vote.
    pub history_checkpoints: u64,
    /// Checkpoints whose votes are kept in memory. Default 64; older ones are looked up on disk.
    pub recent_checkpoints: u64,
}

impl Default for Detector {
    fn default() -> Self {
        Self { history_checkpoints: 10_000, recent_checkpoints: 64 }
    }
}

/// What is told on stderr.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// A filter in the words of `tracing`: `info`, `debug`, `info,director_service::network=debug`.
    /// Default `info,libp2p_swarm=warn`.
    pub filter: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { filter: "info,libp2p_swarm=warn".into() }
    }
}

impl Config {
    /// Reads a file, applies the environment's `DIRECTOR_…` variables and checks the result.
    ///
    /// # Errors
    ///
    /// One line with cause and remedy.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        load::load(path, std::env::vars())
    }

    /// Checks what the types cannot say.
    ///
    /// # Errors
    ///
    /// The first field that does not make sense.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let invalid = |field, cause: String| Err(ConfigError::Invalid { field, cause });
        if let Err(error) = crate::chain::check_url(&self.chain.url, self.chain.allow_insecure) {
            return invalid("chain.url", error.to_string());
        }
        check_listen("public.listen", &self.public.listen, "")?;
        self.mesh.validate(&self.public)?;
        if !self.http.allow_remote && !self.http.listen.ip().is_loopback() {
            return invalid(
                "http.listen",
                format!(
                    "{} is not loopback; use 127.0.0.1, or set http.allow_remote = true",
                    self.http.listen
                ),
            );
        }
        let positive = [
            ("rates.critical_messages_per_s", self.rates.critical_messages_per_s),
            ("rates.critical_bytes_per_s", self.rates.critical_bytes_per_s),
            ("rates.high_messages_per_s", self.rates.high_messages_per_s),
            ("rates.high_bytes_per_s", self.rates.high_bytes_per_s),
            ("rates.normal_messages_per_s", self.rates.normal_messages_per_s),
            ("rates.normal_bytes_per_s", self.rates.normal_bytes_per_s),
            ("rates.bulk_messages_per_s", self.rates.bulk_messages_per_s),
            ("rates.bulk_bytes_per_s", self.rates.bulk_bytes_per_s),
            ("rates.votes_per_s", self.rates.votes_per_s),
            ("rates.burst_ms", self.rates.burst_ms),
            ("conduct.period_ms", self.conduct.period_ms),
            ("conduct.limited_per_period", self.conduct.limited_per_period.into()),
            ("conduct.limited_periods", self.conduct.limited_periods.into()),
            ("conduct.forged", self.conduct.forged.into()),
            ("detector.history_checkpoints", self.detector.history_checkpoints),
            ("detector.recent_checkpoints", self.detector.recent_checkpoints),
        ];
        let mut positive = self.limits.positive().into_iter().chain(positive);
        if let Some((field, _)) = positive.find(|(_, value)| *value == 0) {
            return invalid(field, "must be at least 1".into());
        }
        self.limits.validate()?;
        if self.conduct.limited_periods > PERIODS {
            return invalid(
                "conduct.limited_periods",
                format!("must be at most {PERIODS}: so many periods are remembered"),
            );
        }
        if self.rates.burst_ms > MAX_BURST_MS {
            return invalid("rates.burst_ms", format!("must be at most {MAX_BURST_MS}"));
        }
        if self.detector.recent_checkpoints > self.detector.history_checkpoints {
            return invalid(
                "detector.recent_checkpoints",
                "must not exceed detector.history_checkpoints".into(),
            );
        }
        if let Err(error) = tracing_subscriber::EnvFilter::try_new(&self.log.filter) {
            return invalid("log.filter", format!("{error}; try \"info\""));
        }
        Ok(())
    }

    /// What is allowed but probably not meant, one line each with the remedy.
    pub fn warnings(&self) -> Vec<String> {
        let public = self.mesh.listen.iter().filter(|address| !is_private(address));
        let warning = |address: &Multiaddr| {
            format!(
                "mesh.listen: {address} can be reached from the internet; the mesh is for directors \
                 alone: use the address of a private interface, or name the interface in \
                 mesh.interface"
            )
        };
        public.map(warning).collect()
    }

    fn resolve_paths(&mut self, folder: &Path) {
        for path in [&mut self.data_dir, &mut self.keys.account, &mut self.keys.peer] {
            *path = folder.join(&*path);
        }
    }
}

fn check_listen(
    field: &'static str,
    listen: &[Multiaddr],
    alternative: &str,
) -> Result<(), ConfigError> {
    let invalid = |cause: String| Err(ConfigError::Invalid { field, cause });
    if listen.is_empty() {
        return invalid(format!("needs at least one multiaddr{alternative}"));
    }
    match listen.iter().find(|address| Socket::of(address).is_none()) {
        Some(address) => invalid(format!(
            "{address} is not of the form /ip4/ADDRESS/tcp/PORT, /ip6/ADDRESS/tcp/PORT or \
             /ip4/ADDRESS/udp/PORT/quic-v1"
        )),
        None => Ok(()),
    }
}
