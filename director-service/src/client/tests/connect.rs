use super::{account, peer_key, snapshot_with};
use crate::client::{
    DirectorAddress, Signer, Strategy,
    connect::{Choice, candidates_on_chain, fixed_candidates},
};
use director_primitives::{
    AccountId32, PublicKey, Snapshot,
    runtime_api::{DirectorInfo, Endpoint, EndpointScope},
};
use std::collections::BTreeMap;

fn key(n: u8) -> PublicKey {
    peer_key(n).key()
}

fn director(n: u8) -> DirectorAddress {
    DirectorAddress { peer_key: key(n), addresses: Vec::new() }
}

fn choice(strategy: Strategy, directors: &[u8]) -> Choice {
    let mut choice = Choice::new(strategy, key(9), 100, 300);
    choice.update(fixed_candidates(directors.iter().copied().map(director).collect()));
    choice
}

fn next(choice: &Choice, now: u64) -> Option<PublicKey> {
    choice.next(now, |_| true).map(|director| director.peer_key)
}

/// A chain on which director `n` has the account `n`, the peer key `n` and this capacity.
fn chain(directors: &[(u8, u32)]) -> Snapshot {
    let active = directors.iter().map(|(n, capacity)| active(*n, *n, *capacity)).collect();
    snapshot_with(1, Vec::new(), active)
}

fn active(account_of: u8, key_of: u8, capacity: u32) -> DirectorInfo<AccountId32> {
    let address = format!("/ip4/203.0.113.{account_of}/tcp/30400").into_bytes();
    let endpoint = Endpoint { scope: EndpointScope::Public, address: address.try_into().unwrap() };
    DirectorInfo {
        account: account(account_of),
        peer_key: key(key_of),
        endpoints: vec![endpoint].try_into().unwrap(),
        region: Default::default(),
        capacity,
        active_since: 0,
        refreshed_at: 0,
    }
}

/// The order in which validator `n` tries the directors of a chain.
fn order(n: u8, snapshot: &Snapshot) -> Vec<PublicKey> {
    let mut choice = Choice::new(Strategy::Rendezvous, key(n), 100, 300);
    choice.update(candidates_on_chain(snapshot));
    let mut order = Vec::new();
    while let Some(next) = choice.next(0, |key| !order.contains(key)) {
        order.push(next.peer_key);
    }
    order
}

#[test]
fn a_failure_rests_a_director_longer_each_time() {
    let mut choice = choice(Strategy::Pinned, &[1, 2]);
    let mut now = 0;
    for expected in [100, 200, 300, 300] {
        choice.failed(&key(1), now, 1.0);
        assert_eq!(next(&choice, now + expected - 1), Some(key(2)));
        assert_eq!(next(&choice, now + expected), Some(key(1)));
        now += 1_000;
    }
    choice.failed(&key(1), now, 0.0);
    assert_eq!(next(&choice, now), Some(key(1)), "full jitter begins at nothing");
    choice.succeeded(&key(1));
    choice.failed(&key(1), now, 1.0);
    assert_eq!(next(&choice, now + 100), Some(key(1)));
}

#[test]
fn one_to_be_avoided_comes_after_all_others_and_is_not_lost() {
    let mut choice = choice(Strategy::Pinned, &[1, 2]);
    choice.avoid(&key(1), 0, 500);
    assert_eq!(next(&choice, 499), Some(key(2)));
    assert!(!choice.is_better(&key(1), &key(2), 499));
    assert_eq!(choice.next(499, |key| *key != self::key(2)).unwrap().peer_key, key(1));
    assert_eq!(next(&choice, 500), Some(key(1)));
    assert!(choice.is_better(&key(1), &key(2), 500));
}

#[test]
fn another_list_keeps_what_is_known_of_those_that_stay() {
    let mut choice = choice(Strategy::Pinned, &[1, 2, 3]);
    choice.failed(&key(2), 0, 1.0);
    let list =
        |directors: &[u8]| fixed_candidates(directors.iter().copied().map(director).collect());
    assert!(!choice.update(list(&[1, 2, 3])));
    assert!(choice.update(list(&[2, 4])));
    assert_eq!((next(&choice, 0), next(&choice, 100)), (Some(key(4)), Some(key(2))));
    assert!(choice.update(list(&[])));
    assert_eq!(next(&choice, 100), None);
}

#[test]
fn the_nearest_is_found_out_and_then_kept_unless_another_is_much_nearer() {
    let mut choice = choice(Strategy::Nearest, &[1, 2, 3]);
    choice.answered(&key(1), 10);
    choice.answered(&key(2), 20);
    assert_eq!(next(&choice, 0), Some(key(3)), "nothing is known of it");
    assert_eq!(choice.worth_a_try(0, |key| *key != self::key(3)).unwrap().peer_key, key(3));
    choice.answered(&key(3), 30);
    assert_eq!(next(&choice, 0), Some(key(1)));
    assert!(choice.is_better(&key(1), &key(2), 0));
    assert!(!choice.is_better(&key(2), &key(3), 0) || 20.0 + 2.0 < 30.0 * 0.7);
    assert!(choice.worth_a_try(0, |key| *key != self::key(3)).is_none(), "two better ones");
}

#[test]
fn the_least_loaded_has_most_room_in_proportion() {
    let mut choice = choice(Strategy::LeastLoaded, &[1, 2]);
    choice.loaded(&key(1), 9, 10);
    choice.loaded(&key(2), 50, 100);
    assert_eq!(next(&choice, 0), Some(key(2)));
    assert!(choice.is_better(&key(2), &key(1), 0));
    choice.loaded(&key(2), 85, 100);
    assert!(!choice.is_better(&key(2), &key(1), 0), "not worth it");
}

#[test]
fn validators_spread_by_capacity_over_the_directors_of_the_chain() {
    let chain = chain(&[(1, 100), (2, 100), (3, 200)]);
    let mut firsts = BTreeMap::<_, u32>::new();
    let mut seconds_of_first = BTreeMap::<_, u32>::new();
    for n in 0..=255 {
        let order = order(n, &chain);
        *firsts.entry(order[0]).or_default() += 1;
        if order[0] == key(3) {
            *seconds_of_first.entry(order[1]).or_default() += 1;
        }
    }
    // A quarter of 256 is 64; the keys are always the same, so that this is no matter of luck.
    assert!((45..=85).contains(&firsts[&key(1)]), "{firsts:?}");
    assert!((45..=85).contains(&firsts[&key(2)]), "{firsts:?}");
    assert!((108..=148).contains(&firsts[&key(3)]), "{firsts:?}");
    // Those that lose a director spread, too.
    assert!(seconds_of_first.values().all(|count| *count >= 45), "{seconds_of_first:?}");
}

#[test]
fn one_directors_change_leaves_the_order_of_the_others() {
    let (before, after) =
        (chain(&[(1, 9), (2, 9), (3, 9)]), chain(&[(1, 9), (2, 9), (3, 9), (4, 9)]));
    let rotated =
        snapshot_with(2, Vec::new(), vec![active(1, 1, 9), active(2, 20, 9), active(3, 3, 9)]);
    for n in 100..150 {
        let order_before = order(n, &before);
        let mut grown = order(n, &after);
        grown.retain(|director| *director != key(4));
        assert_eq!(grown, order_before);
        // A director with another key keeps its place.
        let place = |order: &[_], of| order.iter().position(|director| *director == of);
        assert_eq!(place(&order(n, &rotated), key(20)), place(&order_before, key(2)));
    }
}
