//! Says what the operator of a validator can set for its sidecar.
//!
//! A file in TOML, over it the environment as for a director (`DIRECTOR_<SECTION>_<FIELD>`), over that the command line.

use crate::{
    chain,
    client::Strategy,
    config::{
        Log,
        environment::{self, Fields},
    },
};
use director_primitives::{H256, PublicKey};
use serde::{Deserialize, Serialize};
use std::{
    ffi::OsString,
    io::ErrorKind,
    net::SocketAddr,
    path::{Path, PathBuf},
};
use toml::{Table, Value};

/// What to do about a configuration.
const SEE: &str = "`director config init --validator --config NEW_FILE` writes a file with all fields, \
    `director validator run --help` has the options";

/// What there is for variables of the environment to name.
const FIELDS: Fields = Fields {
    prefix: environment::VALIDATOR,
    sections: &["chain", "keys", "interface", "directors", "vote", "log"],
    top: &[],
};

/// Everything that can be set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The node.
    pub chain: Chain,
    /// The secrets.
    pub keys: Keys,
    /// How the validator talks to the sidecar.
    #[serde(default)]
    pub interface: Interface,
    /// How directors are chosen.
    #[serde(default)]
    pub directors: Directors,
    /// Who votes.
    #[serde(default)]
    pub vote: Vote,
    /// What is told on stderr.
    #[serde(default)]
    pub log: Log,
}

/// Where the chain is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chain {
    /// WebSocket of a node that you trust.
    pub url: String,
    /// Genesis hash. Default: whatever the node serves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub genesis_hash: Option<H256>,
    /// Whether `ws://` may be used to another machine. Default `false`.
    #[serde(default)]
    pub allow_insecure: bool,
}

impl From<&Chain> for chain::Settings {
    fn from(of: &Chain) -> Self {
        Self {
            genesis_hash: of.genesis_hash,
            allow_insecure: of.allow_insecure,
            ..Self::new(&of.url)
        }
    }
}

/// Keys, and what keeps one of them from signing twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// File of the peer key.
    pub peer: PathBuf,
    /// File of the checkpoint key; or one of the next two, with `checkpoint_key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<PathBuf>,
    /// Program and arguments that sign: started for each signature, without a shell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer_command: Option<Vec<String>>,
    /// Unix socket of a service that signs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer_socket: Option<PathBuf>,
    /// The public checkpoint key of such a signer, 64 digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint_key: Option<String>,
    /// The slashing protection file.
    pub protection: PathBuf,
}

/// How the validator talks to the sidecar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Interface {
    /// Over standard input and output. Default `false`.
    pub pipe: bool,
    /// Over a WebSocket at this address. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
    /// Whether that may be more than loopback; a token is needed then. Default `false`.
    pub allow_remote: bool,
    /// File with a token that WebSocket clients must bring. Default: none, and every user of this machine can
    /// vote with the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    /// MiB of messages that wait for a consumer that does not read. Default 8.
    pub queue_mib: usize,
}

impl Default for Interface {
    fn default() -> Self {
        let (listen, token_file) = (None, None);
        Self { pipe: false, listen, allow_remote: false, token_file, queue_mib: 8 }
    }
}

/// How directors are chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Directors {
    /// Which director is wanted most. Default `rendezvous`.
    pub strategy: Choice,
    /// Whether a second director stands by. Default `true`.
    pub standby: bool,
    /// Classes whose messages come in the order of each origin's sequence. Default: none.
    pub strict_order: Vec<Class>,
    /// MiB of own messages that wait for a director or are kept to be sent again. Default 4.
    pub outbox_mib: usize,
}

impl Default for Directors {
    fn default() -> Self {
        let strategy = Choice::Rendezvous;
        Self { strategy, standby: true, strict_order: Vec::new(), outbox_mib: 4 }
    }
}

/// Which director is wanted most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Choice {
    /// Spread by capacity.
    Rendezvous,
    /// The one that answers fastest.
    Nearest,
    /// The one with most room.
    LeastLoaded,
}

impl From<Choice> for Strategy {
    fn from(choice: Choice) -> Self {
        match choice {
            Choice::Rendezvous => Self::Rendezvous,
            Choice::Nearest => Self::Nearest,
            Choice::LeastLoaded => Self::LeastLoaded,
        }
    }
}

/// A class of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Finality votes.
    Critical,
    /// Block production.
    High,
    /// Gossip and sync.
    Normal,
    /// Whole blocks.
    Bulk,
}

/// Who votes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Vote {
    /// Whether the sidecar votes by itself for what its node has finalized. Default `false`: the validator does.
    pub automatically: bool,
}

/// Why the configuration cannot be used: one line with cause and remedy.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// There is no such file.
    #[error(
        "there is no configuration file {0}; `director config init --validator --config {0}` writes one to edit"
    )]
    Missing(PathBuf),
    /// The operating system refused.
    #[error("cannot read configuration file {path}: {cause}; name a file that this user may read")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// It is no TOML, or a field is unknown, missing or of the wrong type.
    #[error("{place}: {cause}; {SEE}")]
    Malformed {
        /// File, and line if known.
        place: String,
        /// What is wrong.
        cause: String,
    },
    /// A field that has no default is missing.
    #[error("{field} is not set: give {option}, or set it in {file}")]
    Needed {
        /// The field.
        field: String,
        /// The option of the command line.
        option: &'static str,
        /// Where it can be set.
        file: String,
    },
    /// A field's value does not make sense.
    #[error("{field}: {cause}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// What is wrong and what to do.
        cause: String,
    },
}

/// What the command line says: section, field, value; goes over the file.
pub type Overrides = Vec<(&'static str, &'static str, Value)>;

impl Config {
    /// Reads a file, if one is given, the environment's `DIRECTOR_VALIDATOR_…` variables over it, and what the command line says over
    /// both. Paths in the file and the environment are relative to the file's folder, or to the present one if there is none.
    ///
    /// # Errors
    ///
    /// One line with cause and remedy.
    pub fn load(path: Option<&Path>, overrides: Overrides) -> Result<Self, ConfigError> {
        Self::load_with(path, environment::variables(), overrides)
    }

    fn load_with(
        path: Option<&Path>,
        variables: impl IntoIterator<Item = (String, OsString)>,
        overrides: Overrides,
    ) -> Result<Self, ConfigError> {
        let text = path.map(read).transpose()?;
        Self::read(path.zip(text.as_deref()), variables, overrides)
    }

    /// The same for a file with this text, and an environment of these variables.
    ///
    /// # Errors
    ///
    /// One line with cause and remedy.
    pub fn read(
        file: Option<(&Path, &str)>,
        variables: impl IntoIterator<Item = (String, OsString)>,
        overrides: Overrides,
    ) -> Result<Self, ConfigError> {
        let path = file.map(|(path, _)| path);
        let mut table = match file {
            Some((path, text)) => parse(path, text)?,
            None => Table::new(),
        };
        let names = environment::overlay(&mut table, variables, &FIELDS)
            .map_err(|wrong| ConfigError::Malformed { place: wrong.place(), cause: wrong.cause })?;
        for (section, field, value) in overrides {
            let place = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(fields) = place {
                fields.insert(field.into(), value);
            }
        }
        needed(&table, path)?;
        let mut config = Self::deserialize(table).map_err(|error| {
            let file = path.map_or("the command line".into(), |path| path.display().to_string());
            let place = match names.is_empty() {
                true => file,
                false => format!("{file} with {}", names.join(", ")),
            };
            let cause = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
            ConfigError::Malformed { place, cause }
        })?;
        config.resolve(path.and_then(Path::parent).unwrap_or(Path::new("")));
        config.validate()?;
        Ok(config)
    }

    /// Checks what the types cannot say.
    fn validate(&self) -> Result<(), ConfigError> {
        let invalid = |field, cause: String| Err(ConfigError::Invalid { field, cause });
        if let Err(error) = chain::check_url(&self.chain.url, self.chain.allow_insecure) {
            return invalid("chain.url", error.to_string());
        }
        let keys = &self.keys;
        let ways = [
            keys.checkpoint.is_some(),
            keys.signer_command.is_some(),
            keys.signer_socket.is_some(),
        ];
        if ways.iter().filter(|way| **way).count() != 1 {
            let cause = "give one of keys.checkpoint (--checkpoint), keys.signer_command and \
                         keys.signer_socket (--signer-socket)";
            return invalid("keys", cause.into());
        }
        if keys.signer_command.as_ref().is_some_and(Vec::is_empty) {
            return invalid("keys.signer_command", "needs a program: [\"/usr/bin/signer\"]".into());
        }
        if keys.checkpoint.is_none() && self.remote_key().is_none() {
            let cause = "a signer elsewhere needs its public key here, 64 hexadecimal digits \
                         (--checkpoint-key)";
            return invalid("keys.checkpoint_key", cause.into());
        }
        let interface = &self.interface;
        if !interface.pipe && interface.listen.is_none() && !self.vote.automatically {
            let cause = "say how the validator talks to this: --pipe, --listen 127.0.0.1:PORT, or \
                         --vote if it need not";
            return invalid("interface", cause.into());
        }
        if let Some(listen) = interface.listen.filter(|listen| !listen.ip().is_loopback()) {
            if !interface.allow_remote {
                let cause = format!(
                    "{listen} is not loopback; use 127.0.0.1, or set interface.allow_remote = true \
                     and a token_file"
                );
                return invalid("interface.listen", cause);
            }
            if interface.token_file.is_none() {
                let cause = "whoever reaches a remote address can vote with the key; set \
                             interface.token_file";
                return invalid("interface.token_file", cause.into());
            }
        }
        let sizes = [
            ("interface.queue_mib", interface.queue_mib),
            ("directors.outbox_mib", self.directors.outbox_mib),
        ];
        if let Some((field, _)) = sizes.into_iter().find(|(_, mib)| !(1..=1024).contains(mib)) {
            return invalid(field, "must be between 1 and 1024".into());
        }
        if let Err(error) = tracing_subscriber::EnvFilter::try_new(&self.log.filter) {
            return invalid("log.filter", format!("{error}; try \"info\""));
        }
        Ok(())
    }

    /// The public key of a signer elsewhere.
    pub(super) fn remote_key(&self) -> Option<PublicKey> {
        let text = self.keys.checkpoint_key.as_ref()?;
        let mut key = [0; 32];
        hex::decode_to_slice(text.strip_prefix("0x").unwrap_or(text), &mut key).ok()?;
        Some(PublicKey::from_raw(key))
    }

    fn resolve(&mut self, folder: &Path) {
        let keys = &mut self.keys;
        let paths = [Some(&mut keys.peer), Some(&mut keys.protection), keys.checkpoint.as_mut()];
        let more = [keys.signer_socket.as_mut(), self.interface.token_file.as_mut()];
        for path in paths.into_iter().chain(more).flatten() {
            *path = folder.join(&*path);
        }
    }
}

/// What has no default: the field, and the option of `director validator run` that says it as well.
const NEEDED: [(&str, &str, &str); 3] = [
    ("chain", "url", "--url URL"),
    ("keys", "peer", "--peer FILE"),
    ("keys", "protection", "--protection FILE"),
];

/// Whether everything without a default is there. Whoever typed options is told of an option.
fn needed(table: &Table, path: Option<&Path>) -> Result<(), ConfigError> {
    let has = |section: &str, field: &str| match table.get(section) {
        Some(Value::Table(fields)) => fields.contains_key(field),
        // What is no section is told with what it is.
        other => other.is_some(),
    };
    let Some((section, field, option)) = NEEDED.into_iter().find(|(of, field, _)| !has(of, field))
    else {
        return Ok(());
    };
    let file = path.map_or("a file that --config names".into(), |path| path.display().to_string());
    Err(ConfigError::Needed { field: format!("{section}.{field}"), option, file })
}

fn read(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|cause| match cause.kind() {
        ErrorKind::NotFound => ConfigError::Missing(path.to_owned()),
        _ => ConfigError::Unreadable { path: path.to_owned(), cause },
    })
}

fn parse(path: &Path, text: &str) -> Result<Table, ConfigError> {
    text.parse().map_err(|error: toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let cause = error.message().split_whitespace().collect::<Vec<_>>().join(" ");
        ConfigError::Malformed { place: format!("{}, line {line}", path.display()), cause }
    })
}

#[cfg(test)]
mod tests;
