//! Brings proofs of double signs to the chain, whatever gets in the way.
//!
//! ```text
//!  report(proof) ─► outbox ─► dry run ─► turn ─► best block, ─► sign ─► outbox, ─► node ─► finalized
//!                      ▲        │  ▲      │      pool?           ▲      pool?       │
//!      restart ────────┘        │  └──────┴─────────┴ next block └──────── expired ─┤
//!                               ├─► obsolete: it proves nothing (any more)          │
//!                               └─► waiting: punished for something else     same bytes again
//! ```
//!
//! * upon a proof: put it into the outbox, then pursue it in a task of its own;
//! * upon each try: ask the chain first (`check_evidence`), since another director may have been
//!   faster; before anything is submitted look at the best block as well, where its report may wait
//!   for finality, and into the node's pool, where it may wait for a block. Once more when the own one is signed
//!   and written down, since that takes its time;
//! * upon another director's turn: directors are ranked by a hash of the accused validator and their accounts, whichever proof each has;
//!   rank 0 submits at once, rank `i` when the chain does not know after `2·i` finalized blocks. Blocks
//!   that nobody could hear do not count, see `turn`. Who takes a proof up after a restart does not know what the
//!   others are about to do, and waits `2·n` blocks longer, behind all `n` of them;
//! * upon signing: the extrinsic is in the outbox before the node has it. After a restart, an answer
//!   that never came or a long time the *same* one is looked for and handed over again. Another is
//!   signed only once that one is too old at a finalized block, its nonce was used by another, or the
//!   node's pool will never take it: so one director pays once;
//! * upon a failure: wait, longer each time and never exactly as long as the others, or until the next
//!   finalized block. Nothing but the chain's own word ends a pursuit; one that ends by a fault begins anew;
//! * upon a block that refuses the report as the last one did, with whatever error, while the dry run is all right: pay for the
//!   next one many blocks later, see `refusals`, and let others' proofs be pursued meanwhile;
//! * upon a reason that may not hold, because the node is behind: ask again at each block, and let others' proofs be pursued
//!   meanwhile, see `verdict`;
//! * upon a finalized block that is lower than one before: a node had claimed too much, and what was decided above is decided anew;
//! * upon a validator that is punished for another offence: governance may excuse that one and not this
//!   one, so ask again every [`RECHECK_BLOCKS`] blocks, until the unbonding period is over.
//!
//! # How many extrinsics
//!
//! One, if the director whose turn it is lives and blocks take what is in the pool. Two can be signed unseen of each
//! other if two directors look and hand over in the same moment: a few milliseconds between the last look and the node,
//! and the time from one node's pool to the other's. The turns of any two are two blocks apart from where they heard of
//! the proof, but one that lost it in a crash hears of it again and begins anew. A third would have to do all that in
//! that very moment as well.
//!
//! If no block takes a report for 16 blocks though the pool has it, the next director does not trust that any more, and there are two
//! under way; there are no more, whatever blocks do, see `rivals`. Where a director cannot read the pool it signs only when the
//! others' reports are too old, one after the other. (A third is possible if some can read it and one cannot, and blocks take
//! nothing for twice as long as a report is valid.) The pool is not believed for ever: somebody can fill it with reports that no block
//! takes, and after that directors report one after the other.
//!
//! # Limits
//!
//! At most [`MAX_PURSUITS`] proofs are pursued at once, one against each validator, the others wait in the outbox: one is enough to
//! punish it. Against one validator there are
//! [`MAX_OPEN_PER_VALIDATOR`] at most that are neither done nor signed, the one that is pursued and those at the highest checkpoints. Of what is done
//! the newest [`MAX_DONE`] are kept, of what waits for governance the newest [`MAX_WAITING`]. No task
//! outlives the [`Reporter`].

mod actor;
mod backoff;
mod desk;
mod disk;
mod progress;
mod pursuit;
mod refusals;
mod reopen;
mod resume;
mod rivals;
mod room;
mod turn;
mod verdict;

#[cfg(test)]
mod tests;

use crate::{
    chain::Chain,
    store::{Outbox, State},
};
use director_primitives::{AccountId32, CheckpointNumber, DoubleSignProof, H256};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{
        mpsc::{self, error::TrySendError},
        watch,
    },
    task::JoinHandle,
};

/// Proofs that are pursued at once.
pub const MAX_PURSUITS: usize = 8;

/// Proofs that are kept after all is done.
pub const MAX_DONE: usize = 1_000;

/// Proofs that are kept because governance may excuse another offence of the same validator.
pub const MAX_WAITING: usize = 1_000;

/// Proofs against one validator that are neither done nor signed. One is enough to punish it, the others are for the case that
/// governance excuses it; a fifth one takes the place of the one at the lowest checkpoint that is not pursued, which is excused first, or has none.
pub const MAX_OPEN_PER_VALIDATOR: usize = 4;

/// Blocks after which those are tried again, at the same ones by all directors.
pub const RECHECK_BLOCKS: u64 = 10;

/// Proofs that may wait to be taken in.
const MAILBOX: usize = 256;

/// How the reporter behaves.
#[derive(Clone, Debug)]
pub struct Config {
    /// Account of this director.
    pub account: AccountId32,
    /// Finalized blocks that the director of the next rank waits longer, and the most that may be
    /// finalized at once without being taken for a silence. Default 2.
    pub turn_blocks: u64,
    /// First wait after a failure. Default 1 s; doubles from there.
    pub first_retry: Duration,
    /// Longest wait after a failure. Default 60 s.
    pub last_retry: Duration,
    /// Of the chance in these waits. Default: by chance.
    pub seed: u64,
}

impl Config {
    /// The defaults for the director with this account.
    pub fn new(account: AccountId32) -> Self {
        Self {
            account,
            turn_blocks: 2,
            first_retry: Duration::from_secs(1),
            last_retry: Duration::from_secs(60),
            seed: rand::random(),
        }
    }
}

/// How far a proof is, for people and for metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvidenceStatus {
    /// The proof's identity.
    pub id: H256,
    /// The proof.
    pub proof: DoubleSignProof,
    /// Checkpoint at which two blocks were signed.
    pub checkpoint: CheckpointNumber,
    /// Who did it, once the chain has said so.
    pub validator: Option<AccountId32>,
    /// How far it is.
    pub state: State,
    /// When this director first had it, in milliseconds since the Unix epoch.
    pub proven_at_ms: u64,
    /// When the state changed last, in milliseconds since the Unix epoch.
    pub changed_at_ms: u64,
    /// Extrinsics that were signed for it since the director started.
    pub attempts: u32,
    /// What went wrong last, while it is not done.
    pub trouble: Option<String>,
}

/// What became of a proof that was offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// The reporter has it.
    Taken,
    /// Very many are waiting: offer it again later.
    Full,
    /// The reporter has ended.
    Ended,
}

/// Talks to the reporter. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Handle {
    mailbox: mpsc::Sender<DoubleSignProof>,
    status: watch::Receiver<Arc<Vec<EvidenceStatus>>>,
}

impl Handle {
    /// Hands a proof over; again and again is the same as once. Waits only if very many are waiting.
    ///
    /// Returns `false` if the reporter has ended.
    pub async fn report(&self, proof: DoubleSignProof) -> bool {
        self.mailbox.send(proof).await.is_ok()
    }

    /// Hands a proof over as [`Self::report`] does, and does not wait.
    pub fn offer(&self, proof: DoubleSignProof) -> Offer {
        match self.mailbox.try_send(proof) {
            Ok(()) => Offer::Taken,
            Err(TrySendError::Full(_)) => Offer::Full,
            Err(TrySendError::Closed(_)) => Offer::Ended,
        }
    }

    /// One with room for so many proofs, and where they go.
    #[cfg(test)]
    pub(crate) fn with_room(proofs: usize) -> (Self, mpsc::Receiver<DoubleSignProof>) {
        let (mailbox, taken) = mpsc::channel(proofs);
        (Self { mailbox, status: watch::channel(Arc::default()).1 }, taken)
    }

    /// All proofs and how far they are, oldest first. Does not wait.
    pub fn status(&self) -> Arc<Vec<EvidenceStatus>> {
        self.status.borrow().clone()
    }

    /// Tells of every change.
    pub fn subscribe(&self) -> watch::Receiver<Arc<Vec<EvidenceStatus>>> {
        self.status.clone()
    }
}

/// The running reporter; ends with all its tasks when this is dropped.
#[derive(Debug)]
pub struct Reporter {
    handle: Handle,
    task: JoinHandle<()>,
}

impl Reporter {
    /// Starts it, with what is still to be done in the outbox.
    pub fn start(config: Config, chain: Arc<dyn Chain>, outbox: Outbox) -> Self {
        let (mailbox, proofs) = mpsc::channel(MAILBOX);
        let (publish, status) = watch::channel(Arc::new(Vec::new()));
        let task = tokio::spawn(actor::run(config, chain, outbox, proofs, publish));
        Self { handle: Handle { mailbox, status }, task }
    }

    /// The way to talk to it.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Ends it. What is not done is in the outbox and goes on at the next start.
    pub async fn shutdown(mut self) {
        self.task.abort();
        // Cancelled, as was asked.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        self.task.abort();
    }
}
