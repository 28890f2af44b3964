use super::{GENESIS, authorized, message, peer_key, snapshot, validator};
use crate::client::{
    Signer,
    inbox::{Dropped, Inbox},
};
use director_primitives::{
    H256,
    Priority::{Critical, Normal},
    runtime_api::ValidatorStatus,
};

fn inbox() -> Inbox {
    Inbox::new(GENESIS, peer_key(9).key())
}

#[test]
fn a_message_is_delivered_once() {
    let (mut inbox, block) = (inbox(), authorized(1, 3));
    let first = message(1, 5, Critical, 1);
    assert_eq!(inbox.accept(&block, &first).unwrap().payload, [1, 1]);
    assert_eq!(inbox.accept(&block, &first), Err(Dropped::Duplicate));
    // Each class, epoch and origin counts for itself.
    for other in [message(1, 5, Normal, 1), message(1, 6, Critical, 1), message(2, 5, Critical, 1)]
    {
        assert!(inbox.accept(&block, &other).is_ok());
        assert_eq!(inbox.accept(&block, &other), Err(Dropped::Duplicate));
    }
}

#[test]
fn late_messages_are_delivered_too() {
    let (mut inbox, block) = (inbox(), authorized(1, 3));
    for seq in [3, 1, 4_000, 2] {
        assert!(inbox.accept(&block, &message(1, 5, Critical, seq)).is_ok());
    }
    assert!(inbox.accept(&block, &message(1, 5, Critical, 10_000)).is_ok());
    assert_eq!(inbox.accept(&block, &message(1, 5, Critical, 5)), Err(Dropped::Stale));
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
    let mut inbox = Inbox::new(H256::repeat_byte(8), peer_key(9).key());
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
