//! Cuts frames into slices and puts them together again.
//!
//! ```text
//! [u8 kind | 0x80 if more slices follow] [u32 LE length] [length bytes]
//! ```
//!
//! Kinds 0 to 3 are envelopes of that class, 4 is control, 5 is a ping (length 0). Kind 6 acknowledges
//! Bulk: the length is how many bytes of it were read, and no bytes follow. Slices of frames
//! of different lanes may be interleaved, those of one lane not: so a vote is never behind a whole
//! block. Control travels in the Critical lane.

use super::Frame;
use codec::DecodeAll;
use director_primitives::{Control, Priority, envelope::MAX_ENVELOPE_LEN};

/// Most bytes of an encoded control message: a heartbeat with the vector of 1,000 validators fits.
pub const MAX_CONTROL_LEN: usize = 256 * 1024;

/// Bytes before each slice.
pub(super) const HEADER_LEN: usize = 5;

/// A ping as it is on the wire.
pub(super) const PING: [u8; HEADER_LEN] = [PING_KIND, 0, 0, 0, 0];

const PING_KIND: u8 = 5;
const ACK_KIND: u8 = 6;
const MORE: u8 = 0x80;

/// Why bytes are no frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// No such kind.
    UnknownKind,
    /// Empty, or a ping that is not.
    BadLength,
    /// Longer than [`MAX_ENVELOPE_LEN`] or [`MAX_CONTROL_LEN`].
    TooLong,
    /// Acknowledges Bulk that was never sent.
    Acknowledgement,
    /// A slice of another kind in the middle of a frame.
    Interleaved,
    /// Not the encoding of a control message.
    Control,
}

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Envelope(Priority),
    Control,
}

impl Kind {
    pub(super) fn class(self) -> Priority {
        match self {
            Self::Envelope(class) => class,
            Self::Control => Priority::Critical,
        }
    }

    pub(super) fn max_len(self) -> usize {
        match self {
            Self::Envelope(_) => MAX_ENVELOPE_LEN,
            Self::Control => MAX_CONTROL_LEN,
        }
    }

    pub(super) fn byte(self) -> u8 {
        match self {
            Self::Envelope(class) => class.index() as u8,
            Self::Control => 4,
        }
    }

    pub(super) fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            4 => Some(Self::Control),
            _ => Priority::ALL.get(byte as usize).copied().map(Self::Envelope),
        }
    }
}

/// What stands before a slice of `len` bytes.
pub(super) fn header(kind: Kind, len: usize, more: bool) -> [u8; HEADER_LEN] {
    let mut header = [kind.byte() | if more { MORE } else { 0 }, 0, 0, 0, 0];
    header[1..].copy_from_slice(&(len as u32).to_le_bytes());
    header
}

/// Says that so many bytes of Bulk were read.
pub(super) fn acknowledgement(bytes: usize) -> [u8; HEADER_LEN] {
    let mut header = [ACK_KIND, 0, 0, 0, 0];
    header[1..].copy_from_slice(&(bytes as u32).to_le_bytes());
    header
}

/// A frame that came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decoded {
    Envelope(Priority, Frame),
    Control(Box<Control>),
}

impl Decoded {
    pub(super) fn class(&self) -> Priority {
        match self {
            Self::Envelope(class, _) => *class,
            Self::Control(_) => Kind::Control.class(),
        }
    }

    fn new(kind: Kind, bytes: &[u8]) -> Result<Self, FrameError> {
        Ok(match kind {
            Kind::Envelope(class) => Self::Envelope(class, bytes.into()),
            Kind::Control => {
                let message = Control::decode_all(&mut &*bytes).map_err(|_| FrameError::Control)?;
                Self::Control(Box::new(message))
            }
        })
    }
}

/// The slice that is being read.
struct Slice {
    kind: Kind,
    more: bool,
    remaining: usize,
}

/// A frame of which not all has come. Grows with what came, not with what was announced.
struct Partial {
    kind: Kind,
    bytes: Vec<u8>,
}

/// Puts frames together.
#[derive(Default)]
pub(super) struct Decoder {
    header: [u8; HEADER_LEN],
    header_filled: usize,
    slice: Option<Slice>,
    /// Something valid has come: a whole slice, a ping, an acknowledgement.
    pub(super) spoke: bool,
    /// Bytes of Bulk that came and are not acknowledged.
    pub(super) bulk_read: usize,
    /// Bytes of Bulk that the peer has acknowledged and that were not looked at.
    pub(super) bulk_acknowledged: usize,
    partial: [Option<Partial>; 4],
}

impl Decoder {
    /// Whether a frame of Bulk has come in part.
    pub(super) fn is_within_bulk(&self) -> bool {
        self.partial[Priority::Bulk.index()].is_some()
    }

    /// Memory of the frames that have come in part.
    pub(super) fn memory(&self) -> usize {
        self.partial.iter().flatten().map(|partial| partial.bytes.capacity()).sum()
    }

    /// Takes what was read and adds the frames that are complete to `out`.
    ///
    /// After an error the stream makes no sense any more: close it.
    pub(super) fn push(
        &mut self,
        mut bytes: &[u8],
        out: &mut Vec<Decoded>,
    ) -> Result<(), FrameError> {
        while !bytes.is_empty() {
            let Some(slice) = &mut self.slice else {
                let taken = (HEADER_LEN - self.header_filled).min(bytes.len());
                self.header[self.header_filled..][..taken].copy_from_slice(&bytes[..taken]);
                self.header_filled += taken;
                bytes = &bytes[taken..];
                if self.header_filled == HEADER_LEN {
                    self.header_filled = 0;
                    self.slice = self.begin()?;
                    self.spoke |= self.slice.is_none();
                }
                continue;
            };
            let taken = slice.remaining.min(bytes.len());
            let (part, rest) = bytes.split_at(taken);
            bytes = rest;
            slice.remaining -= taken;
            if slice.kind == Kind::Envelope(Priority::Bulk) {
                self.bulk_read += taken;
            }
            let (kind, done) = (slice.kind, slice.remaining == 0);
            let complete = done && !slice.more;
            let partial = &mut self.partial[kind.class().index()];
            match partial {
                // Most frames come in one piece: no detour through the partial buffer.
                None if complete => out.push(Decoded::new(kind, part)?),
                _ => {
                    let frame = partial.get_or_insert_with(|| Partial { kind, bytes: Vec::new() });
                    frame.bytes.extend_from_slice(part);
                    if complete {
                        out.push(Decoded::new(kind, &frame.bytes)?);
                        *partial = None;
                    }
                }
            }
            if done {
                self.slice = None;
                self.spoke = true;
            }
        }
        Ok(())
    }

    /// Judges a header; `None` for a ping.
    fn begin(&mut self) -> Result<Option<Slice>, FrameError> {
        let [byte, len @ ..] = self.header;
        let len = u32::from_le_bytes(len) as usize;
        if byte == PING_KIND {
            return if len == 0 { Ok(None) } else { Err(FrameError::BadLength) };
        }
        if byte == ACK_KIND {
            self.bulk_acknowledged = self.bulk_acknowledged.saturating_add(len);
            return Ok(None);
        }
        let kind = Kind::from_byte(byte & !MORE).ok_or(FrameError::UnknownKind)?;
        if len == 0 {
            return Err(FrameError::BadLength);
        }
        let before = match &self.partial[kind.class().index()] {
            Some(partial) if partial.kind != kind => return Err(FrameError::Interleaved),
            Some(partial) => partial.bytes.len(),
            None => 0,
        };
        if before.saturating_add(len) > kind.max_len() {
            return Err(FrameError::TooLong);
        }
        Ok(Some(Slice { kind, more: byte & MORE != 0, remaining: len }))
    }
}
