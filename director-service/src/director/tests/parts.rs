//! The small parts against simple models of them.

use super::world::{genesis, validator_key};
use crate::director::{
    header::Header,
    seen::Seen,
    window::{MAX_WINDOW, Place, Tag, Windows},
};
use codec::Encode;
use director_primitives::{
    Encoding, Envelope, PayloadKind, Priority, SignedEnvelope, Topic, envelope::MAX_PAYLOAD_LEN,
};
use proptest::prelude::*;

fn fingerprint(n: u8) -> [u8; 32] {
    [n; 32]
}

#[test]
fn the_least_recently_used_is_forgotten() {
    let mut seen = Seen::new(2);
    assert!(seen.insert(fingerprint(1)));
    assert!(seen.insert(fingerprint(2)));
    assert!(!seen.insert(fingerprint(1)), "known");
    assert!(seen.insert(fingerprint(3)));
    assert!(!seen.touch(&fingerprint(2)));
    assert!(seen.touch(&fingerprint(1)));
    assert!(seen.touch(&fingerprint(3)));
}

proptest! {
    #[test]
    fn the_cache_is_like_a_list(
        capacity in 1usize..6,
        steps in prop::collection::vec((any::<bool>(), 0u8..10), 0..200),
    ) {
        let mut seen = Seen::new(capacity);
        let mut model: Vec<u8> = Vec::new();
        for (insert, n) in steps {
            let known = model.iter().position(|m| *m == n);
            if let Some(at) = known {
                model.remove(at);
                model.push(n);
            } else if insert {
                if model.len() == capacity {
                    model.remove(0);
                }
                model.push(n);
            }
            if insert {
                prop_assert_eq!(seen.insert(fingerprint(n)), known.is_none());
            } else {
                prop_assert_eq!(seen.touch(&fingerprint(n)), known.is_some());
            }
        }
    }

    #[test]
    fn a_header_is_read_as_the_envelope_is(
        at: prop::sample::Index, byte: u8, cut in 0usize..80, extra in 0usize..3, payload in 0usize..90,
        topic in prop::option::of(0usize..33),
    ) {
        let kind = topic.map_or(PayloadKind::CheckpointVote, |len| {
            PayloadKind::Opaque(Topic::try_from(vec![b't'; len]).unwrap())
        });
        let mut bytes = signed(kind, vec![1; payload]).encode();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        bytes.truncate(bytes.len().saturating_sub(if cut < 40 { 0 } else { cut }));
        bytes.extend(vec![0; extra]);
        let expected = SignedEnvelope::from_bytes(&bytes);
        match (Header::read(&bytes), expected) {
            (Ok(header), Ok(SignedEnvelope { envelope, .. })) => {
                prop_assert_eq!(header.body, &envelope.encode()[..]);
                prop_assert_eq!(header.payload, &envelope.payload[..]);
                let Header { origin, epoch, class, seq, kind, encoding, .. } = header;
                let payload = envelope.payload.clone();
                let read = Envelope { origin, epoch, class, seq, kind, encoding, payload };
                prop_assert_eq!(read, envelope);
            }
            (read, expected) => prop_assert_eq!(read.err(), expected.err()),
        }
    }
}

fn signed(kind: PayloadKind, payload: Vec<u8>) -> SignedEnvelope {
    let envelope = Envelope {
        origin: validator_key(0).public(),
        epoch: 1,
        class: Priority::Bulk,
        seq: 1,
        kind,
        encoding: Encoding::Zstd,
        payload,
    };
    validator_key(0).envelope(&genesis(), envelope)
}

#[test]
fn a_header_knows_the_limits() {
    for len in [MAX_PAYLOAD_LEN, MAX_PAYLOAD_LEN + 1] {
        let bytes = signed(PayloadKind::CheckpointVote, vec![0; len]).encode();
        assert_eq!(
            Header::read(&bytes).map(|header| header.payload.len()),
            SignedEnvelope::from_bytes(&bytes).map(|signed| signed.envelope.payload.len()),
        );
    }
}

#[test]
fn a_window_knows_what_was_there() {
    let origin = validator_key(0).public();
    let mut windows = Windows::new(1_000);
    let tag = Tag::of(b"body");
    let other = Tag::of(b"other body");
    let place = |windows: &Windows, epoch, seq, tag| {
        windows.place(&origin, epoch, Priority::Normal, seq, tag)
    };
    windows.take(&origin, 7, Priority::Normal, 3, tag);
    assert_eq!(place(&windows, 7, 3, tag), Place::Repeat);
    assert_eq!(place(&windows, 7, 3, other), Place::Conflict);
    assert_eq!(place(&windows, 7, 1, tag), Place::Free, "a hole can still be filled");
    assert_eq!(place(&windows, 7, 4, tag), Place::Free);
    assert_eq!(windows.place(&origin, 7, Priority::High, 3, tag), Place::Free);

    windows.take(&origin, 7, Priority::Normal, 3 + MAX_WINDOW, tag);
    assert_eq!(place(&windows, 7, 3, tag), Place::Passed);
    assert_eq!(place(&windows, 7, 4, tag), Place::Free);
    assert_eq!(place(&windows, 7, 3 + MAX_WINDOW, tag), Place::Repeat);

    // A wild number costs no memory and no panic.
    windows.take(&origin, 7, Priority::Normal, u64::MAX, tag);
    assert_eq!(place(&windows, 7, u64::MAX, tag), Place::Repeat);
    assert_eq!(place(&windows, 7, 9_999, tag), Place::Passed);

    windows.take(&origin, 8, Priority::Normal, 1, tag);
    assert_eq!(windows.last_epoch(&origin), 8);
    assert_eq!(place(&windows, 7, 1, tag), Place::OldEpoch);
    assert_eq!(place(&windows, 8, 1, tag), Place::Repeat);
    assert_eq!(place(&windows, 1_009, 1, tag), Place::EpochTooFar);

    windows.retain(|_| false);
    assert_eq!(windows.last_epoch(&origin), 0);
}
