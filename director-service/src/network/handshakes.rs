//! Computes the handshakes of callers on a thread of its own, which lets everything else go first.
//!
//! A handshake of Noise takes half a millisecond of a core, in two pieces: where a thread that relays does
//! it, every message that comes meanwhile waits for it. So the task of a connection that came in hands
//! its Noise to this thread and waits; what it reads and writes afterwards it does itself again, where it
//! always did. The thread has a lower priority than all others of the process ([`NICENESS`]): the system
//! takes the core away from it as soon as one of them has something to do.
//!
//! * *Bounds*: it has at most one future for each handshake under way, and those are bounded by the gate.
//! * *Time*: nobody waits for it longer than a handshake may take: that clock runs in the connection's task,
//!   and what that task gives up ends here at the thread's next turn.
//! * *Locks*: it takes none that others wait for; keys are checked by the connection's task.
//! * *End*: the thread ends with the [`Worker`], and everything that it had is dropped before.

use std::{convert::Infallible, io, thread};
use tokio::{
    runtime::{Builder, Handle},
    sync::oneshot,
    task::JoinHandle,
};

/// How far the thread steps back. Against threads that leave no time at all, 10 steps are a tenth of a
/// core, which are 200 handshakes a second: enough for those who have to come back.
pub(super) const NICENESS: i32 = 10;

/// The thread; it ends when this is dropped.
pub(super) struct Worker {
    handshakes: Handshakes,
    /// Its drop tells the thread to end.
    _stop: oneshot::Sender<Infallible>,
    /// Says by its end that the thread has dropped all that it had.
    ended: oneshot::Receiver<Infallible>,
}

impl Worker {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// If the system gives no thread.
    pub(super) fn start() -> io::Result<Self> {
        // Neither sockets nor timers: those of a handshake are looked after where it was begun.
        let runtime = Builder::new_current_thread().build()?;
        let handshakes = Handshakes(runtime.handle().clone());
        let (stop, stopped) = oneshot::channel();
        let (running, ended) = oneshot::channel();
        thread::Builder::new().name("handshakes".into()).spawn(move || {
            step_back();
            // Ends by the drop of the other half.
            let _: Result<Infallible, _> = runtime.block_on(stopped);
            drop(runtime);
            drop(running);
        })?;
        Ok(Self { handshakes, _stop: stop, ended })
    }

    /// Where to hand in what is to be computed there.
    pub(super) fn handshakes(&self) -> Handshakes {
        self.handshakes.clone()
    }

    /// Ends the thread. When this returns, nothing is left of what it had.
    pub(super) async fn end(self) {
        let Self { _stop, ended, .. } = self;
        drop(_stop);
        // Ends by the drop of the other half.
        let _: Result<Infallible, _> = ended.await;
    }
}

/// The way to the thread; clones are the same thread.
#[derive(Clone)]
pub(super) struct Handshakes(Handle);

impl Handshakes {
    /// Runs a handshake on the thread. If the caller gives up, so does the thread. `None` if the thread
    /// has ended, or the handshake has panicked.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        handshake: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let mut task = AbortOnDrop(self.0.spawn(handshake));
        (&mut task.0).await.ok()
    }
}

struct AbortOnDrop<T>(JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Gives this thread a lower priority.
#[cfg(target_os = "linux")]
fn step_back() {
    // Of the thread alone: what POSIX says of the whole process Linux does to a thread.
    if let Err(error) = rustix::process::nice(NICENESS) {
        tracing::debug!(%error, "handshakes have the priority of everything else");
    }
}

/// Elsewhere a process has one priority for all its threads.
#[cfg(not(target_os = "linux"))]
fn step_back() {
    tracing::debug!(
        wanted = NICENESS,
        "handshakes have the priority of everything else: threads have none of their own here"
    );
}
