use super::peer_key;
use crate::client::{DirectorAddress, Signer, connect::Choice};
use std::time::Duration;

#[test]
fn one_director_after_the_other_and_slower_with_each_round() {
    let key = |n| peer_key(n).key();
    let director = |n| DirectorAddress { peer_key: key(n), addresses: Vec::new() };
    let (base, max) = (Duration::from_millis(100), Duration::from_millis(300));
    let mut choice = Choice::new(vec![director(1), director(2)], base, max);
    let mut steps = Vec::new();
    for _ in 0..6 {
        let tried = choice.current().peer_key;
        steps.push((tried, choice.failed(1.0).as_millis()));
    }
    let expected = [(1, 100), (2, 100), (1, 200), (2, 200), (1, 300), (2, 300)];
    assert_eq!(steps, expected.map(|(n, delay)| (key(n), delay)));
    assert_eq!(choice.failed(0.0), Duration::ZERO);
    choice.succeeded();
    assert_eq!(choice.failed(1.0), base);
}
