//! `director keys`: make key files, or show the public side of them.

use super::output::OutputArgs;
use crate::{
    chain::phrase,
    config::Config,
    keys::{PeerKey, peer_id, random_seed, write_secret},
    service::account_in,
};
use anyhow::{bail, ensure};
use director_primitives::AccountId32;
use serde_json::{Value, json};
use sp_core::crypto::{Ss58AddressFormat, Ss58Codec};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Make key files, or show the public side of them.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  director keys generate --peer peer.key --account account.key
  director keys generate --peer peer.key --account account.key --checkpoint checkpoint.key
  director keys generate --account account.key --words 24      # a phrase, for a wallet too
  director keys inspect --config director.toml
  director keys inspect --peer peer.key
  director keys inspect --account account.key --ss58-prefix 42 --output json

A director has an account and a peer key, a validator a checkpoint key as well. Files are made readable
by their owner alone (mode 0600) and never overwritten. An account file holds what Substrate's tools call a
secret URI: 0x and a seed of 64 digits, or a mnemonic phrase, yours or one made by --words, and either with or without a path
after it (//director-1). Make a backup of it: it owns what the account has. Peer and checkpoint keys are ed25519
seeds of 64 digits, which `subkey inspect --scheme ed25519` reads with 0x before them.")]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Make new keys.
    Generate {
        #[command(flatten)]
        files: Files,
        /// Make the account from a new mnemonic phrase of 12 or 24 words, instead of a seed in hexadecimal.
        #[arg(long, value_name = "NUMBER", requires = "account")]
        words: Option<u8>,
        #[command(flatten)]
        form: Form,
    },
    /// Show public keys, peer id and account.
    Inspect {
        #[command(flatten)]
        files: Files,
        /// Take the files from this configuration.
        #[arg(long, value_name = "FILE", conflicts_with_all = ["peer", "account", "checkpoint"])]
        config: Option<PathBuf>,
        #[command(flatten)]
        form: Form,
    },
}

/// How they are shown.
#[derive(clap::Args)]
struct Form {
    /// Prefix of the chain's accounts in SS58. Default: 42, any chain.
    #[arg(long, value_name = "NUMBER", default_value_t = 42, value_parser = ss58_prefix)]
    ss58_prefix: u16,
    #[command(flatten)]
    output: OutputArgs,
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
        let (files, form) = match self.what {
            What::Generate { files, words, form } => {
                files.check()?;
                files.generate(words)?;
                (files, form)
            }
            What::Inspect { config: Some(config), form, .. } => {
                let keys = Config::load(&config)?.keys;
                let (peer, account) = (Some(keys.peer), Some(keys.account));
                (Files { peer, account, checkpoint: None }, form)
            }
            What::Inspect { files, form, .. } => (files, form),
        };
        files.check()?;
        let shown = files.show(form.ss58_prefix)?;
        form.output.print(&shown, || text(&shown))?;
        Ok(())
    }
}

impl Files {
    fn check(&self) -> anyhow::Result<()> {
        if self.peer.is_none() && self.account.is_none() && self.checkpoint.is_none() {
            bail!("say which files: --peer FILE, --account FILE, --checkpoint FILE, or several");
        }
        Ok(())
    }

    fn generate(&self, words: Option<u8>) -> anyhow::Result<()> {
        ensure!(matches!(words, None | Some(12 | 24)), "--words is 12 or 24");
        for path in [&self.peer, &self.checkpoint].into_iter().flatten() {
            write_secret(path, &Zeroizing::new(hex::encode(*random_seed())))?;
        }
        if let Some(path) = &self.account {
            let seed = random_seed();
            let secret = match words {
                // 16 bytes make 12 words, 32 make 24.
                Some(12) => phrase(&seed[..16])?,
                Some(_) => phrase(&*seed)?,
                None => Zeroizing::new(format!("0x{}", hex::encode(*seed))),
            };
            write_secret(path, &secret)?;
        }
        Ok(())
    }

    /// The public side of them.
    fn show(&self, ss58_prefix: u16) -> anyhow::Result<Value> {
        let key = |path: &Path| anyhow::Ok(PeerKey::from_file(path)?.public());
        let mut shown = json!({});
        if let Some(path) = &self.peer {
            let key = key(path)?;
            shown["peer_key"] = hex::encode(key.0).into();
            shown["peer_id"] = peer_id(&key).into();
        }
        if let Some(path) = &self.checkpoint {
            shown["checkpoint_key"] = hex::encode(key(path)?.0).into();
        }
        if let Some(path) = &self.account {
            let account = account_in(path)?.id();
            shown["account"] = ss58(&account, ss58_prefix).into();
            shown["account_key"] = format!("0x{}", hex::encode(<[u8; 32]>::from(account))).into();
        }
        Ok(shown)
    }
}

/// SS58 has 14 bits for it.
fn ss58_prefix(text: &str) -> Result<u16, String> {
    let prefix = text.parse().ok().filter(|prefix| *prefix < 1 << 14);
    prefix.ok_or_else(|| "expected the chain's number in SS58, from 0 to 16383".to_owned())
}

fn ss58(account: &AccountId32, prefix: u16) -> String {
    account.to_ss58check_with_version(Ss58AddressFormat::custom(prefix))
}

fn text(shown: &Value) -> String {
    let field = |name: &str| shown[name].as_str();
    let mut lines = String::new();
    if let (Some(key), Some(id)) = (field("peer_key"), field("peer_id")) {
        lines.push_str(&format!("peer key {key}  peer id {id}\n"));
    }
    if let Some(key) = field("checkpoint_key") {
        lines.push_str(&format!("checkpoint key {key}\n"));
    }
    if let (Some(account), Some(key)) = (field("account"), field("account_key")) {
        lines.push_str(&format!("account {account}  public key {key}\n"));
    }
    lines
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::{chain::Account, keys::read_secret};

    #[test]
    fn accounts_are_shown_as_their_chain_writes_them() {
        let alice = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
        let account: AccountId32 = alice.parse().unwrap();
        assert_eq!(ss58(&account, 42), alice);
        assert_eq!(ss58(&account, 0), "15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5");
    }

    #[test]
    fn a_phrase_is_an_account_that_other_tools_know() {
        // The phrase of this entropy is in BIP-39's own test vectors.
        let words = phrase(&[0; 16]).unwrap();
        assert!(words.starts_with("abandon abandon") && words.ends_with(" about"));
        assert_eq!(phrase(&[0; 32]).unwrap().split(' ').count(), 24);
        assert!(phrase(&[0; 5]).is_err());
        assert!(Account::from_secret(&words).is_ok());
    }

    #[test]
    fn keys_are_made_and_shown() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str| Some(dir.path().join(name));
        let files =
            Files { peer: file("peer"), account: file("account"), checkpoint: file("checkpoint") };
        files.generate(Some(24)).unwrap();
        let secret = read_secret(&dir.path().join("account")).unwrap();
        assert_eq!(secret.split(' ').count(), 24);
        let shown = files.show(42).unwrap();
        let said = text(&shown);
        assert_eq!(said.lines().count(), 3);
        assert!(said.contains(&Account::from_secret(&secret).unwrap().id().to_string()));
        assert!(files.generate(None).unwrap_err().to_string().contains("not overwritten"));
    }
}
