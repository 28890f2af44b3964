//! Adversaries, one file a misdeed: what the tests and the devnet let loose.

mod author;
mod cache_flusher;
mod censor;
mod equivocator;
mod false_approver;
mod false_revoker;
mod far_voter;
mod flooder;
mod forger;
mod liar;
mod poisoner;
mod repeater;
mod replayer;
mod small_order;
mod stale_voter;
#[cfg(test)]
mod tests;
mod withholder;

pub use author::Author;
pub use cache_flusher::CacheFlusher;
pub use censor::{Censor, Censorship};
pub use equivocator::Equivocator;
pub use false_approver::FalseApprover;
pub use false_revoker::FalseRevoker;
pub use far_voter::FarVoter;
pub use flooder::Flooder;
pub use forger::Forger;
pub use liar::Liar;
pub use poisoner::Poisoner;
pub use repeater::Repeater;
pub use replayer::Replayer;
pub use small_order::SmallOrder;
pub use stale_voter::StaleVoter;
pub use withholder::Withholder;
