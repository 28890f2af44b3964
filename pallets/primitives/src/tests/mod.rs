#![allow(clippy::unwrap_used)]

mod certificates;
mod envelopes;
mod keys;
mod proofs;
mod round_trips;
mod statements;
mod thresholds;

use crate::H256;

/// The chain that everything in these tests is for.
const GENESIS: H256 = H256([7; 32]);

/// Another chain.
const ELSEWHERE: H256 = H256([8; 32]);
