//! `director validator status`: say how far the directors are with a validator.

use crate::{
    chain::{Account, Node},
    cli::{NodeArgs, account_of, block_on, start_logging},
    keys::read_secret,
};
use anyhow::bail;
use director_primitives::{
    AccountId32, Decision, Snapshot,
    runtime_api::{ValidatorInfo, ValidatorStatus},
    threshold::approvals_needed,
};
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
}

impl Args {
    pub(super) fn execute(self) -> anyhow::Result<()> {
        start_logging("error")?;
        let validator = match (&self.validator, &self.account) {
            (Some(validator), _) => validator.clone(),
            (None, Some(file)) => Account::from_secret(&read_secret(file)?)?.id(),
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
            let token = node.token().await?;
            println!("validator {validator}, registration {}", known.registration_id);
            println!("status    {}", meaning(known.status));
            println!("stake     {}", token.show(known.stake));
            if known.unbonding > 0 {
                println!("unbonding {}", token.show(known.unbonding));
            }
            say_votes(&node, &snapshot, &known).await
        })
    }
}

async fn say_votes(
    node: &Node,
    snapshot: &Snapshot,
    known: &ValidatorInfo<AccountId32>,
) -> anyhow::Result<()> {
    let of = snapshot.directors.active.len() as u32;
    let Some(progress) = node.vote_progress(&known.account).await? else {
        println!("votes     none; {} of {of} directors decide", approvals_needed(of));
        return Ok(());
    };
    println!(
        "votes     {} on chain; {} of {of} directors decide",
        progress.votes.len(),
        progress.needed
    );
    for vote in &progress.votes {
        let decision = match vote.decision {
            Decision::Approve => "approves".to_owned(),
            Decision::Revoke(reason) => format!("revokes: {reason:?}"),
        };
        println!("  {} {decision}, up to block {}", vote.director, vote.valid_until);
    }
    Ok(())
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
