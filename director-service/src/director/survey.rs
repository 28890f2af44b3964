//! Says what the core knows, for people: read once a second, decided by nobody.

use super::{
    Crypto, Director, Millis, Waiting,
    certificates::{Voters, last},
    heartbeats::Neighbour,
    members::Seat,
};
use director_primitives::{AccountId32, CheckpointNumber, H256, PublicKey};
use std::collections::HashMap;

/// Blocks of a checkpoint that are named; of more it says nothing that two do not.
const MAX_BLOCKS: usize = 4;

/// What the core knows at one moment. Bounded by the validators that are registered and by the directors.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// The newest checkpoints that votes are expected of, the newest first; none before there was a vote at all.
    pub checkpoints: Vec<Checkpoint>,
    /// For each validator that voted at one of them: at which, a bit for each, the lowest for the newest.
    pub voted: HashMap<AccountId32, u8>,
    /// Candidates that wait for directors.
    pub waiting: Vec<Waiting>,
    /// Its newest finalized block.
    pub finalized: u64,
    /// What the other directors said of themselves last.
    pub neighbours: Vec<Neighbour>,
    /// Who of the connected validators stands by, and for whom there was no room, in no order.
    pub not_seated: Vec<(PublicKey, Seated)>,
    /// Its own processors' use, in thousandths.
    pub cpu_permille: u16,
    /// Bytes a second that it could still write.
    pub bandwidth_bytes_per_s: u64,
}

/// As what a validator is connected that is on no seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seated {
    /// It only stands by.
    Standby,
    /// There was no room for it.
    Guest,
}

/// The votes of a checkpoint, as the detector holds them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Its number.
    pub checkpoint: CheckpointNumber,
    /// Blocks that were voted for, the most wanted first, with the voters that did so.
    pub blocks: Vec<(H256, u32)>,
    /// Validators that may vote, or might when it was certified.
    pub voters: u32,
    /// Votes for one block that make a certificate.
    pub needed: u32,
    /// How long ago the first vote came, in milliseconds; `None` if that was before this director started.
    pub begun_ms_ago: Option<u64>,
    /// How long it took from then to the certificate, in milliseconds.
    pub certified_after_ms: Option<u64>,
    /// Whether there are enough votes.
    pub certified: bool,
}

impl<C: Crypto> Director<C> {
    /// What the core knows now.
    pub fn survey(&self, now: Millis) -> Survey {
        let mut voted = HashMap::new();
        let last = self.snapshot.as_deref().map_or(0, last);
        let newest = self.certificates.expected(&self.detector, last);
        for (bit, checkpoint) in newest.iter().enumerate() {
            for (validator, _) in self.detector.votes(*checkpoint) {
                match voted.get_mut(validator) {
                    Some(bits) => *bits |= 1u8 << bit,
                    None => drop(voted.insert(validator.clone(), 1u8 << bit)),
                }
            }
        }
        let voters = self.snapshot.as_deref().map(Voters::of).unwrap_or_default();
        let checkpoints = newest.into_iter().map(|at| self.checkpoint(now, at, &voters));
        Survey {
            checkpoints: checkpoints.collect(),
            voted,
            waiting: self.waiting(),
            finalized: self.stats.finalized,
            neighbours: self.heartbeats.neighbours(now).collect(),
            not_seated: self.members.not_seated().collect(),
            cpu_permille: self.load.cpu_permille,
            bandwidth_bytes_per_s: self.load.bandwidth_bytes_per_s,
        }
    }

    fn checkpoint(&self, now: Millis, checkpoint: CheckpointNumber, voters: &Voters) -> Checkpoint {
        let progress = self.certificates.of(checkpoint);
        let voters = progress.voters(voters);
        let mut blocks = voters.blocks(&self.detector, checkpoint);
        blocks.truncate(MAX_BLOCKS);
        let took = progress.certified.zip(progress.begun);
        Checkpoint {
            checkpoint,
            blocks,
            voters: voters.count(),
            needed: voters.needed(),
            begun_ms_ago: progress.begun.map(|begun| now.saturating_sub(begun)),
            certified_after_ms: took.map(|(end, begun)| end.saturating_sub(begun)),
            certified: progress.certified.is_some(),
        }
    }
}

impl From<Seat> for Option<Seated> {
    fn from(seat: Seat) -> Self {
        match seat {
            Seat::Primary => None,
            Seat::Standby => Some(Seated::Standby),
            Seat::Guest { .. } => Some(Seated::Guest),
        }
    }
}
