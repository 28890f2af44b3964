//! Stub until the metadata is there.
/// The file itself.
pub const METADATA: &[u8] = &[];
