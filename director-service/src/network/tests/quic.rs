//! The same over QUIC.

use super::{Peer, key};
use crate::network::{DownReason, Side};
use director_primitives::Priority::{Bulk, Critical};

async fn pair() -> (Peer, Peer) {
    let director = Peer::start(Side::Public, 1, |config| {
        config.listen = vec!["/ip4/127.0.0.1/udp/0/quic-v1".parse().unwrap()];
    });
    let mut director = director.await;
    director.handle.allow([key(2)]);
    let mut validator = Peer::validator(2, &director).await;
    assert_eq!((director.up().await, validator.up().await), (key(2), key(1)));
    (director, validator)
}

#[tokio::test]
async fn votes_and_blocks_go_both_ways() {
    let (mut director, mut validator) = pair().await;
    let block = vec![9; 1 << 20];
    director.send(&validator, Bulk, &block);
    validator.send(&director, Critical, b"vote");
    assert_eq!(director.frames(1).await, [(key(2), b"vote"[..].into())]);
    assert_eq!(validator.frames(1).await, [(key(1), block.into())]);
}

#[tokio::test]
async fn who_leaves_the_set_is_cut_off() {
    let (mut director, mut validator) = pair().await;
    director.handle.allow([]);
    assert_eq!(director.down().await, (key(2), DownReason::NotAllowed));
    assert_eq!(validator.down().await.0, key(1));
}
