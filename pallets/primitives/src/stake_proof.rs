//! Says what a candidate shows of the chain's state, and what a director finds in it.
//!
//! A director follows the headers of the finalized chain by itself. What stands in the state below a
//! header it need not ask anybody: the candidate brings the nodes of the state's trie on the way to its
//! registration and to its hold (`state_getReadProof`), and they hash to the header's state root or
//! they do not.

use crate::{RegistrationId, keys::PublicKey, runtime_api::ValidatorStatus};
use alloc::vec::Vec;
use codec::{Decode, Encode};
use sp_core::{ConstU32, bounded::BoundedVec};

/// Most nodes of a proof. Two keys in a trie of 2^32 entries take about 20.
pub const MAX_PROOF_NODES: u32 = 64;

/// Most bytes of a node: a branch with 16 children has 550, a value that is a node of its own is longer.
pub const MAX_PROOF_NODE_LEN: u32 = 4 * 1024;

/// Most bytes of all nodes together. Two keys take 3 to 6 KiB.
pub const MAX_PROOF_LEN: usize = 32 * 1024;

/// Nodes of the state's trie: those on the way to a validator's registration and to its holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct StakeProof {
    /// The nodes, in any order.
    pub nodes: BoundedVec<BoundedVec<u8, ConstU32<MAX_PROOF_NODE_LEN>>, ConstU32<MAX_PROOF_NODES>>,
}

impl StakeProof {
    /// A proof of these nodes; `None` if they are more, or longer, than a proof may have.
    pub fn new(nodes: Vec<Vec<u8>>) -> Option<Self> {
        let bounded = nodes.into_iter().map(BoundedVec::try_from);
        let nodes = bounded.collect::<Result<Vec<_>, _>>().ok()?.try_into().ok()?;
        let proof = Self { nodes };
        (proof.len() <= MAX_PROOF_LEN).then_some(proof)
    }

    /// Bytes of all nodes.
    pub fn len(&self) -> usize {
        self.nodes.iter().map(|node| node.len()).sum()
    }

    /// Whether it has no nodes: it proves nothing.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }
}

/// What the state at a finalized block says about a validator, proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProvenStake {
    /// Its registration.
    pub registration_id: RegistrationId,
    /// What it may do.
    pub status: ValidatorStatus,
    /// Its libp2p identity.
    pub peer_key: PublicKey,
    /// What is bonded, by its record.
    pub stake: u128,
    /// What is on its way out, by its record; on hold as well.
    pub unbonding: u128,
    /// What the balances have on hold for the registry.
    pub held: u128,
}

/// Why a stake proof proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StakeRefusal {
    /// The block that it is for is not finalized yet, as far as this director knows.
    NotFinalized,
    /// The finalized chain has another block at that height: another chain, or a fork.
    OtherChain,
    /// Its nodes are not of that block's state, or there are too many.
    Invalid,
    /// Its nodes are of that state and lead elsewhere: it proves somebody else's stake.
    OtherValidator,
    /// It proves that the validator is not registered at that block.
    NotRegistered,
    /// The director's node did not answer: nothing is known. Ask again.
    Unavailable,
}
