//! `director validator rotate-key`: replace a validator's peer key or checkpoint key on chain.

use super::status::meaning;
use crate::{
    chain::{ChainError, Included, NewKey, Submitter, ValidatorChain},
    cli::{
        NodeArgs, block_on, log_notes, output::OutputArgs, progress::Progress,
        rotate_key::load_or_make,
    },
    keys::PeerKey,
    service::{account_in, next_key_file},
};
use anyhow::{bail, ensure};
use director_primitives::{
    AccountId32, KeyRole, Possession, PublicKey, Snapshot,
    runtime_api::{ValidatorInfo, ValidatorStatus},
};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Replace a validator's peer key or checkpoint key on chain.
#[derive(clap::Args)]
#[command(after_help = "\
The next key is in the file beside the present one whose name ends in .next; it is made if it is not there. The
command proves that the account holds it, submits, waits until that is finalized, and says what comes next. It takes
the account alone, so that a lost key can be replaced, too. With --dry-run it submits nothing.

Examples:
  # The peer key. The sidecar works with the old one until the change is finalized, and is then turned away:
  director validator rotate-key --url ws://127.0.0.1:9944 --account account.key --peer peer.key
  mv peer.key.next peer.key          # and start the sidecar again

  # The checkpoint key. The old one and its protection file are kept, and never signed with again:
  director validator rotate-key --url ws://127.0.0.1:9944 --account account.key --checkpoint checkpoint.key
  # the sidecar is stopped
  mv checkpoint.key checkpoint.key.old
  mv checkpoint.protection checkpoint.protection.old
  mv checkpoint.key.next checkpoint.key
  # and started once with --new-protection-file; it votes again 17 checkpoints later")]
pub(super) struct Args {
    #[command(flatten)]
    node: NodeArgs,
    /// File of the validator's account (sr25519 secret URI). It pays the fee.
    #[arg(long, value_name = "FILE")]
    account: PathBuf,
    #[command(flatten)]
    which: Which,
    /// Show what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// The key that is replaced.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// Replace the peer key, which is in this file.
    #[arg(long, value_name = "FILE")]
    peer: Option<PathBuf>,
    /// Replace the checkpoint key, which is in this file.
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
}

impl Args {
    pub(super) fn execute(self) -> anyhow::Result<()> {
        log_notes()?;
        let account = account_in(&self.account)?;
        let rotation = Rotation::of(self.which)?;
        block_on(async move {
            let (node, snapshot) = self.node.connect().await?;
            let Some(known) = node.validator(&account.id()).await? else {
                bail!(
                    "{} is not registered at block {}; `director validator register` does that",
                    account.id(),
                    snapshot.number
                );
            };
            let present = rotation.present(&known);
            let output = &self.output;
            let mut said = json!({
                "account": account.id().to_string(),
                "which": rotation.name(),
                "key": null,
                "file": rotation.next_file,
                "submitted": false,
            });
            if let Some(next) = rotation.next_if_made()?.filter(|next| next.public() == present) {
                let key = hex::encode(next.public().0);
                said["key"] = key.as_str().into();
                output.print(&said, || format!("the chain has {key} already"))?;
                return output.tell(rotation.what_comes_next(&snapshot));
            }
            check(&known)?;
            // A key that is lost can be replaced, too: that takes the account alone.
            let own = PeerKey::from_file(&rotation.file).ok().map(|key| key.public());
            if own != Some(present) {
                output.tell(format_args!(
                    "note: {} does not hold the {} that the chain has now, {}",
                    rotation.file.display(),
                    rotation.name(),
                    hex::encode(present.0)
                ))?;
            }
            if self.dry_run {
                return output.print(&said, || {
                    format!(
                        "dry run: nothing was made or submitted; without --dry-run the {} of {} would be the one in {}",
                        rotation.name(),
                        account.id(),
                        rotation.next_file.display()
                    )
                });
            }
            let next = load_or_make(&rotation.next_file, output)?;
            is_nobodys(&snapshot, &next.public(), &rotation.next_file)?;
            let possession =
                Possession { account: account.id(), role: rotation.role, key: next.public() };
            let possession = next.sign_statement(&snapshot.domain.genesis_hash, &possession);
            let new = NewKey { role: rotation.role, key: next.public(), possession };
            let chain = ValidatorChain::new(node.clone(), Submitter::new(node), account.clone());
            let waiting = Progress::begin("submitting, and waiting until it is finalized");
            let included = chain.rotate_key(&new).await;
            drop(waiting);
            let included = taken(included, &snapshot)?;
            let key = hex::encode(next.public().0);
            said["key"] = key.as_str().into();
            said["submitted"] = true.into();
            said["block_number"] = included.block_number.into();
            said["block_hash"] = json!(included.block_hash);
            output.print(&said, || {
                let (block, which) = (included.block_number, rotation.name());
                format!("rotated in block {block}: the {which} of {} is now {key}", account.id())
            })?;
            output.tell(rotation.what_comes_next(&snapshot))
        })
    }
}

/// Whether the chain lets it change a key.
fn check(known: &ValidatorInfo<AccountId32>) -> anyhow::Result<()> {
    let is_leaving = match known.status {
        ValidatorStatus::Candidate | ValidatorStatus::Authorized | ValidatorStatus::Revoked => {
            false
        }
        ValidatorStatus::Exiting | ValidatorStatus::Tombstoned => true,
    };
    ensure!(
        !is_leaving,
        "{} changes no key any more, it is {}; register another account",
        known.account,
        meaning(known.status)
    );
    Ok(())
}

fn is_nobodys(snapshot: &Snapshot, key: &PublicKey, file: &Path) -> anyhow::Result<()> {
    let validator = snapshot
        .validator_by_peer_key(key)
        .or_else(|| snapshot.validator_by_checkpoint_key(key))
        .map(|known| &known.account);
    let director = snapshot.director_by_peer_key(key).map(|known| &known.account);
    if let Some(owner) = validator.or(director) {
        bail!(
            "the key in {}, {}, is in use by {owner}; remove the file, and another one is made",
            file.display(),
            hex::encode(key.0)
        );
    }
    Ok(())
}

fn taken(included: Result<Included, ChainError>, snapshot: &Snapshot) -> anyhow::Result<Included> {
    let period = snapshot.domain.unbonding_period;
    included.map_err(|error| match error {
        ChainError::Refused(what) if what.ends_with("TooManyRetiredKeys") => anyhow::anyhow!(
            "the chain keeps a replaced key for {period} blocks and has as many of this validator's as it takes; \
             wait until the first of them is forgotten"
        ),
        error => anyhow::Error::new(error).context("cannot rotate the key"),
    })
}

/// Which key takes the place of which.
struct Rotation {
    role: KeyRole,
    file: PathBuf,
    next_file: PathBuf,
}

impl Rotation {
    fn of(which: Which) -> anyhow::Result<Self> {
        let (role, file) = match (which.peer, which.checkpoint) {
            (Some(file), _) => (KeyRole::ValidatorPeer, file),
            (None, Some(file)) => (KeyRole::Checkpoint, file),
            (None, None) => bail!("say which key: --peer FILE or --checkpoint FILE"),
        };
        Ok(Self { role, next_file: next_key_file(&file), file })
    }

    fn is_checkpoint(&self) -> bool {
        self.role == KeyRole::Checkpoint
    }

    fn name(&self) -> &'static str {
        if self.is_checkpoint() { "checkpoint key" } else { "peer key" }
    }

    /// What the chain has.
    fn present(&self, known: &ValidatorInfo<AccountId32>) -> PublicKey {
        if self.is_checkpoint() { known.checkpoint_key } else { known.peer_key }
    }

    fn next_if_made(&self) -> anyhow::Result<Option<PeerKey>> {
        let is_there = self.next_file.exists();
        Ok(is_there.then(|| PeerKey::from_file(&self.next_file)).transpose()?)
    }

    fn what_comes_next(&self, snapshot: &Snapshot) -> String {
        let (file, next) = (self.file.display(), self.next_file.display());
        if !self.is_checkpoint() {
            return format!(
                "Directors turn the old key away. Put the new one into its place, and start the sidecar again:\n  \
                 mv {next} {file}"
            );
        }
        format!(
            "Votes with the old key count no more, and two blocks that it signed are slashed for {} blocks still: keep it \
             and its protection file, and never sign with it again. Stop the sidecar, then\n  \
             mv {file} {file}.old\n  mv {next} {file}\n\
             move the old protection file away as well, and start the sidecar once with --new-protection-file. It votes \
             again after 17 checkpoints: what the old key has signed for those must not be contradicted.",
            snapshot.domain.unbonding_period
        )
    }
}
