//! Says what an operator can set: every field with its unit, its default and the reason for it.
//!
//! A file in TOML, in which an unknown field is an error (a misspelt limit that silently keeps its
//! default is worse than a director that does not start), and over it the environment:
//! `DIRECTOR_<SECTION>_<FIELD>`, `DIRECTOR_CHAIN_URL=wss://node.example:9944`. Paths in the file are
//! relative to the folder that it is in. `config/director.example.toml` shows all of it.

pub(crate) mod environment;
mod folder;
mod limits;
mod load;
mod mesh;
#[cfg(test)]
mod tests;

pub use limits::Limits;
pub use load::ConfigError;
pub use mesh::Mesh;

use crate::network::{Multiaddr, Socket, is_private};
use director_primitives::{AccountId32, H256};
use serde::{Deserialize, Deserializer, Serialize};
use std::{
    collections::BTreeSet,
    ffi::OsString,
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
    /// What bounds memory, and what strangers may cost.
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
    /// WebSockets of nodes that this operator trusts, the most wanted first: `["ws://127.0.0.1:9944"]`, at
    /// most 8. `url` with a single one does as well. One is used at a time; when it drops, stands still or lags,
    /// the next one, and the earlier one again when it has kept up for a minute. A node can lie about who may
    /// speak, though it cannot make anybody be slashed.
    #[serde(alias = "url", deserialize_with = "one_or_several")]
    pub urls: Vec<String>,
    /// Genesis hash, `0x` and 64 digits. Default: whatever the node serves. Set it where it
    /// matters: it keeps a director from joining another chain by a wrong address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub genesis_hash: Option<H256>,
    /// Whether `ws://` may be used to another machine. Default `false`: whoever stands between
    /// could change what the chain says. Set it if the link is private already.
    #[serde(default)]
    pub allow_insecure: bool,
    /// What the director's account should have at least, in the chain's smallest unit. With less there is an
    /// alarm: an account that cannot pay cannot report. Default: the existential deposit, and the fee of 50
    /// reports of a double sign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_balance: Option<Amount>,
}

/// Reads a list, or one that has no brackets around it.
fn one_or_several<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "an address, \"ws://…\", or a list of them")]
    enum Text {
        One(String),
        Several(Vec<String>),
    }
    Ok(match Text::deserialize(deserializer)? {
        Text::One(url) => vec![url],
        Text::Several(urls) => urls,
    })
}

impl From<&Chain> for crate::chain::Settings {
    fn from(chain: &Chain) -> Self {
        Self {
            genesis_hash: chain.genesis_hash,
            allow_insecure: chain.allow_insecure,
            ..Self::of_several(chain.urls.clone())
        }
    }
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
    /// Names with a dot that it may be asked for by, beside addresses, `localhost` and names without one. Default none: a
    /// stranger's web page could have such a name lead here.
    pub hosts: Vec<String>,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 9615)),
            allow_remote: false,
            hosts: Vec::new(),
        }
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

/// What is told on stderr, by a director or a validator's sidecar.
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
        load::load(path, environment::variables())
    }

    /// The same for a file with this text, and with these variables.
    ///
    /// # Errors
    ///
    /// One line with cause and remedy.
    pub fn read(
        path: &Path,
        text: &str,
        variables: impl IntoIterator<Item = (String, OsString)>,
    ) -> Result<Self, ConfigError> {
        load::read(path, text, variables)
    }

    /// Checks what the types cannot say.
    ///
    /// # Errors
    ///
    /// The first field that does not make sense.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let invalid = |field, cause: String| Err(ConfigError::Invalid { field, cause });
        if let Err(error) = crate::chain::check_urls(&self.chain.urls, self.chain.allow_insecure) {
            return invalid("chain.urls", error.to_string());
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

    /// Checks `data_dir` on this machine, as this user. Nothing is made there.
    ///
    /// # Errors
    ///
    /// If a director could not use it.
    pub fn check_data_dir(&self) -> Result<(), ConfigError> {
        let invalid = |cause| ConfigError::Invalid { field: "data_dir", cause };
        folder::check(&self.data_dir).map_err(invalid)
    }

    /// Whether the mesh is on this machine alone, as in the file that `director config init` writes.
    pub fn is_mesh_on_loopback(&self) -> bool {
        let is_loopback =
            |address| Socket::of(address).is_some_and(|at| at.address().ip().is_loopback());
        let listen = &self.mesh.listen;
        !listen.is_empty() && listen.iter().all(is_loopback) && self.mesh.known_addresses_only
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
        let mut warnings: Vec<_> = public.map(warning).collect();
        if self.chain.urls.len() > 1 && self.chain.genesis_hash.is_none() {
            warnings.push(
                "chain.urls: several nodes and no chain.genesis_hash; whichever answers first says \
                 which chain this is: set it"
                    .into(),
            );
        }
        warnings
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
