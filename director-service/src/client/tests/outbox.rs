use super::{GENESIS, peer_key};
use crate::client::{PublishError, Signer, compression::Packed, outbox::Outbox};
use director_primitives::{
    PayloadKind,
    Priority::{self, Critical, Normal},
    SignedEnvelope,
    envelope::MAX_PAYLOAD_LEN,
};

fn outbox(max_bytes: usize) -> Outbox {
    Outbox::new(peer_key(1), GENESIS, 1_000, max_bytes)
}

fn push(outbox: &mut Outbox, class: Priority, len: usize) -> Result<u64, PublishError> {
    let packed = Packed::new(PayloadKind::Certificate, vec![0; len], usize::MAX)?;
    outbox.push(class, packed).map(|id| id.seq)
}

/// What leaves, as `(epoch, class, seq)`; all of it has to verify.
fn flush(outbox: &mut Outbox, room: usize) -> Vec<(u64, Priority, u64)> {
    let mut left = Vec::new();
    outbox.flush(|to, class, frame| {
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
    let all = [(1_000, Critical, 1), (1_000, Normal, 1), (1_000, Critical, 2)];
    assert_eq!(flush(&mut outbox, 9), all);
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
