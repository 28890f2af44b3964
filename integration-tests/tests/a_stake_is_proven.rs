//! A real node's proof of a stake passes, of the block and validator that it is of alone; everything else
//! is refused, each with its own reason.

#![allow(clippy::unwrap_used)]

use director_primitives::{
    AccountId32, AuthorizationRequest, H256, ProvenStake, StakeProof, StakeRefusal,
    runtime_api::ValidatorStatus,
};
use director_service::chain::{Head, Node};
use integration_tests::{
    chain::{Chain, FEES, STAKE, block_of},
    keys::Identity,
};
use std::time::Duration;
use tokio::time::timeout;

/// Bounds a failure.
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread")]
async fn a_stake_is_proven() {
    timeout(PATIENCE, run()).await.expect("done within the bound");
}

async fn run() {
    let dir = tempfile::tempdir().unwrap();
    let chain = Chain::start(dir.path(), 250).await.unwrap();
    let [alice, bob, stranger] = [1, 2, 3].map(Identity::validator);
    let funds = [&alice, &bob, &stranger].map(|of| (of.id(), STAKE + FEES));
    chain.fund(funds.to_vec()).await.unwrap();
    let before = *chain.node.head().borrow();
    chain.register(&alice, STAKE).await.unwrap();
    let at = block_of(chain.register(&bob, STAKE).await.unwrap());

    let node = &chain.node;
    let proof = node.stake_proof(&alice.id(), at).await.unwrap();
    let known = node.validator(&alice.id()).await.unwrap().unwrap();
    let expected = ProvenStake {
        registration_id: known.registration_id,
        status: ValidatorStatus::Candidate,
        peer_key: alice.peer_key(),
        stake: STAKE,
        unbonding: 0,
        held: STAKE,
    };
    assert_eq!(check(node, &alice.id(), at, &proof).await, Ok(expected));

    let refused = |who: &Identity, at, proof| {
        let who = who.id();
        async move { check(node, &who, at, proof).await.unwrap_err() }
    };
    assert_eq!(refused(&bob, at, &proof).await, StakeRefusal::OtherValidator);
    let of_stranger = node.stake_proof(&stranger.id(), at).await.unwrap();
    assert_eq!(refused(&stranger, at, &of_stranger).await, StakeRefusal::NotRegistered);
    let mut nodes: Vec<Vec<u8>> = proof.nodes.iter().map(|node| node.to_vec()).collect();
    nodes[0][1] ^= 1;
    let forged = StakeProof::new(nodes).unwrap();
    assert_eq!(refused(&alice, at, &forged).await, StakeRefusal::Invalid);
    let empty = StakeProof::default();
    assert_eq!(refused(&alice, at, &empty).await, StakeRefusal::Invalid);
    // The proof of a block is none for another, and before its registration nobody is registered.
    let before = before.unwrap();
    assert_eq!(refused(&alice, before, &proof).await, StakeRefusal::Invalid);
    let early = node.stake_proof(&alice.id(), before).await.unwrap();
    assert_eq!(refused(&alice, before, &early).await, StakeRefusal::NotRegistered);
    let other_chain = Head { hash: H256::repeat_byte(1), ..at };
    assert_eq!(refused(&alice, other_chain, &proof).await, StakeRefusal::OtherChain);
    let later = Head { number: at.number + 1_000_000, ..at };
    assert_eq!(refused(&alice, later, &proof).await, StakeRefusal::NotFinalized);
    // Of blocks that this node has not followed itself it asks for the header.
    let fresh = Node::start(director_service::chain::Settings {
        genesis_hash: Some(chain.genesis_hash),
        ..director_service::chain::Settings::new(chain.url.clone())
    })
    .unwrap();
    let newest = fresh.ready().await.unwrap();
    assert!(newest.number >= at.number);
    fresh.head().wait_for(Option::is_some).await.unwrap();
    assert_eq!(check(&fresh, &alice.id(), at, &proof).await, Ok(expected));

    chain.process.stop().await;
    assert_eq!(check(&fresh, &alice.id(), at, &proof).await, Err(StakeRefusal::Unavailable));
}

async fn check(
    node: &Node,
    validator: &AccountId32,
    at: Head,
    proof: &StakeProof,
) -> Result<ProvenStake, StakeRefusal> {
    let request = AuthorizationRequest {
        validator: validator.clone(),
        registration_id: 0,
        block_number: at.number,
        block_hash: at.hash,
        timestamp_ms: 0,
    };
    node.check_stake(&request, proof).await
}
