//! Reads what comes over a wire, and judges how it was read.

use crate::{choices::Choices, cost::bounded};
use codec::{Decode, DecodeAll, Encode};
use std::fmt::Debug;

/// Decodes; what was read must be written again as it was, and cost no more than its length allows.
pub(crate) fn read<T: Decode + Encode + PartialEq + Debug>(bytes: &[u8]) -> Option<T> {
    let mut rest = bytes;
    let decoded = bounded(bytes.len(), || T::decode(&mut rest));
    let all = T::decode_all(&mut &*bytes);
    let Ok(value) = decoded else {
        assert!(all.is_err(), "all of it can be read, and a part cannot");
        return None;
    };
    let (used, rest) = bytes.split_at(bytes.len() - rest.len());
    assert_eq!(value.encode(), used, "a second encoding of {value:?}");
    assert_eq!(all.is_ok(), rest.is_empty(), "bytes were left over");
    Some(value)
}

/// Writes and reads again: it comes back as it was, and neither a part of it nor more is anything.
pub(crate) fn written<T: Decode + Encode + PartialEq + Debug>(value: &T, choices: &mut Choices) {
    let mut bytes = value.encode();
    assert_eq!(read::<T>(&bytes).as_ref(), Some(value), "it is read otherwise than it was written");
    let len = usize::from(u16::from_le_bytes(choices.bytes())) % bytes.len();
    assert!(T::decode_all(&mut &bytes[..len]).is_err(), "{len} bytes of {value:?} are enough");
    bytes.push(choices.byte());
    assert!(T::decode_all(&mut &bytes[..]).is_err(), "a byte more than {value:?} is not noticed");
}
