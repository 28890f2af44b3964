//! Compresses payloads before they are signed, and decompresses them after the signature was checked.
//!
//! Once by the origin, for everybody: directors pass on what was signed and never look into it. A
//! receiver gives a payload [`MAX_PAYLOAD_LEN`] of room, whatever the frame says of its size: what
//! does not fit, or is not one whole zstd frame, is not delivered.
//!
//! Checkpoint votes are never compressed: they do not get smaller, and directors must read them.

use super::PublishError;
use director_primitives::{Encoding, PayloadKind, envelope::MAX_PAYLOAD_LEN};
use zstd::{
    bulk::{Decompressor, compress},
    zstd_safe::{find_frame_compressed_size, get_frame_content_size},
};

/// zstd's fastest usual level. It leaves 1 to 9 % more than the default level 3, in two thirds of the
/// time; the publisher waits for it, 0.1 ms for 64 KiB and 2 ms for 1 MiB.
const LEVEL: i32 = 1;

/// How a zstd frame begins. Older formats and frames that only take up room begin otherwise.
const MAGIC: [u8; 4] = 0xfd2f_b528_u32.to_le_bytes();

/// A payload as it goes into an envelope.
pub(super) struct Packed {
    pub(super) kind: PayloadKind,
    pub(super) encoding: Encoding,
    pub(super) payload: Vec<u8>,
}

impl Packed {
    /// Compresses a payload of at least `compress_from` bytes if that makes it smaller.
    ///
    /// # Errors
    ///
    /// If it is too long: what receivers accept is bounded before it is compressed.
    pub(super) fn new(
        kind: PayloadKind,
        payload: Vec<u8>,
        compress_from: usize,
    ) -> Result<Self, PublishError> {
        if payload.len() > MAX_PAYLOAD_LEN {
            return Err(PublishError::TooLong(payload.len()));
        }
        let may_compress = kind != PayloadKind::CheckpointVote && payload.len() >= compress_from;
        let smaller = may_compress
            .then(|| compress(&payload, LEVEL).ok())
            .flatten()
            .filter(|compressed| compressed.len() < payload.len());
        let (encoding, payload) = match smaller {
            Some(compressed) => (Encoding::Zstd, compressed),
            None => (Encoding::Identity, payload),
        };
        Ok(Self { kind, encoding, payload })
    }
}

/// Decompresses one payload after the other in the same room, which it takes with the first one.
#[derive(Default)]
pub(super) struct Unpacker(Option<Room>);

struct Room {
    decompressor: Decompressor<'static>,
    bytes: Box<[u8]>,
}

impl Unpacker {
    /// What was compressed; `None` if it is not exactly one zstd frame, or its content is longer than
    /// a payload may be.
    pub(super) fn unpack(&mut self, compressed: &[u8]) -> Option<Vec<u8>> {
        let is_one_frame = compressed.starts_with(&MAGIC)
            && find_frame_compressed_size(compressed) == Ok(compressed.len());
        if !is_one_frame {
            return None;
        }
        // What it says of its size is not believed, but what says too much is not worth a try.
        let declared = get_frame_content_size(compressed).ok()?;
        if declared.is_some_and(|len| len > MAX_PAYLOAD_LEN as u64) {
            return None;
        }
        let room = self.room()?;
        let len = room.decompressor.decompress_to_buffer(compressed, &mut room.bytes[..]).ok()?;
        room.bytes.get(..len).map(<[u8]>::to_vec)
    }

    fn room(&mut self) -> Option<&mut Room> {
        if self.0.is_none() {
            let decompressor = Decompressor::new().ok()?;
            let bytes = vec![0; MAX_PAYLOAD_LEN].into_boxed_slice();
            self.0 = Some(Room { decompressor, bytes });
        }
        self.0.as_mut()
    }
}
