//! Ten thousand signatures: right ones, and wrong in every way that does not take a mathematician.

use super::{Case, agree, order, signed, sum};
use curve25519_dalek::scalar::Scalar;
use rand::{Rng, SeedableRng, rngs::StdRng};

const CASES: usize = 10_000;

/// What is done to a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Right,
    /// Key and nonce have parts of small order.
    RightWithSmallParts,
    BitOfSignature,
    BitOfMessage,
    BitOfKey,
    OtherKey,
    OtherMessagesSignature,
    HalvesSwapped,
    /// `s` with the order of the group added: the same modulo the order.
    Malleated,
    AnyBytes,
}

const WAYS: [Way; 10] = [
    Way::Right,
    Way::RightWithSmallParts,
    Way::BitOfSignature,
    Way::BitOfMessage,
    Way::BitOfKey,
    Way::OtherKey,
    Way::OtherMessagesSignature,
    Way::HalvesSwapped,
    Way::Malleated,
    Way::AnyBytes,
];

impl Way {
    fn is_right(self) -> bool {
        matches!(self, Self::Right | Self::RightWithSmallParts)
    }
}

/// One of a few secrets, so that batches have several signatures of one key.
fn secret(rng: &mut StdRng) -> Scalar {
    super::scalar(rng.random_range(0..16))
}

fn right(rng: &mut StdRng, has_small_parts: bool) -> Case {
    let mut message = vec![0; rng.random_range(1..200)];
    rng.fill(&mut message[..]);
    let nonce = Scalar::from_bytes_mod_order(rng.random());
    let mut part = || if has_small_parts { rng.random_range(0..8) } else { 0 };
    let parts = (part(), part());
    signed(secret(rng), parts.0, nonce, parts.1, &message)
}

fn case(rng: &mut StdRng, way: Way) -> Case {
    let mut case = right(rng, way == Way::RightWithSmallParts);
    let flip = |bytes: &mut [u8], bit: usize| bytes[bit / 8] ^= 1 << (bit % 8);
    match way {
        Way::Right | Way::RightWithSmallParts => {}
        Way::BitOfSignature if rng.random() => flip(&mut case.point, rng.random_range(0..256)),
        Way::BitOfSignature => flip(&mut case.scalar, rng.random_range(0..256)),
        Way::BitOfMessage => {
            let bits = case.message.len() * 8;
            flip(&mut case.message, rng.random_range(0..bits));
        }
        Way::BitOfKey => flip(&mut case.key, rng.random_range(0..256)),
        Way::OtherKey => case.key = signed(super::scalar(99), 0, Scalar::ONE, 0, &[]).key,
        Way::OtherMessagesSignature => {
            let other = right(rng, false);
            (case.point, case.scalar) = (other.point, other.scalar);
        }
        Way::HalvesSwapped => (case.point, case.scalar) = (case.scalar, case.point),
        Way::Malleated => case.scalar = sum(case.scalar, order()).unwrap(),
        Way::AnyBytes => (case.point, case.scalar) = (rng.random(), rng.random()),
    }
    case
}

/// `AGREEMENT_SEED`, or another one each time.
fn seed() -> u64 {
    let given = std::env::var("AGREEMENT_SEED").ok().map(|seed| seed.parse().unwrap());
    let seed = given.unwrap_or_else(rand::random);
    println!("AGREEMENT_SEED={seed}");
    seed
}

#[test]
fn chain_and_service_agree_on_ten_thousand_signatures() {
    let mut rng = StdRng::seed_from_u64(seed());
    let ways: Vec<_> = (0..CASES).map(|_| WAYS[rng.random_range(0..WAYS.len())]).collect();
    let cases: Vec<_> = ways.iter().map(|way| case(&mut rng, *way)).collect();

    // Mixed as they come: next to every batch has a wrong one in it.
    let verdicts = agree(&cases, 16);
    for ((case, way), good) in cases.iter().zip(&ways).zip(verdicts) {
        assert_eq!(good, way.is_right(), "{way:?}: {case:?}");
    }

    let (right, wrong): (Vec<_>, Vec<_>) =
        ways.iter().zip(cases).partition(|(way, _)| way.is_right());
    let [right, wrong] = [right, wrong].map(|part| part.into_iter().map(|(_, case)| case));
    // Right ones alone, then one wrong one in each batch.
    let right: Vec<_> = right.collect();
    assert!(agree(&right, 64).iter().all(|good| *good));
    for (wrong, right) in wrong.zip(right.chunks(7).cycle()).take(300) {
        let mut batch = right.to_vec();
        let at = rng.random_range(0..=batch.len());
        batch.insert(at, wrong);
        let verdicts = agree(&batch, batch.len());
        assert!(verdicts.iter().enumerate().all(|(n, good)| *good == (n != at)), "{verdicts:?}");
    }
}
