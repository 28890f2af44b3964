//! The chain's verification and the service's must agree on every signature that anybody can make:
//! where they did not, a validator could be punished by one and not by the other.

mod edge_cases;
mod random;

use super::super::crypto::{verify_items, verify_together};
use curve25519_dalek::{constants::EIGHT_TORSION, edwards::EdwardsPoint, scalar::Scalar};
use director_primitives::{PublicKey, Signature};
use ed25519_zebra::{Signature as ZebraSignature, VerificationKeyBytes, batch};
use sha2::{Digest, Sha512};

/// What is to be verified.
#[derive(Clone, Debug)]
struct Case {
    key: [u8; 32],
    message: Vec<u8>,
    /// `R`, the first half of the signature.
    point: [u8; 32],
    /// `s`, the second half.
    scalar: [u8; 32],
}

impl Case {
    fn signature(&self) -> [u8; 64] {
        [self.point, self.scalar].concat().try_into().unwrap()
    }

    fn chain(&self) -> bool {
        let signature = Signature::from_raw(self.signature());
        let key = PublicKey::from_raw(self.key);
        sp_io::crypto::ed25519_verify(&signature, &self.message, &key)
    }

    fn item(&self) -> batch::Item {
        let signature = ZebraSignature::from(self.signature());
        batch::Item::from((VerificationKeyBytes::from(self.key), signature, &self.message))
    }

    /// The verdict of the chain, which must be the service's, alone and as a batch of one.
    fn verdict(&self) -> bool {
        let (chain, item) = (self.chain(), self.item());
        assert_eq!(verify_items(vec![Some(item.clone())]), [chain], "alone: {self:?}");
        assert_eq!(verify_together([&item].into_iter()), chain, "batch of one: {self:?}");
        chain
    }
}

/// Asserts that batches of these cases get the verdicts that each gets alone; returns the verdicts.
fn agree(cases: &[Case], batch: usize) -> Vec<bool> {
    let verdicts: Vec<_> = cases.iter().map(Case::verdict).collect();
    for (cases, verdicts) in cases.chunks(batch).zip(verdicts.chunks(batch)) {
        let items: Vec<_> = cases.iter().map(Case::item).collect();
        let all_good = verdicts.iter().all(|good| *good);
        assert_eq!(verify_together(items.iter()), all_good, "{verdicts:?} of {cases:?}");
        assert_eq!(verify_items(items.into_iter().map(Some).collect()), verdicts, "{cases:?}");
    }
    verdicts
}

/// What a signature's equation multiplies the key with.
fn challenge(point: &[u8; 32], key: &[u8; 32], message: &[u8]) -> Scalar {
    let hash = Sha512::new().chain_update(point).chain_update(key).chain_update(message);
    Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
}

/// A scalar made from a small number.
fn scalar(number: u64) -> Scalar {
    challenge(&[0; 32], &[0; 32], &number.to_le_bytes())
}

/// A signature by a key and with a nonce that may have a part of small order, as who holds the
/// secret can make it. Its equation holds but for those parts, which ZIP-215 multiplies away.
fn signed(
    secret: Scalar,
    key_part: usize,
    nonce: Scalar,
    nonce_part: usize,
    message: &[u8],
) -> Case {
    let encoded = |scalar: &Scalar, part: usize| {
        (EdwardsPoint::mul_base(scalar) + EIGHT_TORSION[part]).compress().to_bytes()
    };
    let (key, point) = (encoded(&secret, key_part), encoded(&nonce, nonce_part));
    let scalar = nonce + challenge(&point, &key, message) * secret;
    Case { key, message: message.to_vec(), point, scalar: scalar.to_bytes() }
}

/// The order of the group, lowest byte first.
fn order() -> [u8; 32] {
    let mut order = (-Scalar::ONE).to_bytes();
    order[0] += 1;
    order
}

/// The sum of two numbers, if it fits.
fn sum(a: [u8; 32], b: [u8; 32]) -> Option<[u8; 32]> {
    let mut carry = 0;
    let sum = std::array::from_fn(|at| {
        let sum = u16::from(a[at]) + u16::from(b[at]) + carry;
        carry = sum >> 8;
        sum as u8
    });
    (carry == 0).then_some(sum)
}
