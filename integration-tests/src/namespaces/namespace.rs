//! Makes a network namespace and runs code in it.

use anyhow::{Context, bail};
use nix::sched::{CloneFlags, setns, unshare};
use std::{
    fs::File,
    io::Write,
    os::fd::AsRawFd,
    process::{Command, Stdio},
    sync::Arc,
    thread,
};
use tokio::{
    runtime::{Builder, Handle, Runtime},
    task::JoinHandle,
};

/// A network namespace with a runtime whose threads are all in it. A socket belongs to the namespace
/// in which it was made, whoever uses it afterwards, and a process to that of the thread that
/// started it.
///
/// It ends with the last socket, thread and process in it.
pub struct Namespace {
    name: String,
    net: Arc<File>,
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
}

impl Namespace {
    /// Makes one in which nothing but loopback is there. `name` is for messages.
    ///
    /// # Errors
    ///
    /// If this process may not.
    pub fn new(name: &str) -> anyhow::Result<Self> {
        let net = on_thread(|| {
            unshare(CloneFlags::CLONE_NEWNET).context("cannot make a network namespace")?;
            File::open("/proc/thread-self/ns/net").context("cannot open the namespace just made")
        })?;
        let net = Arc::new(net);
        // Once where an error can be told; threads of a runtime can only panic.
        let tried = net.clone();
        on_thread(move || enter(&tried))?;
        let entered = net.clone();
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name(name)
            .enable_all()
            .on_thread_start(move || enter(&entered).expect("it was entered before"))
            .build()?;
        let namespace = Self { name: name.into(), net, runtime: Some(runtime) };
        namespace.ip(&["link set lo up"])?;
        Ok(namespace)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A path by which `ip` finds it.
    pub fn path(&self) -> String {
        format!("/proc/{}/fd/{}", std::process::id(), self.net.as_raw_fd())
    }

    /// Its runtime: what is spawned there runs in the namespace, and so does what that spawns.
    ///
    /// # Panics
    ///
    /// Never: the runtime is there until this is dropped.
    pub fn handle(&self) -> &Handle {
        self.runtime.as_ref().expect("there until it is dropped").handle()
    }

    /// Runs a future in it.
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.handle().spawn(future)
    }

    /// Runs code in it that may block.
    ///
    /// # Errors
    ///
    /// If it panics.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> anyhow::Result<T> {
        Ok(self.handle().spawn_blocking(work).await?)
    }

    /// Runs `ip` in it, once for each of these arguments.
    ///
    /// # Errors
    ///
    /// If `ip` refuses.
    pub fn ip(&self, lines: &[&str]) -> anyhow::Result<()> {
        let net = self.net.clone();
        let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
        let configured = on_thread(move || {
            enter(&net)?;
            ip(&lines)
        });
        configured.with_context(|| format!("in the namespace of {}", self.name))
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // May happen on a thread of another runtime, where nothing must wait.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Runs `ip` in the namespace of this thread.
///
/// # Errors
///
/// If it refuses.
pub(super) fn ip<S: AsRef<str>>(lines: &[S]) -> anyhow::Result<()> {
    let mut child = Command::new("ip")
        .args(["-batch", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot run `ip` of iproute2")?;
    let batch: String = lines.iter().map(|line| format!("{}\n", line.as_ref())).collect();
    child.stdin.take().context("no standard input")?.write_all(batch.as_bytes())?;
    let done = child.wait_with_output()?;
    if !done.status.success() {
        bail!("`ip` with\n{batch}says: {}", String::from_utf8_lossy(&done.stderr).trim());
    }
    Ok(())
}

fn enter(net: &File) -> anyhow::Result<()> {
    setns(net, CloneFlags::CLONE_NEWNET).context("cannot enter a network namespace")
}

/// Runs code on a thread of its own, which ends with it: whoever enters a namespace stays there.
fn on_thread<T: Send + 'static>(
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    let thread = thread::Builder::new().name("namespace".into()).spawn(work)?;
    thread.join().unwrap_or_else(|_| bail!("a thread panicked"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::namespaces::available;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn what_runs_in_a_namespace_is_nowhere_else() {
        if let Err(why) = available() {
            eprintln!("SKIPPED: needs network namespaces: {why}");
            return;
        }
        let [one, other] = ["one", "other"].map(|name| Namespace::new(name).unwrap());
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let listener = one.run(|| TcpListener::bind("127.0.0.1:0").unwrap()).await.unwrap();
            let address = listener.local_addr().unwrap();
            let connect = move || TcpStream::connect(address).is_ok();
            assert!(one.run(connect).await.unwrap());
            assert!(!other.run(connect).await.unwrap());
            assert!(!connect());
            // A process too.
            let links = || Command::new("ip").args(["-br", "link"]).output().unwrap().stdout;
            let links = one.run(links).await.unwrap();
            assert_eq!(String::from_utf8(links).unwrap().lines().count(), 1);
        });
    }
}
