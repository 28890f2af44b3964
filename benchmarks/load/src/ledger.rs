//! Records what every validator received: latency, losses and duplicates.
//!
//! Each [`Receiver`] has a tally of its own behind a lock of its own, which nobody else takes until
//! the run is over; what is looked at during the run are two counters a receiver, alone on their
//! cache line.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering::*},
    },
    thread::Thread,
    time::Instant,
};

use anyhow::Result;
use hdrhistogram::Histogram;

use crate::{
    options::Options,
    payload::{Class, Header},
    schedule::Schedule,
};

/// Longest latency told apart, 60 s in µs.
const MAX_LATENCY_US: u64 = 60_000_000;
/// Bulk messages of one run: the bound on the memory of a peer that invents sequences.
const MAX_BULK: u64 = 1 << 20;

/// What a delivery turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The first copy.
    New,
    /// Came before, or is the receiver's own.
    Duplicate,
    /// Nothing that this run sends.
    Foreign,
}

/// What all receivers and the pacing thread see.
pub(crate) struct Shared {
    pub(crate) start: OnceLock<Instant>,
    /// The pacing thread, woken by bulk deliveries.
    pub(crate) pacer: OnceLock<Thread>,
    pub(crate) schedule: Schedule,
    live: usize,
    warmup_ns: u64,
    progress: Box<[Progress]>,
    bursts: Box<[BurstDone]>,
}

#[derive(Default)]
#[repr(align(128))]
struct Progress {
    votes: AtomicU64,
    bulk: AtomicU64,
}

/// How many receivers have all of a burst, and when the last of them had.
#[derive(Default)]
struct BurstDone {
    receivers: AtomicU64,
    last_ns: AtomicU64,
}

impl Shared {
    /// Nanoseconds since the start; 0 before.
    pub(crate) fn now_ns(&self) -> u64 {
        self.start.get().map_or(0, |start| start.elapsed().as_nanos() as u64)
    }

    /// Votes and bulk messages received by all receivers, each once.
    pub(crate) fn received(&self) -> (u64, u64) {
        self.progress.iter().fold((0, 0), |(votes, bulk), progress| {
            (votes + progress.votes.load(Acquire), bulk + progress.bulk.load(Acquire))
        })
    }

    /// Bulk messages at the receiver that has the fewest; their origin, validator 0, gets none.
    pub(crate) fn fewest_bulk(&self) -> u64 {
        self.progress.iter().skip(1).map(|progress| progress.bulk.load(Acquire)).min().unwrap_or(0)
    }

    /// Deliveries of votes when nothing is lost.
    pub(crate) fn votes_expected(&self) -> u64 {
        self.schedule.len() * (self.live as u64 - 1)
    }

    /// Deliveries of so many bulk messages when nothing is lost.
    pub(crate) fn bulk_expected(&self, published: u64) -> u64 {
        published * (self.live as u64 - 1)
    }

    /// Nanoseconds from the start of each measured burst until everybody had everything, sorted; and
    /// how many measured bursts never got that far.
    pub(crate) fn burst_ns(&self) -> (Vec<u64>, u64) {
        let (mut complete, mut incomplete) = (Vec::new(), 0);
        for (burst, done) in (0..).zip(&self.bursts) {
            let began = Schedule::burst_ns(burst);
            if began < self.warmup_ns {
                continue;
            }
            if done.receivers.load(Acquire) == self.live as u64 {
                complete.push(done.last_ns.load(Acquire).saturating_sub(began));
            } else {
                incomplete += 1;
            }
        }
        complete.sort_unstable();
        (complete, incomplete)
    }
}

struct Tally {
    /// µs from the intended time, of votes after the warm-up.
    latency: Histogram<u32>,
    /// One bit a vote: origin after origin.
    votes_seen: Vec<u64>,
    bulk_seen: Vec<u64>,
    votes: u64,
    bulk: u64,
    duplicates: u64,
    foreign: u64,
    /// Votes still missing of each burst.
    burst_missing: Vec<u32>,
}

/// Sets a bit; whether it was not set.
#[inline]
fn mark(bits: &mut [u64], index: u64) -> bool {
    let (word, bit) = (&mut bits[(index / 64) as usize], 1 << (index % 64));
    let new = *word & bit == 0;
    *word |= bit;
    new
}

/// What [`run`](crate::run()) keeps of all receivers.
pub struct Ledger {
    pub(crate) shared: Arc<Shared>,
    tallies: Vec<Arc<Mutex<Tally>>>,
}

/// The sums of all receivers at the end.
pub(crate) struct Totals {
    pub(crate) latency: Histogram<u32>,
    pub(crate) votes: u64,
    pub(crate) bulk: u64,
    pub(crate) duplicates: u64,
    pub(crate) foreign: u64,
}

impl Ledger {
    /// A ledger, and the receiver of each validator that is not frozen: the first is validator 0's.
    pub fn new(options: &Options) -> Result<(Self, Vec<Receiver>)> {
        options.validate()?;
        let schedule = Schedule::new(options);
        let live = options.live();
        let shared = Arc::new(Shared {
            start: OnceLock::new(),
            pacer: OnceLock::new(),
            schedule,
            live,
            warmup_ns: options.warmup_ns(),
            progress: (0..live).map(|_| Progress::default()).collect(),
            bursts: (0..schedule.bursts()).map(|_| BurstDone::default()).collect(),
        });
        let words = (live as u64 * schedule.per_validator()).div_ceil(64) as usize;
        let tally = || -> Result<_> {
            Ok(Arc::new(Mutex::new(Tally {
                latency: Histogram::new_with_bounds(1, MAX_LATENCY_US, 3)?,
                votes_seen: vec![0; words],
                bulk_seen: Vec::new(),
                votes: 0,
                bulk: 0,
                duplicates: 0,
                foreign: 0,
                burst_missing: vec![live as u32 - 1; schedule.bursts() as usize],
            })))
        };
        let tallies = (0..live).map(|_| tally()).collect::<Result<Vec<_>>>()?;
        let receivers = tallies
            .iter()
            .enumerate()
            .map(|(validator, tally)| Receiver {
                validator,
                tally: tally.clone(),
                shared: shared.clone(),
            })
            .collect();
        Ok((Self { shared, tallies }, receivers))
    }

    pub(crate) fn totals(&self) -> Result<Totals> {
        let latency = Histogram::new_with_bounds(1, MAX_LATENCY_US, 3)?;
        let mut totals = Totals { latency, votes: 0, bulk: 0, duplicates: 0, foreign: 0 };
        for tally in &self.tallies {
            let tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
            totals.latency.add(&tally.latency)?;
            totals.votes += tally.votes;
            totals.bulk += tally.bulk;
            totals.duplicates += tally.duplicates;
            totals.foreign += tally.foreign;
        }
        Ok(totals)
    }
}

/// Takes what one validator receives; belongs to the task that reads its connection.
pub struct Receiver {
    validator: usize,
    tally: Arc<Mutex<Tally>>,
    shared: Arc<Shared>,
}

impl Receiver {
    /// The validator whose deliveries these are.
    pub fn validator(&self) -> usize {
        self.validator
    }

    /// Takes one payload that arrived now.
    pub fn take(&mut self, payload: &[u8]) -> Verdict {
        self.batch().take(payload)
    }

    /// Takes all that one read of the socket brought: one clock reading for all of it.
    pub fn batch(&mut self) -> Batch<'_> {
        Batch {
            now_ns: self.shared.now_ns(),
            validator: self.validator,
            tally: self.tally.lock().unwrap_or_else(PoisonError::into_inner),
            shared: &self.shared,
            has_bulk: false,
        }
    }
}

/// Deliveries that arrived together. They count when it is dropped.
pub struct Batch<'a> {
    now_ns: u64,
    validator: usize,
    tally: MutexGuard<'a, Tally>,
    shared: &'a Shared,
    has_bulk: bool,
}

impl Batch<'_> {
    /// Takes one payload of the batch.
    pub fn take(&mut self, payload: &[u8]) -> Verdict {
        let verdict = match Header::read(payload) {
            // A run's first message cannot arrive before the run began.
            Some(header) if self.shared.start.get().is_some() => match header.class {
                Class::Vote => self.take_vote(header),
                Class::Bulk => self.take_bulk(header),
            },
            _ => Verdict::Foreign,
        };
        match verdict {
            Verdict::New => {}
            Verdict::Duplicate => self.tally.duplicates += 1,
            Verdict::Foreign => self.tally.foreign += 1,
        }
        verdict
    }

    #[inline]
    fn take_vote(&mut self, header: Header) -> Verdict {
        let (shared, tally) = (self.shared, &mut *self.tally);
        let origin = header.origin as usize;
        if origin >= shared.live || header.seq >= shared.schedule.of(origin) {
            return Verdict::Foreign;
        }
        let index = u64::from(header.origin) * shared.schedule.per_validator() + header.seq;
        if origin == self.validator || !mark(&mut tally.votes_seen, index) {
            return Verdict::Duplicate;
        }
        tally.votes += 1;
        if header.at_ns >= shared.warmup_ns {
            let latency_us = self.now_ns.saturating_sub(header.at_ns).div_ceil(1000);
            tally.latency.saturating_record(latency_us.max(1));
        }
        if let Some(missing) = tally.burst_missing.get_mut(header.seq as usize) {
            *missing -= 1;
            if *missing == 0 {
                let burst = &shared.bursts[header.seq as usize];
                burst.last_ns.fetch_max(self.now_ns, AcqRel);
                burst.receivers.fetch_add(1, AcqRel);
            }
        }
        Verdict::New
    }

    #[cold]
    fn take_bulk(&mut self, header: Header) -> Verdict {
        if header.origin != 0 || header.seq >= MAX_BULK {
            return Verdict::Foreign;
        }
        let tally = &mut *self.tally;
        let words = (header.seq / 64) as usize + 1;
        if tally.bulk_seen.len() < words {
            tally.bulk_seen.resize(words, 0);
        }
        if self.validator == 0 || !mark(&mut tally.bulk_seen, header.seq) {
            return Verdict::Duplicate;
        }
        self.has_bulk = true;
        tally.bulk += 1;
        Verdict::New
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        let progress = &self.shared.progress[self.validator];
        progress.votes.store(self.tally.votes, Release);
        if self.has_bulk {
            progress.bulk.store(self.tally.bulk, Release);
            if let Some(pacer) = self.shared.pacer.get() {
                pacer.unpark();
            }
        }
    }
}
