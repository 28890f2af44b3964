//! Cuts a stream of bytes into frames.

use std::io::{self, Read};

/// Bytes of the length in front of a frame.
pub(crate) const LENGTH_BYTES: usize = 4;
/// A frame of nothing: says that the connection was accepted.
pub(crate) const EMPTY: [u8; LENGTH_BYTES] = [0; LENGTH_BYTES];
/// Longer frames are a mistake.
const MAX_FRAME: usize = 16 << 20;
/// Bytes of one read.
const READ_BYTES: usize = 256 << 10;

/// A frame around the payload.
pub(crate) fn frame(payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(LENGTH_BYTES + payload.len());
    frame.extend((payload.len() as u32).to_le_bytes());
    frame.extend(payload);
    frame
}

/// The payloads of whole frames.
pub(crate) fn payloads(mut frames: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (payload, rest) = frames.split_at_checked(length(frames)?)?;
        frames = rest;
        Some(&payload[LENGTH_BYTES..])
    })
}

/// Length of the first frame with its prefix.
fn length(bytes: &[u8]) -> Option<usize> {
    let prefix = bytes.first_chunk::<LENGTH_BYTES>()?;
    Some(LENGTH_BYTES + u32::from_le_bytes(*prefix) as usize)
}

/// One buffer to read into, for all connections.
pub(crate) fn scratch() -> Box<[u8]> {
    vec![0; READ_BYTES].into()
}

/// What came of one read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Nothing more waits.
    Drained,
    /// The buffer was full: read again.
    More,
}

/// The incomplete frame at the end of what was read.
#[derive(Default)]
pub(crate) struct Partial(Vec<u8>);

impl Partial {
    /// Reads once, and gives all whole frames in one piece to `take`. An error is the end.
    pub(crate) fn read(
        &mut self,
        socket: &mut impl Read,
        scratch: &mut [u8],
        take: impl FnOnce(&[u8]),
    ) -> io::Result<Outcome> {
        let read = loop {
            match socket.read(scratch) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => break read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Outcome::Drained);
                }
                Err(error) => return Err(error),
            }
        };
        // A read that does not fill the buffer took all there was: no second call to learn that.
        let outcome = if read < scratch.len() { Outcome::Drained } else { Outcome::More };
        if self.0.is_empty() {
            let whole = whole(&scratch[..read])?;
            self.0.extend(&scratch[whole..read]);
            if whole > 0 {
                take(&scratch[..whole]);
            }
        } else {
            self.0.extend(&scratch[..read]);
            let whole = whole(&self.0)?;
            if whole > 0 {
                take(&self.0[..whole]);
                self.0.drain(..whole);
            }
        }
        Ok(outcome)
    }
}

/// Bytes of all whole frames.
fn whole(bytes: &[u8]) -> io::Result<usize> {
    let mut at = 0;
    while let Some(length) = length(&bytes[at..]) {
        if length > MAX_FRAME {
            return Err(io::Error::other("a frame of more than 16 MiB"));
        }
        if at + length > bytes.len() {
            break;
        }
        at += length;
    }
    Ok(at)
}
