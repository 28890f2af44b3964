//! Batches must accept exactly what the chain accepts.

use super::super::crypto::BatchCrypto;
use crate::{director::Crypto, keys::PeerKey};
use codec::Encode;
use director_primitives::{
    Encoding, Envelope, H256, PayloadKind, Priority, PublicKey, Signature, SignedEnvelope,
    test_utils::TestKey,
};
use proptest::prelude::*;
use rand::{Rng, SeedableRng, rngs::StdRng};

const GENESIS: H256 = H256::repeat_byte(7);

fn envelope(key: &TestKey, seq: u64, payload: Vec<u8>) -> SignedEnvelope {
    let envelope = Envelope {
        origin: key.public(),
        epoch: 1,
        class: Priority::Critical,
        seq,
        kind: PayloadKind::CheckpointVote,
        encoding: Encoding::Identity,
        payload,
    };
    key.envelope(&GENESIS, envelope)
}

/// What the batch says of these envelopes, and what the primitives say of each.
fn both(envelopes: &[SignedEnvelope], largest_batch: usize) -> (Vec<bool>, Vec<bool>) {
    let frames: Vec<_> = envelopes.iter().map(Encode::encode).collect();
    let frames: Vec<_> = frames.iter().map(Vec::as_slice).collect();
    let mut crypto = BatchCrypto::new(PeerKey::from_seed(&[1; 32]), largest_batch);
    let single = envelopes.iter().map(|envelope| envelope.verify(&GENESIS)).collect();
    (crypto.verify_envelopes(&GENESIS, &frames), single)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn batches_agree_with_single_verification(
        spoilt in prop::collection::vec((0u64..5, 0usize..64, any::<bool>()), 1..24),
        largest_batch in 1usize..10,
    ) {
        let envelopes: Vec<_> = spoilt
            .into_iter()
            .zip(1..)
            .map(|((key, at, good), seq)| {
                let mut signed = envelope(&TestKey::new(key), seq, vec![at as u8; at]);
                if !good {
                    let mut bytes = signed.signature.0;
                    bytes[at] ^= 1;
                    signed.signature = Signature::from_raw(bytes);
                }
                signed
            })
            .collect();
        let (batch, single) = both(&envelopes, largest_batch);
        prop_assert_eq!(batch, single);
    }
}

/// Random mixtures of right and wrong frames of some keys, from none wrong to all, some of them too
/// short to be anything, in batches of all sizes and on several threads.
#[test]
fn mixtures_get_the_verdicts_that_each_frame_gets_alone() {
    let seed = std::env::var("CRYPTO_SEED").map_or_else(|_| rand::random(), |s| s.parse().unwrap());
    println!("CRYPTO_SEED={seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let right: Vec<_> = (1..=400u64)
        .map(|seq| envelope(&TestKey::new(seq % 21), seq, vec![seq as u8; seq as usize]).encode())
        .collect();
    for wrong_in_a_thousand in [0, 2, 5, 30, 200, 700, 1_000] {
        let len = rng.random_range(1..=right.len());
        let (frames, expected): (Vec<_>, Vec<_>) = right[..len]
            .iter()
            .map(|frame| {
                let is_wrong = rng.random_range(0..1_000) < wrong_in_a_thousand;
                (if is_wrong { spoil(&mut rng, frame) } else { frame.clone() }, !is_wrong)
            })
            .unzip();
        let frames: Vec<_> = frames.iter().map(Vec::as_slice).collect();
        let (largest, threads) = (rng.random_range(1..=512), rng.random_range(1..=4));
        let key = PeerKey::from_seed(&[1; 32]);
        let mut crypto = BatchCrypto::with_threads(key, largest, threads);
        let verdicts = crypto.verify_envelopes(&GENESIS, &frames);
        assert_eq!(verdicts, expected, "batches of {largest} on {threads} threads");
    }
}

/// A frame with a bit flipped, or cut off.
fn spoil(rng: &mut StdRng, frame: &[u8]) -> Vec<u8> {
    let mut frame = frame.to_vec();
    if rng.random_range(0..10) == 0 {
        frame.truncate(rng.random_range(0..frame.len()));
    } else {
        let bit = rng.random_range(0..frame.len() * 8);
        frame[bit / 8] ^= 1 << (bit % 8);
    }
    frame
}

#[test]
fn a_forgery_is_found_wherever_it_stands() {
    let right: Vec<_> =
        (1..=67u64).map(|seq| envelope(&TestKey::new(seq % 3), seq, vec![1, 2]).encode()).collect();
    let mut crypto = BatchCrypto::with_threads(PeerKey::from_seed(&[1; 32]), 512, 1);
    for at in 0..right.len() {
        let mut frames = right.clone();
        frames[at][45] ^= 1;
        let frames: Vec<_> = frames.iter().map(Vec::as_slice).collect();
        let verdicts = crypto.verify_envelopes(&GENESIS, &frames);
        assert!(verdicts.iter().enumerate().all(|(n, good)| *good == (n != at)), "{at}");
    }
}

#[test]
fn one_forged_envelope_does_not_condemn_the_others() {
    let key = TestKey::new(1);
    let mut envelopes: Vec<_> = (1..=20).map(|seq| envelope(&key, seq, vec![1, 2])).collect();
    envelopes[13].envelope.payload = vec![3];
    let (batch, _) = both(&envelopes, 256);
    assert_eq!(batch.iter().filter(|good| !**good).count(), 1);
    assert!(!batch[13]);
}

#[test]
fn keys_of_small_order_count_as_on_the_chain() {
    // The zero key with the zero signature verifies under ZIP-215; such keys are refused where they
    // are registered, not here.
    let mut odd = envelope(&TestKey::new(1), 1, Vec::new());
    odd.envelope.origin = PublicKey::from_raw([0; 32]);
    odd.signature = Signature::from_raw([0; 64]);
    let good = envelope(&TestKey::new(2), 1, Vec::new());
    let (batch, single) = both(&[good.clone(), odd.clone(), good, odd], 256);
    assert_eq!(batch, single);
    assert!(single[1]);
}

#[test]
fn what_is_too_short_is_wrong() {
    let mut crypto = BatchCrypto::new(PeerKey::from_seed(&[1; 32]), 256);
    let good = envelope(&TestKey::new(1), 1, Vec::new()).encode();
    let frames: [&[u8]; 4] = [&[], &[0; 63], &good, &[0; 95]];
    assert_eq!(crypto.verify_envelopes(&GENESIS, &frames), [false, false, true, false]);
}

#[test]
fn another_chain_is_refused() {
    let frame = envelope(&TestKey::new(1), 1, vec![5]).encode();
    let mut crypto = BatchCrypto::new(PeerKey::from_seed(&[1; 32]), 256);
    assert_eq!(crypto.verify_envelopes(&H256::zero(), &[&frame, &frame]), [false, false]);
}
