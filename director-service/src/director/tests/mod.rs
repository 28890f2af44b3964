//! Each rule of the core, alone.
#![allow(clippy::unwrap_used)]

mod adversaries;
mod any_inputs;
mod authorization;
mod capacity;
mod catch_up;
mod conduct;
mod detector;
mod drain;
mod evidence;
mod false_claims;
mod heartbeats;
mod log;
mod members;
mod parts;
mod rates;
mod relay;
mod repair;
mod resigning;
mod revocation;
mod roles;
mod storm;
mod survey;
mod suspects;
mod turns;
mod vectors;
mod window;
pub(crate) mod world;

use crate::director as core;
use core::{Frame, Input, Link, Output, Refusal};
use director_primitives::{
    Attach, Control, Fetch, Fetched, Priority, PublicKey, Range, Role, Served, Vector, VectorEntry,
};
use world::{Rig, director_key, validator_key};

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

/// Director `n` says something.
fn from_mesh(rig: &mut Rig, n: u8, message: Control) -> Vec<Output> {
    rig.put(Input::Control { from: director_key(n).public(), link: Link::Mesh, message })
}

/// Validator `n` says something.
fn from_public(rig: &mut Rig, n: u8, message: Control) -> Vec<Output> {
    rig.put(Input::Control { from: validator_key(n).public(), link: Link::Public, message })
}

/// Director 0 has what the other two have, which is nothing.
fn caught_up(rig: &mut Rig) {
    for n in [1, 2] {
        from_mesh(rig, n, vector(&[], true));
    }
    rig.put(Input::Tick);
    assert!(rig.core.is_ready());
}

/// What director 0 does at this moment because time goes by.
fn tick_at(rig: &mut Rig, now: u64) -> Vec<Output> {
    rig.now = now;
    rig.put(Input::Tick)
}

/// What director 0 does while time goes by to this moment.
fn ticks_to(rig: &mut Rig, end: u64) -> Vec<Output> {
    let mut all = Vec::new();
    while rig.now < end {
        let now = (rig.now + 50).min(end);
        all.extend(tick_at(rig, now));
    }
    all
}

/// What director 0 would hear of director `n` about Normal messages of epoch 1.
fn vector(entries: &[(u8, u64)], complete: bool) -> Control {
    let entry = |(n, contiguous): &(u8, u64)| VectorEntry {
        origin: validator_key(*n).public(),
        epoch: 1,
        contiguous: [0, 0, *contiguous, 0],
    };
    let entries = entries.iter().map(entry).collect::<Vec<_>>().try_into().unwrap();
    Control::Vector(Vector { entries, complete })
}

/// Validator `n`'s Normal messages of epoch 1.
fn range(n: u8, first: u64, last: u64) -> Range {
    let origin = validator_key(n).public();
    Range { origin, epoch: 1, class: Priority::Normal, first, last }
}

fn fetch(ranges: &[Range]) -> Control {
    Control::Fetch(Fetch { ranges: ranges.to_vec().try_into().unwrap() })
}

fn attach(role: Role, entries: &[(u8, u64)]) -> Control {
    let Control::Vector(vector) = vector(entries, false) else { unreachable!() };
    Control::Attach(Attach { role, vector: vector.entries })
}

/// Frames out of the log, with whom they are for.
fn replayed(out: &[Output]) -> Vec<(PublicKey, Vec<Frame>)> {
    let replay = |output: &Output| match output {
        Output::Replay { to, frames, .. } => {
            Some((*to, frames.iter().map(|(_, frame)| frame.clone()).collect()))
        }
        _ => None,
    };
    out.iter().filter_map(replay).collect()
}

/// What became of each range of a question: gone to, served to.
fn served(out: &[Output]) -> Option<Vec<(u64, u64)>> {
    let said = |served: &Served| (served.gone_to, served.served_to);
    out.iter().find_map(|output| match output {
        Output::Send { message: Control::Fetched(Fetched { ranges }), .. } => {
            Some(ranges.iter().map(said).collect())
        }
        _ => None,
    })
}

/// Whom director 0 asks for what.
fn asked(out: &[Output]) -> Vec<(PublicKey, Vec<Range>)> {
    let ask = |(to, message)| match message {
        Control::Fetch(fetch) => Some((to, fetch.ranges.into_inner())),
        _ => None,
    };
    sent(out, Link::Mesh).into_iter().filter_map(ask).collect()
}

/// The parts of vectors that are sent to somebody.
fn vectors(out: &[Output], who: &PublicKey) -> Vec<Vector> {
    let is_for = |to: &[PublicKey]| to.contains(who);
    let vector = |output: &Output| match output {
        Output::Send { to, message: Control::Vector(vector), .. } if to == who => {
            Some(vector.clone())
        }
        Output::SendAll { to, message: Control::Vector(vector), .. } if is_for(to) => {
            Some(vector.clone())
        }
        _ => None,
    };
    out.iter().filter_map(vector).collect()
}
