//! Makes signatures that no honest signer makes.

use super::world::{genesis, validator_key};
use crate::director::Frame;
use codec::Encode;
use curve25519_dalek::{constants::EIGHT_TORSION, edwards::EdwardsPoint, scalar::Scalar};
use director_primitives::{SignedEnvelope, signing::signing_bytes};
use sha2::{Digest, Sha512};

/// The frame with another right signature by its origin, validator `n`: with a nonce of its own, to
/// which a part of small order is added.
pub(super) fn resign(n: u8, frame: &Frame, nonce: u64, part: usize) -> Frame {
    let signed = SignedEnvelope::from_bytes(frame).unwrap();
    let bytes = signing_bytes(&genesis(), &signed.envelope);
    let key = validator_key(n).public();
    let secret = secret(2_000 + u64::from(n));
    let public = EdwardsPoint::mul_base(&secret).compress().to_bytes();
    assert_eq!(public, key.0, "test keys are not made as this thinks");

    let nonce = hash(&[b"nonce", &nonce.to_le_bytes()]);
    let point = (EdwardsPoint::mul_base(&nonce) + EIGHT_TORSION[part]).compress().to_bytes();
    let scalar = nonce + hash(&[&point, &public, &bytes]) * secret;
    with_signature(frame, &[point, scalar.to_bytes()].concat())
}

/// The frame with the order of the group added to its signature's second half: the same modulo that,
/// and without any secret.
pub(super) fn malleate(frame: &Frame) -> Frame {
    let signature = &frame[frame.len() - 64..];
    let mut order = (-Scalar::ONE).to_bytes();
    order[0] += 1;
    let mut carry = 0;
    let sum = signature[32..].iter().zip(order).map(|(a, b)| {
        let sum = u16::from(*a) + u16::from(b) + carry;
        carry = sum >> 8;
        sum as u8
    });
    let sum: Vec<u8> = sum.collect();
    with_signature(frame, &[&signature[..32], &sum].concat())
}

fn with_signature(frame: &Frame, signature: &[u8]) -> Frame {
    [&frame[..frame.len() - 64], signature].concat().into()
}

fn hash(parts: &[&[u8]]) -> Scalar {
    let mut hash = Sha512::new();
    parts.iter().for_each(|part| hash.update(part));
    Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
}

/// The secret scalar of test key number `n`, as `TestKey::new` and ed25519 make it.
fn secret(n: u64) -> Scalar {
    let seed = sp_io::hashing::blake2_256(&(b"test key", n).encode());
    let half: [u8; 32] = Sha512::digest(seed)[..32].try_into().unwrap();
    Scalar::from_bytes_mod_order(curve25519_dalek::scalar::clamp_integer(half))
}
