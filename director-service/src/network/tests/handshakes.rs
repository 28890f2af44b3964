//! The threads for handshakes: what they compute, and what is left of them.

use super::{PATIENCE, Peer, key, strangers::shake_hands};
use crate::network::{
    Refusal, Side, Stats,
    handshakes::{CROWD, NICENESS, Precedence, Worker, be_nice},
};
use std::{
    fs,
    future::{pending, poll_fn},
    path::Path,
    sync::Arc,
    task::Poll,
    time::Duration,
};
use tokio::{sync::oneshot, time::timeout};

/// The scheduler's number for threads that run when nobody else wants to.
const SCHED_IDLE: i32 = 5;

/// Niceness and policy of this thread.
fn schedule() -> (i32, i32) {
    let stat = fs::read_to_string("/proc/thread-self/stat").unwrap();
    // After the name, which may have anything in it: the niceness is field 19, the policy field 41.
    let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    (fields[16].parse().unwrap(), fields[38].parse().unwrap())
}

/// CPU time of this process' threads for handshakes.
fn cpu_time() -> Duration {
    let of_handshakes = |thread: &Path| {
        let name = fs::read_to_string(thread.join("comm")).ok()?;
        (name.trim() == "handshakes").then_some(())?;
        // Nanoseconds on a processor come first.
        let used = fs::read_to_string(thread.join("schedstat")).ok()?;
        used.split_whitespace().next()?.parse::<u64>().ok()
    };
    let threads = fs::read_dir("/proc/self/task").unwrap();
    // One that ends meanwhile says nothing.
    let used = threads.filter_map(|thread| of_handshakes(&thread.ok()?.path()));
    Duration::from_nanos(used.sum())
}

/// A handshake that never ends and says when it has begun, and what is there as long as it is.
fn endless() -> (impl Future<Output = ()> + Send + 'static, oneshot::Receiver<()>, Arc<()>) {
    let (begun, begins) = oneshot::channel();
    let left = Arc::new(());
    let held = left.clone();
    let handshake = async move {
        let _held = held;
        begun.send(()).unwrap();
        pending().await
    };
    (handshake, begins, left)
}

#[tokio::test]
async fn the_thread_lets_everything_else_go_first() {
    let worker = Worker::start().unwrap();
    let before = schedule();
    let (there, policy) = worker.handshakes().run(async { schedule() }).await.unwrap();
    println!("policy {policy}, niceness {there}");
    // A sandbox may refuse the policy; then it is nice.
    assert!(policy == SCHED_IDLE || there == (before.0 + NICENESS).min(19), "{policy} {there}");
    assert_eq!(schedule(), before, "the others' is what it was");
}

/// As where every core is busy: the idle thread has begun something and gets no time to end it.
#[tokio::test]
async fn who_finds_a_crowd_before_the_idle_thread_is_not_shut_out() {
    let worker = Worker::start().unwrap();
    let (go, gone) = std::sync::mpsc::sync_channel::<()>(1);
    let (begun, begins) = oneshot::channel();
    let handshakes = worker.handshakes();
    let stuck = tokio::spawn(async move {
        let handshake = async move {
            begun.send(()).unwrap();
            // It takes the thread, as something that computes does.
            gone.recv().unwrap();
        };
        handshakes.run(handshake).await
    });
    timeout(PATIENCE, begins).await.unwrap().unwrap();
    let mut crowd = Vec::new();
    for _ in 0..CROWD {
        let handshakes = worker.handshakes();
        let mut waiting = Box::pin(async move { handshakes.run(async {}).await });
        poll_fn(|cx| {
            assert!(waiting.as_mut().poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        crowd.push(waiting);
    }
    let next = worker.handshakes();
    let next = timeout(PATIENCE, next.run(async { schedule() })).await;
    let (niceness, policy) = next.unwrap().unwrap();
    assert_eq!(niceness, (schedule().0 + NICENESS).min(19));
    assert_ne!(policy, SCHED_IDLE);
    go.send(()).unwrap();
    assert_eq!(stuck.await.unwrap(), Some(()));
    for waiting in crowd {
        assert_eq!(timeout(PATIENCE, waiting).await.unwrap(), Some(()), "nobody is forgotten");
    }
}

#[test]
fn where_it_cannot_be_idle_it_is_nice() {
    let (before, ..) = schedule();
    let nice = std::thread::spawn(|| (be_nice(), schedule().0)).join().unwrap();
    assert_eq!(nice, (Precedence::Lower, (before + NICENESS).min(19)));
    assert_eq!(schedule().0, before, "the others' is what it was");
}

#[tokio::test]
async fn a_handshake_that_its_connection_gives_up_is_dropped() {
    let worker = Worker::start().unwrap();
    let (handshake, begins, left) = endless();
    let handshakes = worker.handshakes();
    let mut caller = Box::pin(handshakes.run(handshake));
    poll_fn(|cx| {
        assert!(caller.as_mut().poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
    timeout(PATIENCE, begins).await.unwrap().unwrap();
    drop(caller);
    // In turn: what was given up goes before what comes next.
    assert_eq!(worker.handshakes().run(async {}).await, Some(()));
    assert_eq!(Arc::strong_count(&left), 1);
}

#[tokio::test]
async fn nothing_is_left_when_the_thread_ends() {
    let worker = Worker::start().unwrap();
    let (handshake, begins, left) = endless();
    let handshakes = worker.handshakes();
    let caller = tokio::spawn(async move { handshakes.run(handshake).await });
    timeout(PATIENCE, begins).await.unwrap().unwrap();
    let late = worker.handshakes();
    timeout(PATIENCE, worker.end()).await.unwrap();
    assert_eq!(Arc::strong_count(&left), 1);
    assert_eq!(timeout(PATIENCE, caller).await.unwrap().unwrap(), None);
    assert_eq!(late.run(async {}).await, None, "nothing is begun any more");
}

#[tokio::test]
async fn a_handshake_that_panics_is_nobody_elses_trouble() {
    let worker = Worker::start().unwrap();
    assert_eq!(worker.handshakes().run::<()>(async { panic!("as it should") }).await, None);
    assert_eq!(worker.handshakes().run(async { 7 }).await, Some(7));
}

/// Each takes a tenth of a millisecond at the very least; a thread without work takes none.
#[tokio::test]
async fn who_calls_a_director_is_computed_on_the_thread() {
    const COUNT: u32 = 50;
    let least = COUNT * Duration::from_micros(100);
    let director = Peer::start(Side::Public, 1, |_| {}).await;
    director.handle.allow([key(2)]);
    let before = cpu_time();
    for _ in 0..COUNT {
        assert!(shake_hands(&director.handle, 99).await.is_err());
    }
    let used = cpu_time() - before;
    println!("CPU of {COUNT} handshakes on their thread: {used:?}");
    assert!(used > least, "{used:?}");
    let refused = |stats: &Stats| stats.refused(Refusal::NotAllowed) == u64::from(COUNT);
    director.stats_when(refused).await;
    // And one that is let in goes on where messages are relayed.
    let mut director = director;
    let mut validator = Peer::validator(2, &director).await;
    assert_eq!(director.up().await, key(2));
    assert_eq!(validator.up().await, key(1));
}
