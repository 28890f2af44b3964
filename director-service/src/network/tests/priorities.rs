//! What is urgent goes at once, what is not waits for company, and never for ever.

use super::{Peer, key};
use crate::network::{Broadcast, Sent, Side};
use director_primitives::Priority::{Bulk, Critical, High, Normal};

/// A director that holds High and Normal back for so long, and a validator.
async fn holding(ms: u64) -> (Peer, Peer) {
    let director = Peer::start(Side::Public, 1, |config| {
        config.limits.hold_high_ms = ms;
        config.limits.hold_normal_ms = ms;
    });
    let mut director = director.await;
    director.handle.allow([key(2)]);
    let mut validator = Peer::validator(2, &director).await;
    director.up().await;
    validator.up().await;
    (director, validator)
}

async fn contents(peer: &mut Peer, count: usize) -> Vec<Vec<u8>> {
    peer.frames(count).await.into_iter().map(|(_, frame)| frame.to_vec()).collect()
}

#[tokio::test]
async fn an_idle_socket_is_written_at_once() {
    let (director, mut validator) = holding(3_600_000).await;
    assert_eq!(director.send(&validator, Normal, b"first"), Sent::Queued);
    assert_eq!(contents(&mut validator, 1).await, [b"first"]);
}

#[tokio::test]
async fn what_is_held_back_goes_along_with_a_vote_and_behind_it() {
    let (director, mut validator) = holding(3_600_000).await;
    director.send(&validator, High, b"idle");
    assert_eq!(contents(&mut validator, 1).await, [b"idle"]);
    director.send(&validator, Normal, b"normal");
    director.send(&validator, High, b"high");
    director.send(&validator, Critical, b"vote");
    let got = contents(&mut validator, 3).await;
    assert_eq!(got, [&b"vote"[..], b"high", b"normal"]);
}

#[tokio::test]
async fn a_full_write_is_not_held_back() {
    let (director, mut validator) = holding(3_600_000).await;
    director.send(&validator, High, b"idle");
    validator.frames(1).await;
    let part = vec![7; 1_000];
    for _ in 0..17 {
        director.send(&validator, Normal, &part);
    }
    assert!(!contents(&mut validator, 1).await.is_empty());
}

#[tokio::test]
async fn many_frames_make_few_writes_and_none_waits_for_ever() {
    let (director, mut validator) = holding(5).await;
    director.send(&validator, High, b"idle");
    validator.frames(1).await;
    let writes = |stats: &crate::network::Stats| stats.write_bytes.counts.iter().sum::<u64>();
    let before = writes(&director.handle.stats());
    for n in 0..20u8 {
        director.send(&validator, High, &[n]);
    }
    let got = contents(&mut validator, 20).await;
    assert_eq!(got, (0..20).map(|n| vec![n]).collect::<Vec<_>>());
    let stats = director.handle.stats();
    // One, or two if this thread was asleep for 5 ms.
    assert!(writes(&stats) - before <= 2, "{:?}", stats.write_bytes);
    assert_eq!(stats.queue_us[High.index()].counts.iter().sum::<u64>(), writes(&stats));
}

#[tokio::test]
async fn a_block_does_not_wait_and_does_not_hold_up_a_vote() {
    let (director, mut validator) = holding(3_600_000).await;
    director.send(&validator, High, b"idle");
    validator.frames(1).await;
    director.send(&validator, Bulk, &vec![1; 1 << 20]);
    director.send(&validator, Critical, b"vote");
    let got = contents(&mut validator, 2).await;
    assert_eq!((&got[0][..], got[1].len()), (&b"vote"[..], 1 << 20));
}

#[tokio::test]
async fn blocks_that_came_first_are_handed_on_after_votes_and_before_the_end() {
    let (mut director, validator) = holding(5).await;
    for n in 0..3u8 {
        validator.send(&director, Bulk, &[n]);
    }
    validator.send(&director, Critical, b"vote");
    // All of it is there before the first of it is taken.
    while director.handle.stats().frames_in < 4 {
        tokio::task::yield_now().await;
    }
    assert_eq!(contents(&mut director, 1).await, [b"vote"]);
    validator.handle.disconnect(&key(1));
    while director.handle.is_connected(&key(2)) {
        tokio::task::yield_now().await;
    }
    for n in 0..3u8 {
        assert_eq!(contents(&mut director, 1).await, [[n]]);
    }
    assert_eq!(director.down().await.0, key(2));
}

#[tokio::test]
async fn a_batch_reaches_all_but_those_it_excepts_and_who_is_gone() {
    let mut director = Peer::director(1, &[key(2), key(3), key(4)]).await;
    let (mut two, mut three) =
        (Peer::validator(2, &director).await, Peer::validator(3, &director).await);
    director.up().await;
    director.up().await;
    two.up().await;
    three.up().await;
    let message = |byte: u8, except| Broadcast { frame: [byte].into(), class: Critical, except };
    let batch =
        [message(1, [key(2); 2]), message(2, [key(3), key(9)]), message(3, [key(9), key(9)])];
    director.handle.fan_out(&[key(2), key(3), key(4)], &batch);
    director.handle.flush();
    assert_eq!(contents(&mut two, 2).await, [[2], [3]]);
    assert_eq!(contents(&mut three, 2).await, [[1], [3]]);
}

#[tokio::test]
async fn a_sign_of_life_is_a_write_too_and_none_is_empty() {
    let director = Peer::start(Side::Public, 1, |config| config.limits.ping_interval_ms = 10).await;
    director.handle.allow([key(2)]);
    let _validator = Peer::validator(2, &director).await;
    // Five bytes are in the bucket of four to seven.
    let stats = director.stats_when(|stats| stats.write_bytes.counts[3] >= 3).await;
    assert_eq!(stats.write_bytes.counts[0], 0);
    assert_eq!(stats.write_bytes.sum, stats.bytes_out);
}
