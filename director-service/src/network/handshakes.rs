//! Computes the handshakes of callers on threads of their own, which let everything else go first.
//!
//! A handshake of Noise takes half a millisecond of a core, in two pieces: where a thread that relays does
//! it, every message that comes meanwhile waits for it. So the task of a connection that came in hands
//! its Noise to another thread and waits; what it reads and writes afterwards it does itself again, where it
//! always did. That thread runs when no other one wants the core (`SCHED_IDLE`): the system takes the core away from it
//! as soon as one of them has something to do. A niceness alone gives a thread its turn among those that are busy, and
//! what has just woken may wait for the end of that turn.
//!
//! Where every core is busy, an idle thread has some six turns a second, and validators that lost their director
//! would wait for minutes. So what comes while [`CROWD`] others wait goes to a second thread, which has a lower
//! priority ([`NICENESS`]) instead: relaying is a little slower then, and nobody is shut out. Where the system refuses
//! the policy both are such threads.
//!
//! * *Bounds*: they have at most one future for each handshake under way, and those are bounded by the gate.
//! * *Time*: nobody waits for them longer than a handshake may take: that clock runs in the connection's task,
//!   and what that task gives up ends here at the thread's next turn.
//! * *Locks*: they take none that others wait for; keys are checked by the connection's task.
//! * *End*: the threads end with the [`Worker`], and everything that they had is dropped before.

use std::{convert::Infallible, io, thread};
use tokio::{
    runtime::{Builder, Handle},
    sync::oneshot,
    task::JoinHandle,
};

/// How far a thread steps back that is not idle. Against threads that leave no time at all, 10 steps are a tenth
/// of a core, which are 200 handshakes a second; an idle thread has three thousandths, which are six.
pub(super) const NICENESS: i32 = 10;

/// How many handshakes may wait for the idle thread: a fraction of a second where it gets hardly any time.
pub(super) const CROWD: usize = 3;

/// The threads; they end when this is dropped.
pub(super) struct Worker {
    idle: Thread,
    nice: Thread,
}

impl Worker {
    /// Starts the threads.
    ///
    /// # Errors
    ///
    /// If the system gives no thread.
    pub(super) fn start() -> io::Result<Self> {
        Ok(Self { idle: Thread::start(step_back)?, nice: Thread::start(be_nice)? })
    }

    /// Where to hand in what is to be computed there.
    pub(super) fn handshakes(&self) -> Handshakes {
        Handshakes { idle: self.idle.runtime.clone(), nice: self.nice.runtime.clone() }
    }

    /// Ends the threads. When this returns, nothing is left of what they had.
    pub(super) async fn end(self) {
        for ended in [self.idle.stop(), self.nice.stop()] {
            // Ends by the drop of the other half.
            let _: Result<Infallible, _> = ended.await;
        }
    }
}

/// A thread that computes handshakes; it ends when this is dropped.
struct Thread {
    runtime: Handle,
    /// Its drop tells the thread to end.
    _stop: oneshot::Sender<Infallible>,
    /// Says by its end that the thread has dropped all that it had.
    ended: oneshot::Receiver<Infallible>,
}

impl Thread {
    fn start(step_back: fn() -> Precedence) -> io::Result<Self> {
        // Neither sockets nor timers: those of a handshake are looked after where it was begun.
        let tasks = Builder::new_current_thread().build()?;
        let runtime = tasks.handle().clone();
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
            let _: Result<Infallible, _> = tasks.block_on(stopped);
            drop(tasks);
            drop(running);
        })?;
        Ok(Self { runtime, _stop: stop, ended })
    }

    /// Tells the thread to end; what is returned ends when it has.
    fn stop(self) -> oneshot::Receiver<Infallible> {
        self.ended
    }
}

/// The way to the threads; clones are the same threads.
#[derive(Clone)]
pub(super) struct Handshakes {
    idle: Handle,
    nice: Handle,
}

impl Handshakes {
    /// Runs a handshake on one of the threads. If the caller gives up, so does the thread. `None` if the thread
    /// has ended, or the handshake has panicked.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        handshake: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        // Those that have something to compute: whoever waits for his caller does not count.
        let waiting = self.idle.metrics().global_queue_depth();
        let thread = if waiting < CROWD { &self.idle } else { &self.nice };
        let mut task = AbortOnDrop(thread.spawn(handshake));
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

#[cfg(not(target_os = "linux"))]
pub(super) fn be_nice() -> Precedence {
    step_back()
}
