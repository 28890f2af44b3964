//! Computes the handshakes of callers on a thread of its own, which lets everything else go first.
//!
//! A handshake of Noise takes half a millisecond of a core, in two pieces: where a thread that relays does
//! it, every message that comes meanwhile waits for it. So the task of a connection that came in hands
//! its Noise to this thread and waits; what it reads and writes afterwards it does itself again, where it
//! always did. The thread runs when no other one wants the core (`SCHED_IDLE`), and with a lower priority than all
//! others of the process ([`NICENESS`]) where the system refuses that: it takes the core away from this thread as soon as
//! one of them has something to do. A niceness alone gives the thread its turn among those that are busy, and what has
//! just woken may wait for the end of that turn.
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

/// How far the thread steps back where it cannot be idle. Against threads that leave no time at all, 10 steps are a tenth
/// of a core, which are 200 handshakes a second; an idle thread has three thousandths, which are six.
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
            match step_back() {
                Precedence::Same => tracing::debug!(
                    wanted = NICENESS,
                    "handshakes have the priority of everything else"
                ),
                precedence => tracing::debug!(?precedence, "handshakes step back"),
            }
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

/// How this thread steps back, for the log and for tests.
#[cfg_attr(not(target_os = "linux"), allow(dead_code))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Precedence {
    /// It runs when nobody else wants to.
    Idle,
    /// It has a lower priority.
    Lower,
    /// The one of everything else.
    Same,
}

/// Lets everything else go before this thread, as far as the system allows.
#[cfg(target_os = "linux")]
fn step_back() -> Precedence {
    if be_idle() {
        return Precedence::Idle;
    }
    be_nice()
}

/// Makes this thread an idle one; whether it is one now. Nobody needs a right for that, but a sandbox may forbid it.
#[cfg(target_os = "linux")]
fn be_idle() -> bool {
    use thread_priority::{
        NormalThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy,
        set_thread_priority_and_policy, thread_native_id, thread_schedule_policy,
    };
    let idle = ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Idle);
    let set = set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Min, idle);
    // It sets a niceness as well, which does nothing to an idle thread and which a process that is nice itself may not
    // lower: an error does not say that the policy is not there.
    let is_idle = thread_schedule_policy().is_ok_and(|policy| policy == idle);
    if !is_idle {
        tracing::debug!(?set, "the thread for handshakes is not idle");
    }
    is_idle
}

/// Gives this thread a lower priority. Of the thread alone: what POSIX says of the whole process Linux does to a thread.
#[cfg(target_os = "linux")]
pub(super) fn be_nice() -> Precedence {
    match rustix::process::nice(NICENESS) {
        Ok(_) => Precedence::Lower,
        Err(error) => {
            tracing::debug!(%error, "no niceness for the thread for handshakes");
            Precedence::Same
        }
    }
}

/// Elsewhere a process has one priority for all its threads.
#[cfg(not(target_os = "linux"))]
fn step_back() -> Precedence {
    Precedence::Same
}
