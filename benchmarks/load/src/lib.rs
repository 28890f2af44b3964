//! Loads a relay and measures what arrives: the half that the load programs of all systems share.
//!
//! A load program brings a [`System`] (how one message is encoded and handed over) and tasks that
//! read; each gives what it reads to the [`Receiver`] of its validator. [`run()`] does the rest.
//!
//! - **Open loop.** The [`Schedule`] of intended send times is made in advance. Latency runs from the
//!   *intended* time: a sender that falls behind makes latency, not less load.
//! - **Nothing assumed.** The [`Ledger`] marks every (receiver, origin, sequence); what it has not
//!   seen by the end is lost, what it sees twice is a duplicate.
//! - **The load core does little.** Messages are signed and encoded before the clock starts; a
//!   delivery costs a clock reading a batch, a bit and a histogram bucket.
//!
//! ```no_run
//! # use bench_load::{Class, Ledger, Options, System};
//! # struct Mine;
//! # impl System for Mine {
//! #     type Message = Vec<u8>;
//! #     fn prepare(&mut self, _: usize, _: Class, payload: &[u8]) -> Vec<u8> { payload.to_vec() }
//! #     fn publish(&mut self, _: usize, _: Vec<u8>) {}
//! # }
//! # fn load(options: Options) -> anyhow::Result<()> {
//! let (ledger, receivers) = Ledger::new(&options)?;
//! for (validator, receiver) in receivers.into_iter().enumerate() {
//!     let relay = options.relay_of(validator);
//!     // connect, and let a task call `receiver.take(&payload)` for everything that arrives
//! #   drop((relay, receiver));
//! }
//! // the frozen ones (`options.live()..options.validators`) connect and never read
//! bench_load::run(&options, Mine, ledger)?.print()
//! # }
//! ```
#![warn(missing_docs)]

mod ledger;
mod options;
mod pacing;
mod payload;
mod probes;
mod process;
mod report;
mod run;
mod schedule;
#[cfg(test)]
mod tests;

pub use ledger::{Batch, Ledger, Receiver, Verdict};
pub use options::Options;
pub use payload::{Class, HEADER_BYTES, Header};
pub use probes::{PROBE_EVERY, Probes};
pub use report::Report;
pub use run::run;
pub use schedule::{Schedule, Slot};

/// What a load program knows of its relay: how a message looks and how it is handed over.
pub trait System: Send {
    /// A message that is ready to be sent.
    type Message: Send;

    /// Signs and encodes; called before the clock starts. (Of bulk messages only the first 384 MiB are
    /// prepared in advance, the others when it is their turn.)
    fn prepare(&mut self, validator: usize, class: Class, payload: &[u8]) -> Self::Message;

    /// Hands a message to the connection of `validator`. Called on the pacing thread: must not wait.
    fn publish(&mut self, validator: usize, message: Self::Message);

    /// Called when nothing else is due right now, and after 256 messages at the latest: a system whose
    /// [`publish`](Self::publish) only collects writes here.
    fn flush(&mut self) {}
}
