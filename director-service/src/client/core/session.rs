//! Keeps what is known of one connection.

use crate::repair::Millis;
use director_primitives::{H256, Role};

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) enum Slot {
    /// To get everything and to publish.
    Primary,
    /// To see what the primary does not send, and to be there when it dies.
    Standby,
    /// To become the standby, in the place of one that is less wanted.
    Probe,
}

/// One connection.
#[derive(Debug)]
pub(in crate::client) struct Session {
    pub(in crate::client) slot: Slot,
    /// When something was heard last.
    pub(in crate::client) heard_at: Millis,
    /// Whether it sends heartbeats: only then silence means something.
    pub(in crate::client) beats: bool,
    /// Block at which it began, or at which we were let out.
    pub(in crate::client) since: u64,
    pub(in crate::client) welcomed: bool,
    pub(in crate::client) authorized: bool,
    /// Since when it does not take our messages, if it does not, and how often it has stopped to.
    pub(in crate::client) out_since: Millis,
    pub(in crate::client) put_out: u32,
    /// What was asked for and is not answered, and when it was.
    pub(in crate::client) attaching: Option<(Role, Millis)>,
    /// When it had first said all that it has.
    pub(in crate::client) level_since: Option<Millis>,
    /// When it had last said all that it has, as the primary.
    pub(in crate::client) primary_since: Option<Millis>,
    /// Its last vector, by hash; when we asked for all of it.
    pub(in crate::client) last_hash: Option<H256>,
    pub(in crate::client) asked_vector_at: Option<Millis>,
    /// Block at which we asked to be let in.
    pub(in crate::client) asked_at: Option<u64>,
    /// Number of the stake proof that is being made.
    pub(in crate::client) proving: Option<u64>,
    /// It wants us to leave.
    pub(in crate::client) is_draining: bool,
    /// When the connection stood, or when it has last answered what was asked.
    pub(in crate::client) answered_at: Millis,
    /// How often in a row it has not answered.
    pub(in crate::client) unanswered: u32,
    /// Messages of it that nobody signed. An honest director checks what it passes on.
    pub(in crate::client) forged: u32,
}

impl Session {
    pub(in crate::client) fn new(slot: Slot, now: Millis, block: u64) -> Self {
        Self {
            slot,
            heard_at: now,
            beats: false,
            since: block,
            welcomed: false,
            authorized: false,
            out_since: now,
            put_out: 0,
            attaching: None,
            level_since: None,
            primary_since: None,
            last_hash: None,
            asked_vector_at: None,
            asked_at: None,
            proving: None,
            is_draining: false,
            answered_at: now,
            unanswered: 0,
            forged: 0,
        }
    }
}
