//! Says again what others said long ago.

use director_primitives::AccountId32;
use director_primitives::{Control, SignedDirectorVote, SignedHeartbeat};

/// A director that keeps every vote and heartbeat it ever heard, and sends them all again.
#[derive(Debug, Default)]
pub struct Replayer {
    votes: Vec<SignedDirectorVote<AccountId32>>,
    heartbeats: Vec<SignedHeartbeat>,
}

impl Replayer {
    /// Keeps what can be replayed of a message.
    pub fn hear(&mut self, message: &Control) {
        match message {
            Control::DirectorVote(vote) => self.votes.push(vote.clone()),
            Control::Heartbeat(heartbeat) => self.heartbeats.push(heartbeat.clone()),
            _ => {}
        }
    }

    /// Everything again, oldest first and then newest first.
    pub fn replay(&self) -> Vec<Control> {
        let votes = self.votes.iter().cloned().map(Control::DirectorVote);
        let heartbeats = self.heartbeats.iter().cloned().map(Control::Heartbeat);
        let once: Vec<_> = votes.chain(heartbeats).collect();
        once.iter().chain(once.iter().rev()).cloned().collect()
    }
}
