//! `director config`: check a configuration, or show it with all defaults.

use crate::{chain::Account, config::Config, keys};
use std::path::PathBuf;

/// Check a configuration, or show it with all defaults.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  director config check --config director.toml
  DIRECTOR_CHAIN_URL=wss://node.example director config show --config director.toml")]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Say whether `director run` would accept it, key files included. Connects to nothing.
    Check(File),
    /// Print what is in force: the file, the environment and all defaults.
    Show(File),
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
            What::Check(file) => {
                let config = Config::load(&file.config)?;
                let peer = keys::PeerKey::from_file(&config.keys.peer)?;
                let account = Account::from_secret(&keys::read_secret(&config.keys.account)?)?;
                println!(
                    "{}: good; account {}, peer key {}",
                    file.config.display(),
                    account.id(),
                    hex::encode(peer.public().0)
                );
            }
            What::Show(file) => print!("{}", toml::to_string_pretty(&Config::load(&file.config)?)?),
        }
        Ok(())
    }
}
