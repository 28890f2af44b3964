//! Brings extrinsics into the finalized chain.
//!
//! For each account, extrinsics are numbered, signed and handed to the node one after the other;
//! they are waited for side by side. The wait reads finalized blocks instead of trusting the node's
//! word on an extrinsic, which is lost with the connection: so it survives reconnects, and it knows
//! for sure when an extrinsic has expired.

use super::{
    Account, ChainError, FINALITY_TIMEOUT, Included, Node,
    outcome::{Outcome, outcome},
    session::{Head, Session, limit, sp_hash, timeout, unexpected},
};
use codec::{Compact, Decode};
use director_primitives::{AccountId32, H256};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex as StdMutex},
};
use subxt::{
    config::{DefaultExtrinsicParamsBuilder, transaction_extensions::Params},
    rpcs,
    tx::Payload,
};
use tokio::sync::Mutex;
use tracing::debug;

/// Blocks for which an extrinsic is valid; a power of two. Long enough for a slow pool, short enough
/// that a lost one is known to be lost soon.
const MORTALITY: u64 = 64;

/// Blocks without it after which an extrinsic is handed to the node once more: a node that was
/// started anew has an empty pool.
const RESUBMIT_BLOCKS: u64 = 4;

/// Attempts to find a number that the pool takes.
const NONCE_ATTEMPTS: usize = 3;

/// Submits extrinsics of any account. Clones share what is known of the accounts' nonces; one
/// process must not have two of these that are no clones.
#[derive(Clone)]
pub struct Submitter {
    node: Node,
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
    encoded: Vec<u8>,
    hash: H256,
    nonce: u64,
    born: Head,
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

    /// What a call would cost the account at the newest finalized block, beside what it moves; `None`
    /// if the chain's runtime does not tell. Nothing is submitted.
    ///
    /// # Errors
    ///
    /// If the node does not answer.
    pub async fn fee<C: Payload>(
        &self,
        call: &C,
        signer: &Account,
    ) -> Result<Option<u128>, ChainError> {
        /// Reference time, proof size, class of dispatch, fee.
        type DispatchInfo = (Compact<u64>, Compact<u64>, u8, u128);
        let session = self.node.session().await?;
        let account = subxt_account(&signer.id());
        let nonce = limit(session.rpc.system_account_next_index(&account)).await?;
        let born = self.node.newest(&session).await?;
        let encoded = sign(&session, call, signer, nonce, born).await?;
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
        let account = signer.id();
        let nonces = self.nonces_of(&account);
        let session = self.node.session().await?;
        // Held until the pool has it: the order of nonces is the order of submission.
        let mut known = nonces.lock().await;
        let mut attempt = 1;
        loop {
            let next =
                limit(session.rpc.system_account_next_index(&subxt_account(&account))).await?;
            if known.nothing_on_its_way() {
                known.next = None;
            }
            let nonce = known.next.map_or(next, |ours| ours.max(next));
            let born = self.node.newest(&session).await?;
            let encoded = sign(&session, call, signer, nonce, born).await?;
            let hash = sp_hash(&encoded);
            match limit_pool(&session, &encoded).await {
                Ok(()) => {
                    debug!(%account, nonce, ?hash, "submitted {}.{}", call.pallet_name(), call.call_name());
                    known.next = Some(nonce + 1);
                    let _on_its_way = known.on_their_way.clone();
                    drop(known);
                    let node = self.node.clone();
                    return Ok(Submitted {
                        node,
                        nonces,
                        account,
                        encoded,
                        hash,
                        nonce,
                        born,
                        _on_its_way,
                    });
                }
                Err(PoolRefusal::Nonce(cause)) if attempt < NONCE_ATTEMPTS => {
                    debug!(%account, nonce, cause, "the pool does not take this nonce");
                    known.next = None;
                    attempt += 1;
                }
                Err(PoolRefusal::Nonce(cause)) | Err(PoolRefusal::Other(cause)) => {
                    return Err(ChainError::Pool(cause));
                }
                Err(PoolRefusal::Failed(error)) => {
                    // It may be in the pool or not; ask anew next time.
                    known.next = None;
                    return Err(error);
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
        match &found {
            Ok(_) | Err(ChainError::Refused(_)) => {}
            // Its number is free again, or somebody else has it.
            Err(_) => self.nonces.lock().await.next = None,
        }
        found
    }

    async fn wait(&self, trouble: &mut Option<ChainError>) -> Result<Included, ChainError> {
        let mut blocks = self.node.blocks(Some(self.born.number + 1));
        loop {
            let block = blocks.next().await;
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
                Err(error) if error.is_temporary() => {
                    debug!(block.number, %error, "cannot look into a block; trying again");
                    *trouble = Some(error);
                    blocks = self.node.blocks(Some(block.number));
                    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
                    continue;
                }
                Err(error) => return Err(error),
            }
            if block.number >= self.born.number + MORTALITY {
                let cause = format!("no block took it within {MORTALITY} blocks, it has expired");
                return Err(ChainError::Pool(cause));
            }
        }
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
        if u64::from(next) > self.nonce {
            return Err(ChainError::Pool(format!(
                "another extrinsic with nonce {} of {} took its place: a second program submits \
                 from this account, give each its own",
                self.nonce, self.account
            )));
        }
        if (block.number - self.born.number).is_multiple_of(RESUBMIT_BLOCKS) {
            // Usually answered with "already imported".
            let again = limit(session.rpc.author_submit_extrinsic(&self.encoded)).await;
            debug!(hash = ?self.hash, ?again, "handed the extrinsic to the node once more");
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
    let mut params = DefaultExtrinsicParamsBuilder::new().nonce(nonce).mortal(MORTALITY).build();
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

/// Why the pool has not taken an extrinsic.
enum PoolRefusal {
    /// Its nonce was used already, by the chain or in the pool.
    Nonce(String),
    /// Anything else that the pool says.
    Other(String),
    /// No answer.
    Failed(ChainError),
}

async fn limit_pool(session: &Session, encoded: &[u8]) -> Result<(), PoolRefusal> {
    const INVALID: i32 = 1010;
    const ALREADY_IMPORTED: i32 = 1013;
    const TOO_LOW_PRIORITY: i32 = 1014;
    let submitted =
        timeout(super::CALL_TIMEOUT, session.rpc.author_submit_extrinsic(encoded)).await;
    let answer = match submitted.map_err(PoolRefusal::Failed)? {
        Ok(_) => return Ok(()),
        Err(rpcs::Error::User(answer)) => answer,
        Err(error) => {
            return Err(PoolRefusal::Failed(ChainError::Unreachable(error.to_string())));
        }
    };
    let data = answer.data.as_ref().map(|data| data.get().trim_matches('"'));
    let cause = data.map_or(answer.message.clone(), |data| format!("{}: {data}", answer.message));
    match answer.code {
        ALREADY_IMPORTED => Ok(()),
        TOO_LOW_PRIORITY => Err(PoolRefusal::Nonce(cause)),
        INVALID if cause.contains("outdated") => Err(PoolRefusal::Nonce(cause)),
        _ => Err(PoolRefusal::Other(cause)),
    }
}

fn subxt_account(account: &AccountId32) -> subxt::utils::AccountId32 {
    subxt::utils::AccountId32(*AsRef::<[u8; 32]>::as_ref(account))
}
