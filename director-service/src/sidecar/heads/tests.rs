#![allow(clippy::unwrap_used)]

use super::*;
use director_primitives::H256;
use tokio::task::yield_now;

#[tokio::test]
async fn blocks_come_though_the_engine_always_has_something_else_to_do() {
    // Each block takes several turns, as an answer of the node does.
    let slow = unfold(1, |number| async move {
        for _ in 0..5 {
            yield_now().await;
        }
        Some((Head { number, hash: H256::zero() }, number + 1))
    });
    let mut heads = Heads::start(slow);
    let mut seen = Vec::new();
    let mut turns = 0;
    while seen.len() < 100 {
        turns += 1;
        assert!(turns < 100_000, "blocks starve: {seen:?}");
        tokio::select! {
            biased;
            head = heads.next() => seen.push(head.unwrap().number),
            () = yield_now() => {}
        }
    }
    assert_eq!(seen, (1..=100).collect::<Vec<_>>(), "each once, in order");
}
