//! What a director says of itself in parts, for the dashboard and whoever else looks: `/api/v1/…`.
//!
//! As in [`super::Status`]: keys and hashes are hexadecimal, hashes with `0x` before them, accounts in SS58;
//! amounts are decimal text, for they do not fit into what JavaScript calls a number. Fields are added, never renamed.
//! `openapi.json` describes all of it, and a test holds it to the answers.

use super::{BlockStatus, Evidence};
use serde::Serialize;

/// All parts, as they were at one moment.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    /// The chain.
    pub chain: Chain,
    /// The directors.
    pub mesh: Mesh,
    /// The validators, all of them.
    pub validators: Validators,
    /// The newest checkpoints.
    pub checkpoints: Checkpoints,
    /// Candidates that wait.
    pub authorizations: Authorizations,
    /// Double signs.
    pub evidence: Cases,
    /// What somebody should look at.
    pub alarms: Alarms,
}

/// The chain, as this director knows it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Chain {
    /// Whether a node answers.
    pub connected: bool,
    /// Why not.
    pub trouble: Option<String>,
    /// Hash of the first block.
    pub genesis: Option<String>,
    /// The newest finalized block.
    pub finalized: Option<BlockStatus>,
    /// When that was known, in milliseconds since the Unix epoch.
    pub finalized_at_ms: Option<u64>,
    /// The newest checkpoint.
    pub checkpoint: u64,
    /// Blocks between two checkpoints.
    pub checkpoint_interval: u64,
    /// Version of the set of directors.
    pub set_version: u64,
    /// Active directors.
    pub directors: u32,
    /// Least and most directors.
    pub directors_allowed: [u32; 2],
    /// Accounts that are invited and have not activated themselves.
    pub invited: Vec<String>,
    /// Registered validators by what they may do.
    pub validators: ByStatus,
    /// Most registered validators.
    pub max_validators: u32,
    /// Least stake of an authorized validator, in the chain's smallest unit.
    pub min_stake: String,
    /// Blocks for which stake stays slashable after an exit.
    pub unbonding_period: u64,
    /// Blocks for which governance can cancel a slash.
    pub slash_defer_period: u64,
}

/// Registered validators by what they may do.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct ByStatus {
    /// Wait for the directors.
    pub candidate: u32,
    /// May speak and vote.
    pub authorized: u32,
    /// Were revoked.
    pub revoked: u32,
    /// Leave.
    pub exiting: u32,
    /// Signed twice.
    pub tombstoned: u32,
}

/// The directors, in ascending order of accounts.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Mesh {
    /// Active directors.
    pub directors: Vec<MeshDirector>,
}

/// An active director.
#[derive(Clone, Debug, Default, Serialize)]
pub struct MeshDirector {
    /// Its account.
    pub account: String,
    /// Its peer key.
    pub peer: String,
    /// Whether it is the one that answers.
    pub this: bool,
    /// Where it stands, as it says.
    pub region: String,
    /// Where validators reach it.
    pub endpoints: Vec<String>,
    /// Whether it is connected to this one.
    pub connected: bool,
    /// How long a message takes to it and back, in milliseconds, as measured within the last ten seconds or so; `None` if it is
    /// not connected, or over QUIC.
    pub rtt_ms: Option<f64>,
    /// How long ago it said something of itself, in milliseconds; the fields below are from then.
    pub heard_ms_ago: Option<u64>,
    /// Its heartbeat's way to here and the difference of the two clocks together, in milliseconds. The way is never
    /// negative: what one of the two sees below zero is a clock.
    pub clock_ms: Option<i64>,
    /// Validators on its seats.
    pub validators: Option<u32>,
    /// Validators that it has room for.
    pub capacity: u32,
    /// How busy its processors are, in thousandths.
    pub cpu_permille: Option<u16>,
    /// Bytes a second that it could still write.
    pub bandwidth_bytes_per_s: Option<u64>,
    /// Its newest finalized block.
    pub finalized: Option<u64>,
    /// Blocks that it is behind the one of all directors that is farthest.
    pub lag_blocks: Option<u64>,
    /// Bytes that wait here for it and of it.
    pub waiting_bytes: u64,
    /// Whether it has let its record on chain become old.
    pub stale: bool,
}

/// Registered validators, or a page of them, in ascending order of account ids.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Validators {
    /// Registered ones.
    pub total: u32,
    /// Those that are connected to this director.
    pub connected: u32,
    /// Checkpoints that `missed` is about: the newest one is not among them.
    pub looked_at: u32,
    /// Where the next page begins: the `after` to ask for; `None` at the end.
    pub next: Option<String>,
    /// The validators.
    pub items: Vec<Validator>,
}

/// A registered validator.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Validator {
    /// Its account.
    pub account: String,
    /// Its peer key.
    pub peer: String,
    /// `candidate`, `authorized`, `revoked`, `exiting` or `tombstoned`.
    pub status: &'static str,
    /// Its stake, in the chain's smallest unit.
    pub stake: String,
    /// How it is connected to this director: `primary`, `standby` or `guest`, for whom there is no room; `None` if it
    /// is not.
    pub connection: Option<&'static str>,
    /// How long a message takes to it and back, in milliseconds, as measured within the last ten seconds or so; `None` if it is
    /// not connected here, or over QUIC.
    pub rtt_ms: Option<f64>,
    /// Bytes that wait here for it and of it.
    pub waiting_bytes: u64,
    /// The newest checkpoint of the last eight at which this director saw its vote.
    pub last_vote: Option<u64>,
    /// At how many of `looked_at` it did not.
    pub missed: u32,
}

/// The newest checkpoints with votes, the newest first.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Checkpoints {
    /// Blocks between two of them.
    pub interval: u64,
    /// At most eight.
    pub items: Vec<Checkpoint>,
}

/// A checkpoint, as this director's detector has its votes.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Checkpoint {
    /// Its number.
    pub checkpoint: u64,
    /// Its block.
    pub block: u64,
    /// Voters that voted.
    pub votes: u32,
    /// Votes for one block that make a certificate.
    pub needed: u32,
    /// Authorized validators: those of the moment, or when it was certified.
    pub voters: u32,
    /// Whether one block has them.
    pub certified: bool,
    /// From the first vote to then, in milliseconds, to 50; `None` too if this director has not been there.
    pub certified_after_ms: Option<u64>,
    /// When the first vote came, in milliseconds since the Unix epoch, to a second; `None` if this director was not there.
    pub begun_at_ms: Option<u64>,
    /// Blocks that were voted for, the most wanted first; four at most.
    pub blocks: Vec<VotedBlock>,
}

/// A block that validators voted for.
#[derive(Clone, Debug, Default, Serialize)]
pub struct VotedBlock {
    /// Its hash, as they say.
    pub hash: String,
    /// How many did.
    pub votes: u32,
}

/// Candidates that wait for directors' approvals.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Authorizations {
    /// Approvals that it takes.
    pub needed: u32,
    /// In ascending order of accounts.
    pub items: Vec<Authorization>,
}

/// A candidate that has asked, or about whom others have decided.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Authorization {
    /// Its account.
    pub validator: String,
    /// Its stake, in the chain's smallest unit.
    pub stake: String,
    /// Accounts of the directors whose approvals count.
    pub approved_by: Vec<String>,
    /// Accounts of the other active directors.
    pub missing: Vec<String>,
}

/// Double signs that this director knows a proof of, the newest first.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Cases {
    /// How many there are.
    pub total: u32,
    /// A hundred at most.
    pub items: Vec<Case>,
}

/// A double sign, from the vote to the slash.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Case {
    /// What the reporter knows.
    #[serde(flatten)]
    pub evidence: Evidence,
    /// What the chain says that the validator may do.
    pub validator_status: Option<&'static str>,
    /// From which block on the slash can be applied, if a report is in the chain, whosever, and that is known.
    pub slash_from_block: Option<u64>,
    /// What happened and what is to come, in order.
    pub steps: Vec<Step>,
}

/// A step of a case.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Step {
    /// `proven`, `submitted`, `finalized`, and `slash` or `cancelled`; what another reported first was not submitted. Or after
    /// `proven` only `given_up`: the chain refuses the proof, or it is no longer needed.
    pub name: &'static str,
    /// `done`, `now` or `ahead`; `failed` where it was given up.
    pub state: &'static str,
    /// When, in milliseconds since the Unix epoch.
    pub at_ms: Option<u64>,
    /// In which block, or from which on.
    pub block: Option<u64>,
    /// Of a slash that was seen: what was taken, in the chain's smallest unit.
    pub amount: Option<String>,
    /// Why it was given up, what it waits for, or that another's report was first, for people.
    pub note: Option<String>,
}

/// What somebody should look at, the worst first.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Alarms {
    /// `ok`, `warning` or `critical`: the worst there is.
    pub level: &'static str,
    /// Each with a remedy.
    pub items: Vec<Alarm>,
}

/// Something that somebody should look at.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Alarm {
    /// What it is, for programs: the same as long as it lasts.
    pub id: String,
    /// `warning` or `critical`.
    pub level: &'static str,
    /// What is wrong.
    pub summary: String,
    /// What to do about it.
    pub remedy: String,
}

impl Case {
    /// Whether its proof still has to get into the chain.
    pub fn is_open(&self) -> bool {
        self.steps.iter().any(|step| step.name != "slash" && step.state == "now")
    }
}

impl Validators {
    /// At most `limit` of them, those after the account `after`, where there is one with that name.
    pub(super) fn page(&self, after: Option<&str>, limit: usize) -> Option<Self> {
        let begin = match after {
            None => 0,
            Some(account) => 1 + self.items.iter().position(|of| of.account == account)?,
        };
        let rest = &self.items[begin..];
        let items = rest[..limit.min(rest.len())].to_vec();
        let next = items.last().filter(|_| items.len() < rest.len()).map(|of| of.account.clone());
        Some(Self { next, items, ..*self })
    }
}
