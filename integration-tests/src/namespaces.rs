//! Gives directors, validators and strangers networks of their own, on one machine.
//!
//! ```text
//!            100.64.0.0/10, tailscale0                      10.77.0.0/16, public0
//!   director-1 ──┐                                  ┌── director-1, director-2, director-3
//!   director-2 ──┼── bridge ──┐   the hub   ┌─ bridge ──┼── validator-1, validator-2, …
//!   director-3 ──┘            └─────────────┘       └── strangers
//! ```
//!
//! Each of them lives in a network namespace of its own, with the addresses of [`Net::address`]; two
//! bridges in one more, the hub, are the two networks. The node and the test itself stay outside; a
//! director reaches the node through its own loopback ([`Forward`]), as it would a node on its machine.
//!
//! The namespaces have no names in the file system: they exist as long as this process, its threads
//! and the processes it started are in them or hold them open. So there is nothing to clean up, however
//! a test ends. To look into one while a test runs: `nsenter --target PID-OF-A-DIRECTOR --net ss -tn`.
//!
//! # Where it works
//!
//! On Linux, as root, or where users may make namespaces: then [`test()`] starts the test's executable once
//! more in a user namespace, in which it is root. `ip` and `unshare` must be there. Elsewhere a test says
//! on stderr that it is skipped, and why, and passes; with `REQUIRE_NAMESPACES=1` it fails instead.

mod director;
mod forward;
mod lan;
mod namespace;
mod sockets;
mod strangers;
mod world;

pub use director::{MESH_PORT, PUBLIC_PORT, Site};
pub use forward::Forward;
pub use lan::{Lan, Net};
pub use namespace::Namespace;
pub use sockets::{Knock, established, knock, listeners};
pub use strangers::{Attempts, Crowd};
pub use world::{Newcomer, Plan, World};

use anyhow::{Context, bail, ensure};
use std::{
    env, fmt, fs,
    panic::{self, AssertUnwindSafe},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// How long tasks may take to end when a test is done.
const GRACE: Duration = Duration::from_secs(5);

/// How much of each log is printed when a test fails.
const LOG_LINES: usize = 25;

/// Set to anything, a test that cannot have namespaces fails instead of being skipped.
pub const REQUIRE: &str = "REQUIRE_NAMESPACES";

/// Tells the test's executable that it was started once more in a user namespace.
const INSIDE: &str = "IN_USER_NAMESPACE";

/// Runs a test, given a folder for its files, where it can make network namespaces, or says that it
/// cannot.
///
/// # Panics
///
/// If the test fails or takes longer than `within`; or if there are no namespaces and
/// `REQUIRE_NAMESPACES` is set.
pub fn test<F: Future<Output = anyhow::Result<()>>>(
    within: Duration,
    run: impl FnOnce(PathBuf) -> F,
) {
    let why = match ready() {
        Ok(Ran::NotYet) => return run_here(within, run),
        Ok(Ran::Inside) => return,
        Err(Inside::Failed(error)) => panic!("{error}"),
        Err(Inside::Impossible(why)) => why,
    };
    assert!(env::var_os(REQUIRE).is_none(), "{REQUIRE} is set, and there are none: {why}");
    eprintln!("SKIPPED: needs network namespaces: {why}");
}

/// Whether a program that needs namespaces has run already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ran {
    /// It has not, and may do so in this process.
    NotYet,
    /// It has, with the same arguments, in a user namespace, and succeeded.
    Inside,
}

/// Makes sure that this process may make network namespaces, or else runs its program once more where it may.
///
/// # Errors
///
/// If there are none, or it failed there.
pub fn ready() -> Result<Ran, Inside> {
    let Err(why) = available() else { return Ok(Ran::NotYet) };
    if env::var_os(INSIDE).is_some() {
        return Err(Inside::Impossible(why));
    }
    match once_more_as_root() {
        Ok(()) => Ok(Ran::Inside),
        Err(Inside::Impossible(error)) => Err(Inside::Impossible(format!("{why}; {error}"))),
        Err(failed) => Err(failed),
    }
}

/// Whether this process may make network namespaces and connect them.
///
/// # Errors
///
/// Why not.
pub fn available() -> Result<(), String> {
    let try_it = || {
        if env::var_os(INSIDE).is_some() {
            // In there loopback is down, and the node listens on it.
            namespace::ip(&["link set lo up"])?;
        }
        let lan = Lan::new()?;
        lan.namespace("trial", &[(Net::Mesh, 1), (Net::Public, 1)]).map(drop)
    };
    try_it().map_err(|error| format!("{error:#}"))
}

fn run_here<F: Future<Output = anyhow::Result<()>>>(
    within: Duration,
    run: impl FnOnce(PathBuf) -> F,
) {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let done = panic::catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async { tokio::time::timeout(within, run(dir.path().into())).await })
    }));
    // Whatever is left does not keep the test from failing.
    runtime.shutdown_timeout(GRACE);
    if !matches!(done, Ok(Ok(Ok(())))) {
        show_logs(dir.path());
    }
    match done {
        Ok(Ok(Ok(()))) => {}
        Ok(Ok(Err(error))) => panic!("{error:?}"),
        Ok(Err(_)) => panic!("not done within {within:?}"),
        Err(panicked) => panic::resume_unwind(panicked),
    }
}

/// Prints how the logs in a folder end: they are gone with it.
fn show_logs(dir: &Path) {
    let Ok(files) = fs::read_dir(dir) else { return };
    let paths = files.filter_map(|file| Some(file.ok()?.path()));
    let mut logs: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|of| of == "log")).collect();
    logs.sort_unstable();
    for path in logs {
        let text = fs::read_to_string(&path).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        let end = &lines[lines.len().saturating_sub(LOG_LINES)..];
        eprintln!("-- {}\n{}", path.display(), end.join("\n"));
    }
}

/// Why a program has not run in a user namespace.
#[derive(Clone, Debug)]
pub enum Inside {
    /// It has, and failed.
    Failed(String),
    /// There is none, or none in which namespaces can be made.
    Impossible(String),
}

impl fmt::Display for Inside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(error) => f.write_str(error),
            Self::Impossible(why) => write!(f, "there are no network namespaces: {why}"),
        }
    }
}

/// Starts this executable with its arguments in a user namespace in which we are root.
fn once_more_as_root() -> Result<(), Inside> {
    let as_root = |program: &str| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--net", "--"]).arg(program).env(INSIDE, "1");
        command
    };
    let trial = as_root("true").output().context("cannot run `unshare` of util-linux");
    let trial = trial.map_err(|error| Inside::Impossible(format!("{error:#}")))?;
    if !trial.status.success() {
        let said = String::from_utf8_lossy(&trial.stderr).trim().to_owned();
        return Err(Inside::Impossible(format!("neither may users make namespaces: {said}")));
    }
    let program = env::current_exe().map_err(|error| Inside::Impossible(error.to_string()))?;
    let status = as_root(&program.to_string_lossy()).args(env::args_os().skip(1)).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Inside::Failed(format!("in a user namespace: {status}"))),
        Err(error) => Err(Inside::Impossible(error.to_string())),
    }
}

/// Reads a number that stands behind a name in one of the kernel's files about a process, such as the
/// ticks of the processor that it used.
///
/// # Errors
///
/// If the process is gone.
pub fn cpu_time(pid: u32) -> anyhow::Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name of the program comes second, in parentheses, and may have spaces in it.
    let Some((_, rest)) = stat.rsplit_once(')') else { bail!("cannot read {stat}") };
    let fields: Vec<_> = rest.split_whitespace().collect();
    // utime and stime are the fields 14 and 15 of proc(5), in hundredths of a second (USER_HZ).
    let ticks = fields.get(11..13).context("too few fields")?;
    let ticks: Vec<u64> = ticks.iter().map(|of| of.parse()).collect::<Result<_, _>>()?;
    ensure!(ticks.len() == 2, "too few fields");
    Ok(Duration::from_millis(10 * ticks.iter().sum::<u64>()))
}
