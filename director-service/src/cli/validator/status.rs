//! `director validator status`: say how far the directors are with a validator.

use crate::{
    chain::Token,
    cli::{NodeArgs, account_of, block_on, log_notes, output::OutputArgs},
    service::account_in,
};
use anyhow::bail;
use director_primitives::{
    AccountId32, Decision,
    runtime_api::{ValidatorInfo, ValidatorStatus, VoteProgress},
    threshold::approvals_needed,
};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Say how far the directors are with a validator.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  director validator status --url ws://127.0.0.1:9944 --account account.key
  director validator status --url wss://node.example \\
      --validator 5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY

Votes are told as the chain has them. Directors collect them among themselves and submit them together,
so that a candidate has none until it has enough.")]
pub(super) struct Args {
    #[command(flatten)]
    node: NodeArgs,
    /// The validator's account: SS58, or 0x and 64 digits.
    #[arg(long, value_name = "ACCOUNT", value_parser = account_of)]
    validator: Option<AccountId32>,
    /// File of the validator's account, instead of its name.
    #[arg(long, value_name = "FILE", conflicts_with = "validator")]
    account: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
}

impl Args {
    pub(super) fn execute(self) -> anyhow::Result<()> {
        log_notes()?;
        let validator = match (&self.validator, &self.account) {
            (Some(validator), _) => validator.clone(),
            (None, Some(file)) => account_in(file)?.id(),
            (None, None) => bail!("say which validator: --validator ACCOUNT or --account FILE"),
        };
        block_on(async move {
            let (node, snapshot) = self.node.connect().await?;
            let Some(known) = node.validator(&validator).await? else {
                bail!(
                    "{validator} is not registered at block {}; `director validator register` does \
                     that",
                    snapshot.number
                );
            };
            let (token, progress) = (node.token().await?, node.vote_progress(&validator).await?);
            let of = snapshot.directors.active.len() as u32;
            let said = describe(&known, &token, progress.as_ref(), of);
            self.output.print(&said, || show(&said))
        })
    }
}

fn describe(
    known: &ValidatorInfo<AccountId32>,
    token: &Token,
    progress: Option<&VoteProgress<AccountId32>>,
    directors: u32,
) -> Value {
    let votes = progress.iter().flat_map(|progress| &progress.votes).map(|vote| {
        let decision = match vote.decision {
            Decision::Approve => "approves".to_owned(),
            Decision::Revoke(reason) => format!("revokes: {reason:?}"),
        };
        json!({
            "director": vote.director.to_string(),
            "decision": decision,
            "valid_until": vote.valid_until,
        })
    });
    json!({
        "validator": known.account.to_string(),
        "registration_id": known.registration_id,
        "status": format!("{:?}", known.status).to_lowercase(),
        "meaning": meaning(known.status),
        "stake": known.stake.to_string(),
        "stake_shown": token.show(known.stake).to_string(),
        "unbonding": known.unbonding.to_string(),
        "unbonding_shown": (known.unbonding > 0).then(|| token.show(known.unbonding).to_string()),
        "votes": votes.collect::<Vec<_>>(),
        "needed": progress.map_or_else(|| approvals_needed(directors), |progress| progress.needed),
        "directors": directors,
    })
}

fn show(said: &Value) -> String {
    let text = |name: &str| said[name].as_str().unwrap_or("-");
    let mut lines = format!(
        "validator {}, registration {}\nstatus    {}\nstake     {}\n",
        text("validator"),
        said["registration_id"],
        text("meaning"),
        text("stake_shown")
    );
    if said["unbonding_shown"].is_string() {
        lines.push_str(&format!("unbonding {}\n", text("unbonding_shown")));
    }
    let votes = said["votes"].as_array().map_or(&[][..], Vec::as_slice);
    let count = if votes.is_empty() { "none".into() } else { format!("{} on chain", votes.len()) };
    let (needed, directors) = (&said["needed"], &said["directors"]);
    lines.push_str(&format!("votes     {count}; {needed} of {directors} directors decide\n"));
    for vote in votes {
        let text = |name: &str| vote[name].as_str().unwrap_or("-");
        let line = format!(
            "  {} {}, up to block {}\n",
            text("director"),
            text("decision"),
            vote["valid_until"]
        );
        lines.push_str(&line);
    }
    lines
}

/// A status, and what it means.
pub(super) fn meaning(status: ValidatorStatus) -> &'static str {
    match status {
        ValidatorStatus::Candidate => "candidate: it has staked and waits for the directors",
        ValidatorStatus::Authorized => "authorized: it may speak and vote",
        ValidatorStatus::Revoked => "revoked: the directors, or too low a stake, took its right",
        ValidatorStatus::Exiting => {
            "exiting: its stake can be taken out after the unbonding period"
        }
        ValidatorStatus::Tombstoned => "tombstoned: it signed twice",
    }
}
