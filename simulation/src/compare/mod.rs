//! Compares three ways to bring every validator's votes to all others: full mesh, gossip, directors.
//!
//! The same schedule, the same links and the same losses for all of them; see `docs/comparison.md` for what is
//! measured and what is left out. The directors are the real cores; validators, the mesh and gossip are simple
//! state machines, without signatures.

mod case;
mod directors;
mod gossip;
mod mesh;
mod net;
mod picture;
mod row;
mod table;
#[cfg(test)]
mod tests;

pub use case::{Case, Condition, Topology};
pub use picture::picture;
pub use row::Row;
pub use table::{insert, json, table};

use directors::Directors;
use gossip::Gossip;
use mesh::Mesh;
use net::Net;

/// Runs one case.
pub fn measure(case: Case, seed: u64) -> Row {
    let net = Net::new(case, seed);
    match case.topology {
        Topology::Mesh => net.run(&mut Mesh::default()),
        Topology::Gossip => net.run(&mut Gossip::default()),
        Topology::Directors => net.run(&mut Directors::new(case.nodes())),
    }
}

/// Runs all cases, and tells `progress` of each that begins.
pub fn measure_all(seed: u64, mut progress: impl FnMut(usize, usize, &Case)) -> Vec<Row> {
    let cases = Case::all();
    let total = cases.len();
    let mut rows = Vec::with_capacity(total);
    for (at, case) in cases.into_iter().enumerate() {
        progress(at + 1, total, &case);
        rows.push(measure(case, seed));
    }
    rows
}
