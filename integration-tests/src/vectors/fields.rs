//! Shows what is encoded as fields of JSON, in their order on the wire.

use director_primitives::{
    AccountId32, Answer, Application, Attach, AuthorizationRequest, Certificate, CheckpointVote,
    Control, Decision, DirectorVote, DoubleSignProof, Encoding, Envelope, Fetched, Heartbeat,
    KeyRole, Offence, PayloadKind, Possession, Priority, Range, Reason, Redirect, Role,
    SignedAuthorizationRequest, SignedDirectorVote, SignedEnvelope, SignedHeartbeat, SignedVote,
    VectorEntry, VectorSummary,
    runtime_api::{
        DirectorInfo, DirectorSet, Domain, Endpoint, PendingSlash, RetiredKey, StoredVote,
        ValidatorInfo, VoteProgress,
    },
};
use serde_json::{Value, json};

/// What a value consists of.
pub(super) trait Fields {
    fn fields(&self) -> Value;
}

fn hexadecimal(bytes: impl AsRef<[u8]>) -> String {
    hex::encode(bytes)
}

fn number(number: u64) -> String {
    number.to_string()
}

fn list<'a, T: Fields + 'a>(items: impl IntoIterator<Item = &'a T>) -> Value {
    items.into_iter().map(Fields::fields).collect()
}

impl Fields for KeyRole {
    fn fields(&self) -> Value {
        format!("{self:?}").into()
    }
}

impl Fields for Priority {
    fn fields(&self) -> Value {
        format!("{self:?}").into()
    }
}

impl Fields for Encoding {
    fn fields(&self) -> Value {
        format!("{self:?}").into()
    }
}

impl Fields for PayloadKind {
    fn fields(&self) -> Value {
        match self {
            Self::Opaque(topic) => json!({ "Opaque": hexadecimal(topic) }),
            other => format!("{other:?}").into(),
        }
    }
}

impl Fields for Possession<AccountId32> {
    fn fields(&self) -> Value {
        json!({
            "account": hexadecimal(&self.account),
            "role": self.role.fields(),
            "key": hexadecimal(self.key),
        })
    }
}

impl Fields for CheckpointVote {
    fn fields(&self) -> Value {
        json!({ "checkpoint": number(self.checkpoint), "block_hash": hexadecimal(self.block_hash) })
    }
}

impl Fields for SignedVote {
    fn fields(&self) -> Value {
        json!({
            "vote": self.vote.fields(),
            "key": hexadecimal(self.key),
            "signature": hexadecimal(self.signature),
        })
    }
}

impl Fields for Certificate {
    fn fields(&self) -> Value {
        let signatures = self.signatures.iter().map(|(key, signature)| {
            json!({ "key": hexadecimal(key), "signature": hexadecimal(signature) })
        });
        json!({ "vote": self.vote.fields(), "signatures": signatures.collect::<Value>() })
    }
}

impl Fields for DoubleSignProof {
    fn fields(&self) -> Value {
        json!({
            "genesis_hash": hexadecimal(self.genesis_hash),
            "first": self.first.fields(),
            "second": self.second.fields(),
        })
    }
}

impl Fields for Envelope {
    fn fields(&self) -> Value {
        json!({
            "origin": hexadecimal(self.origin),
            "epoch": number(self.epoch),
            "class": self.class.fields(),
            "seq": number(self.seq),
            "kind": self.kind.fields(),
            "encoding": self.encoding.fields(),
            "payload": hexadecimal(&self.payload),
        })
    }
}

impl Fields for SignedEnvelope {
    fn fields(&self) -> Value {
        json!({
            "envelope": self.envelope.fields(),
            "signature": hexadecimal(self.signature),
        })
    }
}

impl Fields for AuthorizationRequest<AccountId32> {
    fn fields(&self) -> Value {
        json!({
            "validator": hexadecimal(&self.validator),
            "registration_id": number(self.registration_id),
            "block_number": number(self.block_number),
            "block_hash": hexadecimal(self.block_hash),
            "timestamp_ms": number(self.timestamp_ms),
        })
    }
}

impl Fields for SignedAuthorizationRequest<AccountId32> {
    fn fields(&self) -> Value {
        json!({ "request": self.request.fields(), "signature": hexadecimal(self.signature) })
    }
}

impl Fields for Application {
    fn fields(&self) -> Value {
        let nodes = self.stake_proof.nodes.iter().map(|node| Value::from(hexadecimal(node)));
        json!({
            "request": self.request.fields(),
            "stake_proof": { "nodes": nodes.collect::<Value>() },
        })
    }
}

impl Fields for Decision {
    fn fields(&self) -> Value {
        match self {
            Self::Approve => "Approve".into(),
            Self::Revoke(reason) => json!({ "Revoke": format!("{reason:?}") }),
        }
    }
}

impl Fields for DirectorVote<AccountId32> {
    fn fields(&self) -> Value {
        json!({
            "validator": hexadecimal(&self.validator),
            "registration_id": number(self.registration_id),
            "decision": self.decision.fields(),
            "nonce": number(self.nonce),
            "valid_until": number(self.valid_until),
        })
    }
}

impl Fields for SignedDirectorVote<AccountId32> {
    fn fields(&self) -> Value {
        json!({
            "director": hexadecimal(&self.director),
            "vote": self.vote.fields(),
            "signature": hexadecimal(self.signature),
        })
    }
}

impl Fields for VectorEntry {
    fn fields(&self) -> Value {
        json!({
            "origin": hexadecimal(self.origin),
            "epoch": number(self.epoch),
            "contiguous": self.contiguous.map(number),
        })
    }
}

impl Fields for Heartbeat {
    fn fields(&self) -> Value {
        let vector = match &self.vector {
            VectorSummary::Hash(hash) => json!({ "Hash": hexadecimal(hash) }),
            VectorSummary::Delta(entries) => json!({ "Delta": list(entries) }),
        };
        json!({
            "director": hexadecimal(self.director),
            "time_ms": number(self.time_ms),
            "validators": self.validators,
            "capacity": self.capacity,
            "cpu_permille": self.cpu_permille,
            "bandwidth_bytes_per_s": number(self.bandwidth_bytes_per_s),
            "finalized": number(self.finalized),
            "vector": vector,
        })
    }
}

impl Fields for SignedHeartbeat {
    fn fields(&self) -> Value {
        json!({ "heartbeat": self.heartbeat.fields(), "signature": hexadecimal(self.signature) })
    }
}

impl Fields for Redirect {
    fn fields(&self) -> Value {
        json!({ "directors": self.directors.iter().map(hexadecimal).collect::<Vec<_>>() })
    }
}

impl Fields for Attach {
    fn fields(&self) -> Value {
        let role = match self.role {
            Role::Primary => "Primary",
            Role::Standby => "Standby",
        };
        json!({ "role": role, "vector": list(&self.vector) })
    }
}

impl Fields for Range {
    fn fields(&self) -> Value {
        json!({
            "origin": hexadecimal(self.origin),
            "epoch": number(self.epoch),
            "class": self.class.fields(),
            "first": number(self.first),
            "last": number(self.last),
        })
    }
}

impl Fields for Fetched {
    fn fields(&self) -> Value {
        let served = self.ranges.iter().map(|served| {
            json!({
                "range": served.range.fields(),
                "gone_to": number(served.gone_to),
                "served_to": number(served.served_to),
            })
        });
        json!({ "ranges": served.collect::<Value>() })
    }
}

impl Fields for Answer {
    fn fields(&self) -> Value {
        match self {
            Self::Approved { votes, needed } => {
                json!({ "Approved": { "votes": votes, "needed": needed } })
            }
            Self::Revoked(reason) => json!({ "Revoked": format!("{reason:?}") }),
            other => format!("{other:?}").into(),
        }
    }
}

impl Fields for Control {
    fn fields(&self) -> Value {
        match self {
            Self::Welcome(welcome) => json!({ "Welcome": {
                "last_epoch": number(welcome.last_epoch),
                "authorized": welcome.authorized,
            } }),
            Self::AuthorizationRequest(application) => {
                json!({ "AuthorizationRequest": application.fields() })
            }
            Self::AuthorizationAnswer(answer) => json!({ "AuthorizationAnswer": answer.fields() }),
            Self::DirectorVote(vote) => json!({ "DirectorVote": vote.fields() }),
            Self::Evidence(proof) => json!({ "Evidence": proof.fields() }),
            Self::Heartbeat(heartbeat) => json!({ "Heartbeat": heartbeat.fields() }),
            Self::Redirect(redirect) => json!({ "Redirect": redirect.fields() }),
            Self::Attach(attach) => json!({ "Attach": attach.fields() }),
            Self::Vector(vector) => json!({ "Vector": {
                "entries": list(&vector.entries),
                "complete": vector.complete,
            } }),
            Self::VectorRequest => "VectorRequest".into(),
            Self::Fetch(fetch) => json!({ "Fetch": { "ranges": list(&fetch.ranges) } }),
            Self::Fetched(fetched) => json!({ "Fetched": fetched.fields() }),
            Self::Move(redirect) => json!({ "Move": redirect.fields() }),
        }
    }
}

impl<T: Fields> Fields for Vec<T> {
    fn fields(&self) -> Value {
        list(self)
    }
}

impl<T: Fields> Fields for Option<T> {
    fn fields(&self) -> Value {
        self.as_ref().map_or(Value::Null, Fields::fields)
    }
}

impl<T: Fields, E: Fields> Fields for Result<T, E> {
    fn fields(&self) -> Value {
        match self {
            Ok(value) => json!({ "Ok": value.fields() }),
            Err(error) => json!({ "Err": error.fields() }),
        }
    }
}

impl Fields for AccountId32 {
    fn fields(&self) -> Value {
        hexadecimal(self).into()
    }
}

impl Fields for Reason {
    fn fields(&self) -> Value {
        format!("{self:?}").into()
    }
}

impl Fields for Domain {
    fn fields(&self) -> Value {
        json!({
            "genesis_hash": hexadecimal(self.genesis_hash),
            "checkpoint_interval": number(self.checkpoint_interval),
            "min_stake": self.min_stake.to_string(),
            "unbonding_period": number(self.unbonding_period),
            "slash_defer_period": number(self.slash_defer_period),
            "min_directors": self.min_directors,
            "max_directors": self.max_directors,
            "max_validators": self.max_validators,
            "max_active_validators": self.max_active_validators,
            "stale_after": number(self.stale_after),
        })
    }
}

impl Fields for Endpoint {
    fn fields(&self) -> Value {
        json!({ "scope": format!("{:?}", self.scope), "address": hexadecimal(&self.address) })
    }
}

impl Fields for DirectorInfo<AccountId32> {
    fn fields(&self) -> Value {
        json!({
            "account": hexadecimal(&self.account),
            "peer_key": hexadecimal(self.peer_key),
            "endpoints": list(&self.endpoints),
            "region": hexadecimal(&self.region),
            "capacity": self.capacity,
            "active_since": number(self.active_since),
            "refreshed_at": number(self.refreshed_at),
        })
    }
}

impl Fields for DirectorSet<AccountId32> {
    fn fields(&self) -> Value {
        json!({
            "version": number(self.version),
            "active": self.active.fields(),
            "invited": self.invited.fields(),
        })
    }
}

impl Fields for RetiredKey {
    fn fields(&self) -> Value {
        json!({ "key": hexadecimal(self.key), "until": number(self.until) })
    }
}

impl Fields for ValidatorInfo<AccountId32> {
    fn fields(&self) -> Value {
        json!({
            "account": hexadecimal(&self.account),
            "registration_id": number(self.registration_id),
            "status": format!("{:?}", self.status),
            "stake": self.stake.to_string(),
            "unbonding": self.unbonding.to_string(),
            "checkpoint_key": hexadecimal(self.checkpoint_key),
            "peer_key": hexadecimal(self.peer_key),
            "retired_keys": self.retired_keys.fields(),
            "slashable_from": number(self.slashable_from),
        })
    }
}

impl Fields for StoredVote<AccountId32> {
    fn fields(&self) -> Value {
        json!({
            "director": hexadecimal(&self.director),
            "decision": self.decision.fields(),
            "nonce": number(self.nonce),
            "valid_until": number(self.valid_until),
        })
    }
}

impl Fields for VoteProgress<AccountId32> {
    fn fields(&self) -> Value {
        json!({
            "registration_id": number(self.registration_id),
            "needed": self.needed,
            "votes": self.votes.fields(),
        })
    }
}

impl Fields for Offence<AccountId32> {
    fn fields(&self) -> Value {
        json!({
            "validator": hexadecimal(&self.validator),
            "checkpoint": number(self.checkpoint),
            "first_hash": hexadecimal(self.first_hash),
            "second_hash": hexadecimal(self.second_hash),
        })
    }
}

impl Fields for PendingSlash<AccountId32> {
    fn fields(&self) -> Value {
        json!({
            "offence": self.offence.fields(),
            "reporter": hexadecimal(&self.reporter),
            "reported_at": number(self.reported_at),
            "apply_at": number(self.apply_at),
        })
    }
}
