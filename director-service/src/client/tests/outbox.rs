use super::{GENESIS, peer_key};
use crate::client::{LocalKey, Outbox, PublishError, Signer, compression::Packed};
use director_primitives::{
    PayloadKind,
    Priority::{self, Critical, Normal},
    SignedEnvelope, VectorEntry,
    envelope::MAX_PAYLOAD_LEN,
};

fn outbox(max_bytes: usize) -> Outbox<LocalKey> {
    Outbox::new(peer_key(1), GENESIS, 1_000, max_bytes)
}

fn push(outbox: &mut Outbox<LocalKey>, class: Priority, len: usize) -> Result<u64, PublishError> {
    let packed = Packed::new(PayloadKind::Certificate, vec![0; len], usize::MAX)?;
    outbox.push(class, packed).map(|id| id.seq)
}

/// What leaves, as `(epoch, class, seq)`; all of it has to verify.
fn flush(outbox: &mut Outbox<LocalKey>, room: usize) -> Vec<(u64, Priority, u64)> {
    flush_at(outbox, 0, room)
}

fn flush_at(outbox: &mut Outbox<LocalKey>, now: u64, room: usize) -> Vec<(u64, Priority, u64)> {
    let mut left = Vec::new();
    outbox.flush(now, &mut |to, class, frame| {
        if left.len() == room {
            return false;
        }
        assert_eq!(*to, peer_key(50).key());
        let signed = SignedEnvelope::from_bytes(&frame).unwrap();
        assert!(signed.verify(&GENESIS));
        assert_eq!(signed.envelope.class, class);
        left.push((signed.envelope.epoch, class, signed.envelope.seq));
        true
    });
    left
}

#[test]
fn each_class_counts_from_one() {
    let mut outbox = outbox(10_000);
    let classes = [Critical, Normal, Critical, Critical, Normal];
    assert_eq!(classes.map(|class| push(&mut outbox, class, 10)), [1, 1, 2, 3, 2].map(Ok));
}

#[test]
fn what_waits_leaves_when_a_director_takes_it() {
    let mut outbox = outbox(10_000);
    push(&mut outbox, Critical, 10).unwrap();
    push(&mut outbox, Normal, 10).unwrap();
    assert_eq!(flush(&mut outbox, 9), []);
    outbox.open(peer_key(50).key());
    assert_eq!(flush(&mut outbox, 1), [(1_000, Critical, 1)]);
    assert_eq!(flush(&mut outbox, 9), [(1_000, Normal, 1)]);
    assert_eq!(flush(&mut outbox, 9), []);
    // The next director gets all of it again: this one may have died with it in its hands.
    outbox.close();
    push(&mut outbox, Critical, 10).unwrap();
    outbox.open(peer_key(50).key());
    let all = [(1_000, Critical, 1), (1_000, Critical, 2), (1_000, Normal, 1)];
    assert_eq!(flush(&mut outbox, 9), all);
}

/// Each welcome moved it by as much again: a director that said many of them used up the numbers.
#[test]
fn all_directors_together_move_the_epoch_no_further_than_one() {
    let mut outbox = outbox(10_000);
    for n in 0..1_000 {
        assert!(outbox.settle(1_000 + n * (1 << 41)));
    }
    outbox.open(peer_key(50).key());
    push(&mut outbox, Critical, 10).unwrap();
    assert_eq!(flush(&mut outbox, 9), [(1_000 + (1 << 42) + 1, Critical, 1)]);
}

#[test]
fn a_higher_epoch_is_taken_before_anything_was_sent() {
    let mut outbox = outbox(10_000);
    push(&mut outbox, Critical, 10).unwrap();
    assert!(outbox.settle(5_000));
    outbox.open(peer_key(50).key());
    push(&mut outbox, Critical, 10).unwrap();
    assert_eq!(flush(&mut outbox, 9), [(5_001, Critical, 1), (5_001, Critical, 2)]);
    // From then on it stays; a higher one is somebody else with our key.
    assert!(outbox.settle(5_001));
    assert!(!outbox.settle(5_002));
    push(&mut outbox, Critical, 10).unwrap();
    assert_eq!(flush(&mut outbox, 9), [(5_001, Critical, 3)]);
}

#[test]
fn a_full_outbox_refuses_and_forgets_only_what_was_sent() {
    let mut outbox = outbox(1_000);
    for _ in 0..3 {
        push(&mut outbox, Normal, 150).unwrap();
    }
    assert_eq!(push(&mut outbox, Normal, 500), Err(PublishError::Full));
    outbox.open(peer_key(50).key());
    assert_eq!(flush(&mut outbox, 9).len(), 3);
    assert_eq!(push(&mut outbox, Normal, 500), Ok(4), "the refused one used up no number");
    assert_eq!(flush(&mut outbox, 9), [(1_000, Normal, 4)]);
}

#[test]
fn a_payload_may_be_as_long_as_a_payload_may_be() {
    let mut outbox = outbox(1_000);
    let long = MAX_PAYLOAD_LEN + 1;
    assert_eq!(push(&mut outbox, Normal, long), Err(PublishError::TooLong(long)));
    assert_eq!(push(&mut outbox, Normal, MAX_PAYLOAD_LEN), Ok(1));
}

/// What a director says that it has of ours.
fn has(critical: u64, normal: u64) -> VectorEntry {
    VectorEntry { origin: peer_key(1).key(), epoch: 1_000, contiguous: [critical, 0, normal, 0] }
}

#[test]
fn a_message_is_done_with_when_a_second_director_has_it() {
    let mut outbox = outbox(10_000);
    for class in [Critical, Critical, Normal] {
        push(&mut outbox, class, 10).unwrap();
    }
    let (first, second) = (peer_key(50).key(), peer_key(51).key());
    outbox.open(first);
    flush(&mut outbox, 2);
    // The one that we handed it to, another epoch, what has not left: none of that counts.
    let nothing = [false; 4];
    assert_eq!(outbox.confirm(&first, &has(9, 9)), nothing);
    assert_eq!(outbox.confirm(&second, &VectorEntry { epoch: 999, ..has(9, 9) }), nothing);
    assert_eq!(outbox.confirm(&second, &has(1, 1)), [true, false, false, false]);
    assert_eq!(outbox.len(), 2);
    flush(&mut outbox, 9);
    assert_eq!(outbox.confirm(&second, &has(2, 1)), [true, false, true, false]);
    assert!(outbox.is_empty());
    assert_eq!(outbox.send_again(u64::MAX), nothing);
}

#[test]
fn what_nobody_else_has_is_sent_again() {
    let mut outbox = outbox(10_000);
    push(&mut outbox, Critical, 10).unwrap();
    push(&mut outbox, Critical, 10).unwrap();
    outbox.open(peer_key(50).key());
    flush_at(&mut outbox, 5, 9);
    assert_eq!(outbox.send_again(4), [false; 4]);
    assert_eq!(flush(&mut outbox, 9), [], "it is not that old");
    outbox.confirm(&peer_key(51).key(), &has(1, 0));
    assert_eq!(outbox.send_again(5), [true, false, false, false]);
    assert_eq!(outbox.send_again(5), [false; 4], "it has not left yet");
    assert_eq!(flush(&mut outbox, 9), [(1_000, Critical, 2)]);
}

#[test]
fn it_does_not_send_more_than_a_director_takes() {
    let mut outbox = outbox(4 * 1024 * 1024);
    for _ in 0..3_000 {
        push(&mut outbox, Normal, 10).unwrap();
    }
    push(&mut outbox, Critical, 10).unwrap();
    outbox.open(peer_key(50).key());
    let sent = |now: u64, outbox: &mut Outbox<LocalKey>| {
        let mut sent = Vec::new();
        outbox.flush(now, &mut |_, class, _| {
            sent.push(class);
            true
        });
        sent
    };
    let at_once = sent(0, &mut outbox);
    assert_eq!((at_once[0], at_once.len()), (Critical, 1 + 1_900));
    assert!(outbox.waits());
    assert_eq!(sent(100, &mut outbox).len(), 190);
    assert_eq!(sent(10_000, &mut outbox).len(), 3_000 - 1_900 - 190);
    assert!(!outbox.waits());
}
