//! Puts a sidecar together, checks it against the chain, and runs it.

use super::{
    config::Config,
    engine::{Engine, Identity, Said},
    outlet::Outlet,
    pipe,
    protection::{Protection, ProtectionError},
    signer::Signer,
    signing::Signing,
    websocket::Server,
};
use crate::{
    chain::{ChainError, Node},
    client::{self, Client},
    keys::{KeyFileError, PeerKey, read_secret},
};
use director_primitives::{AccountId32, PublicKey, Snapshot};
use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{io::BufReader, net::TcpListener, sync::mpsc, task::JoinHandle, time::timeout};
use tracing::{info, warn};
use zeroize::Zeroizing;

/// Lines of all consumers that wait.
const MAX_SAID: usize = 16;

/// How long the last lines may take to leave.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Why a sidecar does not run: one line with cause and remedy.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A key file.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// The node.
    #[error(transparent)]
    Chain(#[from] ChainError),
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
    /// The WebSocket's token.
    #[error(
        "{0} is empty, and interface.token_file has to hold what clients bring; `openssl rand -hex 32` makes a token"
    )]
    EmptyToken(PathBuf),
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
    let peer = PeerKey::from_file(&config.keys.peer)?;
    let signer = signer(&config)?;
    let token = config.interface.token_file.as_deref().map(token).transpose()?;
    let listener = match config.interface.listen {
        Some(address) => {
            let bound = TcpListener::bind(address).await;
            Some(bound.map_err(|cause| StartError::Listen { address, cause })?)
        }
        None => None,
    };
    if !is_new && !config.keys.protection.exists() {
        return Err(ProtectionError::Missing(config.keys.protection).into());
    }
    let node = Node::start((&config.chain).into())?;
    let snapshot = tokio::select! {
        ready = node.ready() => ready?,
        () = &mut stop => return Ok(()),
    };
    let identity = identify(&config, &snapshot, &peer, signer.key())?;
    if snapshot.directors.active.is_empty() {
        warn!("the chain has no active director yet: governance has to add some; waiting for that");
    }
    let protection = protect(&config, is_new, &snapshot, signer.key())?;
    let last_signed = protection.latest();
    let (finalized, prover) = (node.finalized(), Arc::new(node.clone()));
    let client = Client::start(client_config(&config, &peer, &identity), finalized, prover).await?;
    info!(account = %identity.account, "the sidecar runs");

    let signing = Signing::start(identity.genesis_hash, signer, protection);
    let (sender, said) = mpsc::channel(MAX_SAID);
    let queue_bytes = config.interface.queue_mib * 1024 * 1024;
    let _server = listener.map(|listener| {
        if let Ok(address) = listener.local_addr() {
            listening(address);
        }
        let token = token.map(Arc::new);
        let server = Server { said: sender.clone(), queue_bytes, token };
        Task(tokio::spawn(server.run(listener)))
    });
    let pipe = config.interface.pipe.then(|| Pipe::start(queue_bytes, sender.clone()));
    let engine = Engine::new(identity, client, node.finalized(), signing, last_signed);
    let blocks = node.blocks(None);
    match pipe {
        None => engine.run(said, blocks, stop).await,
        Some(mut pipe) => {
            let ended = async {
                tokio::select! {
                    () = stop => {}
                    () = pipe.ended() => info!("the validator has closed the pipe: stopping"),
                }
            };
            engine.run(said, blocks, ended).await;
            pipe.finish().await?;
        }
    }
    Ok(())
}

/// What a WebSocket's clients have to bring. Nothing would be brought by everybody.
fn token(path: &Path) -> Result<Zeroizing<String>, StartError> {
    let token = read_secret(path)?;
    if token.is_empty() {
        return Err(StartError::EmptyToken(path.to_owned()));
    }
    Ok(token)
}

fn signer(config: &Config) -> Result<Signer, KeyFileError> {
    let keys = &config.keys;
    // Validated: there is exactly one of them, and a key for the others.
    let key = config.remote_key().unwrap_or_default();
    match (&keys.checkpoint, &keys.signer_command, &keys.signer_socket) {
        (_, Some(program), _) => Ok(Signer::Command { program: program.clone(), key }),
        (_, _, Some(path)) => Ok(Signer::Socket { path: path.clone(), key }),
        (Some(file), ..) => Signer::from_file(file),
        (None, None, None) => Err(KeyFileError::Missing("keys.checkpoint".into())),
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
    })
}

/// The protection file. A new one signs nothing up to the checkpoint after the next one: if the key was in use after all, its
/// last votes may be for these.
fn protect(
    config: &Config,
    is_new: bool,
    snapshot: &Snapshot,
    key: PublicKey,
) -> Result<Protection, ProtectionError> {
    let (path, genesis_hash) = (&config.keys.protection, snapshot.domain.genesis_hash);
    if !is_new {
        return Protection::open(path, genesis_hash, key);
    }
    let next = snapshot.number / snapshot.domain.checkpoint_interval.max(1) + 1;
    Protection::create(path, genesis_hash, key, next + 1)
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

/// A task that ends with this.
struct Task<T>(JoinHandle<T>);

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Standard input and output.
struct Pipe {
    outlet: Arc<Outlet>,
    reader: Task<()>,
    writer: Task<io::Result<()>>,
    is_written: bool,
}

impl Pipe {
    fn start(queue_bytes: usize, said: mpsc::Sender<Said>) -> Self {
        let outlet = Outlet::new(queue_bytes);
        let reading = outlet.clone();
        let reader = tokio::spawn(async move {
            // First of all, so that its greeting comes first.
            if said.send(Said::Joined(reading.clone())).await.is_ok() {
                pipe::read(BufReader::new(tokio::io::stdin()), reading, said).await;
            }
        });
        let writer = tokio::spawn(pipe::write(tokio::io::stdout(), outlet.clone()));
        Self { outlet, reader: Task(reader), writer: Task(writer), is_written: false }
    }

    /// Resolves when one of the two ends is gone.
    async fn ended(&mut self) {
        tokio::select! {
            _ = &mut self.reader.0 => {}
            _ = &mut self.writer.0 => self.is_written = true,
        }
    }

    /// Lets the last lines leave.
    async fn finish(mut self) -> Result<(), StartError> {
        self.outlet.close();
        if !self.is_written {
            // Who does not read them does not get them.
            let _ = timeout(LAST_WORDS, &mut self.writer.0).await;
        }
        match self.outlet.is_too_slow() {
            true => Err(StartError::NotRead),
            false => Ok(()),
        }
    }
}
