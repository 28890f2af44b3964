//! `director keys`: make key files, or show the public side of them.

use crate::{
    chain::Account,
    config::Config,
    keys::{PeerKey, peer_id, random_seed, read_secret, write_secret},
};
use anyhow::bail;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Make key files, or show the public side of them.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  director keys generate --peer peer.key --account account.key
  director keys generate --peer peer.key --account account.key --checkpoint checkpoint.key
  director keys inspect --config director.toml
  director keys inspect --peer peer.key

A director has an account and a peer key, a validator a checkpoint key as well. Files are made readable
by their owner alone and never overwritten. An account file may as well hold
a mnemonic phrase of yours, with or without a path after it (//director-1). Make a backup of it: it
owns what the account has.")]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Make new keys.
    Generate(Files),
    /// Show public keys, peer id and account.
    Inspect {
        #[command(flatten)]
        files: Files,
        /// Take the files from this configuration.
        #[arg(long, value_name = "FILE", conflicts_with_all = ["peer", "account", "checkpoint"])]
        config: Option<PathBuf>,
    },
}

#[derive(clap::Args)]
struct Files {
    /// File of the peer key (ed25519 seed).
    #[arg(long, value_name = "FILE")]
    peer: Option<PathBuf>,
    /// File of the account (sr25519 secret URI).
    #[arg(long, value_name = "FILE")]
    account: Option<PathBuf>,
    /// File of a validator's checkpoint key (ed25519 seed).
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
}

impl Args {
    pub(super) fn execute(self) -> anyhow::Result<()> {
        let (generate, files) = match self.what {
            What::Generate(files) => (true, files),
            What::Inspect { config: Some(config), .. } => {
                let keys = Config::load(&config)?.keys;
                let (peer, account) = (Some(keys.peer), Some(keys.account));
                (false, Files { peer, account, checkpoint: None })
            }
            What::Inspect { files, .. } => (false, files),
        };
        if files.peer.is_none() && files.account.is_none() && files.checkpoint.is_none() {
            bail!("say which files: --peer FILE, --account FILE, --checkpoint FILE, or several");
        }
        let ed25519 = |path: &Path| -> anyhow::Result<_> {
            if generate {
                write_secret(path, &Zeroizing::new(hex::encode(*random_seed())))?;
            }
            Ok(PeerKey::from_file(path)?.public())
        };
        if let Some(path) = files.peer {
            let key = ed25519(&path)?;
            println!("peer key {}  peer id {}", hex::encode(key.0), peer_id(&key));
        }
        if let Some(path) = files.checkpoint {
            println!("checkpoint key {}", hex::encode(ed25519(&path)?.0));
        }
        if let Some(path) = files.account {
            if generate {
                let seed = random_seed();
                write_secret(&path, &Zeroizing::new(format!("0x{}", hex::encode(*seed))))?;
            }
            println!("account {}", Account::from_secret(&read_secret(&path)?)?.id());
        }
        Ok(())
    }
}
