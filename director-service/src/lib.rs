//! Runs a director, and links a validator to one.
//!
//! ```text
//! main → cli → service, sidecar → client, reporter → director, network, store, chain, http → repair → primitives
//! ```
//!
//! Arrows are imports and none runs back up; the rooms of one floor do not import each other.
//! Where to start reading: [`service`] wires the rooms of a director, [`sidecar`]
//! those of a validator, [`chain`] is the way to the node.

pub mod chain;
pub mod cli;
pub mod client;
pub mod config;
pub mod director;
pub mod failpoint;
pub mod http;
pub mod keys;
pub mod metrics;
pub mod network;
pub mod repair;
pub mod reporter;
pub mod service;
pub mod sidecar;
pub mod store;
pub mod testing;
