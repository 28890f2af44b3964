//! `director rotate-key`: replace this director's peer key on chain, while it runs.

use super::{output::OutputArgs, progress::Progress};
use crate::{
    chain::{Chain, DirectorChain, Settings, Submitter},
    config::Config,
    keys::{PeerKey, random_seed, write_secret},
    service::{account_in, next_key_file},
};
use anyhow::{Context, bail};
use director_primitives::{KeyRole, Possession};
use serde_json::json;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Replace this director's peer key on chain, while it runs.
#[derive(clap::Args)]
#[command(after_help = "\
The next key is in the file beside keys.peer whose name ends in .next; it is made if it is not there.
A running director takes it as soon as the change is finalized, by itself, and a starting one takes
whichever of the two files has the key that the chain knows. To finish, move the one over the other. It
takes the account alone, so that a lost key can be replaced, too.

Example:
  director rotate-key --config director.toml
  mv peer.key.next peer.key")]
pub(super) struct Args {
    /// Configuration file.
    #[arg(long, value_name = "FILE", env = "DIRECTOR_CONFIG")]
    config: PathBuf,
    #[command(flatten)]
    output: OutputArgs,
}

impl Args {
    pub(super) fn execute(self) -> anyhow::Result<()> {
        let config = Config::load(&self.config)?;
        super::log_notes()?;
        let peer_file = config.keys.peer.clone();
        let next_file = next_key_file(&peer_file);
        let account = account_in(&config.keys.account)?;
        let finish = format!("mv {} {}", next_file.display(), peer_file.display());
        super::block_on(async move {
            let (node, snapshot) = super::connect(Settings::from(&config.chain)).await?;
            let Some(known) = snapshot.director(&account.id()) else {
                bail!(
                    "{} is no active director at block {}; `director register` makes it one, once \
                     governance has invited it",
                    account.id(),
                    snapshot.number
                );
            };
            let next = load_or_make(&next_file, &self.output)?;
            let mut said = json!({
                "account": account.id().to_string(),
                "peer_key": hex::encode(next.public().0),
                "submitted": false,
                "finish": finish,
            });
            if known.peer_key == next.public() {
                return self.output.print(&said, || {
                    format!(
                        "the chain has the key of {} already; finish with\n  {finish}",
                        next_file.display()
                    )
                });
            }
            // A key that is lost can be replaced, too: that takes the account alone.
            let current = PeerKey::from_file(&peer_file).ok().map(|key| key.public());
            if current != Some(known.peer_key) {
                self.output.tell(format_args!(
                    "note: {} does not hold the key that the chain has now, {}; a director that \
                     serves with that one will not find the next one",
                    peer_file.display(),
                    hex::encode(known.peer_key.0)
                ))?;
            }
            let possession = Possession {
                account: account.id(),
                role: KeyRole::DirectorPeer,
                key: next.public(),
            };
            let possession = next.sign_statement(&snapshot.domain.genesis_hash, &possession);
            let chain = DirectorChain::new(node.clone(), Submitter::new(node), account.clone());
            let waiting = Progress::begin("submitting, and waiting until it is finalized");
            let included = chain.rotate_peer_key(next.public(), possession).await;
            drop(waiting);
            let included =
                included.with_context(|| format!("cannot rotate the key of {}", account.id()))?;
            said["submitted"] = true.into();
            said["block_number"] = included.block_number.into();
            said["block_hash"] = json!(included.block_hash);
            self.output.print(&said, || {
                format!(
                    "rotated in block {}: {} is now known by {}\n\
                     A running director takes that key by itself; validators and other directors connect \
                     to it anew. Finish with\n  {finish}",
                    included.block_number,
                    account.id(),
                    hex::encode(next.public().0)
                )
            })
        })
    }
}

/// The key in a file, which is made if it is not there.
pub(super) fn load_or_make(file: &Path, output: &OutputArgs) -> anyhow::Result<PeerKey> {
    if !file.exists() {
        write_secret(file, &Zeroizing::new(hex::encode(*random_seed())))?;
        output.tell(format_args!("made {}", file.display()))?;
    }
    Ok(PeerKey::from_file(file)?)
}
