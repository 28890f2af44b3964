//! A client whose directors are those of the chain, as they come, go and change.

use super::{
    account,
    link::{Chain, Director, next, plain_client},
    snapshot_with, validator,
};
use crate::client::{Client, Directors, Event};
use director_primitives::{
    AccountId32, PublicKey, Snapshot,
    runtime_api::{DirectorInfo, Endpoint, EndpointScope, ValidatorStatus},
};
use std::sync::Arc;

/// What the chain says of a director: account, key and where it listens.
fn listed(n: u8, director: &Director) -> DirectorInfo<AccountId32> {
    let address = director.address();
    let endpoint = |address: &crate::network::Multiaddr| Endpoint {
        scope: EndpointScope::Public,
        address: address.to_string().into_bytes().try_into().unwrap(),
    };
    DirectorInfo {
        account: account(n),
        peer_key: address.peer_key,
        endpoints: address.addresses.iter().map(endpoint).collect::<Vec<_>>().try_into().unwrap(),
        region: Default::default(),
        capacity: 1,
        active_since: 0,
        refreshed_at: 0,
    }
}

fn block(number: u64, directors: Vec<DirectorInfo<AccountId32>>) -> Snapshot {
    snapshot_with(number, vec![validator(1, ValidatorStatus::Authorized)], directors)
}

fn finalize(chain: &Chain, block: Snapshot) {
    chain.send_replace(Some(Arc::new(block)));
}

async fn start(block: Snapshot) -> (Client, Chain) {
    plain_client(1, Directors::OnChain, Some(block)).await
}

async fn is_authorized_at(client: &mut Client, expected: PublicKey) {
    loop {
        if let Event::Authorized { director } = next(client).await {
            assert_eq!(director, expected);
            return;
        }
    }
}

#[tokio::test]
async fn connects_to_the_first_director_that_there_is() {
    let mut director = Director::start(50, 1).await;
    let (mut client, chain) = start(block(1, Vec::new())).await;
    finalize(&chain, block(2, Vec::new()));
    finalize(&chain, block(3, vec![listed(50, &director)]));
    let peer = director.up().await;
    director.welcome(&peer, true);
    is_authorized_at(&mut client, director.key()).await;
}

#[tokio::test]
async fn leaves_a_director_that_is_removed_for_one_that_was_added() {
    let (mut one, mut other) = (Director::start(50, 1).await, Director::start(51, 1).await);
    let (mut client, chain) = start(block(1, vec![listed(50, &one)])).await;
    let peer = one.up().await;
    one.welcome(&peer, true);
    is_authorized_at(&mut client, one.key()).await;
    finalize(&chain, block(2, vec![listed(50, &one), listed(51, &other)]));
    finalize(&chain, block(3, vec![listed(51, &other)]));
    one.down().await;
    other.up().await;
    other.welcome(&peer, true);
    is_authorized_at(&mut client, other.key()).await;
}

#[tokio::test]
async fn stays_connected_while_others_change() {
    let (mut one, other) = (Director::start(50, 1).await, Director::start(51, 1).await);
    let (mut client, chain) = start(block(1, vec![listed(50, &one)])).await;
    let peer = one.up().await;
    one.welcome(&peer, true);
    is_authorized_at(&mut client, one.key()).await;
    finalize(&chain, block(2, vec![listed(50, &one), listed(51, &other)]));
    finalize(&chain, block(3, vec![listed(50, &one)]));
    // Its own addresses change; the connection does not.
    let mut elsewhere = listed(50, &one);
    elsewhere.endpoints = listed(51, &other).endpoints;
    finalize(&chain, block(4, vec![elsewhere]));
    one.welcome(&peer, false);
    one.welcome(&peer, true);
    is_authorized_at(&mut client, one.key()).await;
    assert!(one.handle.is_connected(&peer));
}

#[tokio::test]
async fn follows_a_director_to_its_next_key() {
    let (mut old, mut new) = (Director::start(50, 1).await, Director::start(51, 1).await);
    let (mut client, chain) = start(block(1, vec![listed(50, &old)])).await;
    let peer = old.up().await;
    old.welcome(&peer, true);
    is_authorized_at(&mut client, old.key()).await;
    finalize(&chain, block(2, vec![listed(50, &new)]));
    old.down().await;
    new.up().await;
    new.welcome(&peer, true);
    is_authorized_at(&mut client, new.key()).await;
}

#[tokio::test]
async fn follows_a_director_to_its_next_address() {
    let (gone, mut here) = (Director::start(50, 1).await, Director::start(51, 1).await);
    // Somebody else listens where the chain says at first.
    let mut wrong = listed(51, &here);
    wrong.endpoints = listed(50, &gone).endpoints;
    let (mut client, chain) = start(block(1, vec![wrong])).await;
    while !matches!(next(&mut client).await, Event::Unreachable { .. }) {}
    finalize(&chain, block(2, vec![listed(51, &here)]));
    let peer = here.up().await;
    here.welcome(&peer, true);
    is_authorized_at(&mut client, here.key()).await;
}
