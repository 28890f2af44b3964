//! Signatures that verifiers are known to disagree about.
//!
//! ZIP-215 (<https://zips.z.cash/zip-0215>) settles them: points may be encoded as they like,
//! `s` must be reduced, and parts of small order are multiplied away.

use super::{Case, agree, challenge, order, scalar, signed, sum};
use curve25519_dalek::{
    constants::EIGHT_TORSION,
    edwards::{CompressedEdwardsY, EdwardsPoint},
    scalar::Scalar,
};
use ed25519_zebra::{SigningKey, VerificationKeyBytes};
use std::collections::BTreeSet;

/// All encodings of a coordinate below 19, which has two, or of another one, which has one, with
/// either sign.
fn encodings(mut y: [u8; 32]) -> Vec<[u8; 32]> {
    // 2^255 - 19.
    let mut modulus = [0xff; 32];
    (modulus[0], modulus[31]) = (0xed, 0x7f);
    y[31] &= 0x7f;
    let unreduced = sum(y, modulus).filter(|sum| sum[31] < 0x80);
    let with_sign = |mut y: [u8; 32]| {
        y[31] |= 0x80;
        y
    };
    [Some(y), unreduced].into_iter().flatten().flat_map(|y| [y, with_sign(y)]).collect()
}

/// The encodings of points of small order, made from the points.
fn small_order() -> BTreeSet<[u8; 32]> {
    EIGHT_TORSION.iter().flat_map(|point| encodings(point.compress().to_bytes())).collect()
}

/// Those of them that a careful encoder does not make.
fn not_canonical() -> Vec<[u8; 32]> {
    let canonical = EIGHT_TORSION.map(|point| point.compress().to_bytes());
    small_order().into_iter().filter(|bytes| !canonical.contains(bytes)).collect()
}

#[test]
fn the_vectors_of_rfc_8032_are_right() {
    let decoded = |text: &str| hex::decode(text).unwrap();
    let vectors = include_str!("rfc8032.txt").lines().filter(|line| !line.starts_with('#'));
    let cases = vectors.map(|line| {
        let [secret, key, message, signature] = line.split(',').collect::<Vec<_>>()[..] else {
            panic!("four fields: {line}");
        };
        let signature = decoded(signature);
        let signing = SigningKey::try_from(&decoded(secret)[..]).unwrap();
        assert_eq!(VerificationKeyBytes::from(&signing).as_ref(), decoded(key));
        assert_eq!(signing.sign(&decoded(message)).to_bytes()[..], signature);
        Case {
            key: decoded(key).try_into().unwrap(),
            message: decoded(message),
            point: signature[..32].try_into().unwrap(),
            scalar: signature[32..].try_into().unwrap(),
        }
    });
    let cases: Vec<_> = cases.collect();
    assert_eq!(agree(&cases, cases.len()), [true; 5]);
}

#[test]
fn all_pairs_of_points_of_small_order_are_right_for_any_message() {
    let points = small_order();
    assert_eq!(points.len(), 14);
    let pairs = points.iter().flat_map(|key| points.iter().map(move |point| (*key, *point)));
    let cases: Vec<_> = pairs
        .map(|(key, point)| Case { key, message: b"Zcash".to_vec(), point, scalar: [0; 32] })
        .collect();
    assert_eq!(cases.len(), 196);
    for batch in [1, 14, 196] {
        assert!(agree(&cases, batch).iter().all(|good| *good));
    }
}

#[test]
fn coordinates_that_are_not_reduced() {
    let small = small_order();
    let low = (0..19).flat_map(|number| {
        let mut y = [0; 32];
        y[0] = number;
        encodings(y)
    });
    let points: BTreeSet<_> = low.collect();
    assert_eq!(points.len(), 19 * 4);
    let honest = signed(scalar(1), 0, scalar(2), 0, b"message");
    let mut cases = Vec::new();
    for point in &points {
        cases.push(Case { key: *point, ..honest.clone() });
        cases.push(Case { point: *point, ..honest.clone() });
        for key in &points {
            cases.push(Case { key: *key, point: *point, scalar: [0; 32], message: Vec::new() });
        }
    }
    // `s` is zero, so both points must vanish; no other is known to fit.
    let verdicts = agree(&cases, 64);
    for (case, good) in cases.iter().zip(verdicts) {
        assert_eq!(good, small.contains(&case.key) && small.contains(&case.point), "{case:?}");
    }
}

#[test]
fn the_second_half_must_be_reduced() {
    let honest = signed(scalar(1), 0, scalar(2), 0, b"message");
    let mut cases = vec![honest.clone()];
    let mut added = honest.scalar;
    while let Some(next) = sum(added, order()) {
        added = next;
        cases.push(Case { scalar: next, ..honest.clone() });
    }
    assert_eq!(cases.len(), 16, "2^256 is nearly sixteen times the order");
    for bit in 253..256 {
        let mut case = honest.clone();
        case.scalar[31] |= 1 << (bit % 8);
        cases.push(case);
    }
    let verdicts = agree(&cases, 4);
    assert!(verdicts[0] && !verdicts[1..].contains(&true), "{verdicts:?}");

    // With points of small order any multiple of the order would do, written reduced or not.
    let zero = |scalar| Case { key: [0; 32], point: [0; 32], scalar, message: Vec::new() };
    assert_eq!(agree(&[zero([0; 32]), zero(order())], 1), [true, false]);
    let largest = Scalar::ZERO - Scalar::ONE;
    let case = |scalar: [u8; 32]| Case { scalar, ..honest.clone() };
    assert_eq!(agree(&[case(largest.to_bytes()), case([0xff; 32])], 2), [false, false]);
}

/// The first of these whose equation holds as it stands, without the cofactor, or does not. One in
/// eight does, or more.
fn search(make: impl Fn(&[u8]) -> Case, exactly: bool) -> Case {
    let decoded = |bytes| CompressedEdwardsY(bytes).decompress().unwrap();
    let is_it = |case: &Case| {
        let challenge = challenge(&case.point, &case.key, &case.message);
        let scalar = Scalar::from_canonical_bytes(case.scalar).unwrap();
        let right = decoded(case.point) + decoded(case.key) * challenge;
        (EdwardsPoint::mul_base(&scalar) == right) == exactly
    };
    let cases = (0..1_000u64).map(|number| make(&number.to_le_bytes()));
    cases.into_iter().find(is_it).expect("one in a thousand")
}

/// A signature whose author hashed other bytes, perhaps, than stand in it.
fn hashed_over(
    (point, key): ([u8; 32], [u8; 32]),
    nonce: Scalar,
    secret: Scalar,
    (hashed_point, hashed_key): ([u8; 32], [u8; 32]),
) -> Case {
    let message = b"message".to_vec();
    let scalar = nonce + challenge(&hashed_point, &hashed_key, &message) * secret;
    Case { key, message, point, scalar: scalar.to_bytes() }
}

/// The twelve kinds of "Taming the many EdDSAs" (Chalkias, Garillot, Nikolaenko, 2020), made from
/// their description, and whether ZIP-215 accepts them.
fn twelve_kinds() -> [(&'static str, Case, bool); 12] {
    let (secret, nonce, zero) = (scalar(1), scalar(2), Scalar::ZERO);
    let small = EIGHT_TORSION[1].compress().to_bytes();
    // Of small order and not canonical, and what a careful encoder makes of it.
    let odd = not_canonical()[0];
    let tidy = CompressedEdwardsY(odd).decompress().unwrap().compress().to_bytes();
    // With a part of small order.
    let mixed_key = signed(secret, 1, nonce, 0, &[]).key;
    let mixed_point = signed(secret, 0, nonce, 1, &[]).point;
    let as_it_is = |pair, nonce, secret| hashed_over(pair, nonce, secret, pair);

    let mixed_both = |message: &[u8]| signed(secret, 1, nonce, 3, message);
    let mixed_key_only = |message: &[u8]| signed(secret, 1, nonce, 0, message);
    let honest = signed(secret, 0, nonce, 0, b"message");
    let beyond = |times| {
        let add = |scalar, _| sum(scalar, order());
        Case { scalar: (0..times).try_fold(honest.scalar, add).unwrap(), ..honest.clone() }
    };
    [
        ("key and point small, s zero", as_it_is((small, small), zero, zero), true),
        ("key small, point mixed", as_it_is((mixed_point, small), nonce, zero), true),
        ("key mixed, point small", as_it_is((small, mixed_key), zero, secret), true),
        ("both mixed, holds exactly", search(mixed_both, true), true),
        ("both mixed, holds with the cofactor", search(mixed_both, false), true),
        ("key mixed, holds with the cofactor", search(mixed_key_only, false), true),
        ("s beyond the order", beyond(1), false),
        ("s far beyond the order", beyond(14), false),
        (
            "point odd, hashed tidy",
            hashed_over((odd, mixed_key), zero, secret, (tidy, mixed_key)),
            false,
        ),
        ("point odd, hashed odd", as_it_is((odd, mixed_key), zero, secret), true),
        (
            "key odd, hashed tidy",
            hashed_over((mixed_point, odd), nonce, zero, (mixed_point, tidy)),
            true,
        ),
        ("key odd, hashed odd", as_it_is((mixed_point, odd), nonce, zero), true),
    ]
}

#[test]
fn the_twelve_kinds_that_verifiers_disagree_about() {
    let kinds = twelve_kinds();
    for (kind, case, expected) in &kinds {
        assert_eq!(case.verdict(), *expected, "{kind}");
    }
    let cases: Vec<_> = kinds.iter().map(|(_, case, _)| case.clone()).collect();
    agree(&cases, cases.len());
    let right: Vec<_> = kinds.into_iter().filter(|kind| kind.2).map(|(_, case, _)| case).collect();
    assert_eq!(agree(&right, right.len()), [true; 9]);
}
