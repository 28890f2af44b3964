//! Names what is measured: which system, how many of whom, how much.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A system that relays.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum System {
    /// This project's, over TCP.
    Director,
    /// This project's, over QUIC.
    DirectorQuic,
    /// Bytes and nothing else: the limit of the machine.
    Raw,
    /// The gossipsub of the same libp2p.
    Gossipsub,
    /// The same, with relays that verify each message.
    GossipsubVerified,
    /// nats-server, if it is installed.
    Nats,
    /// The same, with TLS.
    NatsTls,
}

impl fmt::Display for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.to_possible_value().as_ref().map_or("", |value| value.get_name()))
    }
}

/// How votes are spread over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Load {
    /// So many a second of all validators together, evenly spaced.
    Rate(u64),
    /// All validators at once, once a second.
    Burst,
}

/// One thing that is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) system: System,
    pub(crate) relays: usize,
    pub(crate) validators: usize,
    /// Bytes of a vote.
    pub(crate) payload: usize,
    pub(crate) load: Load,
    /// Messages of 1 MiB that are kept outstanding beside the votes.
    pub(crate) bulk: u64,
    /// Validators that never read.
    pub(crate) frozen: usize,
    /// Class of the votes, for directors.
    pub(crate) class: String,
    /// Strangers that knock meanwhile, a second, at directors.
    pub(crate) strangers: u64,
    /// What may wait in a director, in MiB; else what is configured by default.
    pub(crate) waiting_mib: Option<usize>,
    /// Seconds that are measured.
    pub(crate) seconds: u64,
}

impl Case {
    /// The usual: votes of 216 bytes, everybody reads, nothing beside.
    pub(crate) fn new(system: System, relays: usize, validators: usize, load: Load) -> Self {
        Self {
            system,
            relays,
            validators,
            payload: 216,
            load,
            bulk: 0,
            frozen: 0,
            class: "critical".into(),
            strangers: 0,
            waiting_mib: None,
            seconds: 5,
        }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}×{} {} B", self.system, self.relays, self.validators, self.payload)?;
        match self.load {
            Load::Rate(rate) => write!(f, ", {rate} msg/s")?,
            Load::Burst => write!(f, ", bursts")?,
        }
        if self.bulk > 0 {
            write!(f, ", beside blocks of 1 MiB")?;
        }
        if self.frozen > 0 {
            write!(f, ", {} frozen", self.frozen)?;
        }
        if self.class != "critical" {
            write!(f, ", {}", self.class)?;
        }
        if self.strangers > 0 {
            write!(f, ", {} strangers a second", self.strangers)?;
        }
        Ok(())
    }
}
