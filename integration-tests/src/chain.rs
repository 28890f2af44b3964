//! Starts the chain, pays there and reads there; [`crate::council`] and [`crate::registries`] do the
//! rest of what people do.

use crate::process::{Managed, sibling};
use anyhow::Context;
use codec::{Compact, Decode, Encode};
use director_primitives::{AccountId32, DoubleSignProof, H256, PublicKey};
use director_service::chain::{
    Account, CALL_TIMEOUT, ChainError, Head, Included, Node, Settings, Submitted, Submitter,
    interface,
};
use futures::{StreamExt, TryStreamExt, stream};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use subxt::{
    SubstrateConfig,
    client::OnlineClientAtBlock,
    dynamic::tx,
    events::{DecodeAsEvent, Events},
    tx::Payload,
    utils::Static,
};
use tokio::time::timeout;

/// How long the node may take until it answers.
const START: Duration = Duration::from_secs(120);

/// Transfers that are under way together.
const AT_ONCE: usize = 200;

/// One token, in its smallest units.
pub const UNIT: u128 = 1_000_000_000_000;

/// What a validator of a run stakes.
pub const STAKE: u128 = 1_500 * UNIT;

/// What everybody gets for fees.
pub const FEES: u128 = 100 * UNIT;

/// A development node in a process of its own, and a client of it.
pub struct Chain {
    /// The node's process.
    pub process: Managed,
    /// Its WebSocket.
    pub url: String,
    /// Follows what it finalizes.
    pub node: Node,
    /// Submits to it.
    pub submitter: Submitter,
    /// Its genesis hash.
    pub genesis_hash: H256,
    block_time_ms: u64,
}

/// What an account has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balances {
    /// At its disposal.
    pub free: u128,
    /// On hold: the stake of a validator.
    pub held: u128,
}

/// Something that the chain did about a double sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SlashEvent {
    /// It was proven; a slash waits until block `apply_at`.
    Proven {
        /// Who signed twice.
        validator: AccountId32,
        /// At which checkpoint.
        checkpoint: u64,
        /// Who reported it.
        reporter: AccountId32,
        /// First block at which the slash can be applied.
        apply_at: u64,
    },
    /// It was slashed.
    Applied {
        /// Who signed twice.
        validator: AccountId32,
        /// At which checkpoint.
        checkpoint: u64,
        /// Who reported it.
        reporter: AccountId32,
        /// What was taken.
        taken: u128,
        /// What of it the reporter got.
        reward: u128,
    },
}

impl Chain {
    /// Starts a node with a fresh chain, its log in `dir`, and waits until it answers.
    ///
    /// # Errors
    ///
    /// If it does not start; the message has the end of its log.
    pub async fn start(dir: &Path, block_time_ms: u64) -> anyhow::Result<Self> {
        Self::start_with(&["--dev"], dir, block_time_ms).await
    }

    /// The same, with the chain kept in `base`.
    ///
    /// # Errors
    ///
    /// As [`Self::start`].
    pub async fn start_in(dir: &Path, base: &Path, block_time_ms: u64) -> anyhow::Result<Self> {
        Self::start_with(&["--base-path", &base.display().to_string()], dir, block_time_ms).await
    }

    /// The same, with whatever else `mock-node` can be told; where the chain is kept is among that.
    ///
    /// # Errors
    ///
    /// As [`Self::start`].
    pub async fn start_with(base: &[&str], dir: &Path, block_time_ms: u64) -> anyhow::Result<Self> {
        let (process, url) = run(base, dir.join("node.log"), block_time_ms, 0).await?;
        let settings = Settings::new(url.clone());
        let node = Node::start(settings)?;
        let genesis_hash = node.ready().await?.domain.genesis_hash;
        let submitter = Submitter::new(node.clone());
        Ok(Self { process, url, node, submitter, genesis_hash, block_time_ms })
    }

    /// Kills the node; who follows it goes on to try.
    ///
    /// # Errors
    ///
    /// If it has ended.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        self.process.signal("KILL")?;
        self.process.ended().await
    }

    /// Starts a killed node again on the chain that [`Self::start_in`] kept in `base`, at the same port and with a log of its own in
    /// `dir`.
    ///
    /// # Errors
    ///
    /// As [`Self::start`].
    pub async fn restart_in(&mut self, dir: &Path, base: &Path) -> anyhow::Result<()> {
        let port = self.url.rsplit(':').next().context("the address has no port")?.parse()?;
        let base = ["--base-path", &base.display().to_string()];
        let log = dir.join("node-again.log");
        (self.process, self.url) = run(&base, log, self.block_time_ms, port).await?;
        Ok(())
    }

    /// Waits until a call of `signer` is finalized.
    ///
    /// # Errors
    ///
    /// As the chain refuses it.
    pub async fn call<C: Payload>(
        &self,
        call: &C,
        signer: &Account,
    ) -> Result<Included, ChainError> {
        self.submitter.submit_and_finalize(call, signer).await
    }

    /// Gives each account `amount`, some hundred of them at once.
    ///
    /// # Errors
    ///
    /// As the chain refuses a transfer.
    pub async fn fund(&self, amounts: Vec<(AccountId32, u128)>) -> anyhow::Result<()> {
        let bank = dev_account("Ferdie");
        // Not all of a thousand at once: with quick blocks the last ones would expire before there is room for them.
        for amounts in amounts.chunks(AT_ONCE) {
            let mut submitted = Vec::new();
            for (to, amount) in amounts.iter().cloned() {
                let call = tx(
                    "Balances",
                    "transfer_keep_alive",
                    (Static(MultiAddress::Id(to)), Static(Compact(amount))),
                );
                submitted.push(self.submitter.submit(&call, &bank).await?);
            }
            all_finalized(submitted).await.context("funding accounts")?;
        }
        Ok(())
    }

    /// Has an account give another one all that it has but for so much.
    ///
    /// # Errors
    ///
    /// As the chain refuses the transfer; if it has less than that.
    pub async fn empty(
        &self,
        account: &Account,
        to: &AccountId32,
        left: u128,
    ) -> anyhow::Result<()> {
        let head = self.node.head().borrow().context("no block is finalized yet")?;
        let free = self.balances(&account.id(), head).await?.free;
        let amount = free.checked_sub(left).context("it has less already")?;
        let to = MultiAddress::Id(to.clone());
        let call = tx("Balances", "transfer_keep_alive", (Static(to), Static(Compact(amount))));
        self.call(&call, account).await?;
        Ok(())
    }

    /// Reports a double sign, as anybody may.
    ///
    /// # Errors
    ///
    /// As the chain refuses it.
    pub async fn report(
        &self,
        proof: &DoubleSignProof,
        reporter: &Account,
    ) -> Result<Included, ChainError> {
        let call = tx("SlashingEvidence", "report_double_sign", (Static(*proof),));
        self.call(&call, reporter).await
    }

    /// Waits until everybody is authorized at a finalized block.
    ///
    /// # Errors
    ///
    /// If the follower of the chain ends.
    pub async fn wait_until_authorized(&self, peer_keys: &[PublicKey]) -> anyhow::Result<()> {
        let mut finalized = self.node.finalized();
        finalized
            .wait_for(|snapshot| {
                let authorized = |key| snapshot.as_ref().is_some_and(|s| s.is_authorized(key));
                peer_keys.iter().all(authorized)
            })
            .await?;
        Ok(())
    }

    /// The events of one kind in a finalized block.
    ///
    /// # Errors
    ///
    /// If the node does not answer.
    pub async fn events<E: DecodeAsEvent>(&self, block: Head) -> anyhow::Result<Vec<E>> {
        let events = self.all_events(block).await?;
        events.find::<E>().map(|event| Ok(event?)).collect()
    }

    pub(crate) async fn all_events(&self, block: Head) -> anyhow::Result<Events<SubstrateConfig>> {
        all_events(&self.node, block).await
    }

    /// What the chain did about double signs in a finalized block.
    ///
    /// # Errors
    ///
    /// If the node does not answer.
    pub async fn slash_events(&self, block: Head) -> anyhow::Result<Vec<SlashEvent>> {
        slash_events(&self.node, block).await
    }

    /// Balances of an account at a finalized block. An account that does not exist has nothing.
    ///
    /// # Errors
    ///
    /// If the node does not answer.
    pub async fn balances(&self, account: &AccountId32, block: Head) -> anyhow::Result<Balances> {
        let address = interface::storage().system().account();
        let key = subxt::utils::AccountId32(*account.as_ref());
        let at = self.node.at(block).await?;
        let found = timeout(CALL_TIMEOUT, at.storage().try_fetch(address, (key,))).await??;
        let Some(found) = found else {
            return Ok(Balances::default());
        };
        let data = found.decode()?.data;
        Ok(Balances { free: data.free, held: data.reserved })
    }

    /// The chain at the newest finalized block.
    pub(crate) async fn at_head(&self) -> anyhow::Result<OnlineClientAtBlock<SubstrateConfig>> {
        let head = *self.node.head().borrow();
        Ok(self.node.at(head.context("no block is finalized yet")?).await?)
    }
}

/// Starts a node at a port, or at any that is free if that is 0, and waits until it answers; its WebSocket.
async fn run(
    base: &[&str],
    log: PathBuf,
    block_time_ms: u64,
    port: u16,
) -> anyhow::Result<(Managed, String)> {
    let (time, port) = (block_time_ms.to_string(), port.to_string());
    let rest = ["--block-time-ms", &time, "--rpc-port", &port, "--exit-on-stdin-eof"];
    let arguments: Vec<_> = base.iter().chain(&rest).map(ToString::to_string).collect();
    let mut process = Managed::spawn("node", &sibling("mock-node")?, &arguments, log)?;
    let url = process.wait_for_line("ready rpc=", START).await?;
    Ok((process, url))
}

/// An account of Substrate's development keyring.
///
/// # Panics
///
/// If the name makes no derivation path.
pub fn dev_account(name: &str) -> Account {
    Account::from_secret(&format!("//{name}")).expect("a derivation path of the default phrase")
}

/// The block that an extrinsic is in.
pub fn block_of(included: Included) -> Head {
    Head { number: included.block_number, hash: included.block_hash }
}

async fn all_events(node: &Node, block: Head) -> anyhow::Result<Events<SubstrateConfig>> {
    let at = node.at(block).await?;
    Ok(timeout(CALL_TIMEOUT, at.events().fetch()).await??)
}

/// What the chain did about double signs in a finalized block.
///
/// # Errors
///
/// If the node does not answer.
pub async fn slash_events(node: &Node, block: Head) -> anyhow::Result<Vec<SlashEvent>> {
    use interface::slashing_evidence::events::{DoubleSignProven, SlashApplied};
    let events = all_events(node, block).await?;
    let account = |id: subxt::utils::AccountId32| AccountId32::new(id.0);
    let mut found = Vec::new();
    for proven in events.find::<DoubleSignProven>() {
        let proven = proven?;
        found.push(SlashEvent::Proven {
            validator: account(proven.validator),
            checkpoint: proven.checkpoint,
            reporter: account(proven.reporter),
            apply_at: proven.apply_at,
        });
    }
    for applied in events.find::<SlashApplied>() {
        let applied = applied?;
        found.push(SlashEvent::Applied {
            validator: account(applied.validator),
            checkpoint: applied.checkpoint,
            reporter: account(applied.reporter),
            taken: applied.taken,
            reward: applied.reward,
        });
    }
    Ok(found)
}

/// The proofs that extrinsics of a finalized block bring, also in vain.
///
/// # Errors
///
/// If the node does not answer.
pub async fn reports(node: &Node, block: Head) -> anyhow::Result<Vec<DoubleSignProof>> {
    let at = node.at(block).await?;
    let extrinsics = timeout(CALL_TIMEOUT, at.extrinsics().fetch()).await??;
    let mut found = Vec::new();
    for extrinsic in extrinsics.iter() {
        let extrinsic = extrinsic?;
        if (extrinsic.pallet_name(), extrinsic.call_name())
            == ("SlashingEvidence", "report_double_sign")
        {
            found.push(DoubleSignProof::decode(&mut extrinsic.call_data_field_bytes())?);
        }
    }
    Ok(found)
}

async fn all_finalized(submitted: Vec<Submitted>) -> anyhow::Result<()> {
    let count = submitted.len().max(1);
    let finalized = stream::iter(submitted).map(Submitted::finalized).buffer_unordered(count);
    finalized.try_for_each(|_| async { Ok(()) }).await?;
    Ok(())
}

/// `sp_runtime::MultiAddress`, as far as it is needed.
#[derive(Encode)]
enum MultiAddress {
    Id(AccountId32),
}
