//! Runs the whole system on one machine: the harness of the end-to-end tests, and the devnet.
//!
//! A [`network::Network`] is a node and directors in processes of their own and validators as tasks
//! of this one; [`devnet`] follows one and shows it; `tests/` has one file a scenario, named for
//! what must happen in it.

pub mod boaster;
mod book;
pub mod chain;
pub mod council;
pub mod devnet;
pub mod director;
mod double_signer;
pub mod faults;
pub mod keys;
pub mod kills;
pub mod ledger;
pub mod load;
pub mod metrics;
#[cfg(target_os = "linux")]
pub mod namespaces;
pub mod network;
pub mod offender;
pub mod options;
pub mod outages;
pub mod probe;
pub mod process;
pub mod prometheus;
pub mod proxy;
pub mod registries;
pub mod report;
pub mod screen;
pub mod soak;
pub mod sockets;
pub mod stake;
pub mod table;
pub mod trial;
pub mod upgrade;
pub mod validator;
pub mod vectors;
pub mod witness;
