//! The proofs on their way to the chain.

use super::{StoreError, ask, command::Reply, late::Late, thread::Command};
use codec::{Decode, Encode, Error, Input};
use director_primitives::{DoubleSignProof, H256};
use std::{
    pin::Pin,
    task::{Context, Poll},
};
use tokio::sync::{
    mpsc,
    oneshot::{self, error::TryRecvError},
};

/// How far a proof is.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum State {
    /// It was made, or a peer sent it.
    Proven,
    /// It was submitted when this block was the last finalized one, and is not known to be in the
    /// chain. Written by versions that did not keep what they signed, see [`Self::Signed`].
    Submitted {
        /// Number of that block.
        block: u64,
    },
    /// It is in this finalized block, submitted by this director.
    Finalized {
        /// Number of that block.
        block: u64,
    },
    /// The chain calls it unpunishable, or it is given up.
    Obsolete {
        /// Why, for people.
        why: String,
    },
    // Records of older versions decode as long as states are appended.
    /// The validator is punished already, for something else: if governance takes that back, this
    /// proof is needed.
    Waiting {
        /// The block that was finalized when the wait began.
        since: u64,
    },
    /// The report is signed, and the node may have it.
    Signed {
        /// The extrinsic, as it goes to the node.
        bytes: Vec<u8>,
        /// Its number among the account's extrinsics.
        nonce: u64,
        /// Number of the finalized block from which on it is valid.
        born: u64,
    },
    /// The account cannot pay the fees that a report takes in advance.
    FeesMissing,
    /// Another's report of it, or of an offence that excuses it as well, is in the chain.
    Superseded,
}

impl State {
    /// Whether nothing is left to do.
    pub const fn is_done(&self) -> bool {
        matches!(self, Self::Finalized { .. } | Self::Obsolete { .. } | Self::Superseded)
    }

    /// What it is called, without what belongs to it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Submitted { .. } | Self::Signed { .. } => "submitted",
            Self::Finalized { .. } => "finalized",
            Self::Obsolete { .. } => "obsolete",
            Self::Waiting { .. } => "waiting",
            Self::FeesMissing => "fees missing",
            Self::Superseded => "superseded",
        }
    }
}

/// A proof and how far it is.
#[derive(Clone, Debug, PartialEq, Eq, Encode)]
pub struct Record {
    /// The proof.
    pub proof: DoubleSignProof,
    /// How far it is.
    pub state: State,
    /// When this director first had it, in milliseconds since the Unix epoch.
    pub proven_at_ms: u64,
    /// When the state changed last, in milliseconds since the Unix epoch.
    pub changed_at_ms: u64,
    /// The newest finalized block that this director knew of then: what an earlier one says of the proof is of long ago. 0 in
    /// records of older versions.
    pub known_block: u64,
}

impl Decode for Record {
    fn decode<I: Input>(input: &mut I) -> Result<Self, Error> {
        let (proof, state, proven_at_ms, changed_at_ms) = Decode::decode(input)?;
        let is_old = input.remaining_len()? == Some(0);
        let known_block = if is_old { 0 } else { Decode::decode(input)? };
        Ok(Self { proof, state, proven_at_ms, changed_at_ms, known_block })
    }
}

/// Proofs by their ids. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Outbox {
    pub(super) mailbox: mpsc::Sender<Command>,
    pub(super) late: Late,
}

/// Answer to what was handed over; whether somebody waits for it or not, it is written as soon as the disk takes it.
#[derive(Debug)]
pub struct Written(oneshot::Receiver<Result<(), StoreError>>);

impl Written {
    /// Whether the disk has not answered yet.
    pub fn is_due(&mut self) -> bool {
        matches!(self.0.try_recv(), Err(TryRecvError::Empty))
    }
}

impl Future for Written {
    type Output = Result<(), StoreError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = Pin::new(&mut self.0).poll(context);
        answer.map(|answer| answer.unwrap_or(Err(StoreError::Closed)))
    }
}

impl Outbox {
    /// Hands a record over to be written in the place of the one with the same proof. That is done at once; it is on disk when
    /// the answer is there, which is an error if the file cannot be written now, or the store is closed.
    pub fn put(&self, record: Record) -> Written {
        self.write(|reply| Command::Put { record: Box::new(record), reply })
    }

    /// Hands over that a record is to be dropped, as [`Self::put`] does.
    pub fn remove(&self, id: H256) -> Written {
        self.write(|reply| Command::Remove { id, reply })
    }

    fn write(&self, command: impl FnOnce(Reply<()>) -> Command) -> Written {
        let (reply, answer) = oneshot::channel();
        // If the store is closed the answer says so.
        let _ = self.late.send(command(reply));
        Written(answer)
    }

    /// All records, in ascending order of ids.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or the store is closed.
    pub async fn all(&self) -> Result<Vec<Record>, StoreError> {
        self.late.settle().await?;
        ask(&self.mailbox, |reply| Command::Records { reply }).await?
    }

    /// Returns when something was handed over that had waited because the mailbox was full; never if nothing waits.
    /// Somebody has to wait for this all the time.
    pub async fn settle(&self) {
        if !self.late.waits() || self.late.settle().await.is_err() {
            std::future::pending().await
        }
    }
}
