//! Each rule of the core, alone.
#![allow(clippy::unwrap_used)]

mod adversaries;
mod authorization;
mod capacity;
mod conduct;
mod detector;
mod evidence;
mod heartbeats;
mod log;
mod members;
mod parts;
mod rates;
mod relay;
mod resigning;
mod revocation;
mod storm;
mod suspects;
mod turns;
mod window;
mod world;

use crate::director as core;
use core::{Link, Output, Refusal};
use director_primitives::{Control, PublicKey};
use world::Rig;

fn count(rig: &Rig, reason: Refusal) -> u64 {
    rig.core.stats().refused.get(reason)
}

/// Control messages on one network, with whom they are for.
fn sent(out: &[Output], on: Link) -> Vec<(PublicKey, Control)> {
    let send = |output: &Output| match output {
        Output::Send { to, link, message } if *link == on => Some((*to, message.clone())),
        _ => None,
    };
    out.iter().filter_map(send).collect()
}
