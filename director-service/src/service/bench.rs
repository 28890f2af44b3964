//! Hands the service's signatures to `benches/`, which cannot see them otherwise. For nothing else.

use super::crypto::BatchCrypto;
use crate::{director::Crypto, keys::PeerKey};

/// What a director checks and signs with, on one thread: so that figures of two machines compare.
pub fn crypto(largest_batch: usize) -> impl Crypto {
    BatchCrypto::with_threads(PeerKey::from_seed(&[1; 32]), largest_batch, 1)
}
