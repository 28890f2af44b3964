//! Adversaries, one file a misdeed: what the tests and the devnet let loose.

mod censor;
mod equivocator;
mod false_approver;
mod false_revoker;
mod liar;
mod replayer;
mod withholder;

pub use censor::{Censor, Censorship};
pub use equivocator::Equivocator;
pub use false_approver::FalseApprover;
pub use false_revoker::FalseRevoker;
pub use liar::Liar;
pub use replayer::Replayer;
pub use withholder::Withholder;
