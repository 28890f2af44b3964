//! Starts directors as processes of the `director` program and reads what they say of themselves.

use crate::{
    keys::Identity,
    process::{Managed, sibling},
};
use anyhow::{Context, bail};
use serde_json::Value;
use std::{
    fs,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// How long a director may take to listen.
const START: Duration = Duration::from_secs(60);

/// How long it may take to answer over HTTP.
const ANSWER: Duration = Duration::from_secs(10);

/// How long a command may take.
const COMMAND: Duration = Duration::from_secs(60);

/// How often a director is asked while its status is waited for.
const STATUS_INTERVAL: Duration = Duration::from_millis(50);

/// Where a director listens, by port on 127.0.0.1.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    /// For the other directors.
    pub mesh: u16,
    /// For validators.
    pub public: u16,
    /// For health, metrics and status.
    pub http: u16,
}

/// A director in a process of its own.
pub struct Director {
    /// Its account and peer key.
    pub identity: Identity,
    /// Where it listens.
    pub ports: Ports,
    /// The process.
    pub process: Managed,
    config: PathBuf,
}

impl Director {
    /// Starts a director with its files in `dir/NAME` and waits until it listens. On chain it need
    /// not be known yet.
    ///
    /// # Errors
    ///
    /// If it does not start; the message has the end of its log.
    pub async fn start(identity: Identity, dir: &Path, chain_url: &str) -> anyhow::Result<Self> {
        let config = write_config(&identity, dir, chain_url)?;
        let (process, ports) = run(&identity.name, &config, dir, None).await?;
        Ok(Self { identity, ports, process, config })
    }

    /// The same, with several nodes to choose from.
    ///
    /// # Errors
    ///
    /// As [`Self::start`].
    pub async fn start_on_several(
        identity: Identity,
        dir: &Path,
        urls: &[&str],
    ) -> anyhow::Result<Self> {
        let config = write_config(&identity, dir, "")?;
        let text = fs::read_to_string(&config)?;
        fs::write(&config, text.replace("url = \"\"", &format!("urls = {urls:?}")))?;
        let (process, ports) = run(&identity.name, &config, dir, None).await?;
        Ok(Self { identity, ports, process, config })
    }

    /// The body of `/readyz` or `/metrics`, whatever its status.
    ///
    /// # Errors
    ///
    /// If it does not answer.
    pub async fn page(&self, path: &str) -> anyhow::Result<String> {
        let url = format!("http://127.0.0.1:{}/{path}", self.ports.http);
        get_with(url, true).await
    }

    /// Lets the process write no file beyond so many bytes, as if the disk were full; `None` lets it again.
    ///
    /// # Errors
    ///
    /// If it has ended, or there is no `prlimit` of util-linux.
    pub fn limit_files(&self, bytes: Option<u64>) -> anyhow::Result<()> {
        let pid = self.process.pid().context("the director has ended")?.to_string();
        let mut prlimit = std::process::Command::new("prlimit");
        let limited = prlimit.args(["--pid", &pid, &file_limit(bytes)]).status()?;
        anyhow::ensure!(limited.success(), "cannot limit the files of process {pid}");
        Ok(())
    }

    /// Runs `director COMMAND --config FILE`; what that printed, and how it ended.
    ///
    /// # Errors
    ///
    /// If it cannot be started or does not end within a minute.
    pub async fn command(&self, command: &str) -> anyhow::Result<std::process::Output> {
        let mut run = tokio::process::Command::new(sibling("director")?);
        run.arg(command).arg("--config").arg(&self.config);
        run.stdin(std::process::Stdio::null()).kill_on_drop(true);
        let done = tokio::time::timeout(COMMAND, run.output()).await;
        done.with_context(|| format!("`director {command}` does not end"))?
            .context("cannot start it")
    }

    /// Stops the process where it is (`STOP`), or lets it go on (`CONT`).
    ///
    /// # Errors
    ///
    /// If it has ended.
    pub fn signal(&self, name: &str) -> anyhow::Result<()> {
        self.process.signal(name)
    }

    /// Waits until the director is ready (`/readyz`).
    ///
    /// # Errors
    ///
    /// If `within` passes before; the message has the end of its log.
    pub async fn wait_until_ready(&self, within: Duration) -> anyhow::Result<()> {
        self.wait_for_ready(true, within).await
    }

    /// Waits until `/readyz` says that it is not.
    ///
    /// # Errors
    ///
    /// If `within` passes before; the message has the end of its log.
    pub async fn wait_until_not_ready(&self, within: Duration) -> anyhow::Result<()> {
        self.wait_for_ready(false, within).await
    }

    async fn wait_for_ready(&self, wanted: bool, within: Duration) -> anyhow::Result<()> {
        let end = Instant::now() + within;
        let url = format!("http://127.0.0.1:{}/readyz", self.ports.http);
        loop {
            let answer = get(url.clone()).await;
            if answer.is_ok() == wanted {
                return Ok(());
            }
            if Instant::now() >= end {
                let (name, log) = (&self.identity.name, self.process.log_tail());
                bail!("/readyz of {name} after {within:?}: {answer:?}\n{log}");
            }
            // A page cannot be awaited.
            tokio::time::sleep(STATUS_INTERVAL).await;
        }
    }

    /// What is left when it has ended, or is about to: asks it to end, and waits for it.
    pub async fn stop(self) -> Killed {
        let Self { identity, ports, process, config } = self;
        process.stop().await;
        Killed { identity, ports, config }
    }

    /// Kills the process at once, as a power cut would.
    pub async fn kill(self) -> Killed {
        let Self { identity, ports, process, config } = self;
        process.kill().await;
        Killed { identity, ports, config }
    }

    /// What the director says of itself: `/api/v1/status`.
    ///
    /// # Errors
    ///
    /// If it does not answer, or not in JSON.
    pub async fn status(&self) -> anyhow::Result<Value> {
        let url = format!("http://127.0.0.1:{}/api/v1/status", self.ports.http);
        let text = get(url).await?;
        serde_json::from_str(&text).context("the status is no JSON")
    }

    /// Waits until what the director says of itself is as it should be; that.
    ///
    /// # Errors
    ///
    /// If it does not answer, or `within` passes before; the message has what it said last.
    pub async fn wait_for_status(
        &self,
        within: Duration,
        reached: impl FnMut(&Value) -> bool,
    ) -> anyhow::Result<Value> {
        poll_status(&self.identity.name, within, || self.status(), reached).await
    }
}

/// Asks a director for its status until that is as it should be; the status.
pub(crate) async fn poll_status<F: Future<Output = anyhow::Result<Value>>>(
    name: &str,
    within: Duration,
    ask: impl Fn() -> F,
    mut reached: impl FnMut(&Value) -> bool,
) -> anyhow::Result<Value> {
    let end = Instant::now() + within;
    loop {
        let status = ask().await?;
        if reached(&status) {
            return Ok(status);
        }
        if Instant::now() >= end {
            bail!("{name} still says after {within:?}: {status:#}");
        }
        // A page cannot be awaited.
        tokio::time::sleep(STATUS_INTERVAL).await;
    }
}

/// Resolves when a director that answers at this port says what it should. One that has died says nothing more.
pub(crate) async fn settles(http: u16, mut reached: impl FnMut(&Value) -> bool) {
    loop {
        let asked = get(format!("http://127.0.0.1:{http}/api/v1/status")).await;
        let status = asked.ok().and_then(|text| serde_json::from_str(&text).ok());
        if status.is_some_and(|status| reached(&status)) {
            return;
        }
        // A page cannot be awaited.
        tokio::time::sleep(STATUS_INTERVAL).await;
    }
}

/// What a director leaves that was killed: its files, and the ports that the chain knows.
pub struct Killed {
    identity: Identity,
    ports: Ports,
    config: PathBuf,
}

impl Killed {
    /// Starts it again on the same files and with the same ports.
    ///
    /// # Errors
    ///
    /// As [`Director::start`].
    pub async fn restart(self, dir: &Path) -> anyhow::Result<Director> {
        self.restart_with(dir, None).await
    }

    /// The same, but it can write no file beyond so many bytes; see [`Director::limit_files`].
    ///
    /// # Errors
    ///
    /// As [`Director::start`].
    pub async fn restart_on_full_disk(self, dir: &Path, bytes: u64) -> anyhow::Result<Director> {
        self.restart_with(dir, Some(bytes)).await
    }

    /// The same as [`Self::restart`], with its page where it was.
    ///
    /// # Errors
    ///
    /// As [`Director::start`].
    pub async fn restart_at_its_page(self, dir: &Path) -> anyhow::Result<Director> {
        let text = fs::read_to_string(&self.config)?;
        let address = format!("\"127.0.0.1:{}\"", self.ports.http);
        fs::write(&self.config, text.replace("\"127.0.0.1:0\"", &address))?;
        self.restart(dir).await
    }

    async fn restart_with(self, dir: &Path, file_bytes: Option<u64>) -> anyhow::Result<Director> {
        let Self { identity, ports, config } = self;
        let text = fs::read_to_string(&config)?;
        let text = text
            .replace(&listen_line("tcp", 0, "mesh"), &listen_line("tcp", ports.mesh, "mesh"))
            .replace(&listen_line("tcp", 0, "public"), &listen_line("tcp", ports.public, "public"));
        fs::write(&config, text)?;
        let (process, ports) = run(&identity.name, &config, dir, file_bytes).await?;
        Ok(Director { identity, ports, process, config })
    }
}

/// The folder of a director below the run's.
pub fn folder(dir: &Path, name: &str) -> PathBuf {
    dir.join(name)
}

/// Writes key files and configuration of a director; the path of the latter. Ports are 0: the
/// director takes free ones and says which.
///
/// # Errors
///
/// If a file cannot be written.
pub fn write_config(identity: &Identity, dir: &Path, chain_url: &str) -> anyhow::Result<PathBuf> {
    let folder = folder(dir, &identity.name);
    write_keys(identity, &folder)?;
    let config = folder.join("director.toml");
    let (mesh, public) = (listen_line("tcp", 0, "mesh"), listen_line("tcp", 0, "public"));
    let text = format!(
        "data_dir = \"data\"\n\n[chain]\nurl = \"{chain_url}\"\n\n\
         [keys]\naccount = \"account.key\"\npeer = \"peer.key\"\n\n\
         [mesh]\n{mesh}\n\n[public]\n{public}\n\n\
         [http]\nlisten = \"127.0.0.1:0\"\n"
    );
    fs::write(&config, text)?;
    Ok(config)
}

/// Writes the files `account.key` and `peer.key` of a director.
///
/// # Errors
///
/// If a file cannot be written.
pub fn write_keys(identity: &Identity, folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder)?;
    write_secret(&folder.join("account.key"), &identity.secret_uri)?;
    write_secret(&folder.join("peer.key"), &hex::encode(identity.peer_secret()))
}

/// The argument of `prlimit`: the limit that counts, and not the one up to which it can be raised.
fn file_limit(bytes: Option<u64>) -> String {
    format!("--fsize={}:", bytes.map_or("unlimited".into(), |bytes| bytes.to_string()))
}

/// A line of the configuration; the comment tells the two sections' lines apart.
fn listen_line(protocol: &str, port: u16, section: &str) -> String {
    format!("listen = [\"/ip4/127.0.0.1/{protocol}/{port}\"] # {section}")
}

fn write_secret(path: &Path, text: &str) -> anyhow::Result<()> {
    use std::io::Write;
    let mut file =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    writeln!(file, "{text}")?;
    Ok(())
}

async fn run(
    name: &str,
    config: &Path,
    dir: &Path,
    file_bytes: Option<u64>,
) -> anyhow::Result<(Managed, Ports)> {
    let run = ["run", "--config", &config.display().to_string(), "--exit-on-stdin-eof"];
    let mut arguments = run.map(String::from).to_vec();
    let mut program = sibling("director")?;
    if file_bytes.is_some() {
        // Becomes the director.
        let limited = [file_limit(file_bytes), program.display().to_string()];
        arguments.splice(0..0, limited);
        program = "prlimit".into();
    }
    let log = dir.join(format!("{name}.log"));
    let mut process = Managed::spawn(name, &program, &arguments, log)?;
    let ready = process.wait_for_line("listening ", START).await?;
    Ok((process, ports_of(&ready)?))
}

/// Reads `mesh=/ip4/127.0.0.1/tcp/1 public=/ip4/127.0.0.1/tcp/2 http=127.0.0.1:3`.
fn ports_of(line: &str) -> anyhow::Result<Ports> {
    let port = |name: &str| {
        let value =
            line.split_whitespace().find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
        let digits = value.and_then(|address| address.rsplit(['/', ':']).next());
        digits.and_then(|digits| digits.parse().ok())
    };
    match (port("mesh"), port("public"), port("http")) {
        (Some(mesh), Some(public), Some(http)) => Ok(Ports { mesh, public, http }),
        _ => bail!("cannot read the director's addresses from `{line}`"),
    }
}

/// Asks a local HTTP server; the body of its answer.
///
/// # Errors
///
/// If it cannot be reached, answers an error, or takes longer than ten seconds.
pub async fn get(url: String) -> anyhow::Result<String> {
    get_with(url, false).await
}

/// The same, and an answer that is an error may be one to read, too.
async fn get_with(url: String, any_status: bool) -> anyhow::Result<String> {
    tokio::task::spawn_blocking(move || {
        let config = ureq::Agent::config_builder().timeout_global(Some(ANSWER));
        let agent: ureq::Agent = config.http_status_as_error(!any_status).build().into();
        let mut answer = agent.get(&url).call().with_context(|| format!("GET {url}"))?;
        Ok(answer.body_mut().read_to_string()?)
    })
    .await?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_where_a_director_listens() {
        let line = "mesh=/ip4/127.0.0.1/tcp/41 public=/ip4/127.0.0.1/tcp/42 http=127.0.0.1:43";
        let ports = ports_of(line).unwrap();
        assert_eq!((ports.mesh, ports.public, ports.http), (41, 42, 43));
        assert!(ports_of("mesh=/ip4/127.0.0.1/tcp/41").is_err());
    }
}
