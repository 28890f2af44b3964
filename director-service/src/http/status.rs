//! What a director says of itself, in the shape in which it is sent.
//!
//! Keys and hashes are hexadecimal, hashes with `0x` before them, accounts in SS58. Fields are added,
//! never renamed.

use serde::Serialize;
use std::collections::BTreeMap;

/// Everything that a director says of itself.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Status {
    /// Version of the program.
    pub version: &'static str,
    /// The director's account.
    pub account: String,
    /// Its peer key.
    pub peer_key: String,
    /// The same as a libp2p peer id.
    pub peer_id: String,
    /// The chain; `None` until the node was reached.
    pub genesis: Option<String>,
    /// The newest finalized block that it knows.
    pub finalized: Option<BlockStatus>,
    /// Whether it can serve validators.
    pub ready: bool,
    /// Why not.
    pub not_ready: Vec<String>,
    /// What keeps it from nothing yet, and needs the operator none the less.
    pub warnings: Vec<String>,
    /// The nodes of the chain, in the order of the configuration.
    pub nodes: Vec<NodeStatus>,
    /// Version of the chain's runtime; `None` without a node.
    pub spec_version: Option<u32>,
    /// What the director's account has in the chain's smallest unit, once that is known; in quotes, since it
    /// may have more digits than a number in JSON.
    pub balance: Option<String>,
    /// Whether it has what the other directors have, since it was started.
    pub caught_up: bool,
    /// Whether it hands its validators over to other directors, to stop then.
    pub draining: bool,
    /// Whether the chain has it as an active director.
    pub active: bool,
    /// Version of the set of directors.
    pub set_version: u64,
    /// Where it listens for directors.
    pub mesh_listen: Vec<String>,
    /// Where it listens for validators.
    pub public_listen: Vec<String>,
    /// The other active directors.
    pub mesh: Vec<MeshPeer>,
    /// Peer keys of the validators and candidates that are connected.
    pub validators: Vec<String>,
    /// Candidates that wait for directors' approvals.
    pub waiting: Vec<Candidate>,
    /// Counters since the start.
    pub stats: StatsStatus,
    /// Double signs that it knows a proof of.
    pub evidence: Vec<Evidence>,
    /// Memory of the process.
    pub memory_bytes: Option<u64>,
    /// Time since the start.
    pub uptime_ms: u64,
}

/// A node of the chain.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NodeStatus {
    /// Protocol, host and port of its address.
    pub name: String,
    /// Whether it is the one in use.
    pub in_use: bool,
    /// The newest finalized block that it is known to have.
    pub finalized: Option<u64>,
    /// Why it cannot be used.
    pub trouble: Option<String>,
}

/// A finalized block.
#[derive(Clone, Debug, Default, Serialize)]
pub struct BlockStatus {
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: String,
}

/// Another active director.
#[derive(Clone, Debug, Default, Serialize)]
pub struct MeshPeer {
    /// Its peer key.
    pub peer: String,
    /// Its account.
    pub account: String,
    /// Whether it is connected.
    pub connected: bool,
}

/// A candidate that this director knows of.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Candidate {
    /// Its account.
    pub validator: String,
    /// Approvals that count.
    pub approvals: u32,
    /// Approvals that it takes.
    pub needed: u32,
}

/// Counters since the start.
#[derive(Clone, Debug, Default, Serialize)]
pub struct StatsStatus {
    /// Frames that came in.
    pub frames: u64,
    /// Messages that were passed on.
    pub relayed: u64,
    /// Copies that were handed out for them.
    pub deliveries: u64,
    /// Repeats that were not passed on.
    pub loops_prevented: u64,
    /// Correctly signed votes that the detector saw.
    pub votes_seen: u64,
    /// Double signs that this director proved by itself.
    pub double_signs_detected: u64,
    /// Proofs that it got from other directors.
    pub proofs_from_peers: u64,
    /// Approvals that it signed.
    pub approvals_signed: u64,
    /// Revocations that it signed.
    pub revocations_signed: u64,
    /// Validators that enough directors revoked, as it heard before the chain did.
    pub revocations: u64,
    /// Validators that it had no room for and sent elsewhere.
    pub redirects: u64,
    /// Heartbeats of other directors.
    pub heartbeats_heard: u64,
    /// Extrinsics with collected votes that it submitted.
    pub submissions: u64,
    /// Now: validators that are connected to stand by; `validators` names them too.
    pub standbys: u64,
    /// Messages that it had missed and got from other directors.
    pub repaired: u64,
    /// Of these, messages that another director was asked for 400 ms before, and did not send: censorship, or a fault.
    pub withheld: u64,
    /// Messages that it misses and that nobody has any more.
    pub given_up: u64,
    /// Now: sequences of which something is missing.
    pub behind: u64,
    /// Questions to other directors for what is missing.
    pub fetches_asked: u64,
    /// Questions of directors and validators that it answered.
    pub fetches_served: u64,
    /// Bytes that it sent out of its log for them.
    pub replayed_bytes: u64,
    /// Times that what another director said it has was not what its hash says.
    pub vectors_mismatched: u64,
    /// Now: messages in the log.
    pub log_frames: u64,
    /// Now: bytes of the log.
    pub log_bytes: u64,
    /// Now: how long the oldest message has been in the log, in milliseconds.
    pub log_oldest_ms: u64,
    /// Messages that were refused, by reason; reasons that never occurred are left out.
    pub refused: BTreeMap<&'static str, u64>,
    /// Frames that were lost to full queues or broken connections, by network, class and reason.
    pub dropped: BTreeMap<String, u64>,
}

/// A proof of a double sign and what became of it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Evidence {
    /// Identity of what was proven.
    pub id: String,
    /// Account of the validator, if the chain told it already.
    pub validator: Option<String>,
    /// The checkpoint.
    pub checkpoint: u64,
    /// What became of it.
    pub state: String,
    /// When this director had the proof, in milliseconds since the Unix epoch.
    pub detected_at_ms: u64,
    /// When its state changed last, in milliseconds since the Unix epoch.
    pub changed_at_ms: u64,
    /// While it is submitted: the finalized block from which on the extrinsic is valid.
    pub submitted_block: Option<u64>,
    /// Block in which this director's report is, finalized.
    pub finalized_block: Option<u64>,
    /// Extrinsics that were signed for it since the start.
    pub attempts: u32,
    /// What went wrong last, while it is not done.
    pub trouble: Option<String>,
}
