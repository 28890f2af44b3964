//! Hands the messages over at their intended times, from a thread that does nothing else.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::*},
    },
    thread,
    time::{Duration, Instant},
};

use crate::{
    System,
    ledger::Shared,
    options::Options,
    payload::{Class, Header},
};

/// Bulk messages prepared in advance.
const BULK_STOCK_BYTES: usize = 384 << 20;
/// A late sender writes after so many messages, however many more are due.
const FLUSH_MESSAGES: usize = 256;
/// Shortest sleep where votes follow each other faster than this: a wake-up for each would take a
/// quarter of the load's core. Adds this much to latency at most, and only above 10,000 votes a second.
const SHORTEST_SLEEP: Duration = Duration::from_micros(100);
/// After so long without progress a bulk message counts as lost, and the next one may go.
const BULK_STALL: Duration = Duration::from_secs(1);

/// What the pacing thread tells.
#[derive(Default)]
pub(crate) struct Paced {
    /// Votes handed over within the measured window.
    pub(crate) votes_in_window: AtomicU64,
    /// Bulk messages handed over.
    pub(crate) bulk: AtomicU64,
    /// Asks the thread to end.
    pub(crate) stop: AtomicBool,
}

/// The system with everything it will send.
pub(crate) struct Pacing<S: System> {
    system: S,
    votes: Vec<S::Message>,
    bulk: Bulk<S::Message>,
    shortest_sleep: Duration,
    warmup_ns: u64,
    end_ns: u64,
}

struct Bulk<M> {
    window: u64,
    bytes: usize,
    stock: std::vec::IntoIter<M>,
    published: u64,
    /// Messages given up, and since when nothing moved.
    given_up: u64,
    fewest: u64,
    moved: Option<Instant>,
}

impl<S: System> Pacing<S> {
    /// Prepares all votes, and the first bulk messages.
    pub(crate) fn prepare(options: &Options, mut system: S, shared: &Shared) -> Self {
        let mut payload = vec![0; options.payload];
        let votes = (0..shared.schedule.len()).map(|index| {
            let slot = shared.schedule.slot(index);
            let origin = slot.validator as u32;
            Header { origin, class: Class::Vote, seq: slot.seq, at_ns: slot.at_ns }
                .write(&mut payload);
            system.prepare(slot.validator, Class::Vote, &payload)
        });
        let votes = votes.collect();
        let stock =
            if options.bulk_window == 0 { 0 } else { BULK_STOCK_BYTES / options.bulk_bytes };
        let stock = (0..stock as u64).map(|seq| prepare_bulk(&mut system, options.bulk_bytes, seq));
        let stock = stock.collect::<Vec<_>>().into_iter();
        let bulk = Bulk {
            window: options.bulk_window,
            bytes: options.bulk_bytes,
            stock,
            published: 0,
            given_up: 0,
            fewest: 0,
            moved: None,
        };
        let dense = !options.burst && options.rate > 10_000;
        Self {
            system,
            votes,
            bulk,
            shortest_sleep: if dense { SHORTEST_SLEEP } else { Duration::ZERO },
            warmup_ns: options.warmup_ns(),
            end_ns: options.end_ns(),
        }
    }

    /// Sends everything: never skips a vote; when late, sends at once until it has caught up.
    pub(crate) fn run(mut self, shared: &Shared, paced: &Arc<Paced>) {
        exact_timers();
        let mut unflushed = 0;
        for (index, message) in (0..).zip(std::mem::take(&mut self.votes)) {
            let slot = shared.schedule.slot(index);
            let now_ns = loop {
                if paced.stop.load(Relaxed) {
                    return;
                }
                let now_ns = shared.now_ns();
                self.publish_bulk(shared, paced, now_ns);
                if now_ns >= slot.at_ns {
                    break now_ns;
                }
                if unflushed > 0 {
                    self.system.flush();
                    unflushed = 0;
                    continue;
                }
                let sleep = Duration::from_nanos(slot.at_ns - now_ns);
                thread::park_timeout(sleep.max(self.shortest_sleep));
            };
            self.system.publish(slot.validator, message);
            if (self.warmup_ns..self.end_ns).contains(&now_ns) {
                paced.votes_in_window.fetch_add(1, Relaxed);
            }
            unflushed += 1;
            if unflushed == FLUSH_MESSAGES {
                self.system.flush();
                unflushed = 0;
            }
        }
        self.system.flush();
        // Bulk goes on to the end of the window; then the system lives on until everything has arrived.
        while !paced.stop.load(Relaxed) {
            self.publish_bulk(shared, paced, shared.now_ns());
            thread::park_timeout(Duration::from_millis(5));
        }
    }

    fn publish_bulk(&mut self, shared: &Shared, paced: &Paced, now_ns: u64) {
        let bulk = &mut self.bulk;
        if bulk.window == 0 || now_ns >= self.end_ns {
            return;
        }
        let fewest = shared.fewest_bulk();
        if fewest > bulk.fewest {
            (bulk.fewest, bulk.moved) = (fewest, Some(Instant::now()));
        }
        let moved = *bulk.moved.get_or_insert_with(Instant::now);
        if moved.elapsed() > BULK_STALL {
            bulk.given_up += 1;
            bulk.moved = None;
        }
        while bulk.published < fewest + bulk.given_up + bulk.window {
            let message = bulk
                .stock
                .next()
                .unwrap_or_else(|| prepare_bulk(&mut self.system, bulk.bytes, bulk.published));
            self.system.publish(0, message);
            self.system.flush();
            bulk.published += 1;
            paced.bulk.store(bulk.published, Release);
        }
    }
}

fn prepare_bulk<S: System>(system: &mut S, bytes: usize, seq: u64) -> S::Message {
    let mut payload = vec![0; bytes];
    Header { origin: 0, class: Class::Bulk, seq, at_ns: 0 }.write(&mut payload);
    system.prepare(0, Class::Bulk, &payload)
}

/// Without this the kernel may wake the thread 50 µs late to save power.
#[allow(unsafe_code, reason = "no crate that is here has a safe function for it")]
fn exact_timers() {
    // SAFETY: sets a number of the calling thread.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1_usize, 0, 0, 0) };
}
