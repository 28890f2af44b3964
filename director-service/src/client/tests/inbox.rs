use super::{GENESIS, authorized, message, peer_key, snapshot, validator};
use crate::{
    client::{
        LocalKey, Signer,
        inbox::{Accepted, Dropped, Inbox},
    },
    repair::{Have, Sequence},
};
use codec::Encode;
use director_primitives::{
    Encoding, Envelope, H256, PayloadKind,
    Priority::{self, Critical, Normal},
    Range, SignedEnvelope, VectorEntry,
    runtime_api::ValidatorStatus,
};

fn inbox() -> Inbox<LocalKey> {
    Inbox::new(GENESIS, peer_key(9), [false; 4], 1_000_000)
}

fn strict(max_held_bytes: usize) -> Inbox<LocalKey> {
    let mut inbox = Inbox::new(GENESIS, peer_key(9), [true; 4], max_held_bytes);
    inbox.join();
    inbox
}

/// The numbers of what the application gets.
fn numbers(accepted: &Accepted) -> Vec<u64> {
    accepted.ready.iter().map(|envelope| envelope.seq).collect()
}

fn sequence(n: u8, epoch: u64, class: Priority) -> Sequence {
    Sequence { origin: peer_key(n).key(), epoch, class }
}

fn entry(n: u8, epoch: u64, critical: u64) -> VectorEntry {
    VectorEntry { origin: peer_key(n).key(), epoch, contiguous: [critical, 0, 0, 0] }
}

#[test]
fn a_message_is_delivered_once() {
    let (mut inbox, block) = (inbox(), authorized(1, 3));
    let first = message(1, 5, Critical, 1);
    assert_eq!(inbox.accept(&block, &first).unwrap().ready[0].payload, [1, 1]);
    assert_eq!(inbox.accept(&block, &first), Err(Dropped::Duplicate));
    // Each class, epoch and origin counts for itself.
    for other in [message(1, 5, Normal, 1), message(1, 6, Critical, 1), message(2, 5, Critical, 1)]
    {
        assert_eq!(numbers(&inbox.accept(&block, &other).unwrap()), [1]);
        assert_eq!(inbox.accept(&block, &other), Err(Dropped::Duplicate));
    }
}

#[test]
fn late_messages_are_delivered_too() {
    let (mut inbox, block) = (inbox(), authorized(1, 3));
    for seq in [3, 1, 4_000, 2] {
        assert!(inbox.accept(&block, &message(1, 5, Critical, seq)).is_ok());
    }
    let jump = inbox.accept(&block, &message(1, 5, Critical, 30_000)).unwrap();
    let lost = sequence(1, 5, Critical).range(4, 30_000 - 16_384);
    assert_eq!(jump.lost, [lost], "what is too far behind is lost, and said to be");
    assert_eq!(inbox.accept(&block, &message(1, 5, Critical, 5)), Err(Dropped::Duplicate));
}

#[test]
fn only_the_latest_epochs_are_told_apart() {
    let (mut inbox, block) = (inbox(), authorized(1, 3));
    for epoch in [5, 6, 7] {
        assert!(inbox.accept(&block, &message(1, epoch, Critical, 1)).is_ok());
    }
    assert_eq!(inbox.accept(&block, &message(1, 6, Critical, 1)), Err(Dropped::Duplicate));
    assert_eq!(inbox.accept(&block, &message(1, 5, Critical, 1)), Err(Dropped::Stale));
    assert_eq!(inbox.accept(&block, &message(1, 5, Critical, 2)), Err(Dropped::Stale));
}

#[test]
fn an_epoch_that_is_only_claimed_makes_nothing_new_again() {
    let (mut inbox, block) = (strict(1_000), authorized(1, 3));
    for epoch in [5, 6] {
        assert!(inbox.accept(&block, &message(1, epoch, Critical, 1)).is_ok());
    }
    for claimed in 7..12 {
        inbox.begin(&entry(1, claimed, 3));
        inbox.give_up(&sequence(1, claimed, Normal), 4);
        for epoch in [5, 6] {
            let again = inbox.accept(&block, &message(1, epoch, Critical, 1));
            assert_eq!(again, Err(Dropped::Duplicate), "in epoch {epoch} after {claimed}");
        }
    }
}

#[test]
fn an_epoch_that_is_over_says_what_it_misses_and_holds_nothing_back() {
    let (mut inbox, block) = (strict(1_000), authorized(1, 3));
    for (epoch, seq) in [(5, 1), (5, 4), (6, 1)] {
        assert!(inbox.accept(&block, &message(1, epoch, Critical, seq)).is_ok());
    }
    let next = inbox.accept(&block, &message(1, 7, Critical, 1)).unwrap();
    assert_eq!(next.lost, [sequence(1, 5, Critical).range(2, 3)]);
    let epochs: Vec<_> = next.ready.iter().map(|of| (of.epoch, of.seq)).collect();
    assert_eq!(epochs, [(5, 4), (7, 1)]);
}

#[test]
fn a_forged_copy_does_not_suppress_the_real_one() {
    let (mut inbox, block) = (inbox(), authorized(1, 3));
    let real = message(1, 5, Critical, 1);
    for at in [40, real.len() - 1] {
        let mut forged = real.clone();
        forged[at] ^= 1;
        assert!(matches!(
            inbox.accept(&block, &forged),
            Err(Dropped::Forged | Dropped::Malformed | Dropped::UnknownOrigin)
        ));
    }
    assert!(inbox.accept(&block, &real).is_ok());
}

#[test]
fn another_chains_message_is_forged() {
    let mut inbox = Inbox::new(H256::repeat_byte(8), peer_key(9), [false; 4], 0);
    let block = authorized(1, 3);
    assert_eq!(inbox.accept(&block, &message(1, 5, Critical, 1)), Err(Dropped::Forged));
}

#[test]
fn strangers_own_messages_and_garbage_are_dropped() {
    let (mut inbox, block) = (inbox(), authorized(1, 3));
    assert_eq!(inbox.accept(&block, &message(4, 5, Critical, 1)), Err(Dropped::UnknownOrigin));
    assert_eq!(inbox.accept(&block, &message(9, 5, Critical, 1)), Err(Dropped::Own));
    assert_eq!(inbox.accept(&block, b"garbage"), Err(Dropped::Malformed));
    // Registered is enough: the director may have finalized the authorization before us.
    let block = snapshot(2, vec![validator(4, ValidatorStatus::Candidate)]);
    assert!(inbox.accept(&block, &message(4, 5, Critical, 1)).is_ok());
}

#[test]
fn who_is_not_registered_any_more_is_forgotten() {
    let (mut inbox, block) = (inbox(), authorized(1, 3));
    inbox.accept(&block, &message(3, 5, Critical, 1)).unwrap();
    inbox.keep(&authorized(2, 2));
    assert!(inbox.accept(&block, &message(3, 5, Critical, 1)).is_ok());
}

/// It has another key by now, say, or has left.
#[test]
fn who_is_not_registered_any_more_leaves_no_hole_untold_and_holds_nothing_back() {
    let (mut inbox, block) = (strict(1_000), authorized(1, 3));
    for (epoch, seq) in [(5, 1), (5, 3), (6, 1), (6, 2), (6, 5)] {
        assert!(inbox.accept(&block, &message(3, epoch, Critical, seq)).is_ok());
    }
    let left = inbox.keep(&authorized(2, 2));
    let lost = [sequence(3, 5, Critical).range(2, 2), sequence(3, 6, Critical).range(3, 4)];
    assert_eq!(left.lost, lost);
    let ready: Vec<_> = left.ready.iter().map(|of| (of.epoch, of.seq)).collect();
    assert_eq!(ready, [(5, 3), (6, 5)]);
    assert_eq!(inbox.keep(&authorized(3, 2)).lost, []);
}

#[test]
fn a_hole_is_noticed_and_the_messages_after_it_are_delivered_at_once() {
    let (mut inbox, block) = (inbox(), authorized(1, 3));
    inbox.begin(&entry(1, 5, 10));
    inbox.join();
    let of = sequence(1, 5, Critical);
    assert_eq!(inbox.contiguous(&of), Some(10));
    let early = inbox.accept(&block, &message(1, 5, Critical, 13)).unwrap();
    assert_eq!((numbers(&early), early.hole), (vec![13], Some(of)));
    assert_eq!(inbox.holes(&of, 14, 9), [(11, 12), (14, 14)]);
    inbox.accept(&block, &message(1, 5, Critical, 11)).unwrap();
    let last = inbox.accept(&block, &message(1, 5, Critical, 12)).unwrap();
    assert_eq!((last.hole, inbox.contiguous(&of)), (None, Some(13)));
    assert_eq!(inbox.vector(), [entry(1, 5, 13)]);
}

#[test]
fn the_earliest_beginning_counts_and_after_joining_everything_new_is_ours() {
    let (mut inbox, block) = (inbox(), authorized(1, 3));
    inbox.begin(&entry(1, 5, 1_000_000));
    inbox.begin(&entry(1, 5, 10));
    inbox.join();
    assert_eq!(inbox.contiguous(&sequence(1, 5, Critical)), Some(10));
    // Another epoch and another origin begin with 1, whatever somebody says.
    inbox.begin(&entry(1, 6, 7));
    inbox.begin(&entry(2, 5, 7));
    for of in [sequence(1, 6, Critical), sequence(2, 5, Critical)] {
        assert_eq!(inbox.contiguous(&of), Some(0));
        assert_eq!(inbox.holes(&of, 7, 9), [(1, 7)]);
    }
    let third = inbox.accept(&block, &message(2, 5, Critical, 3)).unwrap();
    assert_eq!(third.hole, Some(sequence(2, 5, Critical)));
    // What is over is not wanted.
    inbox.accept(&block, &message(1, 7, Critical, 1)).unwrap();
    inbox.accept(&block, &message(1, 8, Critical, 1)).unwrap();
    assert_eq!(inbox.contiguous(&sequence(1, 5, Critical)), None);
    assert_eq!(inbox.contiguous(&sequence(9, 5, Critical)), None, "our own");
}

#[test]
fn of_who_spoke_while_a_director_was_telling_all_other_classes_are_ours_whatever_another_one_says()
{
    for is_strict in [false, true] {
        let mut inbox = Inbox::new(GENESIS, peer_key(9), [is_strict; 4], 1_000_000);
        let block = authorized(1, 3);
        inbox.accept(&block, &message(1, 5, Critical, 7)).unwrap();
        // Its vector says nothing of this origin.
        inbox.join();
        inbox.begin(&VectorEntry { contiguous: [50; 4], ..entry(1, 5, 50) });
        let of = sequence(1, 5, Normal);
        assert_eq!(inbox.contiguous(&of), Some(0));
        assert_eq!(inbox.contiguous(&sequence(1, 5, Critical)), Some(7));
        let second = inbox.accept(&block, &message(1, 5, Normal, 2)).unwrap();
        assert_eq!(second.hole, Some(of), "the first one is missing");
        let first = inbox.accept(&block, &message(1, 5, Normal, 1)).unwrap();
        let got = [numbers(&second), numbers(&first)];
        let expected = if is_strict { [vec![], vec![1, 2]] } else { [vec![2], vec![1]] };
        assert_eq!(got, expected);
    }
}

#[test]
fn in_strict_order_what_comes_early_waits() {
    let (mut inbox, block) = (strict(1_000_000), authorized(1, 3));
    let mut got = Vec::new();
    for seq in [2, 4, 1, 3] {
        let accepted = inbox.accept(&block, &message(1, 5, Critical, seq)).unwrap();
        got.push(numbers(&accepted));
    }
    assert_eq!(got, [vec![], vec![], vec![1, 2], vec![3, 4]]);
}

#[test]
fn in_strict_order_nothing_from_before_our_time_follows_what_is_from_it() {
    let block = authorized(1, 3);
    for is_strict in [true, false] {
        let mut inbox = Inbox::new(GENESIS, peer_key(9), [is_strict; 4], 1_000_000);
        // Before anybody has said where the sequences stand.
        let first = inbox.accept(&block, &message(1, 5, Critical, 2)).unwrap();
        assert_eq!(numbers(&first), [2]);
        let earlier = inbox.accept(&block, &message(1, 5, Critical, 1));
        match is_strict {
            true => assert_eq!(earlier, Err(Dropped::Stale)),
            false => assert_eq!(numbers(&earlier.unwrap()), [1]),
        }
        assert_eq!(numbers(&inbox.accept(&block, &message(1, 5, Critical, 3)).unwrap()), [3]);
    }
}

#[test]
fn in_strict_order_what_is_given_up_is_a_gap_before_what_follows() {
    let (mut inbox, block) = (strict(1_000_000), authorized(1, 3));
    inbox.accept(&block, &message(1, 5, Critical, 3)).unwrap();
    let of = sequence(1, 5, Critical);
    let given_up = inbox.give_up(&of, 2);
    let lost: Vec<Range> = vec![of.range(1, 2)];
    assert_eq!((given_up.lost.clone(), numbers(&given_up)), (lost, vec![3]));
    assert_eq!(inbox.accept(&block, &message(1, 5, Critical, 1)), Err(Dropped::Duplicate));
}

#[test]
fn whoever_takes_most_of_the_room_gives_way_not_whoever_says_most() {
    let (mut inbox, block) = (strict(10_000), authorized(1, 3));
    for seq in 2..=20 {
        inbox.accept(&block, &message(1, 5, Critical, seq)).unwrap();
    }
    let large = |seq| {
        let envelope = Envelope {
            origin: peer_key(2).key(),
            epoch: 5,
            class: Normal,
            seq,
            kind: PayloadKind::CheckpointVote,
            encoding: Encoding::Identity,
            payload: vec![7; 3_000],
        };
        let signature = peer_key(2).sign_statement(&GENESIS, &envelope);
        SignedEnvelope { envelope, signature }.encode()
    };
    let mut lost = Vec::new();
    for seq in 2..=5 {
        lost.extend(inbox.accept(&block, &large(seq)).unwrap().lost);
    }
    assert_eq!(lost, [sequence(2, 5, Normal).range(1, 1)]);
    // What is repaired now comes in its turn.
    let first = inbox.accept(&block, &message(1, 5, Critical, 1)).unwrap();
    assert_eq!(numbers(&first), (1..=20).collect::<Vec<_>>());
}

#[test]
fn what_a_director_hears_later_than_it_spoke_first_is_ours() {
    let mut inbox = inbox();
    inbox.begin(&entry(1, 5, 1 << 40));
    inbox.join();
    // That it has nothing may mean that it knows nothing.
    inbox.begin(&entry(1, 5, 0));
    assert_eq!(inbox.contiguous(&sequence(1, 5, Critical)), Some(1 << 40));
    inbox.grown(&entry(1, 5, 0), &entry(1, 5, 0));
    inbox.grown(&entry(1, 4, 0), &entry(1, 5, 3));
    assert_eq!(inbox.contiguous(&sequence(1, 5, Critical)), Some(1 << 40));
    inbox.grown(&entry(1, 5, 2), &entry(1, 5, 3));
    assert_eq!(inbox.contiguous(&sequence(1, 5, Critical)), Some(2));
    inbox.grown(&entry(1, 5, 3), &entry(1, 5, 4));
    assert_eq!(inbox.contiguous(&sequence(1, 5, Critical)), Some(2), "never forward");
    let block = authorized(1, 3);
    inbox.accept(&block, &message(1, 5, Critical, 3)).unwrap();
    inbox.grown(&entry(1, 5, 0), &entry(1, 5, 1));
    assert_eq!(inbox.contiguous(&sequence(1, 5, Critical)), Some(3), "it has begun");
}

#[test]
fn what_waits_for_its_turn_is_bounded() {
    let (mut inbox, block) = (strict(1_000), authorized(1, 3));
    let of = sequence(1, 5, Critical);
    let (mut delivered, mut lost) = (Vec::new(), Vec::new());
    for seq in 2..=20 {
        let accepted = inbox.accept(&block, &message(1, 5, Critical, seq)).unwrap();
        delivered.extend(numbers(&accepted));
        lost.extend(accepted.lost);
    }
    assert_eq!(lost, [of.range(1, 1)]);
    assert_eq!(delivered, (2..=20).collect::<Vec<_>>());
}
