//! The bytes of every kind of statement, and signatures of them.

use super::{GENESIS, Key, OTHER_GENESIS, account, fields::Fields, hexadecimal, spoilt};
use codec::Encode;
use director_primitives::{
    AccountId32, AuthorizationRequest, CheckpointVote, Decision, DirectorVote, Encoding, Envelope,
    H256, Heartbeat, KeyRole, PayloadKind, Possession, Priority, RevocationReason, Signature,
    Statement, VectorEntry, VectorSummary, signing_bytes, verify,
};
use serde_json::{Value, json};

pub(super) fn request() -> AuthorizationRequest<AccountId32> {
    AuthorizationRequest {
        validator: account(0x22),
        registration_id: 7,
        block_number: 1_234_567,
        block_hash: H256::repeat_byte(0x44),
        timestamp_ms: 1_790_000_000_123,
    }
}

pub(super) fn director_vote(decision: Decision) -> DirectorVote<AccountId32> {
    let nonce = 1_234_567 * 65_536 + 3;
    DirectorVote {
        validator: account(0x22),
        registration_id: 7,
        decision,
        nonce,
        valid_until: 1_235_167,
    }
}

pub(super) fn heartbeat(director: &Key, vector: VectorSummary) -> Heartbeat {
    Heartbeat {
        director: director.public(),
        time_ms: 1_790_000_000_123,
        validators: 21,
        capacity: 300,
        cpu_permille: 125,
        bandwidth_bytes_per_s: 125_000_000,
        finalized: 1_234_567,
        vector,
    }
}

pub(super) fn entry(byte: u8) -> VectorEntry {
    VectorEntry {
        origin: Key::new(byte).public(),
        epoch: 1_790_000_000_000,
        contiguous: [2, 3, 5, u64::MAX],
    }
}

pub(super) fn envelope(origin: &Key) -> Envelope {
    Envelope {
        origin: origin.public(),
        epoch: 1_790_000_000_000,
        class: Priority::Normal,
        seq: 9,
        kind: PayloadKind::BlockAnnouncement,
        encoding: Encoding::Identity,
        payload: b"a block".to_vec(),
    }
}

struct Case<'a> {
    name: &'a str,
    genesis_hash: H256,
    signed_for: H256,
    signer: &'a Key,
    key: &'a Key,
}

impl Case<'_> {
    fn show<S: Statement + Fields>(
        &self,
        statement: &S,
        change: fn(Signature) -> Signature,
    ) -> Value {
        let signature = change(self.signer.sign(&self.signed_for, statement));
        let key = self.key.public();
        json!({
            "name": self.name,
            "kind": String::from_utf8_lossy(S::KIND.tag()),
            "genesis_hash": hex::encode(self.genesis_hash),
            "fields": statement.fields(),
            "body": hexadecimal(statement),
            "message": hex::encode(signing_bytes(&self.genesis_hash, statement)),
            "seed": hex::encode(self.key.seed),
            "key": hex::encode(key),
            "signature": hex::encode(signature),
            "valid": verify(&self.genesis_hash, statement, &key, &signature),
        })
    }
}

fn good<S: Statement + Fields>(name: &str, signer: &Key, statement: &S) -> Value {
    Case { name, genesis_hash: GENESIS, signed_for: GENESIS, signer, key: signer }
        .show(statement, |signature| signature)
}

pub(super) fn file() -> Value {
    let (peer, checkpoint, director) = (Key::new(1), Key::new(2), Key::new(3));
    let vote = CheckpointVote { checkpoint: 0x0102, block_hash: H256::repeat_byte(0xaa) };
    let peer_possession =
        Possession { account: account(0x22), role: KeyRole::ValidatorPeer, key: peer.public() };
    let hash = VectorSummary::Hash(H256::repeat_byte(0x66));
    let delta = VectorSummary::Delta(vec![entry(4), entry(5)]);
    let other = |name, signed_for, signer| Case {
        name,
        genesis_hash: GENESIS,
        signed_for,
        signer,
        key: &checkpoint,
    };
    let revoke = Decision::Revoke(RevocationReason::EnvelopeEquivocation);
    let as_another_kind = |_| Key::new(2).sign(&GENESIS, &OtherKind);
    json!([
        good("a possession", &peer, &peer_possession),
        good("a checkpoint vote", &checkpoint, &vote),
        good("an envelope", &peer, &envelope(&peer)),
        good("a request", &peer, &request()),
        good("an approval", &director, &director_vote(Decision::Approve)),
        good("a revocation", &director, &director_vote(revoke)),
        good("a heartbeat with a hash", &director, &heartbeat(&director, hash)),
        good("a heartbeat with entries", &director, &heartbeat(&director, delta)),
        other("signed for another chain", OTHER_GENESIS, &checkpoint).show(&vote, |s| s),
        other("signed by another key", GENESIS, &peer).show(&vote, |s| s),
        other("the signature changed", GENESIS, &checkpoint).show(&vote, spoilt),
        other("signed as another kind", GENESIS, &checkpoint).show(&vote, as_another_kind),
    ])
}

/// The body of the vote above, as a statement of another kind.
struct OtherKind;

impl Encode for OtherKind {
    fn encode(&self) -> Vec<u8> {
        CheckpointVote { checkpoint: 0x0102, block_hash: H256::repeat_byte(0xaa) }.encode()
    }
}

impl Statement for OtherKind {
    const KIND: director_primitives::StatementKind = director_primitives::StatementKind::Heartbeat;
}
