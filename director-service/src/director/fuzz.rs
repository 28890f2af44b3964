//! Shows `fuzz/` what the core keeps, which it cannot see otherwise. For nothing else.

use super::{
    Crypto, Director,
    header::Header,
    window::{Place, Tag},
};
use director_primitives::{Envelope, SignedEnvelope, envelope::fingerprint};

/// How the core has marked a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marked {
    /// As seen.
    pub seen: bool,
    /// Its place in its origin's sequence as taken by it, or by another frame with the same signed part.
    pub taken: bool,
}

/// How the core has marked this frame.
pub fn marked<C: Crypto>(core: &Director<C>, frame: &[u8]) -> Marked {
    let seen = core.seen.has(&fingerprint(frame));
    let taken = Header::read(frame).is_ok_and(|header| {
        let Header { origin, epoch, class, seq, .. } = &header;
        let tag = Tag::of(header.body);
        core.windows.place(origin, *epoch, *class, *seq, tag) == Place::Repeat
    });
    Marked { seen, taken }
}

/// Fails if the core keeps more than its configuration allows.
pub fn check_bounds<C: Crypto>(core: &Director<C>) {
    let config = &core.config;
    let log = core.log.bytes();
    assert!(log <= config.log_bytes, "{log} bytes of log");
    let parked = core.parked.bytes();
    assert!(parked <= config.park_bytes, "{parked} bytes wait for another block");
    let recalls = core.recalls.len();
    assert!(recalls <= config.max_recalls, "{recalls} votes wait for the disk");
    let validators = core.snapshot.as_ref().map_or(0, |known| known.validators().len());
    let checkpoints = config.recent_checkpoints + config.checkpoints_ahead + 1;
    let most = validators * checkpoints as usize + config.max_recalls;
    assert!(core.detector.len() <= most, "{} votes in memory", core.detector.len());
}

/// Whether the core reads a frame in place as others decode it.
pub fn reads_alike(frame: &[u8]) -> bool {
    match (Header::read(frame), SignedEnvelope::from_bytes(frame)) {
        (Ok(header), Ok(SignedEnvelope { envelope, .. })) => {
            let Header { origin, epoch, class, seq, kind, encoding, payload, .. } = header;
            let payload = payload.to_vec();
            Envelope { origin, epoch, class, seq, kind, encoding, payload } == envelope
        }
        (read, decoded) => read.err() == decoded.err(),
    }
}
