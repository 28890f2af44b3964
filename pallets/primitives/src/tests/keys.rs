use super::{ELSEWHERE, GENESIS};
use crate::{
    keys::{
        KeyError, KeyRole, Possession, PublicKey, Signature, check_possession, from_peer_id,
        is_small_order, to_peer_id,
    },
    test_utils::TestKey,
    vote::CheckpointVote,
};
use curve25519_dalek::{
    constants::EIGHT_TORSION,
    edwards::{CompressedEdwardsY, EdwardsPoint},
};
use sp_core::H256;
use std::collections::BTreeSet;

/// The 14 encodings, written out as in the tests of ZIP-215 (<https://hdevalence.ca/blog/2020-10-04-its-25519am>),
/// apart from the code that is tested.
const SMALL_ORDER: [&str; 14] = [
    // Canonical.
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    // Not canonical: the sign of zero, and y not reduced.
    "0100000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
];

fn small_order() -> impl Iterator<Item = PublicKey> {
    SMALL_ORDER
        .iter()
        .map(|text| PublicKey::from_raw(hex::decode(text).unwrap().try_into().unwrap()))
}

#[test]
fn the_fourteen_keys_of_small_order_are_known() {
    assert_eq!(small_order().collect::<BTreeSet<_>>().len(), 14);
    assert!(small_order().all(|key| is_small_order(&key)));
}

/// The encodings of a point: its `y`, reduced or not if there is room for that below the sign bit, with
/// the sign that it has, or with either if its `x` is zero.
fn encodings(point: &EdwardsPoint) -> Vec<[u8; 32]> {
    let mut y = point.compress().to_bytes();
    y[31] &= 0x7f;
    let mut coordinates = vec![y];
    if y[0] < 19 && y[1..] == [0; 31] {
        // Plus p = 2^255 - 19.
        let mut unreduced = [0xff; 32];
        (unreduced[0], unreduced[31]) = (0xed + y[0], 0x7f);
        coordinates.push(unreduced);
    }
    let with_signs = coordinates.into_iter().flat_map(|y| {
        let mut negative = y;
        negative[31] |= 0x80;
        [y, negative]
    });
    with_signs.filter(|bytes| CompressedEdwardsY(*bytes).decompress() == Some(*point)).collect()
}

#[test]
fn they_are_exactly_those_that_the_curve_has() {
    let of_curve: BTreeSet<_> = EIGHT_TORSION.iter().flat_map(encodings).collect();
    assert_eq!(of_curve, small_order().map(|key| key.0).collect());
    // Next to them, and everywhere else, what the curve's library says.
    let agrees = |bytes: [u8; 32]| {
        let point = CompressedEdwardsY(bytes).decompress();
        let is_small = point.is_some_and(|point| point.is_small_order());
        assert_eq!(is_small_order(&PublicKey::from_raw(bytes)), is_small, "{bytes:?}");
        assert_eq!(of_curve.contains(&bytes), is_small, "{bytes:?}");
    };
    for low in 0..=u8::MAX {
        for (middle, high) in [(0, 0), (0, 0x80), (0xff, 0x7f), (0xff, 0xff)] {
            let mut bytes = [middle; 32];
            (bytes[0], bytes[31]) = (low, high);
            agrees(bytes);
        }
    }
    for number in 0..100 {
        let key = CompressedEdwardsY(TestKey::new(number).public().0).decompress().unwrap();
        for small in EIGHT_TORSION {
            agrees((key + small).compress().to_bytes());
        }
    }
}

#[test]
fn each_of_them_verifies_anything_and_that_is_why() {
    // `R` the neutral point, `s` zero: nobody needed a secret for this.
    let mut forged = Signature::from_raw([0; 64]);
    forged.0[0] = 1;
    for key in small_order() {
        for checkpoint in 0..10 {
            let vote = CheckpointVote { checkpoint, block_hash: H256::repeat_byte(9) };
            assert!(crate::verify(&GENESIS, &vote, &key, &forged), "{key:?}");
        }
    }
    // As sp-io's own test shows it.
    let zero = (PublicKey::from_raw([0; 32]), Signature::from_raw([0; 64]));
    let vote = CheckpointVote { checkpoint: 1, block_hash: H256::zero() };
    assert!(crate::verify(&GENESIS, &vote, &zero.0, &zero.1));
}

#[test]
fn ordinary_keys_and_neighbours_are_not_of_small_order() {
    assert!((0..1_000).all(|n| !is_small_order(&TestKey::new(n).public())));
    for key in small_order() {
        for bit in 0..255 {
            let mut near = key;
            near.0[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(is_small_order(&near), small_order().any(|key| key == near), "{near:?}");
        }
    }
}

#[test]
fn possession_is_bound_to_account_role_key_and_chain() {
    let key = TestKey::new(1);
    let possession = |account, role, key: &TestKey| Possession { account, role, key: key.public() };
    let check =
        |possession: &Possession<u64>, genesis, proof| check_possession(genesis, possession, proof);
    let proof = key.possession(&GENESIS, 1u64, KeyRole::Checkpoint);
    let right = possession(1, KeyRole::Checkpoint, &key);
    assert_eq!(check(&right, &GENESIS, &proof), Ok(()));
    let invalid = Err(KeyError::InvalidPossession);
    assert_eq!(check(&right, &ELSEWHERE, &proof), invalid);
    for wrong in [
        possession(2, KeyRole::Checkpoint, &key),
        possession(1, KeyRole::ValidatorPeer, &key),
        possession(1, KeyRole::DirectorPeer, &key),
        possession(1, KeyRole::Checkpoint, &TestKey::new(2)),
    ] {
        assert_eq!(check(&wrong, &GENESIS, &proof), invalid);
    }
}

#[test]
fn a_key_of_small_order_has_no_possession_however_well_it_is_proven() {
    for key in small_order() {
        let possession = Possession { account: 1u64, role: KeyRole::Checkpoint, key };
        let mut forged = Signature::from_raw([0; 64]);
        forged.0[0] = 1;
        assert!(crate::verify(&GENESIS, &possession, &key, &forged));
        assert_eq!(check_possession(&GENESIS, &possession, &forged), Err(KeyError::SmallOrder));
    }
}

#[test]
fn a_peer_id_is_the_key_and_back() {
    for n in 0..100 {
        let key = TestKey::new(n).public();
        assert_eq!(from_peer_id(&to_peer_id(&key)), Some(key));
    }
}

#[test]
fn the_peer_id_is_libp2ps() {
    // 12D3KooW… of <https://github.com/libp2p/specs/blob/master/peer-ids/peer-ids.md>, ed25519: key
    // and protobuf encoding, which the identity multihash 0x00 0x24 goes before.
    let protobuf = "080112201ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e";
    let key = PublicKey::from_raw(hex::decode(&protobuf[8..]).unwrap().try_into().unwrap());
    assert_eq!(hex::encode(to_peer_id(&key)), format!("0024{protobuf}"));
}

#[test]
fn other_peer_ids_are_no_keys() {
    let id = to_peer_id(&TestKey::new(1).public());
    assert_eq!(from_peer_id(&id[..37]), None);
    assert_eq!(from_peer_id(&[&id[..], &[0]].concat()), None);
    assert_eq!(from_peer_id(&[]), None);
    for at in 0..6 {
        let mut other = id;
        other[at] ^= 1;
        assert_eq!(from_peer_id(&other), None, "byte {at}");
    }
}
