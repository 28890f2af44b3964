//! Runs a director where it belongs: the mesh on `tailscale0`, the public side on all interfaces, the
//! page and the node on its own loopback.

use super::{Forward, Lan, Namespace, Net};
use crate::{
    director::{folder, get, poll_status, write_keys},
    keys::Identity,
    process::{Managed, sibling},
};
use anyhow::Context;
use director_primitives::{
    PublicKey,
    runtime_api::{Endpoint, EndpointScope, Endpoints},
};
use director_service::{client::DirectorAddress, network::Multiaddr};
use serde_json::Value;
use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::Duration,
};
use tokio::{process::Command, time::timeout};

/// Where directors listen for each other.
pub const MESH_PORT: u16 = 30401;

/// Where they listen for validators.
pub const PUBLIC_PORT: u16 = 30400;

/// Where they show their status, on loopback.
const HTTP_PORT: u16 = 9615;

/// Where they find the node, on loopback.
const NODE_PORT: u16 = 9944;

/// How long a director may take to listen.
const START: Duration = Duration::from_secs(60);

/// How long a command may take. Some wait for blocks.
const COMMAND: Duration = Duration::from_secs(40);

/// A director in a namespace of its own.
pub struct Site {
    /// Before the namespace, on whose runtime it leans.
    _node: Forward,
    /// Its account, and the peer key that it started with.
    pub identity: Identity,
    /// Its number in both networks.
    pub host: u16,
    /// The process, while there is one.
    pub process: Option<Managed>,
    /// Where it lives.
    pub namespace: Namespace,
    config: PathBuf,
    log: PathBuf,
}

impl Site {
    /// Starts a director as host number `host` with its files in `dir/NAME`, and waits until it
    /// listens. On chain it need not be known yet.
    ///
    /// # Errors
    ///
    /// If it does not start; the message has the end of its log.
    pub async fn start(
        lan: &Lan,
        identity: Identity,
        host: u16,
        dir: &Path,
        node: SocketAddr,
    ) -> anyhow::Result<Self> {
        let namespace = lan.namespace(&identity.name, &[(Net::Mesh, host), (Net::Public, host)])?;
        let mut site = Self::prepare(namespace, identity, host, dir, node).await?;
        site.run().await?;
        Ok(site)
    }

    /// Writes its files; it is not running yet. What its namespace has of interfaces is the caller's
    /// business.
    ///
    /// # Errors
    ///
    /// If a file cannot be written, or the port for the node is taken.
    pub async fn prepare(
        namespace: Namespace,
        identity: Identity,
        host: u16,
        dir: &Path,
        node: SocketAddr,
    ) -> anyhow::Result<Self> {
        let forward = Forward::start(&namespace, NODE_PORT, node).await?;
        let config = write_config(&identity, dir)?;
        let log = dir.join(format!("{}.log", identity.name));
        Ok(Self { identity, host, namespace, process: None, config, log, _node: forward })
    }

    /// Starts the process and waits until it listens.
    ///
    /// # Errors
    ///
    /// If it does not; the message has the end of its log.
    pub async fn run(&mut self) -> anyhow::Result<()> {
        self.spawn().await?;
        let process = self.process.as_mut().context("it was started just now")?;
        process.wait_for_line("listening ", START).await.map(drop)
    }

    /// Starts the process and waits for nothing.
    ///
    /// # Errors
    ///
    /// If it cannot be started.
    pub async fn spawn(&mut self) -> anyhow::Result<()> {
        let (name, log) = (self.identity.name.clone(), self.log.clone());
        let config = self.config.display().to_string();
        let arguments = ["run", "--config", &config, "--exit-on-stdin-eof"].map(String::from);
        let program = sibling("director")?;
        let spawn = async move { Managed::spawn(&name, &program, &arguments, log) };
        self.process = Some(self.namespace.spawn(spawn).await??);
        Ok(())
    }

    /// Kills the process at once, as a power cut would.
    pub async fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            process.kill().await;
        }
    }

    /// Asks the process to end and waits for it.
    pub async fn stop(&mut self) {
        if let Some(process) = self.process.take() {
            process.stop().await;
        }
    }

    /// The process.
    ///
    /// # Errors
    ///
    /// If it was killed.
    pub fn running(&self) -> anyhow::Result<&Managed> {
        self.process.as_ref().with_context(|| format!("{} does not run", self.identity.name))
    }

    /// Its process id.
    ///
    /// # Errors
    ///
    /// If it does not run.
    pub fn pid(&self) -> anyhow::Result<u32> {
        self.running()?.pid().with_context(|| format!("{} has ended", self.identity.name))
    }

    /// Runs `director COMMAND --config FILE ARGUMENTS` where it lives; what that printed, and how it
    /// ended.
    ///
    /// # Errors
    ///
    /// If it cannot be started or does not end.
    pub async fn command(&self, command: &[&str], rest: &[&str]) -> anyhow::Result<Output> {
        let mut run = Command::new(sibling("director")?);
        run.args(command).arg("--config").arg(&self.config).args(rest);
        run.stdin(Stdio::null()).kill_on_drop(true);
        let done = self.namespace.spawn(async move { timeout(COMMAND, run.output()).await });
        let done = done.await?;
        done.with_context(|| format!("`director {command:?}` does not end"))?
            .context("cannot start it")
    }

    /// What the director says of itself: `/api/v1/status`.
    ///
    /// # Errors
    ///
    /// If it does not answer, or not in JSON.
    pub async fn status(&self) -> anyhow::Result<Value> {
        let url = format!("http://127.0.0.1:{HTTP_PORT}/api/v1/status");
        let text = self.namespace.spawn(get(url)).await??;
        serde_json::from_str(&text).context("the status is no JSON")
    }

    /// The value of a metric, all labels added up; 0 if there is none of that name.
    ///
    /// # Errors
    ///
    /// If it does not answer.
    pub async fn metric(&self, name: &str, label: &str) -> anyhow::Result<f64> {
        let text = self.metrics().await?;
        let values = text.lines().filter_map(|line| {
            let (what, value) = line.rsplit_once(' ')?;
            let (of, labels) = what.split_once('{').unwrap_or((what, ""));
            (of == name && labels.contains(label)).then(|| value.parse::<f64>().ok())?
        });
        Ok(values.sum())
    }

    /// All its metrics.
    ///
    /// # Errors
    ///
    /// If it does not answer.
    pub async fn metrics(&self) -> anyhow::Result<String> {
        let url = format!("http://127.0.0.1:{HTTP_PORT}/metrics");
        self.namespace.spawn(get(url)).await?
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

    /// Its log so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Its address in a network.
    pub fn address(&self, net: Net) -> Ipv4Addr {
        net.address(self.host)
    }

    /// What it has on chain: where validators and directors reach it.
    ///
    /// # Panics
    ///
    /// Never: addresses are short.
    pub fn endpoints(&self) -> Endpoints {
        let endpoint = |scope, net, port| {
            let address = multiaddr(self.address(net), port).to_string().into_bytes();
            Endpoint { scope, address: address.try_into().expect("shorter than MAX_ADDRESS_LEN") }
        };
        Endpoints::truncate_from(vec![
            endpoint(EndpointScope::Public, Net::Public, PUBLIC_PORT),
            endpoint(EndpointScope::Mesh, Net::Mesh, MESH_PORT),
        ])
    }

    /// Its peer key.
    pub fn key(&self) -> PublicKey {
        self.identity.peer_key()
    }

    /// Where validators reach it.
    pub fn public(&self) -> Multiaddr {
        multiaddr(self.address(Net::Public), PUBLIC_PORT)
    }

    /// Where directors reach it.
    pub fn mesh(&self) -> Multiaddr {
        multiaddr(self.address(Net::Mesh), MESH_PORT)
    }

    /// The same, for a client's list.
    pub fn for_clients(&self) -> DirectorAddress {
        DirectorAddress { peer_key: self.key(), addresses: vec![self.public()] }
    }
}

/// The other directors that a status says are connected, by peer key in hexadecimal.
pub(super) fn linked(status: &Value) -> Vec<&str> {
    let peers = status["mesh"].as_array().map_or(&[][..], Vec::as_slice);
    let connected = peers.iter().filter(|peer| peer["connected"] == true);
    connected.filter_map(|peer| peer["peer"].as_str()).collect()
}

fn multiaddr(ip: Ipv4Addr, port: u16) -> Multiaddr {
    format!("/ip4/{ip}/tcp/{port}").parse().expect("an IPv4 address and a port make one")
}

fn write_config(identity: &Identity, dir: &Path) -> anyhow::Result<PathBuf> {
    let folder = folder(dir, &identity.name);
    write_keys(identity, &folder)?;
    let config = folder.join("director.toml");
    let interface = Net::Mesh.interface();
    let text = format!(
        "data_dir = \"data\"\n\n[chain]\nurl = \"ws://127.0.0.1:{NODE_PORT}\"\n\n\
         [keys]\naccount = \"account.key\"\npeer = \"peer.key\"\n\n\
         [mesh]\ninterface = \"{interface}\"\nport = {MESH_PORT}\n\n\
         [public]\nlisten = [\"/ip4/0.0.0.0/tcp/{PUBLIC_PORT}\"]\n\n\
         [http]\nlisten = \"127.0.0.1:{HTTP_PORT}\"\n"
    );
    fs::write(&config, text)?;
    Ok(config)
}
