//! `director validator protection`: carry what a key has signed from one signer to another.

use crate::{
    cli::{
        output::{OutputArgs, say},
        start_logging,
    },
    keys::PeerKey,
    sidecar::protection::{Interchange, Protection},
};
use anyhow::{Context, bail, ensure};
use director_primitives::PublicKey;
use serde_json::json;
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

/// Carry what a checkpoint key has signed from one signer to another.
#[derive(clap::Args)]
#[command(after_help = "\
A key moves to another machine. On the old one, with its sidecar stopped for good:
  director validator protection export --protection checkpoint.protection --to signed.json
On the new one, before its sidecar is started:
  director validator protection import --protection checkpoint.protection --from signed.json

An export only reads. An import adds to what is there; after it nothing is signed that either of the two forbids. The format
is in docs/validators.md. Exit status: 0, or 1 with one line on stderr; an import that finds two blocks for one
checkpoint signs neither of them again, nor anything new up to it, takes over the rest and ends with 1.")]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Write what was signed as JSON.
    Export {
        /// The protection file.
        #[arg(long, value_name = "FILE")]
        protection: PathBuf,
        /// Where to; it must not exist. Default: standard output.
        #[arg(long, value_name = "FILE")]
        to: Option<PathBuf>,
    },
    /// Add what another signer has signed.
    Import {
        /// The protection file; made if it is not there.
        #[arg(long, value_name = "FILE")]
        protection: PathBuf,
        /// What was exported.
        #[arg(long, value_name = "FILE")]
        from: PathBuf,
        /// File of the checkpoint key, to be sure that it is of this one.
        #[arg(long, value_name = "FILE")]
        checkpoint: Option<PathBuf>,
        #[command(flatten)]
        output: OutputArgs,
    },
}

impl Args {
    pub(super) fn execute(self) -> anyhow::Result<()> {
        // A file whose last line is not whole is used all the same, and says so.
        start_logging("warn")?;
        match self.what {
            What::Export { protection, to } => export(&protection, to.as_deref()),
            What::Import { protection, from, checkpoint, output } => {
                let own = checkpoint.map(|file| PeerKey::from_file(&file)).transpose()?;
                import(&protection, &from, own.map(|key| key.public()), &output)
            }
        }
    }
}

fn export(protection: &Path, to: Option<&Path>) -> anyhow::Result<()> {
    let known = Protection::open_any(protection)?.export();
    let json = serde_json::to_string_pretty(&known)?;
    let Some(to) = to else {
        return say(json);
    };
    let file = fs::OpenOptions::new().write(true).create_new(true).open(to);
    let mut file = file.with_context(|| {
        format!("cannot make {}; name a file that is not there yet", to.display())
    })?;
    writeln!(file, "{json}")?;
    file.sync_all()?;
    say(format_args!(
        "{}: {} checkpoints of key {}",
        to.display(),
        known.signed.len(),
        hex::encode(known.key.0)
    ))
}

fn import(
    path: &Path,
    from: &Path,
    own: Option<PublicKey>,
    output: &OutputArgs,
) -> anyhow::Result<()> {
    let text = fs::read_to_string(from);
    let text = text.with_context(|| {
        format!("cannot read {}; name what `protection export` wrote", from.display())
    })?;
    let other =
        Interchange::from_json(&text).with_context(|| format!("cannot use {}", from.display()))?;
    let key = hex::encode(other.key.0);
    if let Some(own) = own.filter(|own| *own != other.key) {
        bail!(
            "{} is of key {key}, and the checkpoint key is {}; export that one's",
            from.display(),
            hex::encode(own.0)
        );
    }
    let mut protection = match path.symlink_metadata() {
        Ok(_) => Protection::open(path, other.genesis_hash, other.key)?,
        // It has them all, and finds out below whether they contradict each other.
        Err(_) => Protection::create_from(path, &other)?,
    };
    let imported = protection.import(&other)?;
    let said = json!({
        "protection": path,
        "key": key,
        "added": imported.new,
        "known": imported.known,
        "signs_from": protection.below(),
        "conflicts": imported.conflicts,
    });
    output.print(&said, || {
        format!(
            "{}: has {} checkpoints of key {key} from {}, {} of them added to what was there; before checkpoint {} \
             nothing new is signed",
            path.display(),
            imported.new + imported.known,
            from.display(),
            imported.new,
            protection.below()
        )
    })?;
    ensure!(
        imported.conflicts.is_empty(),
        "two blocks were signed for checkpoints {:?}: if both signatures exist, the validator can be slashed; \
         neither is signed again, nor anything new before checkpoint {}, and the rest was added",
        imported.conflicts,
        protection.below()
    );
    Ok(())
}
