//! Connects a validator of any language to the directors: `director validator run`.
//!
//! ```text
//!  validator ◄─ one JSON object a line ─► pipe, websocket ─► Engine ◄─► client ◄─► directors
//!                                             ▲ Outlet ◄──────┘ │
//!                                                               └─► Signing: protection file, then signer
//! ```
//!
//! * upon a command: it is carried out and answered, in the order of each consumer's commands, but for votes, whose answers
//!   come when they are signed;
//! * upon a vote: the protection file has it, synced, before the signer is asked, and what is signed is published;
//! * upon anything that the client tells: every consumer that wants it is told;
//! * upon the end of standard input, or a signal: everybody is told, and the link is closed.
//!
//! What the validator and the sidecar say to each other is in docs/validators.md.
//!
//! # Bounds
//!
//! 16 lines wait for the engine, then consumers' input is not read; 16 votes wait to be signed, then `busy`; what
//! waits for a consumer is bounded in bytes (`outlet`); what waits for a director too (`outbox-full`).

mod automatic;
#[doc(hidden)]
pub mod bench;
mod config;
mod engine;
#[doc(hidden)]
pub mod fuzz;
mod heads;
mod outlet;
mod pipe;
mod preflight;
pub mod protection;
mod protocol;
mod signer;
mod signing;
mod start;
#[cfg(test)]
mod tests;
mod token;
mod websocket;

pub use config::{Config, ConfigError, Overrides};
pub use preflight::{Checked, check};
pub use start::{StartError, run};
pub use token::TokenError;
