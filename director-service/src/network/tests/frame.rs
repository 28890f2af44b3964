use crate::network::{
    FrameError, MAX_CONTROL_LEN,
    frame::{Decoded, Decoder, Kind, PING, acknowledgement, header},
};
use codec::Encode;
use director_primitives::{Control, Priority, Welcome, envelope::MAX_ENVELOPE_LEN};
use proptest::prelude::*;

fn decode(bytes: &[u8]) -> Result<Vec<Decoded>, FrameError> {
    let mut frames = Vec::new();
    Decoder::default().push(bytes, &mut frames).map(|()| frames)
}

fn slice(kind: Kind, bytes: &[u8], more: bool) -> Vec<u8> {
    [&header(kind, bytes.len(), more)[..], bytes].concat()
}

const BULK: Kind = Kind::Envelope(Priority::Bulk);

#[test]
fn the_bytes_on_the_wire_are_these() {
    assert_eq!(slice(BULK, b"ab", true), [0x83, 2, 0, 0, 0, b'a', b'b']);
    assert_eq!(slice(Kind::Control, b"c", false), [4, 1, 0, 0, 0, b'c']);
    assert_eq!(PING, [5, 0, 0, 0, 0]);
}

#[test]
fn control_comes_decoded() {
    let message = Control::Welcome(Welcome { last_epoch: 3, authorized: true });
    let frames = decode(&slice(Kind::Control, &message.encode(), false)).unwrap();
    assert_eq!(frames, [Decoded::Control(Box::new(message))]);
}

#[test]
fn slices_of_two_lanes_may_be_interleaved() {
    let vote = Kind::Envelope(Priority::Critical);
    let bytes = [slice(BULK, b"blo", true), slice(vote, b"vote", false), slice(BULK, b"ck", false)];
    let frames = decode(&bytes.concat()).unwrap();
    let expected = [(Priority::Critical, &b"vote"[..]), (Priority::Bulk, b"block")];
    assert_eq!(frames, expected.map(|(class, bytes)| Decoded::Envelope(class, bytes.into())));
}

#[test]
fn what_is_no_frame_is_an_error() {
    let long = |kind, len: usize| header(kind, len, false).to_vec();
    let critical = Kind::Envelope(Priority::Critical);
    let cases = [
        (vec![7, 1, 0, 0, 0], FrameError::UnknownKind),
        (vec![0x85, 0, 0, 0, 0], FrameError::UnknownKind),
        (vec![5, 1, 0, 0, 0], FrameError::BadLength),
        (long(BULK, 0), FrameError::BadLength),
        (long(BULK, MAX_ENVELOPE_LEN + 1), FrameError::TooLong),
        (long(Kind::Control, MAX_CONTROL_LEN + 1), FrameError::TooLong),
        (long(BULK, u32::MAX as usize), FrameError::TooLong),
        ([slice(BULK, b"x", true), long(BULK, MAX_ENVELOPE_LEN)].concat(), FrameError::TooLong),
        (
            [slice(critical, b"x", true), slice(Kind::Control, b"y", false)].concat(),
            FrameError::Interleaved,
        ),
        (slice(Kind::Control, &[0xff; 9], false), FrameError::Control),
    ];
    for (bytes, error) in cases {
        assert_eq!(decode(&bytes).unwrap_err(), error, "{bytes:?}");
    }
}

#[test]
fn what_was_whole_before_the_garbage_counts() {
    let mut frames = Vec::new();
    let bytes = [slice(BULK, b"good", false), vec![0xff; 20]].concat();
    assert!(Decoder::default().push(&bytes, &mut frames).is_err());
    assert_eq!(frames.len(), 1);
}

proptest! {
    /// However the bytes arrive, the frames are the same.
    #[test]
    fn any_chunks_give_the_same_frames(
        bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..300), 1..20),
        slices in 1usize..50,
        chunk in 1usize..64,
    ) {
        let mut bytes = Vec::new();
        for body in &bodies {
            let parts: Vec<_> = body.chunks(slices).collect();
            for (at, part) in parts.iter().enumerate() {
                bytes.extend(slice(BULK, part, at + 1 < parts.len()));
            }
            bytes.extend(PING);
        }
        let (mut decoder, mut frames) = (Decoder::default(), Vec::new());
        for part in bytes.chunks(chunk) {
            decoder.push(part, &mut frames).unwrap();
        }
        let envelope = |body: &Vec<u8>| Decoded::Envelope(Priority::Bulk, body.as_slice().into());
        prop_assert_eq!(frames, bodies.iter().map(envelope).collect::<Vec<_>>());
    }

    /// Garbage is an error or nothing, never a panic.
    #[test]
    fn garbage_does_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&bytes);
    }
}

#[test]
fn bulk_is_counted_as_it_is_read_and_acknowledgements_as_they_come() {
    let mut decoder = Decoder::default();
    let bytes = [slice(BULK, &[1; 700], true), acknowledgement(300).to_vec()].concat();
    let mut frames = Vec::new();
    decoder.push(&bytes[..500], &mut frames).unwrap();
    assert_eq!((decoder.bulk_read, decoder.bulk_acknowledged), (495, 0));
    decoder.push(&bytes[500..], &mut frames).unwrap();
    assert_eq!((decoder.bulk_read, decoder.bulk_acknowledged), (700, 300));
    assert!(frames.is_empty() && decoder.is_within_bulk());
    decoder.push(&slice(BULK, b"end", false), &mut frames).unwrap();
    assert!(frames.len() == 1 && !decoder.is_within_bulk());
    decoder.push(&slice(Kind::Envelope(Priority::High), b"vote", false), &mut frames).unwrap();
    assert_eq!(decoder.bulk_read, 703);
}

#[test]
fn a_part_of_a_slice_is_not_something_said() {
    let spoke = |bytes: &[u8]| {
        let mut decoder = Decoder::default();
        let _ = decoder.push(bytes, &mut Vec::new());
        decoder.spoke
    };
    let vote = [&header(Kind::Envelope(Priority::Critical), 3, false)[..], b"abc"].concat();
    assert!(!spoke(&vote[..7]));
    assert!(spoke(&vote));
    let slice = [&header(Kind::Envelope(Priority::Bulk), 3, true)[..], b"abc"].concat();
    assert!(spoke(&slice));
    assert!(spoke(&PING) && !spoke(&PING[..4]));
    assert!(!spoke(&[9; 100]), "garbage is not");
}
