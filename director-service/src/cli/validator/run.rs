//! `director validator run`: connect a validator of any language to the directors.

use crate::{
    cli::{block_on, start_logging},
    sidecar::{self, Config, Overrides},
};
use anyhow::Context;
use std::{
    io::Write,
    net::SocketAddr,
    path::{Path, PathBuf},
};
use tokio::signal::unix::{SignalKind, signal};
use toml::Value;

/// Connect a validator of any language to the directors.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  # A validator that needs no program of its own: votes for what its node has finalized.
  director validator run --url ws://127.0.0.1:9944 --peer peer.key --checkpoint checkpoint.key \\
      --protection checkpoint.protection --vote
  # One that talks over standard input and output, one JSON object a line:
  director validator run --config validator.toml --pipe
  # One that talks over a WebSocket:
  director validator run --config validator.toml --listen 127.0.0.1:9617

The very first start of a checkpoint key needs --new-protection-file. Never start it with that flag when the
key may have signed elsewhere: bring the file along, or import what the other signer exported.

With --listen one line on standard error says where, with the real port for 0: listening websocket=127.0.0.1:9617
The environment goes over the file, and options over both: DIRECTOR_VALIDATOR_CHAIN_URL is url in [chain].
Logs go to stderr. docs/validators.md has the protocol, examples are in integration-tests/examples.
Exit status: 0 after SIGINT, SIGTERM or the end of standard input (--pipe), 1 with one line on stderr for
everything else.")]
pub(super) struct Args {
    /// Configuration file; every option here goes over it.
    #[arg(long, value_name = "FILE", env = "DIRECTOR_VALIDATOR_CONFIG")]
    config: Option<PathBuf>,
    /// WebSocket of a node that you trust: ws://127.0.0.1:9944.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// File of the peer key (ed25519 seed).
    #[arg(long, value_name = "FILE")]
    peer: Option<PathBuf>,
    /// File of the checkpoint key (ed25519 seed).
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// Unix socket of a signer, instead of the checkpoint key's file.
    #[arg(long, value_name = "PATH", requires = "checkpoint_key")]
    signer_socket: Option<PathBuf>,
    /// The public checkpoint key of such a signer, 64 digits.
    #[arg(long, value_name = "KEY")]
    checkpoint_key: Option<String>,
    /// File that remembers what the checkpoint key has signed.
    #[arg(long, value_name = "FILE")]
    protection: Option<PathBuf>,
    /// Make that file: for a key that has never signed anywhere.
    #[arg(long)]
    new_protection_file: bool,
    /// Talk over standard input and output.
    #[arg(long)]
    pipe: bool,
    /// Talk over a WebSocket at this address.
    #[arg(long, value_name = "ADDRESS", value_parser = crate::cli::socket_of)]
    listen: Option<SocketAddr>,
    /// Vote for every checkpoint that the node has finalized.
    #[arg(long)]
    vote: bool,
}

impl Args {
    pub(super) fn execute(self) -> anyhow::Result<()> {
        let config = Config::load(self.config.as_deref(), self.overrides()?)?;
        start_logging(&config.log.filter)?;
        let is_new = self.new_protection_file;
        block_on(async move {
            let (mut interrupt, mut terminate) =
                (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
            let stop = async {
                tokio::select! {
                    _ = interrupt.recv() => tracing::info!("SIGINT: stopping"),
                    _ = terminate.recv() => tracing::info!("SIGTERM: stopping"),
                }
            };
            let listening = |address: SocketAddr| {
                // Standard output may be the pipe. Nobody may be reading, which is no reason to stop.
                let _ = writeln!(std::io::stderr(), "listening websocket={address}");
            };
            Ok(sidecar::run(config, is_new, stop, listening).await?)
        })
    }

    /// What is said here goes over the file. Paths are of the present folder.
    fn overrides(&self) -> anyhow::Result<Overrides> {
        let path = |path: &Option<PathBuf>| path.as_deref().map(absolute).transpose();
        let text = |text: &Option<String>| text.clone().map(Value::String);
        let yes = |is: bool| is.then_some(Value::Boolean(true));
        let listen = self.listen.map(|address| Value::String(address.to_string()));
        let said = [
            ("chain", "url", text(&self.url)),
            ("keys", "peer", path(&self.peer)?),
            ("keys", "checkpoint", path(&self.checkpoint)?),
            ("keys", "signer_socket", path(&self.signer_socket)?),
            ("keys", "checkpoint_key", text(&self.checkpoint_key)),
            ("keys", "protection", path(&self.protection)?),
            ("interface", "pipe", yes(self.pipe)),
            ("interface", "listen", listen),
            ("vote", "automatically", yes(self.vote)),
        ];
        let said = said.into_iter();
        Ok(said.filter_map(|(section, field, value)| Some((section, field, value?))).collect())
    }
}

fn absolute(path: &Path) -> anyhow::Result<Value> {
    let path = std::path::absolute(path).with_context(|| format!("{}", path.display()))?;
    let text = path.to_str().context("a path must be UTF-8; rename the file")?;
    Ok(Value::String(text.to_owned()))
}
