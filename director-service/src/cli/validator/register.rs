//! `director validator register`: put a validator's stake and keys on chain.

use super::status::meaning;
use crate::{
    chain::{Account, Funds, Node, Stake, Submitter, Token, ValidatorChain},
    cli::{NodeArgs, block_on, log_notes, output::OutputArgs, progress::Progress},
    keys::PeerKey,
    service::account_in,
};
use anyhow::{Context, bail, ensure};
use director_primitives::{
    AccountId32, KeyRole, Possession, PublicKey, Snapshot, runtime_api::EndpointScope,
    threshold::approvals_needed,
};
use serde_json::json;
use std::path::PathBuf;

/// Put a validator's stake and keys on chain.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  director validator register --url ws://127.0.0.1:9944 --account account.key \\
      --peer peer.key --checkpoint checkpoint.key --stake 1500 --dry-run

It checks everything that the chain would refuse, proves that the account holds both keys, submits and
waits until that is finalized. The stake is put on hold: it stays the account's, and is slashed if the
checkpoint key signs two blocks for one checkpoint. With --dry-run it submits nothing.")]
pub(super) struct Args {
    #[command(flatten)]
    node: NodeArgs,
    /// File of the account that stakes (sr25519 secret URI). It pays the fee, too.
    #[arg(long, value_name = "FILE")]
    account: PathBuf,
    /// File of the peer key (ed25519 seed): the validator's identity on the network.
    #[arg(long, value_name = "FILE")]
    peer: PathBuf,
    /// File of the checkpoint key (ed25519 seed): signs the validator's votes.
    #[arg(long, value_name = "FILE")]
    checkpoint: PathBuf,
    /// Stake, in whole tokens of the chain: 1500 or 1500.25. In its smallest unit if the node does not
    /// say how many decimals the token has.
    #[arg(long, value_name = "AMOUNT")]
    stake: String,
    /// Show what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// The keys of a validator.
struct Keys {
    account: Account,
    peer: PeerKey,
    checkpoint: PeerKey,
}

impl Args {
    pub(super) fn execute(self) -> anyhow::Result<()> {
        log_notes()?;
        let keys = Keys {
            account: account_in(&self.account)?,
            peer: PeerKey::from_file(&self.peer)?,
            checkpoint: PeerKey::from_file(&self.checkpoint)?,
        };
        ensure!(
            keys.peer.public() != keys.checkpoint.public(),
            "--peer and --checkpoint are the same key; each needs its own, since the one signs what \
             the other must not"
        );
        block_on(async move {
            let (node, snapshot) = self.node.connect().await?;
            let token = node.token().await?;
            let amount = token.parse(&self.stake).context("--stake")?;
            check(&snapshot, &token, &keys, amount)?;
            let stake = keys.stake(&snapshot, amount);
            let chain = ValidatorChain::new(
                node.clone(),
                Submitter::new(node.clone()),
                keys.account.clone(),
            );
            let (funds, fee) = (chain.funds().await?, chain.fee(&stake).await?);
            check_funds(&token, &keys.account, amount, funds, fee)?;
            self.output.tell(keys.show(&snapshot, &token, amount, funds, fee))?;
            let mut said = json!({
                "account": keys.account.id().to_string(),
                "peer_key": hex::encode(keys.peer.public().0),
                "checkpoint_key": hex::encode(keys.checkpoint.public().0),
                "stake": amount.to_string(),
                "fee": fee.map(|fee| fee.to_string()),
                "submitted": !self.dry_run,
            });
            if self.dry_run {
                return self.output.print(&said, || {
                    "dry run: nothing was submitted; without --dry-run this would be".into()
                });
            }
            let waiting = Progress::begin("submitting, and waiting until it is finalized");
            let included = chain.register(&stake).await;
            drop(waiting);
            let included =
                included.with_context(|| format!("cannot register {}", keys.account.id()))?;
            let account = keys.account.id();
            let known = node.validator(&account).await?;
            let known = known.with_context(|| {
                let block = included.block_number;
                format!("block {block} registered {account}, and it is gone again")
            })?;
            said["registration_id"] = known.registration_id.into();
            said["block_number"] = included.block_number.into();
            said["block_hash"] = json!(included.block_hash);
            self.output.print(&said, || {
                format!(
                    "registered     registration {} in block {} ({:?})",
                    known.registration_id, included.block_number, included.block_hash
                )
            })?;
            self.say_what_comes_next(&node, &account).await
        })
    }

    async fn say_what_comes_next(&self, node: &Node, account: &AccountId32) -> anyhow::Result<()> {
        let snapshot = node.ready().await?;
        let active = &snapshot.directors.active;
        self.output.tell(
            "\nWhat comes next: start the validator with these keys. It connects to one of the directors:",
        )?;
        for director in active {
            let public = director.endpoints.iter().filter(|of| of.scope == EndpointScope::Public);
            let addresses: Vec<_> =
                public.map(|of| String::from_utf8_lossy(&of.address).into_owned()).collect();
            self.output.tell(format_args!(
                "  {}  {}",
                hex::encode(director.peer_key.0),
                addresses.join(" ")
            ))?;
        }
        if active.is_empty() {
            self.output.tell("  (none yet: governance has to add directors first)")?;
        }
        self.output.tell(format_args!(
            "and asks to be admitted, with a proof of this stake. {} of {} directors must approve; that takes \
             a few blocks.\nFollow it with\n  director validator status --url {} --validator {account}",
            approvals_needed(active.len() as u32),
            active.len(),
            self.node.url(),
        ))
    }
}

/// Whether the chain would take it, but for the funds.
fn check(snapshot: &Snapshot, token: &Token, keys: &Keys, amount: u128) -> anyhow::Result<()> {
    let account = keys.account.id();
    if let Some(known) = snapshot.validator(&account) {
        bail!(
            "{account} is registered already, with {} staked: {}; `director validator status` says \
             more",
            token.show(known.stake),
            meaning(known.status)
        );
    }
    let (peer, checkpoint) = (keys.peer.public(), keys.checkpoint.public());
    let taken = |file: &str, key: PublicKey, by: &dyn std::fmt::Display| {
        anyhow::anyhow!(
            "the key in --{file}, {}, is {by}'s; make another with `director keys generate`",
            hex::encode(key.0)
        )
    };
    if let Some(other) = snapshot.validator_by_peer_key(&peer) {
        return Err(taken("peer", peer, &other.account));
    }
    if let Some(director) = snapshot.director_by_peer_key(&peer) {
        return Err(taken("peer", peer, &director.account));
    }
    if let Some(other) = snapshot.validator_by_checkpoint_key(&checkpoint) {
        return Err(taken("checkpoint", checkpoint, &other.account));
    }
    ensure!(
        amount >= snapshot.domain.min_stake,
        "--stake {} is below the least, {}; stake more",
        token.show(amount),
        token.show(snapshot.domain.min_stake)
    );
    let (registered, most) = (snapshot.validators().len(), snapshot.domain.max_validators);
    ensure!(
        registered < most as usize,
        "the chain has as many validators as it takes, {most}; wait until one has left"
    );
    Ok(())
}

fn check_funds(
    token: &Token,
    account: &Account,
    amount: u128,
    funds: Funds,
    fee: Option<u128>,
) -> anyhow::Result<()> {
    let rest = fee.unwrap_or(0).saturating_add(funds.existential_deposit);
    let needed = amount.saturating_add(rest);
    ensure!(
        funds.free >= needed,
        "{} has {} free, and it takes {}: the stake of {}, and {} for the fee and to stay open; send \
         it {} more, or stake less",
        account.id(),
        token.show(funds.free),
        token.show(needed),
        token.show(amount),
        token.show(rest),
        token.show(needed.saturating_sub(funds.free))
    );
    Ok(())
}

impl Keys {
    /// What is put on chain.
    fn stake(&self, snapshot: &Snapshot, amount: u128) -> Stake {
        let possession = |key: &PeerKey, role| {
            let statement = Possession { account: self.account.id(), role, key: key.public() };
            key.sign_statement(&snapshot.domain.genesis_hash, &statement)
        };
        Stake {
            amount,
            checkpoint_key: self.checkpoint.public(),
            checkpoint_possession: possession(&self.checkpoint, KeyRole::Checkpoint),
            peer_key: self.peer.public(),
            peer_possession: possession(&self.peer, KeyRole::ValidatorPeer),
        }
    }

    fn show(
        &self,
        snapshot: &Snapshot,
        token: &Token,
        amount: u128,
        funds: Funds,
        fee: Option<u128>,
    ) -> String {
        let least = token.show(snapshot.domain.min_stake);
        let (genesis_hash, number) = (snapshot.domain.genesis_hash, snapshot.number);
        let (free, stake) = (token.show(funds.free), token.show(amount));
        let fee = fee.map(|fee| format!("fee            about {}\n", token.show(fee)));
        format!(
            "chain          {genesis_hash:?}, block {number}\n\
             account        {}, {free} free\n\
             stake          {stake}, of which the chain asks {least} at least\n\
             {}peer key       {}\n\
             checkpoint key {}",
            self.account.id(),
            fee.unwrap_or_default(),
            hex::encode(self.peer.public().0),
            hex::encode(self.checkpoint.public().0)
        )
    }
}
