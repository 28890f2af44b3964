//! Runs the whole system on one machine: the harness of the end-to-end tests, and the devnet.

pub mod ledger;
pub mod options;
pub mod process;
pub mod report;
pub mod screen;
pub mod sockets;
