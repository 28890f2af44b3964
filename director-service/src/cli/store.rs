//! `director store`: look after the file in `data_dir` while the director is stopped.

use super::{output::OutputArgs, progress::Progress};
use crate::{
    config::Config,
    store::{self, Report},
};
use serde_json::json;
use std::path::PathBuf;

/// Look after the file with the history of votes, while the director is stopped.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  director store check --config director.toml
  director store compact --config director.toml

How long the file gets: about 320 bytes for each vote in it, which are history_checkpoints (10,000) votes of
each validator. It never gets shorter by itself: what was pruned makes room for what comes.")]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Read all of it, say what is in it, and put right what can be. Exit status 1 if something was wrong.
    Check(File),
    /// Give room that nothing is in back to the system.
    Compact(File),
}

#[derive(clap::Args)]
struct File {
    /// Configuration file.
    #[arg(long, value_name = "FILE", env = "DIRECTOR_CONFIG")]
    config: PathBuf,
    #[command(flatten)]
    output: OutputArgs,
}

impl File {
    /// The folder of a store that can be used: what cannot is told before the work begins.
    fn store(&self) -> anyhow::Result<PathBuf> {
        let folder = Config::load(&self.config)?.data_dir;
        store::can_open(&folder)?;
        Ok(folder)
    }
}

impl Args {
    pub(super) fn execute(self) -> anyhow::Result<()> {
        match self.what {
            What::Check(file) => {
                let folder = file.store()?;
                let checking = Progress::begin("comparing checksums, and reading all votes");
                let so_far = |done, total| checking.so_far(done, total);
                let report = store::check(&folder, so_far)?;
                drop(checking);
                let contents = &report.contents;
                let said = json!({
                    "file": report.path,
                    "bytes": report.file_bytes,
                    "votes": contents.votes,
                    "checkpoints": contents.checkpoints,
                    "proofs": contents.proofs,
                    "unreadable": contents.unreadable,
                    "was_sound": report.is_sound,
                });
                file.output.print(&said, || describe(&report))?;
                anyhow::ensure!(
                    report.is_sound && report.contents.unreadable == 0,
                    "{} was damaged and is put right as far as that goes: double signs whose first \
                     vote is lost go unnoticed, or restore it from a backup",
                    report.path.display()
                );
            }
            What::Compact(file) => {
                let folder = file.store()?;
                let compacting = Progress::begin("moving what is in use together");
                let (before, after) = store::compact(&folder)?;
                drop(compacting);
                let said = json!({ "bytes_before": before, "bytes_after": after });
                file.output.print(&said, || format!("{before} bytes before, {after} after"))?;
            }
        }
        Ok(())
    }
}

fn describe(report: &Report) -> String {
    let contents = &report.contents;
    let checkpoints =
        contents.checkpoints.map_or("none".into(), |(first, last)| format!("{first} to {last}"));
    let per_vote = report.file_bytes.checked_div(contents.votes).unwrap_or_default();
    format!(
        "{}: {} bytes, {} votes ({per_vote} bytes each), checkpoints {checkpoints}, {} proofs, \
         {} unreadable",
        report.path.display(),
        report.file_bytes,
        contents.votes,
        contents.proofs,
        contents.unreadable,
    )
}
