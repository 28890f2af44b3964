//! Puts a sidecar together, checks it against the chain, and runs it.

use super::{
    config::Config,
    engine::{AHEAD, Ended, Engine, Identity},
    heads::Heads,
    pipe::Pipe,
    preflight::{self, Secrets},
    protection::{Protection, ProtectionError},
    signing::Signing,
    token::TokenError,
    websocket::Server,
};
use crate::{
    chain::{ChainError, Node},
    client::{self, Client},
    keys::{KeyFileError, PeerKey},
};
use director_primitives::{
    AccountId32, CheckpointNumber, H256, PublicKey, Snapshot, runtime_api::ValidatorStatus,
};
use std::{io, net::SocketAddr, sync::Arc};
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
    task::JoinSet,
};
use tracing::{info, warn};

/// Lines of all consumers that wait.
const MAX_SAID: usize = 16;

/// Why a sidecar does not run: one line with cause and remedy.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A key file.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// The node.
    #[error(transparent)]
    Chain(ChainError),
    /// The node is of another chain. A sidecar has one node, and its own words for it.
    #[error(
        "the node serves the chain with genesis {found:?}, not {expected:?}; correct chain.url (--url) or \
         chain.genesis_hash"
    )]
    OtherChain {
        /// What the configuration asks for.
        expected: H256,
        /// What the node serves.
        found: H256,
    },
    /// The protection file.
    #[error(transparent)]
    Protection(#[from] ProtectionError),
    /// The network.
    #[error(transparent)]
    Client(#[from] client::StartError),
    /// The chain has no validator with this key.
    #[error(
        "no validator has the peer key {0} on this chain: register it with `director validator register`, or check \
         which file keys.peer names"
    )]
    NotRegistered(String),
    /// The chain has another checkpoint key.
    #[error(
        "{account} votes with the checkpoint key {registered} on this chain, and this one is {own}: votes would not \
         count; check keys.checkpoint"
    )]
    OtherCheckpointKey {
        /// The validator.
        account: AccountId32,
        /// On chain.
        registered: String,
        /// Here.
        own: String,
    },
    /// One key in both places.
    #[error(
        "keys.peer and keys.checkpoint are the same key; each needs its own, since the one signs what the other must not"
    )]
    SameKey,
    /// The WebSocket's token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The WebSocket's port.
    #[error(
        "cannot listen on {address} (interface.listen): {cause}; choose another port, 0 takes any"
    )]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        cause: io::Error,
    },
    /// The validator did not read.
    #[error(
        "standard output was not read, and its queue is full (interface.queue_mib): nothing is lost silently, so this \
         ends; read it all the time"
    )]
    NotRead,
    /// A task panicked.
    #[error(
        "{0} has ended by itself, which is a fault of this program: its log says more; start it again, and report it"
    )]
    Broken(&'static str),
}

impl From<ChainError> for StartError {
    fn from(error: ChainError) -> Self {
        match error {
            ChainError::OtherChain { expected, found } => Self::OtherChain { expected, found },
            error => Self::Chain(error),
        }
    }
}

/// Runs until `stop` resolves or, with a pipe, standard input ends. `listening` is told the WebSocket's address.
///
/// # Errors
///
/// One line with cause and remedy.
pub async fn run(
    config: Config,
    is_new: bool,
    stop: impl Future<Output = ()>,
    listening: impl FnOnce(SocketAddr),
) -> Result<(), StartError> {
    tokio::pin!(stop);
    // What needs no node is checked first.
    let Secrets { peer, signer, token } = preflight::secrets(&config)?;
    let listener = match config.interface.listen {
        Some(address) => {
            let bound = TcpListener::bind(address).await;
            Some(bound.map_err(|cause| StartError::Listen { address, cause })?)
        }
        None => None,
    };
    match Protection::look(&config.keys.protection, signer.key()) {
        Err(ProtectionError::Missing(_)) if is_new => {}
        _ if is_new && config.keys.protection.symlink_metadata().is_ok() => {
            return Err(ProtectionError::Exists(config.keys.protection).into());
        }
        found => found?,
    }
    let node = Node::start((&config.chain).into())?;
    let ready = async {
        match is_new {
            // Where a new file begins is counted from the finalized block: of a node that is behind that is one of long ago.
            true => node.caught_up().await,
            false => node.ready().await,
        }
    };
    let snapshot = tokio::select! {
        ready = ready => ready?,
        () = &mut stop => return Ok(()),
    };
    let mut identity = identify(&config, &snapshot, &peer, signer.key())?;
    if snapshot.directors.active.is_empty() {
        warn!("the chain has no active director yet: governance has to add some; waiting for that");
    }
    let protection = match is_new {
        true => {
            let below = first_checkpoint(&snapshot, &identity.account);
            let (path, genesis_hash) = (&config.keys.protection, identity.genesis_hash);
            Protection::create(path, genesis_hash, signer.key(), below)?
        }
        false => Protection::open(&config.keys.protection, identity.genesis_hash, signer.key())?,
    };
    (identity.signs_from, identity.last_signed) = (protection.below(), protection.latest());
    info!(checkpoint = identity.signs_from, "nothing new is signed before this checkpoint");
    let (finalized, prover) = (node.finalized(), Arc::new(node.clone()));
    let client = Client::start(client_config(&config, &peer, &identity), finalized, prover).await?;
    info!(account = %identity.account, "the sidecar runs");

    let signing = Signing::start(identity.genesis_hash, signer, protection);
    let (sender, said) = mpsc::channel(MAX_SAID);
    let queue_bytes = config.interface.queue_mib * 1024 * 1024;
    // Ends with this function.
    let mut server = JoinSet::new();
    let (end_server, server_ends) = oneshot::channel::<()>();
    if let Some(listener) = listener {
        if let Ok(address) = listener.local_addr() {
            listening(address);
        }
        // That nobody is left who would ask is the same.
        let stop = async { drop(server_ends.await) };
        server.spawn(Server::new(sender.clone(), queue_bytes, token).run_until(listener, stop));
    }
    let pipe = config
        .interface
        .pipe
        .then(|| Pipe::start(tokio::io::stdin(), tokio::io::stdout(), queue_bytes, sender.clone()));
    let engine = Engine::new(identity, client, node.finalized(), signing);
    let heads = Heads::of(node.blocks(None));
    let (ended, last_words) = match pipe {
        None => (engine.run(said, heads, stop).await, None),
        Some(mut pipe) => {
            let stop_or_end = async {
                tokio::select! {
                    () = stop => {}
                    () = pipe.ended() => {}
                }
            };
            (engine.run(said, heads, stop_or_end).await, Some(pipe))
        }
    };
    drop(end_server);
    let (read, ()) = tokio::join!(
        async {
            match last_words {
                Some(pipe) => pipe.finish().await,
                None => Ok(()),
            }
        },
        async { while server.join_next().await.is_some() {} },
    );
    read?;
    match ended {
        Ended::Asked => Ok(()),
        Ended::Broken(what) => Err(StartError::Broken(what)),
    }
}

fn identify(
    config: &Config,
    snapshot: &Snapshot,
    peer: &PeerKey,
    checkpoint_key: PublicKey,
) -> Result<Identity, StartError> {
    let peer_key = peer.public();
    let known = snapshot
        .validator_by_peer_key(&peer_key)
        .ok_or_else(|| StartError::NotRegistered(hex::encode(peer_key.0)))?;
    if known.checkpoint_key != checkpoint_key {
        return Err(StartError::OtherCheckpointKey {
            account: known.account.clone(),
            registered: hex::encode(known.checkpoint_key.0),
            own: hex::encode(checkpoint_key.0),
        });
    }
    Ok(Identity {
        genesis_hash: snapshot.domain.genesis_hash,
        account: known.account.clone(),
        peer_key,
        checkpoint_key,
        interval: snapshot.domain.checkpoint_interval.max(1),
        votes_automatically: config.vote.automatically,
        signs_from: 0,
        last_signed: None,
    })
}

/// The first checkpoint that a new protection file lets sign. The key is said to have signed nothing; if it has after all,
/// its last votes must not be contradicted.
///
/// * The snapshot is of a node that is not behind ([`Node::caught_up`]).
/// * A sidecar signs up to [`AHEAD`] checkpoints beyond what its node has finalized, and that node may have been one
///   ahead of ours. What an earlier life of the key has sent can still be on its way for that long.
/// * It signs for authorized validators alone. A candidate has not been one since it registered, and the chain excuses whatever
///   is older. So nothing of such a key is on its way, and it need not wait for those sixteen.
fn first_checkpoint(snapshot: &Snapshot, account: &AccountId32) -> CheckpointNumber {
    let next = snapshot.number / snapshot.domain.checkpoint_interval.max(1) + 1;
    let status = snapshot.validator(account).map(|known| known.status);
    let last = match status {
        Some(ValidatorStatus::Candidate) => next,
        _ => next.saturating_add(AHEAD),
    };
    last.saturating_add(1)
}

fn client_config(config: &Config, peer: &PeerKey, identity: &Identity) -> client::Config {
    let of = &config.directors;
    let mut strict = [false; 4];
    for class in &of.strict_order {
        strict[*class as usize] = true;
    }
    let (account, genesis_hash) = (identity.account.clone(), identity.genesis_hash);
    client::Config {
        strategy: Some(of.strategy.into()),
        standby: of.standby,
        strict,
        outbox_bytes: of.outbox_mib * 1024 * 1024,
        ..client::Config::new(*peer.seed(), account, genesis_hash, client::Directors::OnChain)
    }
}

#[cfg(test)]
mod tests;
