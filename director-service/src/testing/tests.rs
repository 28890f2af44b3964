//! Whether the adversaries do what they are there for: what they send verifies where it must, and only there.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::client::LocalKey;
use codec::DecodeAll;
use curve25519_dalek::edwards::CompressedEdwardsY;
use director_primitives::{
    CheckpointVote, H256, Priority, SignedEnvelope, SignedVote, keys::is_small_order,
};
use std::collections::BTreeSet;

const GENESIS: H256 = H256([7; 32]);

fn author() -> Author<LocalKey> {
    Author::new(GENESIS, LocalKey::from_seed(&[1; 32]), 5)
}

fn vote_in(signed: &SignedEnvelope) -> SignedVote {
    SignedVote::decode_all(&mut &*signed.envelope.payload).unwrap()
}

#[test]
fn small_order_keys_are_all_there_and_verify_anything() {
    let keys = SmallOrder.keys();
    assert_eq!(keys.iter().collect::<BTreeSet<_>>().len(), 14);
    for key in &keys {
        let point = CompressedEdwardsY(key.0).decompress().unwrap();
        assert!(point.is_small_order() && is_small_order(key), "{key:?}");
    }
    assert!(SmallOrder.envelopes(5).iter().all(|signed| signed.verify(&GENESIS)));
    let vote = CheckpointVote { checkpoint: 1, block_hash: GENESIS };
    for signed in SmallOrder.votes(&mut author(), vote) {
        assert!(signed.verify(&GENESIS) && vote_in(&signed).verify(&GENESIS));
    }
}

#[test]
fn a_sequence_has_no_holes_in_any_class() {
    let mut flusher = CacheFlusher::new(author(), 2);
    let all = [flusher.first().to_vec(), flusher.flush(7)].concat();
    for class in [Priority::Critical, Priority::High, Priority::Normal] {
        let of_class = all.iter().map(|of| &of.envelope).filter(|of| of.class == class);
        assert!(of_class.map(|of| of.seq).eq(1..=if class == Priority::Critical { 5 } else { 2 }));
    }
    assert!(all.iter().all(|signed| signed.verify(&GENESIS)));
}

#[test]
fn forgeries_do_not_verify_and_everything_else_does() {
    let mut forger = Forger::new(author());
    assert!(!forger.unsigned().verify(&GENESIS));
    let victim = Author::new(GENESIS, LocalKey::from_seed(&[2; 32]), 5);
    assert!(!forger.in_the_name_of(victim.key()).verify(&GENESIS));

    let mut far = FarVoter::new(author(), GENESIS, LocalKey::from_seed(&[3; 32]));
    for signed in far.votes(17, 3) {
        let vote = vote_in(&signed);
        assert!(signed.verify(&GENESIS) && vote.verify(&GENESIS));
        let spoilt = forger.unsigned_vote(vote);
        assert!(spoilt.verify(&GENESIS) && !vote_in(&spoilt).verify(&GENESIS));
    }
    for [bad, right] in Poisoner::new(author()).own(2) {
        assert!(!bad.verify(&GENESIS) && right.verify(&GENESIS));
        assert_eq!(bad.envelope, right.envelope);
    }
}

#[test]
fn repetitions_are_the_same_and_stale_votes_are_new_every_time() {
    let repeated = Repeater::new(author()).repeat(3);
    assert!(repeated.len() == 3 && repeated.windows(2).all(|pair| pair[0] == pair[1]));

    let mut far = FarVoter::new(author(), GENESIS, LocalKey::from_seed(&[3; 32]));
    let vote = vote_in(&far.votes(1, 1)[0]);
    let mut stale = StaleVoter::new(author(), vote);
    let repeated = stale.repeat(3);
    assert!(repeated.iter().all(|signed| vote_in(signed) == vote && signed.verify(&GENESIS)));
    assert!(repeated.windows(2).all(|pair| pair[0].envelope.seq < pair[1].envelope.seq));
    let past = stale.from_the_past(2);
    assert!(past.iter().all(|signed| signed.envelope.epoch == 4 && signed.verify(&GENESIS)));
}
