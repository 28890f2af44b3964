//! Names and bounds.

use super::{GENESIS, OTHER_GENESIS};
use director_primitives::{
    StatementKind,
    authorization::NONCES_PER_BLOCK,
    envelope::{MAX_ENVELOPE_LEN, MAX_PAYLOAD_LEN},
    message::MAX_REDIRECTS,
    repair::{MAX_RANGES, MAX_VECTOR_ENTRIES},
    signing::{CONTEXT, signing_prefix},
    stake_proof::{MAX_PROOF_LEN, MAX_PROOF_NODE_LEN, MAX_PROOF_NODES},
};
use director_service::network::{MAX_CONTROL_LEN, vectors::protocol_name};
use serde_json::{Value, json};

pub(super) fn file() -> Value {
    let names = [GENESIS, OTHER_GENESIS].map(|genesis_hash| {
        json!({
            "genesis_hash": hex::encode(genesis_hash),
            "name": protocol_name(&genesis_hash),
        })
    });
    let prefixes = StatementKind::ALL.map(|kind| {
        json!({
            "kind": String::from_utf8_lossy(kind.tag()),
            "genesis_hash": hex::encode(GENESIS),
            "prefix": hex::encode(signing_prefix(kind, &GENESIS)),
        })
    });
    json!({
        "context": String::from_utf8_lossy(CONTEXT),
        "prefixes": prefixes,
        "stream_protocols": names,
        "limits": {
            "payload_bytes": MAX_PAYLOAD_LEN,
            "envelope_bytes": MAX_ENVELOPE_LEN,
            "control_bytes": MAX_CONTROL_LEN,
            "topic_bytes": 32,
            "redirects": MAX_REDIRECTS,
            "vector_entries": MAX_VECTOR_ENTRIES,
            "ranges": MAX_RANGES,
            "proof_nodes": MAX_PROOF_NODES,
            "proof_node_bytes": MAX_PROOF_NODE_LEN,
            "proof_bytes": MAX_PROOF_LEN,
            "nonces_per_block": NONCES_PER_BLOCK,
        },
    })
}
