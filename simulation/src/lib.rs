//! Runs directors and validators in simulated time, breaks what can break, and checks that nothing was lost.
//!
//! ```text
//!  seed ──► Scenario: who, which links, which traffic, which faults and misdeeds
//!                │
//!                ▼
//!  World: Schedule ──► Network (connections) ──► DirectorNode (the real core), ValidatorNode (its client)
//!                └───► Chain (blocks, governance, punishment)          │
//!                                                                      ▼
//!                                              Ledger ──► checks ──► Report
//! ```
//!
//! The directors and the honest clients are the cores that run in production; sockets, disks, chain and clock are
//! made of maps. One seed makes one run, to the last event: [`Trace::digest`] tells whether two runs are the same.
//!
//! # Deliberately absent
//!
//! Real time, threads and processes: `integration-tests` has those. Ed25519 on envelopes (see `envelopes`).

mod adversaries;
pub mod arguments;
pub mod chain;
mod checks;
mod client;
mod clock;
pub mod compare;
mod digest;
mod director;
mod envelopes;
pub mod faults;
mod ledger;
pub mod network;
pub mod node;
mod report;
mod run;
pub mod scenario;
mod schedule;
pub mod seeds;
mod trace;
mod validator;
mod world;

pub(crate) use clock::{Clock, Event, NodeEvent};
pub use report::{FaultCounts, Report};
pub use run::{run, run_with};
pub use scenario::{Options, Scenario};
pub use trace::Trace;

/// Milliseconds of simulated time.
pub type Millis = u64;
