//! Hands the coder of payloads to the program that writes the test vectors of the protocol. For nothing
//! else.

use super::compression::{Packed, Unpacker};
use director_primitives::{Encoding, PayloadKind};

/// The payload as the client sends it, compressed if that makes it smaller. `None` if it is too long.
pub fn pack(kind: PayloadKind, payload: Vec<u8>) -> Option<(Encoding, Vec<u8>)> {
    let packed = Packed::new(kind, payload, 0).ok()?;
    Some((packed.encoding, packed.payload))
}

/// What a client delivers of a compressed payload. `None`: nothing.
pub fn unpack(compressed: &[u8]) -> Option<Vec<u8>> {
    Unpacker::default().unpack(compressed)
}
