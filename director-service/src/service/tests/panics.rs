//! A part that panics ends the director, soon and with the reason: nothing is deaf and looks well.

use super::{
    super::{ChainThread, Parts, PeerKeys, ServiceError, Stopper, beside, supervise},
    start::folder,
};
use crate::{
    chain::{Account, Node, Settings},
    http,
    keys::read_secret,
    store::Store,
};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{Notify, mpsc, oneshot},
    time::timeout,
};

/// A service manager that restarts it should not have to wait longer.
const SOON: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_follower_of_the_chain_that_panics_ends_the_director() {
    let (_dir, config) = folder();
    let panics = Arc::new(Notify::new());
    let node = Node::that_panics(Settings::from(&config.chain), panics.clone());
    let parts = Parts {
        control: None,
        keys: PeerKeys::load(&config.keys.peer).unwrap(),
        account: Account::from_secret(&read_secret(&config.keys.account).unwrap()).unwrap(),
        http: http::bind(config.http.listen).await.unwrap(),
        store: Store::open(&config.data_dir).unwrap(),
        node,
        _chain_thread: ChainThread::start().unwrap(),
        config,
    };
    let (announce, _listening) = oneshot::channel();
    let running = tokio::spawn(supervise(parts, Stopper::new(), announce));
    panics.notify_one();
    let ended = timeout(SOON, running).await.expect("it ends soon").unwrap();
    let Err(ServiceError::Panicked(said)) = ended else { panic!("{ended:?}") };
    assert!(said.contains("the follower of the chain") && said.contains("as the test wants"));
}

#[tokio::test]
async fn work_beside_the_core_that_panics_is_not_just_lost() {
    let (requests, requested) = mpsc::channel(1);
    let work = |()| async { panic!("as the test wants") };
    let running = tokio::spawn(beside::run(requested, 1, Stopper::new(), work));
    requests.send(()).await.unwrap();
    let ended = timeout(SOON, running).await.expect("it ends soon");
    assert!(ended.unwrap_err().is_panic());
}
