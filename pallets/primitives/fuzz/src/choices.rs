//! Turns the fuzzer's bytes into choices.

use crate::{GENESIS, PUBLIC};
use director_primitives::{H256, PublicKey, Signature};

/// First byte of an input whose rest is an encoded value. Any even byte does.
pub const READ: u8 = 0;

/// First byte of an input whose rest is choices. Any odd byte does.
pub const MADE: u8 = 1;

/// Bytes that are drawn one after the other; zeros when they are used up, so that short inputs are
/// whole.
pub struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    /// The choices that these bytes are.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// What nobody has drawn.
    pub fn rest(self) -> &'a [u8] {
        self.0
    }

    /// Whether all of them were drawn.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Any number.
    pub fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((byte, rest)) => {
                self.0 = rest;
                *byte
            }
            None => 0,
        }
    }

    /// A number below `end`, which is not zero.
    pub fn below(&mut self, end: u8) -> u8 {
        self.byte() % end
    }

    /// Yes or no.
    pub fn coin(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// One of these.
    pub fn of<T: Copy>(&mut self, among: &[T]) -> T {
        among[usize::from(self.byte()) % among.len()]
    }

    /// A number that is small, or any.
    pub fn number(&mut self) -> u64 {
        match self.byte() {
            0xff => u64::from_le_bytes(self.bytes()),
            small => u64::from(small % 8),
        }
    }

    /// So many bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.byte())
    }

    /// None, some or, seldom, all bytes that are left, but for the last few.
    pub fn some_bytes(&mut self) -> Vec<u8> {
        let len = match self.byte() {
            0xff => self.0.len().saturating_sub(16),
            few => usize::from(few % 64),
        };
        (0..len).map(|_| self.byte()).collect()
    }

    /// A hash that others are likely to equal, or to differ from in one bit.
    pub fn hash(&mut self) -> H256 {
        match self.byte() {
            0xff => H256(self.bytes()),
            near if near & 0x80 != 0 => {
                let mut hash = GENESIS;
                hash.0[usize::from(near % 32)] ^= 1;
                hash
            }
            same => H256::repeat_byte(same % 8),
        }
    }

    /// A known key, one of small order, or any 32 bytes.
    pub fn key(&mut self) -> PublicKey {
        match self.byte() {
            0xff => PublicKey::from_raw(self.bytes()),
            small if small & 0x80 != 0 => self.small_order(),
            number => PUBLIC[usize::from(number) % PUBLIC.len()],
        }
    }

    /// A key that every verifier is content with: a low or a high `y`, with either sign bit. Not all
    /// of these are on the curve.
    fn small_order(&mut self) -> PublicKey {
        let mut bytes = self.of(&[[0; 32], [0xff; 32]]);
        let low = self.of(&[0, 1, 0xec, 0xed, 0xee]);
        bytes[0] = low;
        bytes[31] = self.of(&[0, 0x80, 0x7f, 0xff]);
        PublicKey::from_raw(bytes)
    }

    /// Flips one bit somewhere.
    pub fn flip(&mut self, bytes: &mut [u8]) {
        let at = usize::from(u16::from_le_bytes(self.bytes())) % (bytes.len() * 8);
        bytes[at / 8] ^= 1 << (at % 8);
    }

    /// A signature that is not the right one, for all that is likely: a flipped bit, its second form,
    /// the one that keys of small order are content with, or any bytes.
    pub fn spoilt(&mut self, signature: &Signature) -> Signature {
        match self.below(4) {
            0 => crate::forged(),
            1 => crate::malleated(signature).unwrap_or(*signature),
            2 => Signature::from_raw(self.bytes()),
            _ => {
                let mut bytes = signature.0;
                self.flip(&mut bytes);
                Signature::from_raw(bytes)
            }
        }
    }
}
