//! Keeps a connection to a node, through its restarts, and follows what it finalizes.
//!
//! ```text
//!             ┌──────────────── one task ────────────────┐
//!   nodes ──► │ connect, check ─► finalized heads ─► read │ ──► connection() finalized() head()
//!             └──────▲──────────────┬─────────────────────┘
//!                    └── lost, or another one is better: wait, again
//! ```
//!
//! The task is in [`super::follower`]; how several nodes are chosen from, in [`super::endpoints`].

use super::{
    CALL_TIMEOUT, ChainError,
    blocks::FinalizedBlocks,
    cache::Cache,
    config::{Settings, check_urls},
    endpoints::Endpoints,
    follower,
    horizon::Horizon,
    session::{Head, Runtime, Session, limit, sp_hash, timeout},
};
use director_primitives::{
    AccountId32, DoubleSignProof, H256, Offence, Reason, Snapshot,
    runtime_api::{PendingSlash, ValidatorInfo, VoteProgress},
};
use std::{
    sync::{Arc, Mutex, MutexGuard, OnceLock, atomic::AtomicU64},
    time::Duration,
};
use subxt::{client::OnlineClientAtBlock, config::SubstrateConfig};
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{Instant, sleep},
};
use tracing::warn;

/// How often a node that is behind is asked whether it still is.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// How the node is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Connection {
    /// Not connected; what the last attempt said, if there was one. Attempts go on.
    Connecting(Option<ChainError>),
    /// Connected, chain and interface are right.
    Connected,
    /// It serves another chain or interface. Attempts go on: the node may be replaced.
    Unusable(ChainError),
}

/// A chain's node, or several of which one is used, for as long as a clone of this lives.
#[derive(Clone)]
pub struct Node {
    pub(super) shared: Arc<Shared>,
    _task: Arc<AbortOnDrop>,
}

struct AbortOnDrop(JoinHandle<()>);

/// What the follower said when it panicked, once it has.
type Panic = watch::Sender<Option<String>>;

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

pub(super) struct Shared {
    pub(super) settings: Settings,
    /// As the configuration has it, or as the first node had.
    pub(super) genesis: OnceLock<H256>,
    pub(super) endpoints: Mutex<Endpoints>,
    horizon: Mutex<Horizon>,
    /// What the node in use told last, believed or not.
    pub(super) told: AtomicU64,
    pub(super) session: watch::Sender<Option<Session>>,
    pub(super) connection: watch::Sender<Connection>,
    pub(super) head: watch::Sender<Option<Head>>,
    pub(super) snapshot: watch::Sender<Option<Arc<Snapshot>>>,
    panic: Panic,
    pub(super) cache: Mutex<Cache>,
}

impl Node {
    /// Starts to connect. Returns at once; see [`Self::connection`] and [`Self::ready`].
    ///
    /// # Errors
    ///
    /// If the address makes no sense. A node that is away is no error.
    pub fn start(settings: Settings) -> Result<Self, ChainError> {
        check_urls(&settings.urls, settings.allow_insecure)?;
        let shared = Arc::new(Shared {
            genesis: settings.genesis_hash.map(OnceLock::from).unwrap_or_default(),
            endpoints: Mutex::new(Endpoints::new(&settings.urls)),
            horizon: Mutex::new(Horizon::new(
                settings.urls.len(),
                settings.look_interval,
                settings.patience,
            )),
            told: AtomicU64::new(0),
            settings,
            session: watch::Sender::new(None),
            connection: watch::Sender::new(Connection::Connecting(None)),
            head: watch::Sender::new(None),
            snapshot: watch::Sender::new(None),
            panic: watch::Sender::new(None),
            cache: Mutex::default(),
        });
        let follower = follower::run(shared.clone());
        Ok(Self::followed_by(shared, follower))
    }

    fn followed_by(
        shared: Arc<Shared>,
        follower: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        let task = tokio::spawn(watch_over(shared.clone(), AbortOnDrop(tokio::spawn(follower))));
        Self { shared, _task: Arc::new(AbortOnDrop(task)) }
    }

    /// A node whose follower panics as soon as it is told to.
    #[cfg(test)]
    pub(crate) fn that_panics(settings: Settings, when: Arc<tokio::sync::Notify>) -> Self {
        let mut node = Self::start(settings).expect("the address makes sense");
        let follower = async move {
            when.notified().await;
            panic!("the follower fails, as the test wants");
        };
        node = Self::followed_by(node.shared.clone(), follower);
        node
    }

    /// Resolves if what follows the chain has panicked, with what it said: from then on nothing here
    /// changes any more.
    pub fn panicked(&self) -> impl Future<Output = String> + Send + use<> {
        let mut panic = self.shared.panic.subscribe();
        async move {
            let said = panic.wait_for(Option::is_some).await.ok().and_then(|said| said.clone());
            match said {
                Some(said) => said,
                // Nobody has the node any more.
                None => std::future::pending().await,
            }
        }
    }

    /// How the node is doing, from now on.
    pub fn connection(&self) -> watch::Receiver<Connection> {
        self.shared.connection.subscribe()
    }

    /// What is known of the nodes, in the order of the settings.
    pub fn endpoints(&self) -> Endpoints {
        self.shared.endpoints().clone()
    }

    /// The runtime at the newest finalized block; `None` without a connection.
    pub fn runtime(&self) -> Option<Runtime> {
        self.shared.session.borrow().as_ref().map(|session| session.runtime.clone())
    }

    /// Waits until the node is connected and its first finalized block was read.
    ///
    /// # Errors
    ///
    /// If it serves another chain or interface. Waits for ever for a node that is away.
    pub async fn ready(&self) -> Result<Arc<Snapshot>, ChainError> {
        let mut connection = self.connection();
        let mut snapshot = self.finalized();
        let closed = |_| ChainError::Unreachable("the follower of the chain has ended".into());
        loop {
            if let Some(snapshot) = snapshot.borrow_and_update().clone() {
                return Ok(snapshot);
            }
            if let Connection::Unusable(error) = &*connection.borrow_and_update() {
                return Err(error.clone());
            }
            tokio::select! {
                changed = snapshot.changed() => changed.map_err(closed)?,
                changed = connection.changed() => changed.map_err(closed)?,
            }
        }
    }

    /// As [`Self::ready`], and waits besides until the node says that it is not behind: that it does not sync, and has peers if
    /// it should. The block is the newest one that it had finalized then, or a later one. A node that does not tell is believed.
    ///
    /// # Errors
    ///
    /// If it serves another chain or interface. Waits for ever for a node that is away or stays behind.
    pub async fn caught_up(&self) -> Result<Arc<Snapshot>, ChainError> {
        let mut is_told = false;
        loop {
            self.ready().await?;
            match self.newest_if_level().await {
                Ok(Some(snapshot)) => return Ok(snapshot),
                Ok(None) if !is_told => {
                    is_told = true;
                    warn!("the node is syncing, or has no peers: waiting until it has caught up");
                }
                Err(error) if !error.is_temporary() => return Err(error),
                Ok(None) | Err(_) => {}
            }
            sleep(ASK_AGAIN).await;
        }
    }

    async fn newest_if_level(&self) -> Result<Option<Arc<Snapshot>>, ChainError> {
        let session = self.session().await?;
        if !session.is_well().await {
            return Ok(None);
        }
        // What was read before it said so may be older.
        let (head, _) = session.finalized_header().await?;
        let mut finalized = self.finalized();
        let is_read = |known: &Option<Arc<Snapshot>>| {
            known.as_ref().is_some_and(|known| known.number >= head.number)
        };
        let known = timeout(CALL_TIMEOUT, finalized.wait_for(is_read)).await?;
        Ok(known.ok().and_then(|known| known.clone()))
    }

    /// The newest block that the node has finalized, if it says that it is not behind and no other node that is well is far ahead.
    /// A node that does not tell is believed.
    ///
    /// # Errors
    ///
    /// If the node does not answer.
    pub async fn level(&self) -> Result<Option<u64>, ChainError> {
        let session = self.session().await?;
        if !session.is_well().await {
            return Ok(None);
        }
        let (head, _) = session.finalized_header().await?;
        let used = self.shared.last_endpoint().unwrap_or_default();
        let is_outrun = self.shared.horizon().is_outrun(used, head.number, Instant::now());
        Ok((!is_outrun).then_some(head.number))
    }

    /// Directors and validators at the newest finalized block, from now on.
    pub fn finalized(&self) -> watch::Receiver<Option<Arc<Snapshot>>> {
        self.shared.snapshot.subscribe()
    }

    /// The newest finalized block, from now on. Never ahead of [`Self::finalized`].
    pub fn head(&self) -> watch::Receiver<Option<Head>> {
        self.shared.head.subscribe()
    }

    /// Number of the newest finalized block that more vouches for than one node's word, or that word for an hour: see `horizon`.
    pub fn settled(&self) -> u64 {
        let settled = self.shared.horizon().settled(Instant::now());
        settled.min(self.shared.finalized_number())
    }

    /// Every finalized block from number `from`, or from the newest one, one after the other.
    pub fn blocks(&self, from: Option<u64>) -> FinalizedBlocks {
        FinalizedBlocks::new(self.clone(), from)
    }

    /// Hash of the finalized block with this number; `None` if it is not finalized yet.
    ///
    /// # Errors
    ///
    /// If the node does not answer, or has no such block though it is finalized.
    pub async fn block_hash(&self, number: u64) -> Result<Option<H256>, ChainError> {
        // Only finalized blocks are remembered, and a block is before it is told of: whoever has heard
        // of it finds it.
        if let Some(hash) = self.shared.cache().hash(number) {
            return Ok(Some(hash));
        }
        let Some(head) = *self.shared.head.borrow() else {
            // Nothing is known yet: wait for the node as any other call does.
            self.session().await?;
            return Ok(None);
        };
        if number > head.number {
            return Ok(None);
        }
        let session = self.session().await?;
        let number_at = subxt::rpcs::methods::legacy::NumberOrHex::Number(number);
        let hash = limit(session.rpc.chain_get_block_hash(Some(number_at))).await?;
        let hash =
            hash.ok_or_else(|| ChainError::Unexpected(format!("the node has no block {number}")))?;
        // Other nodes are held against what is remembered: nothing that may be a lie.
        let is_doubtful = self.shared.horizon().sure_below(head.number, Instant::now()).is_some();
        if !is_doubtful {
            self.shared.cache().insert(Head { number, hash });
        }
        Ok(Some(hash))
    }

    /// One validator at the newest finalized block.
    ///
    /// # Errors
    ///
    /// If the node does not answer.
    pub async fn validator(
        &self,
        account: &AccountId32,
    ) -> Result<Option<ValidatorInfo<AccountId32>>, ChainError> {
        self.call("DirectorApi_validator", account).await
    }

    /// How far the directors are with a validator at the newest finalized block.
    ///
    /// # Errors
    ///
    /// If the node does not answer.
    pub async fn vote_progress(
        &self,
        validator: &AccountId32,
    ) -> Result<Option<VoteProgress<AccountId32>>, ChainError> {
        self.call("DirectorApi_vote_progress", validator).await
    }

    /// Slashes that wait, at the newest finalized block.
    ///
    /// # Errors
    ///
    /// If the node does not answer.
    pub async fn pending_slashes(&self) -> Result<Vec<PendingSlash<AccountId32>>, ChainError> {
        self.call("DirectorApi_pending_slashes", ()).await
    }

    /// What the chain would say to this proof at the newest finalized block.
    ///
    /// # Errors
    ///
    /// If the node does not answer.
    pub async fn check_evidence(
        &self,
        proof: &DoubleSignProof,
    ) -> Result<Result<Offence<AccountId32>, Reason>, ChainError> {
        self.call("DirectorApi_check_evidence", proof).await
    }

    /// What the chain would say to this proof at the node's best block.
    ///
    /// # Errors
    ///
    /// If the node does not answer.
    pub async fn check_evidence_at_best(
        &self,
        proof: &DoubleSignProof,
    ) -> Result<Result<Offence<AccountId32>, Reason>, ChainError> {
        let session = self.session().await?;
        session.acting()?;
        session.call("DirectorApi_check_evidence", proof, None).await
    }

    /// subxt's client at a finalized block, for what this room has no name for: events, storage.
    /// Put a timeout around what is asked of it.
    ///
    /// # Errors
    ///
    /// If the node does not answer.
    pub async fn at(
        &self,
        block: Head,
    ) -> Result<OnlineClientAtBlock<SubstrateConfig>, ChainError> {
        self.session().await?.at(block).await
    }

    /// Hashes of the extrinsics in a finalized block.
    pub(super) async fn extrinsics(&self, block: Head) -> Result<Arc<[H256]>, ChainError> {
        if let Some(known) = self.shared.cache().body(block.number) {
            return Ok(known);
        }
        let session = self.session().await?;
        let found = limit(session.rpc.chain_get_block(Some(block.hash))).await?;
        let found = found
            .ok_or_else(|| ChainError::Unexpected(format!("no body of block {}", block.number)))?;
        let hashes: Arc<[H256]> =
            found.block.extrinsics.iter().map(|extrinsic| sp_hash(&extrinsic.0)).collect();
        self.shared.cache().insert_body(block.number, hashes.clone());
        Ok(hashes)
    }

    async fn call<R: codec::DecodeAll>(
        &self,
        method: &str,
        arguments: impl codec::Encode,
    ) -> Result<R, ChainError> {
        let session = self.session().await?;
        session.acting()?;
        let head = self.newest(&session).await?;
        session.call(method, arguments, head.hash).await
    }

    /// The newest finalized block, asked for if the follower has not seen one.
    pub(super) async fn newest(&self, session: &Session) -> Result<Head, ChainError> {
        let head = *self.shared.head.borrow();
        match head {
            Some(head) => Ok(head),
            None => Ok(session.finalized_header().await?.0),
        }
    }

    /// The connection, once there is one; waits at most [`CALL_TIMEOUT`] for it.
    pub(super) async fn session(&self) -> Result<Session, ChainError> {
        let mut session = self.shared.session.subscribe();
        let found = timeout(CALL_TIMEOUT, session.wait_for(Option::is_some)).await;
        match found {
            Ok(Ok(session)) => session
                .clone()
                .ok_or_else(|| ChainError::Unreachable("the connection is gone again".into())),
            _ => Err(match &*self.shared.connection.borrow() {
                Connection::Unusable(error) | Connection::Connecting(Some(error)) => error.clone(),
                _ => ChainError::Unreachable("there is no connection yet".into()),
            }),
        }
    }
}

impl Shared {
    pub(super) fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(super) fn endpoints(&self) -> MutexGuard<'_, Endpoints> {
        self.endpoints.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(super) fn horizon(&self) -> MutexGuard<'_, Horizon> {
        self.horizon.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The chain that every node must serve, once that is known.
    pub(super) fn genesis(&self) -> Option<H256> {
        self.genesis.get().copied()
    }

    pub(super) fn update_endpoints(&self, update: impl FnOnce(&mut Endpoints)) {
        update(&mut self.endpoints());
    }

    pub(super) fn last_endpoint(&self) -> Option<usize> {
        self.endpoints().last()
    }

    pub(super) fn finalized_number(&self) -> u64 {
        self.head.borrow().map_or(0, |head| head.number)
    }

    /// Notes why a node cannot be used, and says so if it is not the only one: of that others tell.
    pub(super) fn refuse(&self, index: usize, error: &ChainError) {
        self.horizon().looked(index, None, Instant::now());
        let mut endpoints = self.endpoints();
        let is_news = endpoints.failed(index, error.to_string());
        let name = &endpoints.all[index].name;
        if is_news && endpoints.all.len() > 1 {
            warn!(endpoint = index, node = %name, "this node cannot be used: {error}");
        }
    }

    pub(super) fn publish(&self, index: usize, head: Head, state_root: H256, snapshot: Snapshot) {
        {
            let mut cache = self.cache();
            cache.insert(head);
            cache.insert_state_root(head.number, state_root);
        }
        self.endpoints().heard(index, head.number);
        // In this order: who sees the head finds the snapshot.
        self.snapshot.send_replace(Some(Arc::new(snapshot)));
        self.head.send_replace(Some(head));
    }
}

/// Tells of a panic of the follower: whoever waits for a block would wait for ever.
async fn watch_over(shared: Arc<Shared>, mut follower: AbortOnDrop) {
    if let Err(error) = (&mut follower.0).await
        && error.is_panic()
    {
        shared.panic.send_replace(Some(format!("the follower of the chain: {error}")));
    }
}
