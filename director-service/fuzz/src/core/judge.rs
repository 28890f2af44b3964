//! Judges what the core wants done.

use super::input::HONEST;
use crate::scene::{GENESIS, Seals, VALIDATORS, checkpoint_key, director_key, is_signed};
use codec::{DecodeAll, Encode};
use director_primitives::{
    AccountId32, Control, DoubleSignProof, H256, PublicKey, SignedDirectorVote, SignedEnvelope,
    Snapshot, threshold::approvals_needed,
};
use director_service::{
    director::{
        Director, Frame, Link, Output, Received,
        fuzz::{Marked, marked, reads_alike},
    },
    network::MAX_CONTROL_LEN,
};
use sp_crypto_hashing::blake2_256;
use std::collections::{HashMap, HashSet, VecDeque, hash_map::Entry};

/// Forged frames that are looked after, the latest ones.
const FORGED: usize = 16;

/// What was heard and what came of it.
#[derive(Default)]
pub(super) struct Judge {
    /// Frames that were passed on, each with to whom.
    relayed: HashMap<[u8; 32], HashSet<(Link, PublicKey)>>,
    proven: HashSet<H256>,
    /// What was rightly signed: the signed part of frames.
    bodies: HashSet<[u8; 32]>,
    forged: VecDeque<Frame>,
}

/// Everything but the signature.
fn body(frame: &[u8]) -> [u8; 32] {
    blake2_256(&frame[..frame.len().saturating_sub(64)])
}

impl Judge {
    /// Frames came.
    pub(super) fn hear(&mut self, batch: &[Received]) {
        for Received { frame, .. } in batch {
            assert!(reads_alike(frame), "read in place and decoded: {frame:?}");
            if is_signed(frame) {
                self.bodies.insert(body(frame));
            } else {
                if self.forged.len() >= FORGED {
                    self.forged.pop_front();
                }
                self.forged.push_back(frame.clone());
            }
        }
    }

    /// What is wrongly signed has marked nothing.
    pub(super) fn marks(&self, core: &Director<Seals>) {
        for frame in &self.forged {
            let Marked { seen, taken } = marked(core, frame);
            assert!(!seen, "a forgery is marked as seen: {frame:?}");
            let is_known = self.bodies.contains(&body(frame));
            assert!(!taken || is_known, "a forgery has taken a place: {frame:?}");
        }
    }

    /// Something is to be done.
    pub(super) fn output(&mut self, output: &Output, snapshot: Option<&Snapshot>) {
        match output {
            Output::Relay { frame, to, .. } => {
                let origin = origin(frame);
                // Directors hear of two votes for one place at once, validators when the disk has answered.
                let before = self.relayed.entry(blake2_256(frame));
                let is_first = matches!(before, Entry::Vacant(_));
                let before = before.or_default();
                for (link, key) in to.iter() {
                    let is_new = before.insert((link, *key)) && (is_first || link == Link::Public);
                    assert!(is_new, "passed on again: {frame:?}");
                }
                let recipients: Vec<_> = to.iter().map(|(_, key)| *key).collect();
                assert_eq!(recipients.len(), to.count());
                assert!(!recipients.contains(&origin), "it goes back to its origin");
                let known = snapshot.and_then(|known| known.validator_by_peer_key(&origin));
                assert!(known.is_some(), "nobody knows its origin");
            }
            Output::Replay { to, frames, .. } => {
                for (_, frame) in frames {
                    assert_ne!(origin(frame), *to, "somebody is sent its own words");
                }
            }
            Output::Proven(proof) => self.proven(proof),
            Output::Send { message, .. } | Output::SendAll { message, .. } => can_be_sent(message),
            Output::SubmitVotes { votes, .. } => are_enough(votes, snapshot),
            Output::Allow { mesh, public } => {
                for keys in [mesh, public] {
                    assert!(keys.is_sorted_by(|a, b| a < b), "{keys:?}");
                }
                assert!(!mesh.contains(&director_key(0).1), "it may connect to itself");
            }
            _ => {}
        }
    }

    fn proven(&mut self, proof: &DoubleSignProof) {
        assert!(self.proven.insert(proof.id()), "proven again: {proof:?}");
        let votes = [&proof.first, &proof.second];
        for vote in votes {
            assert!(vote.verify(&GENESIS), "{proof:?} proves nothing");
        }
        let owner = votes.map(|vote| {
            let owns = |n: &u8| [false, true].iter().any(|l| checkpoint_key(*n, *l).1 == vote.key);
            (0..VALIDATORS).find(owns)
        });
        assert_eq!(owner[0], owner[1], "{proof:?} is about two");
        assert!(owner[0].is_some_and(|of| of >= HONEST), "who signed once is accused: {proof:?}");
    }
}

/// Who signed it.
fn origin(frame: &[u8]) -> PublicKey {
    assert!(is_signed(frame), "a forgery is passed on: {frame:?}");
    SignedEnvelope::from_bytes(frame).expect("it is signed").envelope.origin
}

/// A message fits and comes back as it was.
fn can_be_sent(message: &Control) {
    let bytes = message.encode();
    assert!(bytes.len() <= MAX_CONTROL_LEN, "{} bytes of {message:?}", bytes.len());
    assert_eq!(Control::decode_all(&mut &bytes[..]).as_ref(), Ok(message));
}

/// Votes that the chain would count, and so many of them.
fn are_enough(votes: &[SignedDirectorVote<AccountId32>], snapshot: Option<&Snapshot>) {
    let snapshot = snapshot.expect("there is a block");
    let active = snapshot.directors.active.len() as u32;
    assert!(votes.len() as u32 >= approvals_needed(active), "{votes:?} of {active}");
    assert!(votes.is_sorted_by(|a, b| a.director < b.director));
    for vote in votes {
        let key = snapshot.director(&vote.director).map(|director| director.peer_key);
        assert!(key.is_some_and(|key| vote.verify(&GENESIS, &key)), "{vote:?}");
    }
}
