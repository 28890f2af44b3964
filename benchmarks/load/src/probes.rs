//! Finds out whether messages reach everybody yet, where that takes subscriptions and time.
//!
//! Before the run up to two validators of each relay publish small *probes*, again and again; a relay
//! is known to pass everything on when every validator has one from each of them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::*},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail, ensure};

use crate::{options::Options, payload::HEADER_BYTES};

/// How often a prober publishes.
pub const PROBE_EVERY: Duration = Duration::from_millis(200);

const MAGIC: &[u8; 8] = b"is it up";
const PROBE_BYTES: usize = MAGIC.len() + 8;
const _: () = assert!(PROBE_BYTES < HEADER_BYTES, "a probe is told by its length");

/// Who has probes from whom. Frozen validators take part: they freeze afterwards.
pub struct Probes {
    /// One bit a prober, for each validator.
    seen: Box<[AtomicU64]>,
    probers: usize,
    done: AtomicBool,
}

impl Probes {
    /// Nobody has anything yet.
    pub fn new(options: &Options) -> Result<Arc<Self>> {
        ensure!(options.relays.len() <= 32, "more than 32 relays: give fewer `--relay`");
        let probers = options.live().min(2 * options.relays.len());
        let seen = (0..options.validators).map(|_| AtomicU64::new(0)).collect();
        Ok(Arc::new(Self { seen, probers, done: AtomicBool::new(false) }))
    }

    /// What this validator is to publish in its probe number `round`; nothing when it is no prober or
    /// when everything is up. Ask every [`PROBE_EVERY`].
    pub fn probe(&self, validator: usize, round: u32) -> Option<Vec<u8>> {
        let wanted = validator < self.probers && !self.done();
        wanted.then(|| {
            let number = u64::from(round) << 32 | validator as u64;
            [MAGIC, &number.to_le_bytes()[..]].concat()
        })
    }

    /// Whether this is a probe, which is noted, and nothing for the [`Receiver`](crate::Receiver).
    #[inline]
    pub fn take(&self, validator: usize, payload: &[u8]) -> bool {
        payload.len() == PROBE_BYTES && self.note(validator, payload)
    }

    #[cold]
    fn note(&self, validator: usize, payload: &[u8]) -> bool {
        let Some(prober) = payload.strip_prefix(MAGIC).map(|number| usize::from(number[0])) else {
            return false;
        };
        if prober < self.probers && prober != validator {
            self.seen[validator].fetch_or(1 << prober, AcqRel);
        }
        true
    }

    /// Whether everybody has everything.
    pub fn done(&self) -> bool {
        self.done.load(Acquire)
    }

    /// Blocks until everybody has everything, for so long at most.
    pub fn wait(&self, most: Duration) -> Result<()> {
        let give_up = Instant::now() + most;
        loop {
            let missing = self.missing();
            if missing == 0 {
                self.done.store(true, Release);
                return Ok(());
            }
            if Instant::now() > give_up {
                bail!(
                    "{missing} of {} validators do not hear from all relays after {} s: are the \
                     relays connected with each other?",
                    self.seen.len(),
                    most.as_secs()
                );
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn missing(&self) -> usize {
        let all = u64::MAX >> (64 - self.probers);
        let lacks = |(validator, seen): &(usize, &AtomicU64)| {
            let own = if *validator < self.probers { 1 << validator } else { 0 };
            seen.load(Acquire) | own != all
        };
        self.seen.iter().enumerate().filter(lacks).count()
    }
}
