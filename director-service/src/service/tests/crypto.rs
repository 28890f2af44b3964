//! Batches must accept exactly what the chain accepts.

use super::super::crypto::BatchCrypto;
use crate::{director::Crypto, keys::PeerKey};
use codec::Encode;
use director_primitives::{
    Encoding, Envelope, H256, PayloadKind, Priority, PublicKey, Signature, SignedEnvelope,
    test_utils::TestKey,
};
use proptest::prelude::*;

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
