//! Hands the coder of frames to the program that writes the test vectors of the protocol. For nothing
//! else.

use super::{
    bulk::Window,
    frame::{self, Decoded, Decoder, FrameError, Kind},
};
use codec::Encode;
use tokio::time::Instant;

pub use super::actor::protocol_name;

/// A ping as it is on the wire.
pub const PING: [u8; 5] = frame::PING;

/// An acknowledgement of so many bytes of Bulk.
pub fn acknowledgement(bytes: usize) -> [u8; 5] {
    frame::acknowledgement(bytes)
}

/// A slice of a frame with its header. `None` if no frame has this kind.
pub fn slice(kind: u8, bytes: &[u8], more: bool) -> Option<Vec<u8>> {
    let header = frame::header(Kind::from_byte(kind)?, bytes.len(), more);
    Some([&header[..], bytes].concat())
}

/// What a reader makes of a stream.
#[derive(Debug, Default)]
pub struct Read {
    /// The kind and the bytes of each frame, in the order in which they were complete.
    pub frames: Vec<(u8, Vec<u8>)>,
    /// Bytes of Bulk that came, which the reader acknowledges.
    pub bulk_read: usize,
    /// Bytes of Bulk that the other side acknowledges.
    pub bulk_acknowledged: usize,
    /// What ended it.
    pub error: Option<FrameError>,
}

/// Reads a stream from its beginning, after so many bytes of Bulk were sent the other way.
pub fn read(bytes: &[u8], bulk_sent: usize) -> Read {
    let (mut decoder, mut decoded) = (Decoder::default(), Vec::new());
    let mut error = decoder.push(bytes, &mut decoded).err();
    let (mut sent, now) = (Window::default(), Instant::now());
    sent.written(bulk_sent, now);
    if error.is_none() && !sent.acknowledged(decoder.bulk_acknowledged, now) {
        error = Some(FrameError::Acknowledgement);
    }
    let frames = decoded.into_iter().map(|frame| match frame {
        Decoded::Envelope(class, bytes) => (Kind::Envelope(class).byte(), bytes.to_vec()),
        Decoded::Control(message) => (Kind::Control.byte(), message.encode()),
    });
    let frames = frames.collect();
    let (bulk_read, bulk_acknowledged) = (decoder.bulk_read, decoder.bulk_acknowledged);
    Read { frames, bulk_read, bulk_acknowledged, error }
}
