//! Checks envelopes' signatures by the batch, and signs with the peer key.

use crate::{director::Crypto, keys::PeerKey};
use director_primitives::{H256, Signature, envelope::signing_bytes_of_encoded};
use ed25519_zebra::{Signature as ZebraSignature, VerificationKeyBytes, batch};

/// The core's [`Crypto`]: ZIP-215 as on the chain (`ed25519-zebra`, which `sp_io` uses too), whose
/// batches accept exactly what single verification accepts.
pub(super) struct BatchCrypto {
    key: PeerKey,
    largest_batch: usize,
}

impl BatchCrypto {
    pub(super) fn new(key: PeerKey, largest_batch: usize) -> Self {
        Self { key, largest_batch }
    }
}

impl Crypto for BatchCrypto {
    fn verify_envelopes(&mut self, genesis_hash: &H256, frames: &[&[u8]]) -> Vec<bool> {
        let mut good = Vec::with_capacity(frames.len());
        for chunk in frames.chunks(self.largest_batch) {
            verify_chunk(genesis_hash, chunk, &mut good);
        }
        good
    }

    fn sign(&self, bytes: &[u8]) -> Signature {
        self.key.sign(bytes)
    }
}

fn verify_chunk(genesis_hash: &H256, frames: &[&[u8]], good: &mut Vec<bool>) {
    let items: Vec<_> = frames.iter().map(|frame| item(genesis_hash, frame)).collect();
    good.extend(verify_items(items));
}

/// All together; one by one only if that fails, to find out which.
pub(super) fn verify_items(items: Vec<Option<batch::Item>>) -> Vec<bool> {
    let all_good = items.len() > 1 && verify_together(items.iter().flatten());
    let verify = |item: Option<batch::Item>| match item {
        Some(_) if all_good => true,
        Some(item) => item.verify_single().is_ok(),
        None => false,
    };
    items.into_iter().map(verify).collect()
}

/// Whether all of them are good.
pub(super) fn verify_together<'a>(items: impl Iterator<Item = &'a batch::Item>) -> bool {
    let mut together = batch::Verifier::new();
    for item in items {
        together.queue(item.clone());
    }
    together.verify(ThreadRng06).is_ok()
}

/// What is to be verified of an encoded envelope; `None` if it is too short to have an origin and a signature.
fn item(genesis_hash: &H256, frame: &[u8]) -> Option<batch::Item> {
    let message = signing_bytes_of_encoded(genesis_hash, frame)?;
    let (body, signature) = frame.split_last_chunk::<64>()?;
    let (origin, signature): ([u8; 32], [u8; 64]) = (*body.first_chunk()?, *signature);
    let key = VerificationKeyBytes::from(origin);
    Some(batch::Item::from((key, ZebraSignature::from(signature), &message)))
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
