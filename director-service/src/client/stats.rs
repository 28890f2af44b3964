//! Counts what comes, goes and is dropped.

use super::inbox::Dropped;

/// What came, went and was dropped since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Messages published.
    pub published: u64,
    /// Messages handed to the application.
    pub delivered: u64,
    /// Messages that came again.
    pub duplicates: u64,
    /// Messages whose signature is not the origin's.
    pub forged: u64,
    /// Messages of an origin that is not registered.
    pub unknown_origin: u64,
    /// Messages that are no envelopes.
    pub malformed: u64,
    /// Messages from before we came, or of an epoch that is over.
    pub stale: u64,
    /// Messages whose payload is not what it says: it does not decompress, or to more than a payload
    /// may have, or is a vote and compressed.
    pub undecompressible: u64,
    /// Own messages that came back.
    pub own: u64,
    /// Connections made.
    pub connections: u64,
    /// Times that the standby took the place of a primary that was gone.
    pub failovers: u64,
    /// Times that primary and standby changed places.
    pub moves: u64,
    /// Questions for missing messages.
    pub fetches: u64,
    /// Messages that the primary should have sent and the standby had to.
    pub withheld: u64,
    /// Holes that nobody could fill.
    pub gaps: u64,
    /// Times that own messages were sent again because nobody else had them.
    pub sent_again: u64,
}

impl Stats {
    pub(super) fn with_dropped(self, dropped: &[u64; Dropped::COUNT]) -> Self {
        let dropped = |reason: Dropped| dropped[reason as usize];
        Self {
            duplicates: dropped(Dropped::Duplicate),
            forged: dropped(Dropped::Forged),
            unknown_origin: dropped(Dropped::UnknownOrigin),
            malformed: dropped(Dropped::Malformed),
            stale: dropped(Dropped::Stale),
            undecompressible: dropped(Dropped::Undecompressible),
            own: dropped(Dropped::Own),
            ..self
        }
    }
}
