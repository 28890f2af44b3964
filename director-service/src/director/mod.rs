//! Decides everything a director does: the core, without clock, sockets, chain or disk.
//!
//! [`Director::handle`] takes an [`Input`] and appends [`Output`]s. Whoever owns the core does what
//! they say, in their order. Nothing here blocks, sleeps or fails.
//!
//! ```text
//!                 ┌──────────────────────── Director ───────────────────────┐
//!  Finalized ───► │ members: who may connect, speak and receive             │ ──► Allow, Disconnect
//!  Up, Down  ───► │                                                         │ ──► Send (Welcome)
//!  Frames    ───► │ seen? ─► may it speak? ─► signed? ─► detector ─► relay  │ ──► Relay, Remember
//!  Recalled  ───► │                                        └──► evidence    │ ──► Recall, Proven
//!  Control   ───► │ authorization: requests; ballots: votes of directors     │ ──► CheckStake, SubmitVotes
//!                 └──────────────────────────────────────────────────────────┘
//! ```
//!
//! * upon frames: their senders take turns (`turns`); what exceeds its sender's limits is refused
//!   (`rates`); a repeat is dropped (`seen`, `window`); an origin that may not speak is refused
//!   (`rules`); signatures are checked together, and only then is a frame marked as seen: a forged
//!   copy must not suppress the real one; a vote goes to the `detector` before any rule can drop it;
//!   what is left goes to the other directors and to the own validators, once, and never back;
//! * upon two votes of a validator for one checkpoint and different blocks: the inner signatures are
//!   checked, the proof goes to the reporter and to the other directors (`evidence`);
//! * upon a candidate's request: policy, signature and stake proof are checked (`authorization`), an
//!   approval is signed and told to the other directors; with `ceil(2n/3)` approvals one of them
//!   submits them (`ballots`);
//! * upon misbehaviour (`conduct`), a stake that has become too low, a proof or an operator's word: a
//!   revocation is signed; with `ceil(2n/3)` of them the validator is cut off at once (`revocation`);
//! * upon a validator that there is no room for: it is told where there is some (`heartbeats`);
//! * upon a finalized block: whoever may not be here any more is disconnected, whoever may speak now
//!   is told so.
//!
//! # Bounds
//!
//! Memory is bounded by the number of registered validators: per validator nine token buckets, four
//! sequence windows of 4,096 places, `recent_checkpoints + checkpoints_ahead` slots of votes, a byte
//! for each of `history_checkpoints`, the votes of at most all directors. Beside that: the seen-cache, frames that wait for the disk or for
//! the chain, each with a limit of its own; what does not fit is refused and counted.
//!
//! # Deliberately absent
//!
//! The log and the repair of holes, the vector in heartbeats: later.

mod authorization;
mod ballots;
#[doc(hidden)]
pub mod bench;
mod catch_up;
pub mod conduct;
mod config;
mod copies;
mod crypto;
mod detector;
mod drain;
mod evidence;
mod header;
mod heartbeats;
mod input;
mod log;
mod members;
mod output;
mod parked;
mod rates;
mod relay;
mod repair;
mod revocation;
mod roles;
mod rules;
mod seen;
mod state;
mod stats;
mod turns;
mod vectors;
mod window;

#[cfg(test)]
mod tests;

pub use ballots::Waiting;
pub use config::{Config, Policy, Rate, Rates};
pub use crypto::Crypto;
pub use input::{Frame, Input, Link, Millis, Received, ValidatorVote};
pub use output::{DisconnectReason, Output, Recipients};
pub use revocation::RevokeOutcome;
pub use state::Director;
pub use stats::{BATCH_BUCKETS, Refusal, Refused, Stats};
