//! Wires client, pool, RPC and the sealing timer, and owns their end.
//!
//! There is no network: `sc-service` is used for its parts, not for its full node, which would open
//! ports and start a peer-to-peer stack that nobody here talks to.

use crate::{cli::Options, genesis, rpc, sealing, shutdown};
use anyhow::{Context, Result, anyhow};
use runtime_mock::{OpaqueBlock as Block, apis::RuntimeApi};
use sc_client_api::execution_extensions::ExecutionExtensions;
use sc_client_db::{BlocksPruning, DatabaseSettings, DatabaseSource, PruningMode};
use sc_consensus_manual_seal::ManualSealParams;
use sc_executor::{WasmExecutionMethod, WasmExecutor, WasmtimeInstantiationStrategy};
use sc_service::{ClientConfig, GenesisBlockBuilder, TFullBackend, TFullClient, TaskManager};
use sc_transaction_pool::{TransactionPoolHandle, TransactionPoolOptions, TransactionPoolType};
use sp_io::SubstrateHostFunctions;
use std::{io::Write, path::Path, sync::Arc, time::Duration};

type Executor = WasmExecutor<SubstrateHostFunctions>;
pub(crate) type Backend = TFullBackend<Block>;
pub(crate) type Client = TFullClient<Block, RuntimeApi, Executor>;
pub(crate) type Pool = TransactionPoolHandle<Block, Client>;

/// Instances of the runtime that are kept: block, pool, and a few questions at once.
const RUNTIME_INSTANCES: usize = 8;
/// Memory for what was read of the state.
const STATE_CACHE_BYTES: usize = 32 * 1024 * 1024;
/// Bytes of transactions that wait.
const POOL_BYTES: usize = 20 * 1024 * 1024;
/// How long tasks have to end.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// Runs the node until it is told to stop.
///
/// # Errors
///
/// If it cannot start, or one of its tasks ends.
pub(crate) fn run(options: Options) -> Result<()> {
    let tokio = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start threads")?;
    let result = tokio.block_on(serve(options, tokio.handle().clone()));
    tokio.shutdown_timeout(SHUTDOWN_TIMEOUT);
    result
}

async fn serve(options: Options, tokio: tokio::runtime::Handle) -> Result<()> {
    options.check()?;
    let code = options.runtime()?;
    rpc::check_port(options.rpc_port)?;
    let base = options.base()?;
    let mut tasks = TaskManager::new(tokio.clone(), None)?;

    let executor = executor();
    let (client, backend) = client(&executor, &code, base.path(), &tasks)?;
    let pool = pool(&options, &client, &tasks);
    start_sealing(&options, &client, &backend, &pool, &tasks);
    let address = start_rpc(&options, &client, &backend, &pool, &mut tasks, &tokio)?;
    announce(address)?;

    tokio::select! {
        failed = tasks.future() => failed.context("a task of the node ended")?,
        reason = shutdown::requested(options.exit_on_stdin_eof) => {
            tracing::info!(reason = reason?, "stopping");
        }
    }
    Ok(())
}

fn executor() -> Executor {
    WasmExecutor::builder()
        .with_execution_method(WasmExecutionMethod::Compiled {
            instantiation_strategy: WasmtimeInstantiationStrategy::PoolingCopyOnWrite,
        })
        .with_max_runtime_instances(RUNTIME_INSTANCES)
        .with_runtime_cache_size(2)
        .build()
}

/// Opens the chain; makes its first block where there is none.
fn client(
    executor: &Executor,
    code: &[u8],
    base: &Path,
    tasks: &TaskManager,
) -> Result<(Arc<Client>, Arc<Backend>)> {
    let in_base = || {
        let base = base.display();
        format!(
            "cannot open the chain in {base}; if no other node uses it, choose another --base-path"
        )
    };
    // Everything is kept, so that any block can be asked for.
    let backend = sc_service::new_db_backend::<Block>(DatabaseSettings {
        trie_cache_maximum_size: Some(STATE_CACHE_BYTES),
        state_pruning: Some(PruningMode::ArchiveAll),
        source: DatabaseSource::ParityDb { path: base.join("db") },
        blocks_pruning: BlocksPruning::KeepAll,
        pruning_filters: Vec::new(),
        metrics_registry: None,
    })
    .with_context(in_base)?;
    let genesis = GenesisBlockBuilder::new_with_storage(
        genesis::storage(executor, code)?,
        true,
        backend.clone(),
        executor.clone(),
    )?;
    let client = sc_service::new_client(
        backend.clone(),
        executor.clone(),
        genesis,
        None,
        None,
        ExecutionExtensions::new(None, Arc::new(executor.clone())),
        Box::new(tasks.spawn_handle()),
        None,
        None,
        ClientConfig::default(),
    )
    .with_context(in_base)?;
    Ok((Arc::new(client), backend))
}

fn pool(options: &Options, client: &Arc<Client>, tasks: &TaskManager) -> Arc<Pool> {
    let options = TransactionPoolOptions::new_with_params(
        options.pool_size as usize,
        POOL_BYTES,
        None,
        TransactionPoolType::SingleState,
        // In development a transaction that was refused may be tried again at once.
        true,
        false,
    );
    let pool = sc_transaction_pool::Builder::new(
        tasks.spawn_essential_handle(),
        client.clone(),
        true.into(),
    )
    .with_options(options)
    .build();
    let pool = Arc::new(pool);
    tasks.spawn_essential_handle().spawn(
        "pool-notifications",
        None,
        sc_transaction_pool::notification_future(client.clone(), pool.clone(), false),
    );
    pool
}

fn start_sealing(
    options: &Options,
    client: &Arc<Client>,
    backend: &Arc<Backend>,
    pool: &Arc<Pool>,
    tasks: &TaskManager,
) {
    let proposer = sc_basic_authorship::ProposerFactory::new(
        tasks.spawn_handle(),
        client.clone(),
        pool.clone(),
        None,
        None,
    );
    let clock = Arc::new(sealing::Clock::default());
    let seal = sc_consensus_manual_seal::run_manual_seal(ManualSealParams {
        block_import: client.clone(),
        env: proposer,
        client: client.clone(),
        pool: pool.clone(),
        commands_stream: sealing::commands(options, client.clone()),
        select_chain: sc_consensus::LongestChain::new(backend.clone()),
        consensus_data_provider: None,
        create_inherent_data_providers: move |_, ()| {
            let time = clock.next();
            async move { Ok(time) }
        },
    });
    tasks.spawn_essential_handle().spawn_blocking("sealing", None, seal);
}

/// Starts the RPC and returns where it listens.
fn start_rpc(
    options: &Options,
    client: &Arc<Client>,
    backend: &Arc<Backend>,
    pool: &Arc<Pool>,
    tasks: &mut TaskManager,
    tokio: &tokio::runtime::Handle,
) -> Result<std::net::SocketAddr> {
    let (to_system, requests) = sc_utils::mpsc::tracing_unbounded("system-rpc", 1_000);
    tasks.spawn_essential_handle().spawn(
        "system-rpc",
        None,
        rpc::answer_system(client.clone(), requests),
    );
    let threads = sc_service::create_rpc_runtime(rpc::MAX_CONNECTIONS)
        .context("cannot start the threads of the RPC")?;
    let spawner = Arc::new(tasks.spawn_handle());
    let module = rpc::methods(client, backend, pool, to_system, spawner)?;
    let server = sc_service::start_rpc_servers(
        &rpc::configuration(options.rpc_port),
        None,
        tokio,
        module,
        threads,
        None,
    )
    .map_err(|error| rpc::cannot_listen(options.rpc_port, &error))?;
    let address =
        *server.listen_addrs().first().ok_or_else(|| anyhow!("the RPC listens nowhere"))?;
    tasks.keep_alive(server);
    Ok(address)
}

/// Tells whoever started the node that it can be talked to.
fn announce(address: std::net::SocketAddr) -> Result<()> {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "ready rpc=ws://{address}")
        .and_then(|()| stdout.flush())
        .context("cannot write to stdout")
}
