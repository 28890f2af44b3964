use super::{ELSEWHERE, GENESIS};
use crate::{
    Encoding, Envelope, EnvelopeError, PayloadKind, Priority, SignedEnvelope, Topic,
    envelope::{MAX_ENVELOPE_LEN, MAX_PAYLOAD_LEN, fingerprint, signing_bytes_of_encoded},
    signing_bytes,
    test_utils::TestKey,
};
use codec::Encode;

fn envelope(seq: u64, payload: Vec<u8>) -> SignedEnvelope {
    let key = TestKey::new(1);
    let envelope = Envelope {
        origin: key.public(),
        epoch: u64::MAX,
        class: Priority::Bulk,
        seq,
        // The longest kind.
        kind: PayloadKind::Opaque(Topic::try_from(vec![b't'; 32]).unwrap()),
        encoding: Encoding::Identity,
        payload,
    };
    key.envelope(&GENESIS, envelope)
}

#[test]
fn what_is_encoded_is_read_again() {
    for len in [0, 1, 63, 64, 16_383, 16_384, MAX_PAYLOAD_LEN] {
        let signed = envelope(1, vec![5; len]);
        let bytes = signed.encode();
        assert!(bytes.len() <= MAX_ENVELOPE_LEN);
        let read = SignedEnvelope::from_bytes(&bytes).unwrap();
        assert_eq!(read, signed);
        assert!(read.verify(&GENESIS) && !read.verify(&ELSEWHERE));
    }
}

#[test]
fn the_longest_payload_fits_into_the_longest_envelope() {
    let around = envelope(u64::MAX, vec![0; MAX_PAYLOAD_LEN]).encode().len() - MAX_PAYLOAD_LEN;
    assert!(around <= MAX_ENVELOPE_LEN - MAX_PAYLOAD_LEN, "{around} bytes");
}

#[test]
fn what_is_too_long_is_refused() {
    let bytes = envelope(1, vec![0; MAX_PAYLOAD_LEN + 1]).encode();
    assert!(bytes.len() <= MAX_ENVELOPE_LEN, "or it would be refused for its length");
    assert_eq!(SignedEnvelope::from_bytes(&bytes), Err(EnvelopeError::PayloadTooLong));
    let bytes = envelope(1, vec![0; MAX_ENVELOPE_LEN]).encode();
    assert_eq!(SignedEnvelope::from_bytes(&bytes), Err(EnvelopeError::TooLong));
}

#[test]
fn sequences_start_at_one() {
    let bytes = envelope(0, vec![]).encode();
    assert_eq!(SignedEnvelope::from_bytes(&bytes), Err(EnvelopeError::ZeroSequence));
}

#[test]
fn one_byte_more_or_less_is_no_envelope() {
    let bytes = envelope(1, vec![1, 2, 3]).encode();
    for end in 0..bytes.len() {
        let cut = SignedEnvelope::from_bytes(&bytes[..end]);
        assert_eq!(cut, Err(EnvelopeError::Malformed), "{end} bytes");
    }
    let longer = [&bytes[..], &[0]].concat();
    assert_eq!(SignedEnvelope::from_bytes(&longer), Err(EnvelopeError::Malformed));
}

#[test]
fn a_topic_of_33_bytes_is_no_envelope() {
    let mut bytes = envelope(1, vec![]).encode();
    // Origin, epoch, class, sequence, kind; then the length of the topic, compact.
    let at = 32 + 8 + 1 + 8 + 1;
    assert_eq!(bytes[at], 32 << 2);
    bytes[at] = 33 << 2;
    bytes.insert(at + 1, b't');
    assert_eq!(SignedEnvelope::from_bytes(&bytes), Err(EnvelopeError::Malformed));
}

#[test]
fn a_length_that_lies_costs_no_memory() {
    let mut bytes = envelope(1, vec![]).encode();
    let at = bytes.len() - 65;
    // Compact for 2^30 - 1 bytes, which are not there.
    bytes.splice(at..=at, 0xffff_fffe_u32.to_le_bytes());
    assert_eq!(SignedEnvelope::from_bytes(&bytes), Err(EnvelopeError::Malformed));
}

#[test]
fn the_signed_bytes_are_found_without_decoding() {
    let signed = envelope(7, vec![1, 2, 3]);
    let bytes = signed.encode();
    assert_eq!(
        signing_bytes_of_encoded(&GENESIS, &bytes),
        Some(signing_bytes(&GENESIS, &signed.envelope))
    );
    assert_eq!(signing_bytes_of_encoded(&GENESIS, &bytes[..63]), None);
}

#[test]
fn a_forged_copy_has_another_fingerprint() {
    let mut signed = envelope(1, vec![1]);
    let good = fingerprint(&signed.encode());
    signed.signature.0[63] ^= 1;
    assert_ne!(fingerprint(&signed.encode()), good);
}

#[test]
fn the_classes_are_in_order() {
    assert!(Priority::ALL.is_sorted());
    for (index, class) in Priority::ALL.into_iter().enumerate() {
        assert_eq!((class.index(), class.encode()), (index, vec![index as u8]));
    }
}
