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
//!                 │ repair: what is missing; log: what others miss           │ ──► Send (Fetch), Replay
//!  Tick      ───► │ vectors, heartbeats: what is here; drain: handing over   │ ──► SendAll, Drained
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
//! * upon a validator that there is no room for: it is told where there is some (`heartbeats`), unless it
//!   only wants to stand by (`roles`);
//! * upon a validator that says where it stopped: it is sent what it missed (`roles`), out of the `log` of
//!   what was passed on;
//! * upon a heartbeat's time: what this director has is told to directors and to those that stand by
//!   (`vectors`); upon what others tell, and upon a hole: it asks for what it misses, and answers who asks
//!   (`repair`). A director that starts is ready when it has what others have (`catch_up`);
//! * upon the operator's wish that it stops: its validators are handed over one by one (`drain`);
//! * upon a finalized block: whoever may not be here any more is disconnected, whoever may speak now
//!   is told so.
//!
//! # Bounds
//!
//! Memory is bounded by the number of registered validators: per validator twelve token buckets, four
//! sequence windows of 4,096 places (16,384 while something is missing), `recent_checkpoints +
//! checkpoints_ahead` slots of votes, a byte for each of `history_checkpoints`, the votes of at most all
//! directors, an entry of the vector for this director and each other one, and what is under way about what is
//! missing ([`crate::repair`]). Beside that: the seen-cache, the log, frames that wait for the disk or for the
//! chain, each with a limit of its own; what does not fit is refused and counted, and of the log the oldest goes.
//!
//! # Deliberately absent
//!
//! * Moving validators from a full director to an emptier one: they see in the heartbeats how full each is,
//!   and choose by themselves.
//! * A log on disk: what is older than a minute is the chain's business.
//! * Older epochs in windows and vectors: what an origin said before it started anew can be fetched as long as
//!   the log has it, but a director does not miss it.

mod authorization;
mod ballots;
#[doc(hidden)]
pub mod bench;
mod catch_up;
mod certificates;
pub mod conduct;
mod config;
mod copies;
mod crypto;
mod detector;
mod drain;
mod evidence;
#[doc(hidden)]
pub mod fuzz;
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
mod survey;
mod turns;
mod vectors;
mod window;

#[cfg(test)]
pub(crate) mod tests;

pub use ballots::Waiting;
pub use config::{Config, Policy, Rate, Rates};
pub use crypto::Crypto;
pub use heartbeats::Neighbour;
pub use input::{Frame, Input, Link, Millis, Received, ValidatorVote};
pub use output::{DisconnectReason, Output, Recipients};
pub use revocation::RevokeOutcome;
pub use state::Director;
pub use stats::{BATCH_BUCKETS, CERTIFICATE_BUCKETS, Refusal, Refused, Stats, TICK_MS};
pub use survey::{Checkpoint, Seated, Survey};
