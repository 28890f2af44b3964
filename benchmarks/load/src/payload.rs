//! Writes and reads what a payload starts with: who sent it, which one it is, when it was due.

/// Bytes of a [`Header`], the smallest payload.
pub const HEADER_BYTES: usize = 24;

/// The kind of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A small message whose latency is measured.
    Vote,
    /// A large message beside the votes, sent in a closed loop.
    Bulk,
}

/// What a payload starts with, little-endian: origin and class (`u32`), sequence and intended send
/// time (`u64`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The validator that publishes.
    pub origin: u32,
    /// Vote or bulk.
    pub class: Class,
    /// Counts from 0 for each origin and class.
    pub seq: u64,
    /// Nanoseconds from the start of the run to the intended send time; 0 for bulk, which has none.
    pub at_ns: u64,
}

impl Header {
    /// Reads the header of a payload; `None` when this is not a payload of ours.
    #[inline]
    pub fn read(payload: &[u8]) -> Option<Self> {
        let (head, _) = payload.split_first_chunk::<HEADER_BYTES>()?;
        let u32_at = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|i| head[at + i]));
        let u64_at = |at| u64::from(u32_at(at)) | u64::from(u32_at(at + 4)) << 32;
        let class = match u32_at(4) {
            0 => Class::Vote,
            1 => Class::Bulk,
            _ => return None,
        };
        Some(Self { origin: u32_at(0), class, seq: u64_at(8), at_ns: u64_at(16) })
    }

    /// Writes the header over the start of `payload`, and filler that does not compress over the rest.
    ///
    /// # Panics
    /// When `payload` is shorter than [`HEADER_BYTES`].
    pub fn write(&self, payload: &mut [u8]) {
        let (head, filler) = payload.split_at_mut(HEADER_BYTES);
        head[..4].copy_from_slice(&self.origin.to_le_bytes());
        head[4..8].copy_from_slice(&(self.class as u32).to_le_bytes());
        head[8..16].copy_from_slice(&self.seq.to_le_bytes());
        head[16..].copy_from_slice(&self.at_ns.to_le_bytes());
        // xorshift64; odd, because it stays at zero for ever.
        let mut state =
            (self.seq << 20 ^ u64::from(self.origin)).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        for chunk in filler.chunks_mut(8) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            chunk.copy_from_slice(&state.to_le_bytes()[..chunk.len()]);
        }
    }
}
