//! `director config`: write, check or show a configuration.

use super::output::say;
use crate::{config::Config, keys, service::account_in, sidecar};
use anyhow::Context;
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
    /// Configuration file.
    #[arg(long, value_name = "FILE", env = "DIRECTOR_CONFIG")]
    config: PathBuf,
}

impl Args {
    pub(super) fn execute(self) -> anyhow::Result<()> {
        match self.what {
            What::Init { file, validator } => {
                let path = file.config.display();
                let made = OpenOptions::new().write(true).create_new(true).open(&file.config);
                let mut made = made.with_context(|| {
                    format!("cannot make {path}; name a file that is not there yet")
                })?;
                made.write_all(if validator { VALIDATOR } else { DIRECTOR }.as_bytes())?;
                say(format_args!("{path}: written; edit chain.url and the paths of the keys"))?;
            }
            What::Check { file, validator: true } => {
                let config = sidecar::Config::load(Some(&file.config), Vec::new())?;
                let peer = keys::PeerKey::from_file(&config.keys.peer)?;
                if let Some(checkpoint) = &config.keys.checkpoint {
                    keys::PeerKey::from_file(checkpoint)?;
                }
                let key = hex::encode(peer.public().0);
                say(format_args!("{}: good; peer key {key}", file.config.display()))?;
            }
            What::Show { file, validator: true } => {
                let config = sidecar::Config::load(Some(&file.config), Vec::new())?;
                say(toml::to_string_pretty(&config)?)?;
            }
            What::Check { file, .. } => {
                let config = Config::load(&file.config)?;
                let peer = keys::PeerKey::from_file(&config.keys.peer)?;
                let account = account_in(&config.keys.account)?;
                say(format_args!(
                    "{}: good; account {}, peer key {}",
                    file.config.display(),
                    account.id(),
                    hex::encode(peer.public().0)
                ))?;
            }
            What::Show { file, .. } => {
                say(toml::to_string_pretty(&Config::load(&file.config)?)?)?;
            }
        }
        Ok(())
    }
}
