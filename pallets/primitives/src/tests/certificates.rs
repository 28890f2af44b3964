use super::{ELSEWHERE, GENESIS};
use crate::{Certificate, CertificateError, CheckpointVote, H256, PublicKey, test_utils::TestKey};
use std::collections::BTreeSet;

/// Seven validators; five make a quorum.
fn voters() -> BTreeSet<PublicKey> {
    (0..7).map(|n| TestKey::new(n).public()).collect()
}

const VOTE: CheckpointVote = CheckpointVote { checkpoint: 3, block_hash: H256([1; 32]) };

/// A certificate by these validators, keys in ascending order.
fn certificate(validators: impl IntoIterator<Item = u64>) -> Certificate {
    let sign = |n| {
        let key = TestKey::new(n);
        (key.public(), key.sign(&GENESIS, &VOTE))
    };
    let mut signatures: Vec<_> = validators.into_iter().map(sign).collect();
    signatures.sort();
    Certificate { vote: VOTE, signatures }
}

#[test]
fn more_than_two_thirds_convince() {
    for n in [5, 6, 7] {
        assert_eq!(certificate(0..n).verify(&GENESIS, &voters()), Ok(()));
    }
}

#[test]
fn two_thirds_and_fewer_do_not() {
    let too_few = |got| Err(CertificateError::TooFew { got, needed: 5 });
    assert_eq!(certificate(0..4).verify(&GENESIS, &voters()), too_few(4));
    assert_eq!(certificate(0..0).verify(&GENESIS, &voters()), too_few(0));
}

#[test]
fn nobody_is_counted_twice() {
    let mut twice = certificate(0..4);
    let first = twice.signatures[0];
    twice.signatures.insert(0, first);
    assert_eq!(twice.verify(&GENESIS, &voters()), Err(CertificateError::Unordered));
    let mut swapped = certificate(0..5);
    swapped.signatures.swap(1, 2);
    assert_eq!(swapped.verify(&GENESIS, &voters()), Err(CertificateError::Unordered));
}

#[test]
fn strangers_are_not_counted() {
    let with_stranger = certificate([0, 1, 2, 3, 99]);
    assert_eq!(with_stranger.verify(&GENESIS, &voters()), Err(CertificateError::UnknownKey));
}

#[test]
fn every_signature_is_checked() {
    let invalid = Err(CertificateError::InvalidSignature);
    for at in 0..5 {
        let mut forged = certificate(0..5);
        forged.signatures[at].1.0[0] ^= 1;
        assert_eq!(forged.verify(&GENESIS, &voters()), invalid, "signature {at}");
    }
    assert_eq!(certificate(0..5).verify(&ELSEWHERE, &voters()), invalid);
    let mut other_block = certificate(0..5);
    other_block.vote.block_hash = H256([2; 32]);
    assert_eq!(other_block.verify(&GENESIS, &voters()), invalid);
}

#[test]
fn without_validators_there_is_no_certificate() {
    let nobody = certificate(0..0).verify(&GENESIS, &BTreeSet::new());
    assert_eq!(nobody, Err(CertificateError::TooFew { got: 0, needed: 1 }));
}
