//! `director evidence`: see the double signs that the running director knows of, take their proofs out, or report one.

mod export;
mod file;

use super::{
    NodeArgs, block_on, log_notes,
    output::{OutputArgs, table},
    page::PageArgs,
    progress::Progress,
};
use crate::{
    chain::{Account, Submitter, ValidatorChain},
    service::account_in,
};
use anyhow::{Context, bail, ensure};
use director_primitives::DoubleSignProof;
use serde_json::{Value, json};
use std::path::PathBuf;

/// See the double signs that a director knows of, take their proofs out, or report one.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  director evidence list --config director.toml
  director evidence show --config director.toml 0x5c3f
  director evidence export --config director.toml 0x5c3f > proof.json
  director evidence submit --url ws://127.0.0.1:9944 --account account.key proof.json --dry-run

A running director reports what it proves by itself; nobody needs `export` and `submit` for that. They are for a day on
which it cannot: its account is empty, its node is away, its machine is lost. `export` works while the director is stopped
too, and on a copy of its data_dir (--store). `submit` takes what `export` writes, or a SCALE-encoded DoubleSignProof
(docs/protocol.md) as bytes or in hexadecimal, anywhere, with any account. Whoever reports a valid proof pays nothing.")]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// List what the running director knows.
    List {
        #[command(flatten)]
        page: PageArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Say all about one.
    Show {
        #[command(flatten)]
        page: PageArgs,
        #[command(flatten)]
        output: OutputArgs,
        /// Its id, or how that begins.
        #[arg(value_name = "ID")]
        id: String,
    },
    /// Write the proofs, to report them by hand: those of a running director or of a stopped one.
    Export(export::Args),
    /// Report a double sign to the chain.
    Submit {
        #[command(flatten)]
        node: NodeArgs,
        /// File of the account that reports (sr25519 secret URI).
        #[arg(long, value_name = "FILE")]
        account: PathBuf,
        /// File with the proof: what `export` writes.
        #[arg(value_name = "FILE", required_unless_present = "proof")]
        file: Option<PathBuf>,
        /// The same, as it was written before.
        #[arg(long, value_name = "FILE", hide = true, conflicts_with = "file")]
        proof: Option<PathBuf>,
        /// Ask the chain what it would say, and submit nothing.
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        output: OutputArgs,
    },
}

impl Args {
    pub(super) fn execute(self) -> anyhow::Result<()> {
        match self.what {
            What::List { page, output } => {
                let known = page.status()?["evidence"].take();
                output.print(&known, || list(&known))
            }
            What::Show { page, output, id } => {
                let known = page.status()?["evidence"].take();
                let found = find(&known, &id)?;
                output.print(found, || show(found))
            }
            What::Export(args) => args.execute(),
            What::Submit { node, account, file, proof, dry_run, output } => {
                log_notes()?;
                let account = account_in(&account)?;
                let proof = file::read(&file.or(proof).context("name a file with a proof")?)?;
                block_on(submit(node, account, proof, dry_run, output))
            }
        }
    }
}

async fn submit(
    node: NodeArgs,
    account: Account,
    proof: DoubleSignProof,
    dry_run: bool,
    output: OutputArgs,
) -> anyhow::Result<()> {
    let (node, snapshot) = node.connect().await?;
    ensure!(
        proof.genesis_hash == snapshot.domain.genesis_hash,
        "the proof is of the chain with genesis {:?}, and the node is of {:?}; give --url of a node of \
         that chain",
        proof.genesis_hash,
        snapshot.domain.genesis_hash
    );
    let offence = match node.check_evidence(&proof).await? {
        Ok(offence) => offence,
        Err(reason) => bail!(
            "the chain does not take this proof: {reason:?}; docs/protocol.md says what a proof needs"
        ),
    };
    let mut said = json!({
        "id": proof.id(),
        "validator": offence.validator.to_string(),
        "checkpoint": offence.checkpoint,
        "submitted": !dry_run,
    });
    if !dry_run {
        let chain = ValidatorChain::new(node.clone(), Submitter::new(node.clone()), account);
        let waiting = Progress::begin("submitting, and waiting until it is finalized");
        let included = chain.report_double_sign(&proof).await;
        drop(waiting);
        let included = included.context("cannot report")?;
        said["block_number"] = included.block_number.into();
        said["block_hash"] = json!(included.block_hash);
    }
    output.print(&said, || {
        let who = format!("{} at checkpoint {}", offence.validator, offence.checkpoint);
        match dry_run {
            true => {
                format!("dry run: the chain would take it, and punish {who}; nothing was submitted")
            }
            false => format!("reported {who} in block {}", said["block_number"]),
        }
    })
}

fn find<'a>(known: &'a Value, id: &str) -> anyhow::Result<&'a Value> {
    let known = known.as_array().map_or(&[][..], Vec::as_slice);
    let bare = |text: &str| text.trim_start_matches("0x").to_ascii_lowercase();
    let wanted = bare(id);
    let is_it = |of: &&Value| of["id"].as_str().is_some_and(|own| bare(own).starts_with(&wanted));
    let mut found = known.iter().filter(is_it);
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => {
            bail!(
                "the director knows no evidence {id}; `director evidence list` says what it knows"
            )
        }
        (Some(_), Some(_)) => bail!("several ids begin with {id}; give more digits"),
    }
}

fn list(known: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let known = known.as_array().map_or(&[][..], Vec::as_slice);
    if known.is_empty() {
        return "no double sign is known".into();
    }
    let rows: Vec<_> = known
        .iter()
        .map(|of| {
            let checkpoint = of["checkpoint"].to_string();
            vec![text(&of["id"]), text(&of["validator"]), checkpoint, text(&of["state"])]
        })
        .collect();
    table(&["ID", "VALIDATOR", "CHECKPOINT", "STATE"], &rows)
}

fn show(of: &Value) -> String {
    let fields = of.as_object().into_iter().flatten();
    let known = fields.filter(|(_, value)| !value.is_null());
    let lines = known.map(|(name, value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), String::from);
        format!("{:<16} {value}\n", name.replace('_', " "))
    });
    lines.collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn evidence_is_found_by_the_beginning_of_its_id() {
        let known =
            json!([{ "id": "0xab12", "checkpoint": 3 }, { "id": "0xab34", "checkpoint": 4 }]);
        assert_eq!(find(&known, "0xAB3").unwrap()["checkpoint"], 4);
        assert_eq!(find(&known, "ab12").unwrap()["checkpoint"], 3);
        assert!(find(&known, "ab").unwrap_err().to_string().contains("more digits"));
        assert!(find(&known, "cd").unwrap_err().to_string().contains("evidence list"));
        assert!(list(&known).contains("0xab34") && show(&known[0]).contains("checkpoint       3"));
        assert_eq!(list(&json!([])), "no double sign is known");
    }
}
