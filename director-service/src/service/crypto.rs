//! Checks envelopes' signatures by the batch, and signs with the peer key.
//!
//! A batch of 256 costs a quarter of what single checks cost, but says only whether all are good. If
//! not, halves of it are checked, down to a few that are checked one by one: one wrong signature costs
//! about as much again as the batch. Where many are wrong, halves are in vain: two samples tell, and
//! no more is spent on bad halves than on two batches. So at its worst a batch costs twice what single
//! checks cost.
//!
//! Frames are sorted by origin first. So a batch has fewer keys, which makes it cheaper, and the frames
//! of one forger stand together, so that most halves are good.
//!
//! Where there are more cores, a large batch is split between them.

use crate::{director::Crypto, keys::PeerKey, metrics::Durations};
use director_primitives::{H256, Signature, StatementKind, signing::signing_prefix};
use ed25519_zebra::{Signature as ZebraSignature, VerificationKey, VerificationKeyBytes, batch};
use std::{
    collections::HashMap,
    num::NonZeroUsize,
    thread::{Builder, Scope, ScopedJoinHandle, available_parallelism, scope},
    time::Instant,
};

/// A batch with a wrong signature in it and no more than so many others is checked one by one: halves
/// of it would be hardly cheaper.
const SINGLY: usize = 8;

/// Signatures that are worth a thread: half a millisecond of work.
const WORTH_A_THREAD: usize = 64;

/// The core's [`Crypto`]: ZIP-215 as on the chain (`ed25519-zebra`, which `sp_io` uses too), whose
/// batches accept exactly what single verification accepts.
pub(super) struct BatchCrypto {
    key: PeerKey,
    largest_batch: usize,
    threads: usize,
    /// Origins' keys, ready for use: a message that comes alone costs a tenth less.
    prepared: HashMap<[u8; 32], VerificationKey>,
    durations: Durations,
}

/// Keys that are kept ready, 400 bytes each; when there are more, all are made anew.
const MAX_PREPARED: usize = 2_048;

impl BatchCrypto {
    /// Checks at most `largest_batch` signatures together, on all cores that this process may use.
    pub(super) fn new(key: PeerKey, largest_batch: usize) -> Self {
        let threads = available_parallelism().map_or(1, NonZeroUsize::get);
        Self::with_threads(key, largest_batch, threads)
    }

    /// With so many threads.
    pub(super) fn with_threads(key: PeerKey, largest_batch: usize, threads: usize) -> Self {
        Self {
            key,
            largest_batch: largest_batch.max(1),
            threads: threads.max(1),
            prepared: HashMap::new(),
            durations: Durations::default(),
        }
    }

    /// The same, which adds how long each batch takes to `durations`.
    pub(super) fn timed(self, durations: Durations) -> Self {
        Self { durations, ..self }
    }
}

impl Crypto for BatchCrypto {
    fn verify_envelopes(&mut self, genesis_hash: &H256, frames: &[&[u8]]) -> Vec<bool> {
        let start = Instant::now();
        let verdicts = self.verify(genesis_hash, frames);
        self.durations.observe(start.elapsed());
        verdicts
    }

    fn sign(&self, bytes: &[u8]) -> Signature {
        self.key.sign(bytes)
    }
}

impl BatchCrypto {
    fn verify(&mut self, genesis_hash: &H256, frames: &[&[u8]]) -> Vec<bool> {
        if let [frame] = frames {
            return vec![self.verify_one(genesis_hash, frame).unwrap_or(false)];
        }
        let mut order: Vec<usize> = (0..frames.len()).collect();
        order.sort_unstable_by_key(|at| frames[*at].first_chunk::<32>());
        let sorted: Vec<&[u8]> = order.iter().map(|at| frames[*at]).collect();
        let prefix = signing_prefix(StatementKind::Envelope, genesis_hash);
        let verdicts = verify_frames(&prefix, &sorted, self.largest_batch, self.threads);
        let mut good = vec![false; frames.len()];
        for (at, verdict) in order.into_iter().zip(verdicts) {
            good[at] = verdict;
        }
        good
    }

    /// The verdict about a frame that came alone; `None` if it has no signature or its origin no key.
    fn verify_one(&mut self, genesis_hash: &H256, frame: &[u8]) -> Option<bool> {
        let (body, signature) = frame.split_last_chunk::<64>()?;
        let origin: [u8; 32] = *body.first_chunk()?;
        if !self.prepared.contains_key(&origin) {
            if self.prepared.len() >= MAX_PREPARED {
                self.prepared.clear();
            }
            self.prepared.insert(origin, VerificationKey::try_from(origin).ok()?);
        }
        let mut signed = signing_prefix(StatementKind::Envelope, genesis_hash);
        signed.extend_from_slice(body);
        let key = self.prepared.get(&origin)?;
        Some(key.verify(&ZebraSignature::from(*signature), &signed).is_ok())
    }
}

/// The verdicts of these frames, in order.
fn verify_frames(
    prefix: &[u8],
    frames: &[&[u8]],
    largest_batch: usize,
    threads: usize,
) -> Vec<bool> {
    let parts = threads.min(frames.len() / WORTH_A_THREAD);
    if parts <= 1 {
        return verify_part(prefix, frames, largest_batch);
    }
    let (first, others) = frames.split_at(frames.len().div_ceil(parts));
    scope(|scope| {
        let others: Vec<_> = others
            .chunks(first.len())
            .map(|part| Part::start(scope, move || verify_part(prefix, part, largest_batch)))
            .collect();
        let mut good = verify_part(prefix, first, largest_batch);
        good.extend(others.into_iter().flat_map(Part::verdicts));
        good
    })
}

/// A part of a batch on its way through another thread, or done here.
enum Part<'scope> {
    Elsewhere(ScopedJoinHandle<'scope, Vec<bool>>),
    Here(Vec<bool>),
}

impl<'scope> Part<'scope> {
    /// Does it here if there is no thread to be had.
    fn start(
        scope: &'scope Scope<'scope, '_>,
        verify: impl Fn() -> Vec<bool> + Copy + Send + 'scope,
    ) -> Self {
        match Builder::new().spawn_scoped(scope, verify) {
            Ok(handle) => Self::Elsewhere(handle),
            Err(_) => Self::Here(verify()),
        }
    }

    fn verdicts(self) -> Vec<bool> {
        match self {
            Self::Here(verdicts) => verdicts,
            Self::Elsewhere(handle) => {
                handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            }
        }
    }
}

/// The verdicts of these frames, in order, with one buffer for what is signed.
fn verify_part(prefix: &[u8], frames: &[&[u8]], largest_batch: usize) -> Vec<bool> {
    let mut signed = prefix.to_vec();
    let mut item = |frame: &&[u8]| {
        signed.truncate(prefix.len());
        item(&mut signed, frame)
    };
    let verdicts = |chunk: &[&[u8]]| verify_items(chunk.iter().map(&mut item).collect());
    frames.chunks(largest_batch).flat_map(verdicts).collect()
}

/// What is to be verified of an encoded envelope, behind the prefix of what is signed; `None` if it is
/// too short to have an origin and a signature.
fn item(signed: &mut Vec<u8>, frame: &[u8]) -> Option<batch::Item> {
    let (body, signature) = frame.split_last_chunk::<64>()?;
    let origin: [u8; 32] = *body.first_chunk()?;
    signed.extend_from_slice(body);
    let signature = ZebraSignature::from(*signature);
    Some(batch::Item::from((VerificationKeyBytes::from(origin), signature, &signed[..])))
}

/// All together if they are good; else finds out which are.
pub(super) fn verify_items(items: Vec<Option<batch::Item>>) -> Vec<bool> {
    let is_item: Vec<bool> = items.iter().map(Option::is_some).collect();
    let items: Vec<_> = items.into_iter().flatten().collect();
    let mut verdicts = Vec::with_capacity(items.len());
    Search { spare: 2 * items.len() }.go_on(&items, false, &mut verdicts);
    let mut verdicts = verdicts.into_iter();
    is_item.into_iter().map(|is_item| is_item && verdicts.next() == Some(true)).collect()
}

/// Looks for wrong signatures by halves.
struct Search {
    /// Signatures that may still be in batches that turn out to be bad. Finding one wrong one takes
    /// less than twice the whole; when it is used up, what is left is checked one by one.
    spare: usize,
}

impl Search {
    /// Appends the verdicts of these; with `has_wrong` not all are good. Returns whether all are.
    fn go_on(&mut self, items: &[batch::Item], has_wrong: bool, verdicts: &mut Vec<bool>) -> bool {
        if !has_wrong && items.len() > 1 && verify_together(items.iter()) {
            verdicts.extend(items.iter().map(|_| true));
            return true;
        }
        if items.len() <= SINGLY || self.spare < items.len() || has_many_wrong(items) {
            let from = verdicts.len();
            verdicts.extend(items.iter().map(|item| item.clone().verify_single().is_ok()));
            return verdicts[from..].iter().all(|good| *good);
        }
        self.spare -= items.len();
        let (left, right) = items.split_at(items.len() / 2);
        let left_is_good = self.go_on(left, false, verdicts);
        // Then the wrong one is on the right, and a check of all of that would say nothing new.
        let right_is_good = self.go_on(right, left_is_good, verdicts);
        left_is_good && right_is_good
    }
}

/// Whether one of two samples is wrong. At random: a forger must not know where to leave right ones.
fn has_many_wrong(items: &[batch::Item]) -> bool {
    (0..2).any(|_| items[rand::random_range(0..items.len())].clone().verify_single().is_err())
}

/// Whether all of them are good.
pub(super) fn verify_together<'a>(items: impl Iterator<Item = &'a batch::Item>) -> bool {
    let mut together = batch::Verifier::new();
    for item in items {
        together.queue(item.clone());
    }
    together.verify(ThreadRng06).is_ok()
}

/// The thread's generator, under the older trait that the batch verifier asks for. Its numbers must
/// be unpredictable: who knew them could make wrong signatures that cancel out.
struct ThreadRng06;

impl rand_core::RngCore for ThreadRng06 {
    fn next_u32(&mut self) -> u32 {
        rand::RngCore::next_u32(&mut rand::rng())
    }

    fn next_u64(&mut self) -> u64 {
        rand::RngCore::next_u64(&mut rand::rng())
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        rand::RngCore::fill_bytes(&mut rand::rng(), bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

// `rand::rng()` is a cryptographically secure generator, seeded by the operating system.
impl rand_core::CryptoRng for ThreadRng06 {}
