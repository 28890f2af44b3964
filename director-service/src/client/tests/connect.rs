use super::{account, peer_key, snapshot_with};
use crate::client::{
    DirectorAddress, Signer,
    connect::{Choice, in_own_order},
};
use director_primitives::{
    AccountId32, PublicKey, Snapshot,
    runtime_api::{DirectorInfo, Endpoint, EndpointScope},
};
use std::{collections::BTreeMap, time::Duration};

fn key(n: u8) -> PublicKey {
    peer_key(n).key()
}

fn director(n: u8) -> DirectorAddress {
    DirectorAddress { peer_key: key(n), addresses: Vec::new() }
}

fn choice(directors: &[u8]) -> Choice {
    let (base, max) = (Duration::from_millis(100), Duration::from_millis(300));
    Choice::new(directors.iter().copied().map(director).collect(), base, max)
}

fn current(choice: &Choice) -> PublicKey {
    choice.current().unwrap().peer_key
}

/// A chain on which director `n` has the account `n` and the peer key `n`.
fn chain(directors: &[u8]) -> Snapshot {
    snapshot_with(1, Vec::new(), directors.iter().map(|n| active(*n, *n)).collect())
}

fn active(account_of: u8, key_of: u8) -> DirectorInfo<AccountId32> {
    let address = format!("/ip4/203.0.113.{account_of}/tcp/30400").into_bytes();
    let endpoint = Endpoint { scope: EndpointScope::Public, address: address.try_into().unwrap() };
    DirectorInfo {
        account: account(account_of),
        peer_key: key(key_of),
        endpoints: vec![endpoint].try_into().unwrap(),
        region: Default::default(),
        capacity: 1,
        active_since: 0,
        refreshed_at: 0,
    }
}

#[test]
fn one_director_after_the_other_and_slower_with_each_round() {
    let mut choice = choice(&[1, 2]);
    let mut steps = Vec::new();
    for _ in 0..6 {
        let tried = current(&choice);
        steps.push((tried, choice.failed(&tried, 1.0).as_millis()));
    }
    let expected = [(1, 100), (2, 100), (1, 200), (2, 200), (1, 300), (2, 300)];
    assert_eq!(steps, expected.map(|(n, delay)| (key(n), delay)));
    assert_eq!(choice.failed(&key(1), 0.0), Duration::ZERO);
    choice.succeeded();
    assert_eq!(choice.failed(&key(2), 1.0), Duration::from_millis(100));
}

#[test]
fn the_end_of_one_that_was_left_already_moves_nobody() {
    let mut choice = choice(&[1, 2, 3]);
    choice.skip(&key(1));
    assert_eq!(current(&choice), key(2));
    choice.failed(&key(1), 1.0);
    assert_eq!(current(&choice), key(2));
}

#[test]
fn a_redirect_leads_to_the_first_that_is_known() {
    let mut choice = choice(&[1, 2, 3]);
    choice.redirect(&key(1), &[key(9), key(1), key(3), key(2)]);
    assert_eq!(current(&choice), key(3));
    choice.redirect(&key(3), &[key(9)]);
    assert_eq!(current(&choice), key(1));
    choice.redirect(&key(1), &[]);
    assert_eq!(current(&choice), key(2));
}

#[test]
fn another_list_keeps_the_current_director_if_it_has_it() {
    let mut choice = choice(&[1, 2, 3]);
    choice.skip(&key(1));
    let list = |directors: &[u8]| directors.iter().copied().map(director).collect();
    assert!(!choice.update(list(&[1, 2, 3])));
    assert!(choice.update(list(&[4, 1, 3, 2])));
    assert_eq!(current(&choice), key(2));
    assert!(choice.update(list(&[4, 1, 3])));
    assert_eq!(current(&choice), key(4));
    assert!(choice.update(list(&[])));
    assert!(choice.current().is_none());
    choice.failed(&key(4), 1.0);
    assert!(choice.update(list(&[5])));
    assert_eq!(current(&choice), key(5));
}

#[test]
fn validators_spread_evenly_over_the_directors_of_the_chain() {
    let chain = chain(&[1, 2, 3]);
    let mut firsts = BTreeMap::<_, u32>::new();
    let mut seconds_of_first = BTreeMap::<_, u32>::new();
    for n in 0..=255 {
        let order = in_own_order(&chain, &key(n));
        *firsts.entry(order[0].peer_key).or_default() += 1;
        if order[0].peer_key == key(1) {
            *seconds_of_first.entry(order[1].peer_key).or_default() += 1;
        }
    }
    // A third of 256 is 85; the keys are always the same, so that this is no matter of luck.
    assert_eq!(firsts.len(), 3);
    assert!(firsts.values().all(|count| (65..=105).contains(count)), "{firsts:?}");
    // Those that lose a director spread, too.
    assert_eq!(seconds_of_first.len(), 2);
    assert!(seconds_of_first.values().all(|count| *count >= 25), "{seconds_of_first:?}");
}

#[test]
fn one_directors_change_leaves_the_order_of_the_others() {
    let keys = |snapshot: &Snapshot, n| -> Vec<_> {
        in_own_order(snapshot, &key(n)).into_iter().map(|director| director.peer_key).collect()
    };
    let (before, after) = (chain(&[1, 2, 3]), chain(&[1, 2, 3, 4]));
    let rotated = snapshot_with(2, Vec::new(), vec![active(1, 1), active(2, 20), active(3, 3)]);
    for n in 100..150 {
        let order = keys(&before, n);
        let mut grown = keys(&after, n);
        grown.retain(|director| *director != key(4));
        assert_eq!(grown, order);
        // A director with another key keeps its place.
        let place = |order: &[_], of| order.iter().position(|director| *director == of);
        assert_eq!(place(&keys(&rotated, n), key(20)), place(&order, key(2)));
    }
}
