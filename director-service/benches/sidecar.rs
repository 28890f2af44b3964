//! Measures how many messages go through a sidecar's pipe and its WebSocket: `cargo xtask bench sidecar`.
//!
//! Both ways, for votes and for blocks; medians of five runs. A validator that parses what it reads has that to do
//! besides: here it only takes it apart into lines.

use director_service::sidecar::bench::{Door, publish, receive};
use std::{io, time::Duration};
use tokio::runtime::Builder;

const RUNS: usize = 5;

/// Messages of a run, and bytes of payload: as a vote has, and as a small block has.
const SIZES: [(usize, usize); 2] = [(100_000, 200), (5_000, 16 * 1024)];

fn main() -> io::Result<()> {
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    for (messages, payload) in SIZES {
        for door in [Door::Pipe, Door::WebSocket] {
            let mut to = Vec::new();
            let mut from = Vec::new();
            for _ in 0..RUNS {
                to.push(runtime.block_on(receive(door, messages, payload))?);
                from.push(runtime.block_on(publish(door, messages, payload))?);
            }
            let [to, from] = [to, from].map(|took| messages as f64 / median(took).as_secs_f64());
            println!(
                "{door:?}, {payload} bytes of payload: {to:.0} messages/s to the validator, {from:.0} commands/s from it"
            );
        }
    }
    Ok(())
}

fn median(mut took: Vec<Duration>) -> Duration {
    took.sort();
    took[took.len() / 2]
}
