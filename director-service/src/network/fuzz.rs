//! Hands the reader of frames to `fuzz/`, which cannot see it otherwise. For nothing else.

use super::{
    Frame, FrameError,
    frame::{Decoded, Decoder, Kind, header},
};
use director_primitives::{Control, Priority};

/// A frame that came.
#[derive(Debug, PartialEq, Eq)]
pub enum Came {
    /// An envelope, unread.
    Envelope(Priority, Frame),
    /// A control message.
    Control(Box<Control>),
}

/// What one peer sends.
#[derive(Default)]
pub struct Stream(Decoder);

impl Stream {
    /// Takes what was read and adds the frames that are complete; what it has already counts after an error, too.
    ///
    /// # Errors
    ///
    /// If that is no frame: a connection ends then.
    pub fn push(&mut self, bytes: &[u8], came: &mut Vec<Came>) -> Result<(), FrameError> {
        let mut frames = Vec::new();
        let pushed = self.0.push(bytes, &mut frames);
        came.extend(frames.into_iter().map(|frame| match frame {
            Decoded::Envelope(class, frame) => Came::Envelope(class, frame),
            Decoded::Control(message) => Came::Control(message),
        }));
        pushed
    }

    /// Memory of what has come in part, as it is counted.
    pub fn memory(&self) -> usize {
        self.0.memory()
    }

    /// Whether something valid came; bytes of Bulk that came; bytes of Bulk that the peer acknowledged.
    pub fn told(&self) -> (bool, usize, usize) {
        (self.0.spoke, self.0.bulk_read, self.0.bulk_acknowledged)
    }
}

/// A slice as it is on the wire: of an envelope of this class, or of a control message.
pub fn slice(class: Option<Priority>, bytes: &[u8], more: bool) -> Vec<u8> {
    let kind = class.map_or(Kind::Control, Kind::Envelope);
    [&header(kind, bytes.len(), more)[..], bytes].concat()
}
