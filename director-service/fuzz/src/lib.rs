//! Judges what comes in at the doors of a director and of a sidecar: each target hands its bytes to one
//! function here, and so do the tests.
//!
//! What is signed is judged by `director-primitives-fuzz`, whose choices and whose counting allocator are used
//! here too.

mod client;
mod config;
mod core;
pub mod drill;
mod frame;
mod http;
mod pipe;
mod scene;
mod stake_proof;

pub use client::client;
pub use config::config;
pub use core::core;
pub use frame::frame;
pub use http::http;
pub use pipe::pipe;
pub use stake_proof::{proofs, stake_proof};

/// What judges an input.
pub type Target = fn(&[u8]);

/// The targets by the names of their programs, which those of their corpora are, too.
pub const TARGETS: [(&str, Target); 7] = [
    ("frame", frame),
    ("core", core),
    ("client", client),
    ("stake_proof", stake_proof),
    ("http", http),
    ("config", config),
    ("pipe", pipe),
];
