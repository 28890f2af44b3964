//! Says what the node can be told.

use anyhow::{Context, Result, bail};
use clap::Parser;
use std::path::PathBuf;

/// File name of the runtime, next to the node's executable.
const RUNTIME_FILE: &str = "runtime_mock.wasm";

/// A development node for the mock runtime. It has no peers, makes a block whenever its timer says
/// so, and finalizes it at once, unless it is told to be worse than that.
///
/// When its RPC answers it prints `ready rpc=ws://127.0.0.1:PORT` to stdout, and nothing else ever.
/// Logs go to stderr; RUST_LOG chooses them.
#[derive(Debug, Parser)]
#[command(name = "mock-node", version, after_help = EXAMPLES)]
pub(crate) struct Options {
    /// A chain for development that is forgotten at the end: the same as `--tmp`.
    #[arg(long, conflicts_with = "base_path")]
    dev: bool,

    /// Keep the chain in a temporary directory that is removed at the end.
    #[arg(long, conflicts_with = "base_path")]
    tmp: bool,

    /// Keep the chain in this directory, and go on where it ended.
    #[arg(long, value_name = "DIR")]
    base_path: Option<PathBuf>,

    /// Time between two blocks, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 1_000,
          value_parser = clap::value_parser!(u64).range(10..=600_000))]
    pub(crate) block_time_ms: u64,

    /// Finalize a block only when so many have been built on it.
    #[arg(long, value_name = "BLOCKS", default_value_t = 0,
          value_parser = clap::value_parser!(u32).range(0..=1_000))]
    pub(crate) finalize_after: u32,

    /// After so many blocks leave the last one for a fork: a block beside it without its transactions, on
    /// which the chain goes on. Needs --finalize-after 2 or more.
    #[arg(long, value_name = "BLOCKS", value_parser = clap::value_parser!(u32).range(3..=1_000))]
    pub(crate) fork_every: Option<u32>,

    /// Transactions that the pool has room for.
    #[arg(long, value_name = "COUNT", default_value_t = 8_192,
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) pool_size: u32,

    /// Port of the RPC on 127.0.0.1; 0 takes any free one.
    #[arg(long, value_name = "PORT", default_value_t = 9_944)]
    pub(crate) rpc_port: u16,

    /// The runtime in wasm [default: runtime_mock.wasm next to this executable].
    #[arg(long, value_name = "FILE")]
    runtime: Option<PathBuf>,

    /// Stop when stdin ends: whoever starts this node with a pipe takes it along when it dies.
    #[arg(long)]
    pub(crate) exit_on_stdin_eof: bool,
}

/// How plain wasm starts.
const WASM: &[u8] = b"\0asm";

/// How a runtime starts that was shrunk for a release (`sp-maybe-compressed-blob`).
const SHRUNK_WASM: &[u8] = &[82, 188, 83, 118, 70, 219, 142, 5];

const EXAMPLES: &str = "\
Examples:
  mock-node --dev                                  one block a second, RPC on port 9944
  mock-node --dev --block-time-ms 200 --rpc-port 0 faster, on any free port
  mock-node --base-path ./chain                    a chain that outlives the process
  mock-node --dev --finalize-after 3 --fork-every 5 --pool-size 1
                                                   late finality, forks, a pool for one transaction";

/// Where the chain is kept.
pub(crate) enum Base {
    /// In a directory of the user's.
    Kept(PathBuf),
    /// In one that is removed when this value is dropped.
    Temporary(tempfile::TempDir),
}

impl Base {
    /// The directory.
    pub(crate) fn path(&self) -> &std::path::Path {
        match self {
            Self::Kept(path) => path,
            Self::Temporary(directory) => directory.path(),
        }
    }
}

impl Options {
    /// Whether the options fit together.
    ///
    /// # Errors
    ///
    /// If a block would be left that is final.
    pub(crate) fn check(&self) -> Result<()> {
        if self.fork_every.is_some() && self.finalize_after < 2 {
            bail!("a final block cannot be left: --fork-every needs --finalize-after 2 or more");
        }
        Ok(())
    }

    /// Makes the directory of the chain.
    ///
    /// # Errors
    ///
    /// If none was named or it cannot be made.
    pub(crate) fn base(&self) -> Result<Base> {
        if let Some(path) = &self.base_path {
            std::fs::create_dir_all(path).with_context(|| {
                format!("cannot make {}; choose another --base-path, or --tmp", path.display())
            })?;
            return Ok(Base::Kept(path.clone()));
        }
        if !self.dev && !self.tmp {
            bail!("no place for the chain: give --base-path DIR to keep it, or --dev to forget it");
        }
        let directory = tempfile::Builder::new()
            .prefix("mock-node-")
            .tempdir()
            .context("cannot make a temporary directory; choose a place with --base-path DIR")?;
        Ok(Base::Temporary(directory))
    }

    /// Reads the runtime.
    ///
    /// # Errors
    ///
    /// If there is none, or the file is no wasm.
    pub(crate) fn runtime(&self) -> Result<Vec<u8>> {
        let path = match &self.runtime {
            Some(path) => path.clone(),
            None => std::env::current_exe()
                .context("cannot find this executable; name the runtime with --runtime FILE")?
                .with_file_name(RUNTIME_FILE),
        };
        let code = std::fs::read(&path).with_context(|| {
            format!(
                "no runtime at {}; build it with `cargo xtask wasm`, or name one with --runtime FILE",
                path.display()
            )
        })?;
        if !code.starts_with(WASM) && !code.starts_with(SHRUNK_WASM) {
            bail!("{} is no wasm; build the runtime with `cargo xtask wasm`", path.display());
        }
        Ok(code)
    }
}
