use super::{Config, Handle, PATIENCE, Side};
use crate::network::{Events, actor::watch_over, hub::Hub};
use director_primitives::PublicKey;
use libp2p::StreamProtocol;
use std::sync::Arc;
use tokio::time::timeout;

#[tokio::test]
async fn a_swarm_that_panics_ends_and_says_so() {
    let config = Config::new(Side::Public, [1; 32], super::GENESIS);
    let protocol = StreamProtocol::new("/director/1/test");
    let hub = Hub::new(PublicKey::from_raw([1; 32]), protocol, config.side, config.limits);
    let hub = Arc::new(hub);
    let (handle, mut events) = (Handle::new(hub.clone()), Events(hub.clone()));
    assert_eq!(handle.panicked(), None);
    tokio::spawn(watch_over(hub, async { panic!("as the test wants") }));
    assert!(timeout(PATIENCE, events.recv()).await.expect("its user is told").is_none());
    timeout(PATIENCE, handle.shutdown()).await.expect("nobody waits for what is gone");
    let said = handle.panicked().unwrap();
    assert!(said.contains("Public") && said.contains("as the test wants"), "{said}");
}
