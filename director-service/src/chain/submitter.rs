//! Brings extrinsics into the finalized chain.
//!
//! For each account, extrinsics are numbered, signed and handed to the node one after the other;
//! they are waited for side by side. The wait reads finalized blocks instead of trusting the node's
//! word on an extrinsic, which is lost with the connection: so it survives reconnects, and it knows
//! for sure when an extrinsic has expired.

use super::{
    Account, ChainError, Extrinsic, FINALITY_TIMEOUT, Included, Journal, Node,
    extrinsic::LIFETIME,
    outcome::{Outcome, outcome},
    pool::{Refusal, hand},
    session::{Head, Session, limit, timeout, unexpected},
};
use crate::failpoint::{self, Failpoint};
use codec::{Compact, Decode};
use director_primitives::{AccountId32, H256};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex as StdMutex},
};
use subxt::{
    config::{DefaultExtrinsicParamsBuilder, transaction_extensions::Params},
    tx::Payload,
};
use tokio::sync::Mutex;
use tracing::debug;

/// Blocks without it after which an extrinsic is handed to the node once more: a node that was
/// started anew has an empty pool.
const RESUBMIT_BLOCKS: u64 = 4;

/// Attempts to find a number that the pool takes.
const NONCE_ATTEMPTS: usize = 3;

/// Signs what is only to be weighed: everybody has this key.
const NOBODY: &str = "//weighed-not-submitted";

/// Submits extrinsics of any account. Clones share what is known of the accounts' nonces; one
/// process must not have two of these that are no clones.
#[derive(Clone)]
pub struct Submitter {
    pub(super) node: Node,
    accounts: Arc<StdMutex<HashMap<AccountId32, Arc<Mutex<Nonces>>>>>,
}

/// What is known of an account's nonces.
#[derive(Default)]
struct Nonces {
    /// The next one, if extrinsics are on their way that the node may not count yet.
    next: Option<u64>,
    /// One more than there are extrinsics on their way.
    on_their_way: Arc<()>,
}

impl Nonces {
    fn nothing_on_its_way(&self) -> bool {
        Arc::strong_count(&self.on_their_way) == 1
    }
}

/// An extrinsic in the node's pool.
pub struct Submitted {
    node: Node,
    nonces: Arc<Mutex<Nonces>>,
    account: AccountId32,
    extrinsic: Extrinsic,
    hash: H256,
    _on_its_way: Arc<()>,
}

impl Submitter {
    /// A submitter that knows nothing yet.
    pub fn new(node: Node) -> Self {
        Self { node, accounts: Arc::default() }
    }

    /// Submits a call and waits until it is in a finalized block and has succeeded there.
    ///
    /// # Errors
    ///
    /// [`ChainError::Refused`] with the name of the error if it failed there; [`ChainError::Pool`] if
    /// it did not get there; [`ChainError::Timeout`], or what stood in the way, if that is not known
    /// after [`FINALITY_TIMEOUT`].
    pub async fn submit_and_finalize<C: Payload>(
        &self,
        call: &C,
        signer: &Account,
    ) -> Result<Included, ChainError> {
        self.submit(call, signer).await?.finalized().await
    }

    /// Submits a call and waits until it is decided: it is in a finalized block, or it can never be in one. Only
    /// then may the same thing be submitted anew, or it could be paid for twice. While the node is away this waits.
    ///
    /// # Errors
    ///
    /// [`ChainError::Refused`] with the name of the error if it failed in its block; [`ChainError::Pool`] if it
    /// never gets into one; [`ChainError::FeesMissing`]; or what kept it from being signed.
    pub async fn submit_and_decide<C: Payload>(
        &self,
        call: &C,
        signer: &Account,
    ) -> Result<Included, ChainError> {
        let (submitted, doubt) = self.begin(call, signer).await?;
        if let Some(error) = doubt {
            debug!(%error, "the node may have the extrinsic or not; blocks will tell");
        }
        let found = submitted.wait(&mut None).await;
        submitted.ended(&found).await;
        found
    }

    /// What a call would cost the account at the newest finalized block, beside what it moves; `None`
    /// if the chain's runtime does not tell. Nothing is submitted, and what the node gets is signed by nobody whom it
    /// could charge: it might submit that itself.
    ///
    /// # Errors
    ///
    /// If the node does not answer.
    pub async fn fee<C: Payload>(&self, call: &C) -> Result<Option<u128>, ChainError> {
        /// Reference time, proof size, class of dispatch, fee.
        type DispatchInfo = (Compact<u64>, Compact<u64>, u8, u128);
        let session = self.node.session().await?;
        let born = self.node.newest(&session).await?;
        // The fee depends on neither signer nor nonce.
        let encoded = sign(&session, call, &Account::from_secret(NOBODY)?, 0, born).await?;
        let len = encoded.len() as u32;
        // With its length before it, an extrinsic is encoded as bytes are.
        let bytes = Vec::<u8>::decode(&mut &*encoded).map_err(unexpected)?;
        let method = "TransactionPaymentApi_query_info";
        let info: Result<DispatchInfo, _> = session.call(method, (bytes, len), born.hash).await;
        match info {
            Ok((.., fee)) => Ok(Some(fee)),
            // The node says that there is no such method.
            Err(ChainError::Unexpected(error)) => {
                debug!(error, "the runtime does not tell the fee");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Hands a call to the node. Calls of one account get into the chain in the order of these calls.
    ///
    /// # Errors
    ///
    /// If the node is away or its pool does not take the call.
    pub async fn submit<C: Payload>(
        &self,
        call: &C,
        signer: &Account,
    ) -> Result<Submitted, ChainError> {
        match self.begin(call, signer).await? {
            (submitted, None) => Ok(submitted),
            (_, Some(error)) => Err(error),
        }
    }

    /// Hands a call to the node; with an error beside it, nobody knows whether the node has it.
    async fn begin<C: Payload>(
        &self,
        call: &C,
        signer: &Account,
    ) -> Result<(Submitted, Option<ChainError>), ChainError> {
        let account = signer.id();
        let nonces = self.nonces_of(&account);
        let session = self.node.session().await?;
        // Held until the pool has it: the order of nonces is the order of submission.
        let mut known = nonces.lock().await;
        let handed = self.hand_over(&session, &mut known, call, signer, None).await?;
        let Some((extrinsic, doubt)) = handed else {
            return Err(ChainError::Unexpected("nobody wanted the extrinsic".into()));
        };
        let _on_its_way = known.on_their_way.clone();
        drop(known);
        let (node, hash) = (self.node.clone(), extrinsic.hash());
        Ok((Submitted { node, nonces, account, extrinsic, hash, _on_its_way }, doubt))
    }

    /// As [`Self::submit`], with the extrinsic in a journal before the node has it: whoever reads the
    /// journal later finds everything that this account may have in the chain's pools.
    ///
    /// # Errors
    ///
    /// If nothing was signed, or the pool refused what was, so that it is nowhere (as `None` says, too). A node that does not
    /// answer is no error: it may have the extrinsic, and [`Self::fate`] tells.
    pub async fn submit_in_writing<C: Payload>(
        &self,
        call: &C,
        signer: &Account,
        journal: &dyn Journal,
    ) -> Result<Option<Extrinsic>, ChainError> {
        let nonces = self.nonces_of(&signer.id());
        let session = self.node.session().await?;
        // Held while it is written, too: a number that is written down is not given to anybody else.
        let mut known = nonces.lock().await;
        let handed = self.hand_over(&session, &mut known, call, signer, Some(journal)).await?;
        let Some((extrinsic, doubt)) = handed else { return Ok(None) };
        if let Some(error) = doubt {
            debug!(%error, "the node may have the extrinsic or not");
        }
        Ok(Some(extrinsic))
    }

    /// Numbers and signs a call, writes it down and hands it to the node, once more with another
    /// number if the pool does not take this one. With an error beside it, nobody knows whether the
    /// node has the extrinsic. `None` if the journal says that it is not to have it.
    async fn hand_over<C: Payload>(
        &self,
        session: &Session,
        known: &mut Nonces,
        call: &C,
        signer: &Account,
        journal: Option<&dyn Journal>,
    ) -> Result<Option<(Extrinsic, Option<ChainError>)>, ChainError> {
        session.acting()?;
        let account = signer.id();
        let mut attempt = 1;
        loop {
            let next =
                limit(session.rpc.system_account_next_index(&subxt_account(&account))).await?;
            if known.nothing_on_its_way() {
                known.next = None;
            }
            let nonce = known.next.map_or(next, |ours| ours.max(next));
            let born = self.node.newest(session).await?;
            let bytes = sign(session, call, signer, nonce, born).await?;
            let extrinsic = Extrinsic { bytes, nonce, born: born.number };
            if let Some(journal) = journal {
                failpoint::hit(Failpoint::Signed);
                let is_wanted = journal.write(&extrinsic).await;
                failpoint::hit(Failpoint::Written);
                if !is_wanted {
                    return Ok(None);
                }
            }
            match hand(session, &extrinsic.bytes).await {
                Ok(()) => {
                    if journal.is_some() {
                        failpoint::hit(Failpoint::Handed);
                    }
                    let hash = extrinsic.hash();
                    debug!(%account, nonce, ?hash, "submitted {}.{}", call.pallet_name(), call.call_name());
                    known.next = Some(nonce + 1);
                    return Ok(Some((extrinsic, None)));
                }
                Err(Refusal::Nonce(cause)) if attempt < NONCE_ATTEMPTS => {
                    debug!(%account, nonce, cause, "the pool does not take this nonce");
                    known.next = None;
                    attempt += 1;
                }
                Err(Refusal::Fees) => return Err(ChainError::FeesMissing(account)),
                Err(
                    Refusal::Nonce(cause)
                    | Refusal::Old(cause)
                    | Refusal::Void(cause)
                    | Refusal::Other(cause),
                ) => return Err(ChainError::Pool(cause)),
                Err(Refusal::Failed(error)) => {
                    // It may be in the pool or not; ask anew next time.
                    known.next = None;
                    return Ok(Some((extrinsic, Some(error))));
                }
            }
        }
    }

    fn nonces_of(&self, account: &AccountId32) -> Arc<Mutex<Nonces>> {
        let mut accounts = self.accounts.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        accounts.entry(account.clone()).or_default().clone()
    }
}

impl Submitted {
    /// Hash of the extrinsic.
    pub fn hash(&self) -> H256 {
        self.hash
    }

    /// Waits until the extrinsic is in a finalized block and has succeeded there.
    ///
    /// # Errors
    ///
    /// As [`Submitter::submit_and_finalize`].
    pub async fn finalized(self) -> Result<Included, ChainError> {
        let mut trouble = None;
        let found = match timeout(FINALITY_TIMEOUT, self.wait(&mut trouble)).await {
            Ok(found) => found,
            // What stood in the way says more than that it took too long.
            Err(timeout) => Err(trouble.unwrap_or(timeout)),
        };
        self.ended(&found).await;
        found
    }

    async fn ended(&self, found: &Result<Included, ChainError>) {
        match found {
            Ok(_) | Err(ChainError::Refused(_)) => {}
            // Its number is free again, or somebody else has it.
            Err(_) => self.nonces.lock().await.next = None,
        }
    }

    async fn wait(&self, trouble: &mut Option<ChainError>) -> Result<Included, ChainError> {
        let mut blocks = self.node.blocks(Some(self.extrinsic.born + 1));
        loop {
            let block = blocks.next().await;
            if block.number <= self.extrinsic.born {
                let cause = "the block that it was signed for is not finalized after all";
                return Err(ChainError::Pool(cause.into()));
            }
            match self.look_into(block).await {
                Ok(Some(Outcome::Succeeded)) => {
                    return Ok(Included {
                        block_number: block.number,
                        block_hash: block.hash,
                        extrinsic_hash: self.hash,
                    });
                }
                Ok(Some(Outcome::Failed(error))) => return Err(ChainError::Refused(error)),
                Ok(None) => *trouble = None,
                Err(error @ ChainError::Pool(_)) => return Err(error),
                // It can get into none any more, and to ask on would be to ask for ever.
                Err(ChainError::Unexpected(error)) if self.is_over() => {
                    return Err(ChainError::Pool(format!(
                        "whether a block took it cannot be told any more: {error}"
                    )));
                }
                Err(error) if error.is_temporary() => {
                    debug!(block.number, %error, "cannot look into a block; trying again");
                    *trouble = Some(error);
                    blocks = self.node.blocks(Some(block.number));
                    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
                    continue;
                }
                Err(error) => return Err(error),
            }
            if block.number >= self.extrinsic.expires() {
                let cause = format!("no block took it within {LIFETIME} blocks, it has expired");
                return Err(ChainError::Pool(cause));
            }
        }
    }

    /// Whether the chain is past every block that could take it.
    fn is_over(&self) -> bool {
        let head = *self.node.head().borrow();
        head.is_some_and(|head| head.number >= self.extrinsic.expires())
    }

    /// What became of the extrinsic in this block; `None` if it is not there.
    async fn look_into(&self, block: Head) -> Result<Option<Outcome>, ChainError> {
        let extrinsics = self.node.extrinsics(block).await?;
        if let Some(index) = extrinsics.iter().position(|hash| *hash == self.hash) {
            let session = self.node.session().await?;
            return outcome(&session.at(block).await?, index as u32).await.map(Some);
        }
        let session = self.node.session().await?;
        let method = "AccountNonceApi_account_nonce";
        let next: u32 = session.call(method, &self.account, block.hash).await?;
        if u64::from(next) > self.extrinsic.nonce {
            return Err(ChainError::Pool(format!(
                "another extrinsic with nonce {} of {} took its place: a second program submits \
                 from this account, give each its own",
                self.extrinsic.nonce, self.account
            )));
        }
        if (block.number - self.extrinsic.born).is_multiple_of(RESUBMIT_BLOCKS) {
            let again = hand(&session, &self.extrinsic.bytes).await;
            debug!(hash = ?self.hash, "handed the extrinsic to the node once more");
            if let Err(Refusal::Void(cause)) = again {
                // Signed for a runtime that is no more: the next one has the same number, so that there cannot
                // be both. A pool says the like of what the best block has: then finality decides.
                let next: u32 = session.call(method, &self.account, None).await?;
                if u64::from(next) <= self.extrinsic.nonce {
                    return Err(ChainError::Pool(cause));
                }
            }
        }
        Ok(None)
    }
}

/// Signs a call to be valid from `born` on.
async fn sign<C: Payload>(
    session: &Session,
    call: &C,
    signer: &Account,
    nonce: u64,
    born: Head,
) -> Result<Vec<u8>, ChainError> {
    let mut params = DefaultExtrinsicParamsBuilder::new().nonce(nonce).mortal(LIFETIME).build();
    params.inject_block(born.number, born.hash);
    let at = session.at(born).await?;
    let mut signable = at.tx().create_signable_offline(call, params).map_err(|error| {
        let name = format!("{}.{}", call.pallet_name(), call.call_name());
        match error {
            subxt::error::ExtrinsicError::IncompatibleCodegen => {
                ChainError::Incompatible(format!("{name} differs"))
            }
            error => ChainError::Incompatible(format!("{name} ({error})")),
        }
    })?;
    Ok(signable.sign(signer).map_err(unexpected)?.into_encoded())
}

fn subxt_account(account: &AccountId32) -> subxt::utils::AccountId32 {
    subxt::utils::AccountId32(*AsRef::<[u8; 32]>::as_ref(account))
}
