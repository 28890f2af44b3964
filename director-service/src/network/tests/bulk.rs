use crate::network::bulk::Window;
use std::time::Duration;
use tokio::time::Instant;

const KIB: usize = 1024;

/// A path that takes `delay` and has a queue which lets `bytes_per_ms` through: simulated time.
struct Path {
    window: Window,
    now: Instant,
    delay: Duration,
    bytes_per_ms: usize,
    /// When what was written is through the queue.
    busy_until: Instant,
    on_the_way: std::collections::VecDeque<(usize, Instant)>,
}

impl Path {
    fn new(delay: Duration, bytes_per_ms: usize) -> Self {
        let now = Instant::now();
        let window = Window::default();
        Self { window, now, delay, bytes_per_ms, busy_until: now, on_the_way: Default::default() }
    }

    /// Writes whatever the window lets through for so long. Returns bytes that arrived, and the most
    /// that a vote would have waited behind Bulk at the end.
    fn run(&mut self, time: Duration) -> (usize, Duration) {
        let end = self.now + time;
        let mut arrived = 0;
        while self.now < end {
            while self.window.room() > 0 {
                let len = self.window.room().min(16 * KIB);
                self.window.written(len, self.now);
                let micros = (len * 1_000 / self.bytes_per_ms) as u64;
                self.busy_until = self.busy_until.max(self.now) + Duration::from_micros(micros);
                self.on_the_way.push_back((len, self.busy_until + self.delay));
            }
            let Some((len, at)) = self.on_the_way.pop_front() else { break };
            self.now = self.now.max(at);
            arrived += len;
            assert!(self.window.acknowledged(len, self.now));
        }
        (arrived, self.busy_until.saturating_duration_since(self.now))
    }
}

#[test]
fn a_short_path_carries_all_it_can_and_has_no_queue() {
    let mut path = Path::new(Duration::from_micros(100), 100 * KIB);
    path.run(Duration::from_secs(1));
    let (arrived, queue) = path.run(Duration::from_secs(1));
    assert!(arrived > 90 * KIB * 1_000, "{arrived}");
    assert!(queue < Duration::from_millis(3), "{queue:?}");
}

#[test]
fn a_long_path_is_filled_too() {
    let mut path = Path::new(Duration::from_millis(50), 10 * KIB);
    path.run(Duration::from_secs(5));
    let (arrived, queue) = path.run(Duration::from_secs(1));
    assert!(arrived > 8 * KIB * 1_000, "{arrived}");
    assert!(queue < Duration::from_millis(40), "{queue:?}");
}

#[test]
fn a_reader_that_slows_down_has_little_before_it_soon() {
    let mut path = Path::new(Duration::from_micros(100), 100 * KIB);
    path.run(Duration::from_secs(1));
    path.bytes_per_ms = 4 * KIB;
    path.run(Duration::from_secs(1));
    let (_, queue) = path.run(Duration::from_secs(1));
    // One write of 16 KiB takes 4 ms here.
    assert!(queue <= Duration::from_millis(9), "{queue:?}");
}

#[test]
fn what_was_never_sent_cannot_be_acknowledged() {
    let mut window = Window::default();
    let now = Instant::now();
    window.written(1_000, now);
    assert!(!window.acknowledged(1_001, now));
    assert!(window.acknowledged(1_000, now));
    assert!(!window.acknowledged(1, now));
}
