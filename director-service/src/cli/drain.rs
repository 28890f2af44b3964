//! `director drain`: have the running director hand its validators over to others, and stop.

use super::{
    control::{Answer, Orders},
    output::say,
    progress::Progress,
};
use crate::{config::Config, service::socket_file};
use anyhow::bail;
use std::{
    io::IsTerminal,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    thread::sleep,
    time::{Duration, Instant},
};

/// Longest time from the last word to the end of the process.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often it is looked whether it has stopped.
const LOOK: Duration = Duration::from_millis(100);

/// Have the running director hand its validators over to other directors, and stop.
#[derive(clap::Args)]
#[command(after_help = "\
Example, before an upgrade:
  director drain --config director.toml && systemctl restart director

Validators are asked to move, 50 a second; each goes on where it stopped, so nothing is lost. The director takes
no new ones, says every second how many are left (on a terminal as a bar), and stops when the last one has moved, after 30 seconds
in any case. It goes on if this command is interrupted. Exit status: 0 when every validator has
moved and the director has stopped, 1 otherwise.")]
pub(super) struct Args {
    /// Configuration file of the director that runs.
    #[arg(long, value_name = "FILE", env = "DIRECTOR_CONFIG")]
    config: PathBuf,
}

impl Args {
    pub(super) fn execute(self) -> anyhow::Result<()> {
        let config = Config::load(&self.config)?;
        // Elsewhere what it says is written down, line by line.
        let draws = std::io::stdout().is_terminal();
        // Once it has said something: else a director that does not run would be handing over.
        let mut progress = None;
        let mut most = 0;
        let last = drain(&socket_file(&config.data_dir), &mut |said| {
            let begin = || draws.then(|| Progress::begin("handing the validators over"));
            let progress = progress.get_or_insert_with(begin);
            match (said.split(' ').next().and_then(|word| word.parse::<u64>().ok()), progress) {
                (Some(left), Some(progress)) if progress.redraws() => {
                    most = left.max(most);
                    progress.so_far(most - left, most);
                }
                // Nobody may be reading, which is no reason to stop.
                _ => drop(say(said)),
            }
        });
        drop(progress);
        say(last?)
    }
}

/// Says what the director says until it has stopped; its last word.
///
/// # Errors
///
/// If validators are left, nobody listens, or it does not stop.
pub(super) fn drain(socket: &Path, say: &mut impl FnMut(&str)) -> anyhow::Result<String> {
    let mut orders = Orders::give(socket, &serde_json::json!({ "drain": true }))?;
    loop {
        match orders.answer()? {
            Answer::Progress(said) => say(&said),
            Answer::Ok(said) => {
                wait_for_end(socket)?;
                return Ok(said);
            }
            Answer::Error(said) => bail!("{said}"),
        }
    }
}

fn wait_for_end(socket: &Path) -> anyhow::Result<()> {
    let start = Instant::now();
    while UnixStream::connect(socket).is_ok() {
        if start.elapsed() > PATIENCE {
            bail!("every validator has moved, but the director has not stopped; see its log");
        }
        sleep(LOOK);
    }
    Ok(())
}
