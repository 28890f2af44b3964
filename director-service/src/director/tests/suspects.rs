//! Senders of forged frames, and that nobody else pays for them.

use super::{count, world::*};
use crate::director::{Crypto, Director, Input, Link, Output, Received, Refusal};
use director_primitives::{H256, PublicKey, Signature};
use std::{cell::RefCell, rc::Rc};

/// Keeps the origins of each batch that it is given.
struct Recorder(TestCrypto, Rc<RefCell<Vec<Vec<PublicKey>>>>);

impl Crypto for Recorder {
    fn verify_envelopes(&mut self, genesis_hash: &H256, frames: &[&[u8]]) -> Vec<bool> {
        let origin = |frame: &&[u8]| PublicKey::from_raw(*frame.first_chunk().unwrap());
        self.1.borrow_mut().push(frames.iter().map(origin).collect());
        self.0.verify_envelopes(genesis_hash, frames)
    }

    fn sign(&self, bytes: &[u8]) -> Signature {
        self.0.sign(bytes)
    }
}

struct Watched {
    core: Director<Recorder>,
    batches: Rc<RefCell<Vec<Vec<PublicKey>>>>,
}

impl Watched {
    fn new() -> Self {
        let batches = Rc::default();
        let crypto = Recorder(TestCrypto(director_key(0)), Rc::clone(&batches));
        let mut core = Director::new(config(0), crypto, Vec::new());
        let snapshot = World::new(3, 4).snapshot();
        core.handle(0, Input::Finalized(snapshot), &mut Vec::new());
        Self { core, batches }
    }

    /// The validators in each batch that these frames are checked in.
    fn frames(&mut self, now: u64, batch: Vec<Received>) -> (Vec<Vec<PublicKey>>, Vec<Output>) {
        let mut out = Vec::new();
        self.core.handle(now, Input::Frames(batch), &mut out);
        (self.batches.take(), out)
    }
}

fn keys(validators: &[u8]) -> Vec<PublicKey> {
    validators.iter().map(|n| validator_key(*n).public()).collect()
}

fn hello(n: u8, seq: u64) -> Received {
    from_validator(n, &message(n, seq, b"hello"))
}

fn forged(n: u8, seq: u64) -> Received {
    from_validator(n, &forge(&message(n, seq, b"forged")))
}

#[test]
fn who_sent_a_forged_frame_is_checked_apart_for_a_while() {
    let mut director = Watched::new();
    let (batches, _) = director.frames(0, vec![forged(2, 1), hello(1, 1)]);
    assert_eq!(batches, [keys(&[2, 1])], "nobody knew");

    let (batches, out) = director.frames(9_999, vec![forged(2, 2), hello(2, 3), hello(1, 2)]);
    assert_eq!(batches, [keys(&[1]), keys(&[2, 2])], "after everybody else");
    let relayed: Vec<_> = relayed(&out).into_iter().map(|(frame, _)| frame).collect();
    assert_eq!(relayed, [hello(1, 2).frame, hello(2, 3).frame], "what is right is still passed on");
    assert_eq!(director.core.stats().suspect_frames, 2);

    // The second forgery has made it a suspect for longer, but not for ever.
    let (batches, _) = director.frames(19_998, vec![hello(2, 4), hello(1, 3)]);
    assert_eq!(batches, [keys(&[1]), keys(&[2])]);
    let (batches, _) = director.frames(19_999, vec![hello(2, 5), hello(1, 4)]);
    assert_eq!(batches, [keys(&[2, 1])]);
}

#[test]
fn nobody_is_suspected_for_what_others_say_in_its_name() {
    let mut director = Watched::new();
    let mesh = from_director(1, &forge(&message(2, 1, b"forged")));
    let foreign = Received { from: validator_key(3).public(), ..forged(2, 2) };
    director.frames(0, vec![mesh, foreign]);
    let (batches, _) = director.frames(1, vec![hello(2, 1), hello(3, 1), hello(1, 1)]);
    assert_eq!(batches, [keys(&[2, 3, 1])]);
    assert_eq!(director.core.stats().suspect_frames, 0);
}

#[test]
fn what_a_suspect_signed_passes_over_the_mesh_with_everything_else() {
    let mut director = Watched::new();
    director.frames(0, vec![forged(2, 1)]);
    let mesh = from_director(1, &message(2, 1, b"hello"));
    let (batches, _) = director.frames(1, vec![mesh, hello(1, 1)]);
    assert_eq!(batches, [keys(&[2, 1])]);
}

#[test]
fn equal_frames_of_a_suspect_and_of_a_peer_are_passed_on_once() {
    let mut director = Watched::new();
    director.frames(0, vec![forged(2, 1)]);
    let frame = message(2, 1, b"hello");
    let (batches, out) =
        director.frames(1, vec![from_validator(2, &frame), from_director(1, &frame)]);
    assert_eq!((batches.len(), relayed(&out).len()), (1, 1));
    assert_eq!(director.core.stats().loops_prevented, 1);
}

#[test]
fn forgeries_use_up_what_may_be_sent() {
    let mut rig = Rig::new(&World::new(3, 3));
    // A hundred at a time, for a second: twenty times as many are paid for.
    for round in 0..10 {
        rig.now += 100;
        let batch = (1..=100).map(|n| forged(0, round * 100 + n)).collect();
        rig.frames(batch);
    }
    let checked = rig.core.stats().signatures_checked;
    assert_eq!(checked, 1_000 - count(&rig, Refusal::RateLimited));
    assert_eq!(checked, 200, "the second hundred is paid for with a second of silence");
    assert_eq!(relayed(&rig.frames(vec![hello(1, 1)])).len(), 1);
    // It is made up for with time.
    rig.now += 1_000;
    assert_eq!(relayed(&rig.frames(vec![hello(0, 1)])).len(), 1);
}

#[test]
fn a_suspects_votes_reach_the_detector() {
    let mut rig = Rig::new(&World::new(3, 3));
    rig.frames(vec![forged(0, 1)]);
    for (seq, hash) in [(1, 0xaa), (2, 0xbb)] {
        let frame = vote_frame(0, seq, &vote(0, 10, hash));
        rig.frames(vec![Received { from: validator_key(0).public(), link: Link::Public, frame }]);
    }
    assert_eq!(rig.core.stats().double_signs_detected, 1);
}
