//! `director config`: write, check or show a configuration.

use super::output::{OutputArgs, say};
use crate::{config::Config, keys, service::account_in, sidecar};
use anyhow::Context;
use serde_json::json;
use std::{fs::OpenOptions, io::Write, path::PathBuf};

/// A director's configuration with every field explained.
const DIRECTOR: &str = include_str!("../../config/director.example.toml");

/// A validator's sidecar's.
const VALIDATOR: &str = include_str!("../../config/validator.example.toml");

/// Write, check or show a configuration.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  director config init --config director.toml
  director config init --validator --config validator.toml
  director config check --config director.toml
  director config check --validator --config validator.toml
  DIRECTOR_CHAIN_URL=wss://node.example director config show --config director.toml")]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Write a configuration with every field and what it means, to be edited.
    Init {
        #[command(flatten)]
        file: File,
        /// A validator's sidecar's (`director validator run`), instead of a director's.
        #[arg(long)]
        validator: bool,
    },
    /// Say whether `director run` would accept it, key files included. Connects to nothing.
    Check {
        #[command(flatten)]
        file: File,
        /// It is a validator's sidecar's.
        #[arg(long)]
        validator: bool,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Print what is in force: the file, the environment and all defaults.
    Show {
        #[command(flatten)]
        file: File,
        /// It is a validator's sidecar's.
        #[arg(long)]
        validator: bool,
    },
}

#[derive(clap::Args)]
struct File {
    /// Configuration file. [env: DIRECTOR_CONFIG=, with --validator DIRECTOR_VALIDATOR_CONFIG=]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl File {
    /// The file that is named on the command line, or else by the environment. A variable of directors says nothing of sidecars.
    fn path(self, validator: bool) -> anyhow::Result<PathBuf> {
        let variable = if validator { "DIRECTOR_VALIDATOR_CONFIG" } else { "DIRECTOR_CONFIG" };
        let named = self.config.or_else(|| std::env::var_os(variable).map(PathBuf::from));
        named.with_context(|| format!("say which file: --config FILE, or {variable}"))
    }
}

impl Args {
    pub(super) fn execute(self) -> anyhow::Result<()> {
        match self.what {
            What::Init { file, validator } => {
                let path = file.path(validator)?;
                let made = OpenOptions::new().write(true).create_new(true).open(&path);
                let path = path.display();
                let mut made = made.with_context(|| {
                    format!("cannot make {path}; name a file that is not there yet")
                })?;
                made.write_all(if validator { VALIDATOR } else { DIRECTOR }.as_bytes())?;
                say(format_args!("{path}: written; edit chain.url and the paths of the keys"))?;
            }
            What::Check { file, validator: true, output } => {
                let path = file.path(true)?;
                let config = sidecar::Config::load(Some(&path), Vec::new())?;
                let peer = keys::PeerKey::from_file(&config.keys.peer)?;
                if let Some(checkpoint) = &config.keys.checkpoint {
                    keys::PeerKey::from_file(checkpoint)?;
                }
                let key = hex::encode(peer.public().0);
                let said = json!({ "config": path, "peer_key": key });
                output.print(&said, || format!("{}: good; peer key {key}", path.display()))?;
            }
            What::Show { file, validator: true } => {
                let config = sidecar::Config::load(Some(&file.path(true)?), Vec::new())?;
                say(toml::to_string_pretty(&config)?)?;
            }
            What::Check { file, output, .. } => {
                let path = file.path(false)?;
                let config = Config::load(&path)?;
                let peer = keys::PeerKey::from_file(&config.keys.peer)?;
                let account = account_in(&config.keys.account)?.id();
                let key = hex::encode(peer.public().0);
                let said =
                    json!({ "config": path, "account": account.to_string(), "peer_key": key });
                output.print(&said, || {
                    format!("{}: good; account {account}, peer key {key}", path.display())
                })?;
                if config.chain.genesis_hash.is_none() {
                    output.tell(
                        "note: chain.genesis_hash is not set, so that a node of another chain is taken at the first start",
                    )?;
                }
            }
            What::Show { file, .. } => {
                say(toml::to_string_pretty(&Config::load(&file.path(false)?)?)?)?;
            }
        }
        Ok(())
    }
}
