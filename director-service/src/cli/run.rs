//! `director run`: run the director until SIGINT or SIGTERM.

use crate::{config::Config, service};
use std::{io::Write, path::PathBuf};
use tokio::{
    io::AsyncReadExt,
    signal::unix::{SignalKind, signal},
};

/// What Linux sends to a process that exceeds a limit on the size of files (`ulimit -f`).
const SIGXFSZ: i32 = 25;

/// Run the director until SIGINT or SIGTERM.
#[derive(clap::Args)]
#[command(after_help = "\
Once it listens it prints one line on stdout, with the real ports where the configuration says 0:
  listening mesh=/ip4/127.0.0.1/tcp/30401 public=/ip4/127.0.0.1/tcp/30400 http=127.0.0.1:9615
Logs go to stderr; [log] filter in the configuration says how many.

It starts before the chain knows it, says so, and serves as soon as it is an active director. A node
that is away is waited for.")]
pub(super) struct Args {
    /// Configuration file.
    #[arg(long, value_name = "FILE", env = "DIRECTOR_CONFIG")]
    config: PathBuf,
    /// Stop when standard input closes, for a parent process that may die.
    #[arg(long, hide = true)]
    exit_on_stdin_eof: bool,
}

impl Args {
    pub(super) fn execute(self) -> anyhow::Result<()> {
        let config = Config::load(&self.config)?;
        super::start_logging(&config.log.filter)?;
        super::block_on(async move {
            // From here on a limit on the size of files is a full disk, and not the end of the process.
            let _file_size = signal(SignalKind::from_raw(SIGXFSZ))?;
            let mut service = service::start(config).await?;
            let (mut interrupt, mut terminate) =
                (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
            let listening = service.listening();
            let stop = service.stopper();
            let signals = tokio::spawn(async move {
                tokio::select! {
                    _ = interrupt.recv() => tracing::info!("SIGINT: stopping"),
                    _ = terminate.recv() => tracing::info!("SIGTERM: stopping"),
                    () = stdin_closed(), if self.exit_on_stdin_eof => {
                        tracing::info!("standard input closed: stopping");
                    }
                }
                stop.stop();
            });
            let announce = tokio::spawn(async move {
                if let Some(addresses) = listening.await {
                    // Nobody may be reading, which is no reason to stop.
                    let _ = writeln!(std::io::stdout(), "listening {addresses}");
                }
            });
            let ended = service.wait().await;
            signals.abort();
            announce.abort();
            Ok(ended?)
        })
    }
}

async fn stdin_closed() {
    let mut stdin = tokio::io::stdin();
    let mut buffer = [0; 256];
    while matches!(stdin.read(&mut buffer).await, Ok(read) if read > 0) {}
}
