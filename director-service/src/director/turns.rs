//! Lets the senders of a batch take turns, so that one that floods does not hold up the others.
//!
//! Frames are handed over in the order in which they arrived: a validator that sends a thousand at
//! once stands before all that came a moment later. Handled in turns, the first frame of each sender
//! comes before the second of any, and the tail of a flood comes last. The order of each sender's
//! own frames stays.
//!
//! Peer directors take no turns, their frames come first: each speaks for many validators, and has
//! let those take turns already.

use super::{Link, Received};
use std::collections::HashMap;

/// Puts the frames of a batch into the order of turns.
pub(super) fn take_turns(batch: Vec<Received>) -> Vec<Received> {
    let first = batch.first().map(|received| received.from);
    if batch.iter().all(|received| Some(received.from) == first) {
        return batch;
    }
    let mut turns = HashMap::new();
    let mut ranked: Vec<(u32, Received)> = batch
        .into_iter()
        .map(|received| {
            let turn = match received.link {
                Link::Mesh => 0,
                Link::Public => {
                    let turn = turns.entry(received.from).or_default();
                    *turn += 1;
                    *turn
                }
            };
            (turn, received)
        })
        .collect();
    // Stable: frames of one turn, and those of peers, stay in the order in which they arrived.
    ranked.sort_by_key(|(turn, _)| *turn);
    ranked.into_iter().map(|(_, received)| received).collect()
}
