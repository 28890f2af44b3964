use super::{GENESIS, authorized, peer_key};
use crate::client::{
    PublishError, Signer,
    compression::{Packed, Unpacker},
    inbox::{Dropped, Inbox},
};
use codec::Encode;
use director_primitives::{
    Encoding::{self, Identity, Zstd},
    Envelope, PayloadKind, Priority, SignedEnvelope,
    envelope::MAX_PAYLOAD_LEN,
};
use rand::{Rng, SeedableRng, rngs::StdRng};

const KIND: PayloadKind = PayloadKind::BlockAnnouncement;
const FROM: usize = 4 * 1024;

fn pack(kind: PayloadKind, payload: &[u8]) -> Packed {
    Packed::new(kind, payload.to_vec(), FROM).unwrap()
}

fn unpack(compressed: &[u8]) -> Option<Vec<u8>> {
    Unpacker::default().unpack(compressed)
}

/// Validator 1's envelope with this payload.
fn frame(kind: PayloadKind, encoding: Encoding, seq: u64, payload: Vec<u8>) -> Vec<u8> {
    let (origin, class) = (peer_key(1).key(), Priority::Bulk);
    let envelope = Envelope { origin, epoch: 5, class, seq, kind, encoding, payload };
    let signature = peer_key(1).sign_statement(&GENESIS, &envelope);
    SignedEnvelope { envelope, signature }.encode()
}

/// A zstd frame with 128 KiB of zeros so many times, in four bytes each, that says so or does not.
fn bomb(times: u64, says_so: bool) -> Vec<u8> {
    let mut frame = 0xfd2f_b528_u32.to_le_bytes().to_vec();
    if says_so {
        // The size in eight bytes, and a window as large as the content.
        frame.push(0b1110_0000);
        frame.extend((times * 128 * 1024).to_le_bytes());
    } else {
        // A window of 128 KiB.
        frame.extend([0, 7 << 3]);
    }
    for block in 1..=times {
        let is_last = u32::from(block == times);
        let repeated_byte = 1 << 1;
        let header = is_last | repeated_byte | (128 * 1024) << 3;
        frame.extend(&header.to_le_bytes()[..3]);
        frame.push(0);
    }
    frame
}

#[test]
fn long_payloads_are_compressed_and_come_back() {
    let payload = b"a block is full of the same words ".repeat(1_000);
    let packed = pack(KIND, &payload);
    assert_eq!(packed.encoding, Zstd);
    assert!(packed.payload.len() < payload.len() / 10);
    assert_eq!(unpack(&packed.payload), Some(payload));
}

#[test]
fn short_payloads_votes_and_noise_stay_as_they_are() {
    let words = vec![b'a'; FROM];
    assert_eq!(pack(KIND, &words).encoding, Zstd);
    let mut noise = vec![0; 100_000];
    StdRng::seed_from_u64(1).fill(&mut noise[..]);
    for (kind, payload) in
        [(KIND, &words[1..]), (PayloadKind::CheckpointVote, &words), (KIND, &noise)]
    {
        let packed = pack(kind, payload);
        assert_eq!((packed.encoding, &packed.payload[..]), (Identity, payload));
    }
    let never = Packed::new(KIND, words, usize::MAX).unwrap();
    assert_eq!(never.encoding, Identity);
}

#[test]
fn a_payload_is_too_long_before_it_is_compressed() {
    let longest = pack(KIND, &vec![0; MAX_PAYLOAD_LEN]);
    assert_eq!(unpack(&longest.payload).unwrap().len(), MAX_PAYLOAD_LEN);
    let len = MAX_PAYLOAD_LEN + 1;
    let longer = Packed::new(KIND, vec![0; len], FROM).err();
    assert_eq!(longer, Some(PublishError::TooLong(len)));
}

#[test]
fn a_bomb_does_not_go_off() {
    for says_so in [true, false] {
        // What fits comes out: the bombs are made as they should be.
        assert_eq!(unpack(&bomb(8, says_so)).unwrap(), vec![0; MAX_PAYLOAD_LEN]);
        assert_eq!(unpack(&bomb(9, says_so)), None);
        let gibibyte = bomb(8 * 1024, says_so);
        assert!(gibibyte.len() < 40_000);
        assert_eq!(unpack(&gibibyte), None);
    }
    // One that says less than it has.
    let mut liar = bomb(8 * 1024, true);
    liar[5..13].copy_from_slice(&1_000u64.to_le_bytes());
    assert_eq!(unpack(&liar), None);
    // One with a window of terabytes.
    let mut wide = bomb(1, false);
    wide[5] = 0xff;
    assert!(unpack(&wide).is_none_or(|content| content.len() == 128 * 1024));
}

#[test]
fn only_one_whole_frame_is_decompressed() {
    let whole = pack(KIND, &[7; 10_000]).payload;
    for len in 0..whole.len() {
        assert_eq!(unpack(&whole[..len]), None, "{len} bytes of {}", whole.len());
    }
    assert_eq!(unpack(&[&whole[..], b"!"].concat()), None);
    assert_eq!(unpack(&[&whole[..], &whole[..]].concat()), None);
    // A frame that only takes up room.
    assert_eq!(unpack(&[0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 9]), None);
    assert_eq!(unpack(b"garbage, and not a frame of zstd"), None);
}

#[test]
fn the_inbox_delivers_the_plain_payload_and_says_how_it_came() {
    let (mut inbox, block) = (Inbox::new(GENESIS, peer_key(9), [false; 4], 0), authorized(1, 3));
    let payload = b"again and again ".repeat(500);
    let packed = pack(KIND, &payload);
    let sent = frame(KIND, packed.encoding, 1, packed.payload);
    let envelope = &inbox.accept(&block, &sent).unwrap().ready[0];
    assert_eq!((envelope.encoding, &envelope.payload), (Zstd, &payload));
    assert_eq!(inbox.accept(&block, &sent), Err(Dropped::Duplicate));
}

#[test]
fn the_inbox_delivers_nothing_that_does_not_decompress() {
    let (mut inbox, block) = (Inbox::new(GENESIS, peer_key(9), [false; 4], 0), authorized(1, 3));
    let good = pack(KIND, &[7; 10_000]).payload;
    let vote = PayloadKind::CheckpointVote;
    for (seq, kind, payload) in [
        (1, KIND, bomb(8 * 1024, true)),
        (2, KIND, bomb(8 * 1024, false)),
        (3, KIND, good[..good.len() - 1].to_vec()),
        (4, KIND, Vec::new()),
        // No detector has seen it.
        (5, vote, good.clone()),
    ] {
        let accepted = inbox.accept(&block, &frame(kind, Zstd, seq, payload)).unwrap();
        assert_eq!((accepted.undecompressible, accepted.ready.len()), (1, 0), "{seq}");
    }
    // The signature is looked at first, and what comes after it is delivered.
    let mut forged = frame(KIND, Zstd, 6, bomb(8 * 1024, true));
    *forged.last_mut().unwrap() ^= 1;
    assert_eq!(inbox.accept(&block, &forged), Err(Dropped::Forged));
    assert!(inbox.accept(&block, &frame(KIND, Zstd, 6, good)).is_ok());
}

#[test]
fn any_payload_comes_back_and_any_damage_is_survived() {
    let seed = std::env::var("ZSTD_SEED").map_or_else(|_| rand::random(), |s| s.parse().unwrap());
    println!("ZSTD_SEED={seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let mut unpacker = Unpacker::default();
    for _ in 0..200 {
        let letters = rng.random_range(1..=255u8);
        let len = rng.random_range(0..20_000);
        let payload: Vec<u8> = (0..len).map(|_| rng.random_range(0..=letters)).collect();
        let packed = Packed::new(KIND, payload.clone(), 1).unwrap();
        assert!(packed.payload.len() <= payload.len());
        if packed.encoding == Identity {
            assert_eq!(packed.payload, payload);
            continue;
        }
        let mut compressed = packed.payload;
        assert_eq!(unpacker.unpack(&compressed).as_ref(), Some(&payload));
        for _ in 0..rng.random_range(1..4) {
            let at = rng.random_range(0..compressed.len());
            compressed[at] ^= 1 << rng.random_range(0..8);
        }
        let damaged = unpacker.unpack(&compressed);
        assert!(damaged.is_none_or(|content| content.len() <= MAX_PAYLOAD_LEN));
    }
}
