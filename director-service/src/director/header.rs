//! Reads what a director needs of a frame without copying its payload.
//!
//! Says yes to the same bytes as `SignedEnvelope::from_bytes`, for the same reasons no; a test
//! compares the two.

use codec::{Compact, Decode};
use director_primitives::{
    Encoding, EnvelopeError, PayloadKind, Priority, PublicKey,
    envelope::{MAX_ENVELOPE_LEN, MAX_PAYLOAD_LEN},
};

/// Bytes of the signature at the end of a frame.
const SIGNATURE_LEN: usize = 64;

/// A frame, read in place.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header<'a> {
    pub(super) origin: PublicKey,
    pub(super) epoch: u64,
    pub(super) class: Priority,
    pub(super) seq: u64,
    pub(super) kind: PayloadKind,
    pub(super) encoding: Encoding,
    pub(super) payload: &'a [u8],
    /// The signed part: everything but the signature.
    pub(super) body: &'a [u8],
}

impl<'a> Header<'a> {
    /// Reads the frame; checks no signature.
    pub(super) fn read(frame: &'a [u8]) -> Result<Self, EnvelopeError> {
        if frame.len() > MAX_ENVELOPE_LEN {
            return Err(EnvelopeError::TooLong);
        }
        let header = Self::decode(frame).ok_or(EnvelopeError::Malformed)?;
        if header.payload.len() > MAX_PAYLOAD_LEN {
            return Err(EnvelopeError::PayloadTooLong);
        }
        if header.seq == 0 {
            return Err(EnvelopeError::ZeroSequence);
        }
        Ok(header)
    }

    fn decode(frame: &'a [u8]) -> Option<Self> {
        let body = &frame[..frame.len().checked_sub(SIGNATURE_LEN)?];
        let rest = &mut &*body;
        let origin = PublicKey::decode(rest).ok()?;
        let epoch = u64::decode(rest).ok()?;
        let class = Priority::decode(rest).ok()?;
        let seq = u64::decode(rest).ok()?;
        let kind = PayloadKind::decode(rest).ok()?;
        let encoding = Encoding::decode(rest).ok()?;
        let len = Compact::<u32>::decode(rest).ok()?.0;
        let payload: &'a [u8] = rest;
        (payload.len() == len as usize).then_some(Self {
            origin,
            epoch,
            class,
            seq,
            kind,
            encoding,
            payload,
            body,
        })
    }
}
