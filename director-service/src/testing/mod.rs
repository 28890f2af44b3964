//! Adversaries, one file a misdeed: what the tests and the devnet let loose.

mod equivocator;

pub use equivocator::Equivocator;
