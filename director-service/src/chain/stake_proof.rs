//! Checks what a candidate shows of the chain's state against a state root, without asking anybody.
//!
//! * the nodes must be of that state: the root is one of them, and each other one is referred to, by
//!   its hash, by one that is. One changed byte makes another hash, so that nothing refers to it;
//! * then they must lead to the two keys that count, or show that nothing is there: nodes of the same
//!   state that lead elsewhere prove somebody else's stake;
//! * then the values must be what the runtime writes there ([`Records`]).
//!
//! Nodes may come twice, and there may be more than it takes. Work is bounded by the proof's length: each
//! node is hashed once and decoded a few times at most. Nothing is decoded that the state does not have: a
//! node is looked at only under the hash by which another one, or the header, refers to it.

use super::records::Records;
use director_primitives::{
    AccountId32, H256, ProvenStake, StakeProof, StakeRefusal, stake_proof::MAX_PROOF_LEN,
};
use sp_core::{Blake2Hasher, Hasher};
use sp_trie::{HashDBT, LayoutV1, MemoryDB, TrieLayout, read_trie_value};
use std::collections::{BTreeMap, BTreeSet};
use trie_db::{
    NodeCodec, TrieError,
    node::{Node, NodeHandle, Value},
};

/// The state's trie: values longer than 32 bytes are nodes of their own.
type Layout = LayoutV1<Blake2Hasher>;

/// Something in the trie that is known by its hash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Node(H256),
    Value(H256),
}

/// What a proof says about an account in the state with this root.
///
/// # Errors
///
/// [`StakeRefusal::Invalid`], [`StakeRefusal::OtherValidator`] or [`StakeRefusal::NotRegistered`].
pub(super) fn check(
    records: &Records,
    state_root: H256,
    account: &AccountId32,
    proof: &StakeProof,
) -> Result<ProvenStake, StakeRefusal> {
    // Their number and the length of each were bounded when they were decoded.
    if proof.len() > MAX_PROOF_LEN {
        return Err(StakeRefusal::Invalid);
    }
    let nodes: BTreeMap<H256, &[u8]> =
        proof.nodes.iter().map(|node| (Blake2Hasher::hash(node), &node[..])).collect();
    hang_together(&nodes, state_root)?;
    let mut trie = MemoryDB::<Blake2Hasher>::default();
    for node in nodes.values() {
        trie.insert(sp_trie::EMPTY_PREFIX, node);
    }
    // A runtime whose accounts are others has no validator that could be meant.
    let keys = records.keys(account).map_err(|_| StakeRefusal::Unavailable)?;
    let record = value(&trie, state_root, &keys.validator)?.ok_or(StakeRefusal::NotRegistered)?;
    let holds = value(&trie, state_root, &keys.holds)?;
    records.read(&record, holds.as_deref()).ok_or(StakeRefusal::Invalid)
}

/// What the nodes say of a key; `None` if they show that there is nothing.
fn value(
    trie: &MemoryDB<Blake2Hasher>,
    root: H256,
    key: &[u8],
) -> Result<Option<Vec<u8>>, StakeRefusal> {
    read_trie_value::<Layout, _>(trie, &root, key, None, None).map_err(|error| match *error {
        TrieError::IncompleteDatabase(_) => StakeRefusal::OtherValidator,
        _ => StakeRefusal::Invalid,
    })
}

/// Walks from the root to whatever of the trie is among the nodes. All of them must be met.
fn hang_together(nodes: &BTreeMap<H256, &[u8]>, root: H256) -> Result<(), StakeRefusal> {
    let mut met = BTreeSet::new();
    let mut open = vec![Part::Node(root)];
    while let Some(part) = open.pop() {
        let (Part::Node(hash) | Part::Value(hash)) = part;
        let Some(bytes) = nodes.get(&hash) else { continue };
        if met.insert(part) && part == Part::Node(hash) {
            references(bytes, &mut open)?;
        }
    }
    let is_met = |hash| met.contains(&Part::Node(hash)) || met.contains(&Part::Value(hash));
    // Without any nodes there is not even the root.
    match !nodes.is_empty() && nodes.keys().all(|hash| is_met(*hash)) {
        true => Ok(()),
        false => Err(StakeRefusal::Invalid),
    }
}

/// Appends what a node refers to.
fn references(bytes: &[u8], parts: &mut Vec<Part>) -> Result<(), StakeRefusal> {
    // Nodes shorter than a hash stand in the node above them, and each is shorter than that.
    let mut open = vec![bytes];
    while let Some(bytes) = open.pop() {
        let node = <Layout as TrieLayout>::Codec::decode(bytes);
        let (children, value) = match node.map_err(|_| StakeRefusal::Invalid)? {
            Node::Empty => continue,
            Node::Leaf(_, value) => (Vec::new(), Some(value)),
            Node::Extension(_, child) => (vec![child], None),
            Node::Branch(children, value) | Node::NibbledBranch(_, children, value) => {
                (children.into_iter().flatten().collect(), value)
            }
        };
        for child in children {
            match child {
                NodeHandle::Hash(hash) => parts.push(Part::Node(decode_hash(hash)?)),
                NodeHandle::Inline(bytes) => open.push(bytes),
            }
        }
        if let Some(Value::Node(hash)) = value {
            parts.push(Part::Value(decode_hash(hash)?));
        }
    }
    Ok(())
}

fn decode_hash(bytes: &[u8]) -> Result<H256, StakeRefusal> {
    bytes.try_into().map(H256).map_err(|_| StakeRefusal::Invalid)
}

pub(super) mod state;
#[cfg(test)]
mod tests;
