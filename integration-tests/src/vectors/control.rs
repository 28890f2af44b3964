//! Every control message, and bytes that are none.

use super::{
    GENESIS, Key, account,
    envelopes::join,
    fields::Fields,
    hexadecimal, spoilt,
    statements::{self, entry},
    votes,
};
use codec::{DecodeAll, Encode};
use director_primitives::{
    Answer, Application, Attach, CheckpointVote, Control, Decision, DoubleSignProof, Fetch,
    Fetched, H256, Priority, Range, Redirect, RevocationReason, Role, Served,
    SignedAuthorizationRequest, SignedDirectorVote, SignedHeartbeat, StakeProof, Vector,
    VectorSummary, Welcome, repair::VectorEntries,
};
use serde_json::{Value, json};

pub(super) fn file() -> Value {
    json!({
        "messages": messages().iter().map(shown).collect::<Value>(),
        "malformed": malformed(),
        "heartbeats": heartbeats(),
        "vector_hashes": vector_hashes(),
    })
}

fn shown(message: &Control) -> Value {
    json!({ "bytes": hexadecimal(message), "message": message.fields() })
}

fn messages() -> Vec<Control> {
    let mut messages = about_admission();
    messages.extend(about_repair());
    messages
}

fn about_admission() -> Vec<Control> {
    let (peer, director) = (Key::new(1), Key::new(3));
    let request = statements::request();
    let signature = peer.sign(&GENESIS, &request);
    let request = SignedAuthorizationRequest { request, signature };
    let nodes = vec![vec![0x66; 2], vec![0x77; 70]];
    let stake_proof = StakeProof::new(nodes).unwrap_or_default();
    let vote = statements::director_vote(Decision::Approve);
    let signature = director.sign(&GENESIS, &vote);
    let vote = SignedDirectorVote { director: account(0x88), vote, signature };
    let block = |byte| CheckpointVote { checkpoint: 0x0102, block_hash: H256::repeat_byte(byte) };
    let evidence = DoubleSignProof {
        genesis_hash: GENESIS,
        first: votes::signed(&peer, block(0xaa)),
        second: votes::signed(&peer, block(0xbb)),
    };
    let answers = [
        Answer::Approved { votes: 1, needed: 2 },
        Answer::AlreadyAuthorized,
        Answer::NotRegistered,
        Answer::LowStake,
        Answer::NotEligible,
        Answer::InvalidSignature,
        Answer::Stale,
        Answer::OtherChain,
        Answer::InvalidStakeProof,
        Answer::OtherValidatorsProof,
        Answer::StakeNotHeld,
        Answer::Denied,
        Answer::Unavailable,
        Answer::Revoked(RevocationReason::LowStake),
        Answer::Revoked(RevocationReason::RateLimit),
        Answer::Revoked(RevocationReason::EnvelopeEquivocation),
        Answer::Revoked(RevocationReason::InvalidSignatures),
        Answer::Revoked(RevocationReason::DoubleSign),
        Answer::Revoked(RevocationReason::Operator),
    ];
    let mut messages = vec![
        Control::Welcome(Welcome { last_epoch: 0, authorized: false }),
        Control::Welcome(Welcome { last_epoch: 1_790_000_000_000, authorized: true }),
        Control::AuthorizationRequest(Application { request, stake_proof }),
        Control::DirectorVote(vote),
        Control::Evidence(evidence),
    ];
    messages.extend(answers.map(Control::AuthorizationAnswer));
    messages
}

fn about_repair() -> Vec<Control> {
    let director = Key::new(3);
    let summaries = [
        VectorSummary::Hash(H256::repeat_byte(0x66)),
        VectorSummary::Delta(vec![]),
        VectorSummary::Delta(vec![entry(4), entry(5)]),
    ];
    let heartbeats = summaries.map(|summary| {
        let heartbeat = statements::heartbeat(&director, summary);
        let signature = director.sign(&GENESIS, &heartbeat);
        Control::Heartbeat(SignedHeartbeat { heartbeat, signature })
    });
    let entries = || -> VectorEntries { vec![entry(4), entry(5)].try_into().unwrap_or_default() };
    let directors = |keys: &[u8]| Redirect {
        directors: keys
            .iter()
            .map(|key| Key::new(*key).public())
            .collect::<Vec<_>>()
            .try_into()
            .unwrap_or_default(),
    };
    let origin = Key::new(4).public();
    let range = |class| Range { origin, epoch: 1_790_000_000_000, class, first: 6, last: 7 };
    let ranges = Priority::ALL.map(range);
    let served = ranges.map(|range| Served { range, gone_to: 5, served_to: 7 });
    let mut messages = heartbeats.to_vec();
    messages.extend([
        Control::Redirect(directors(&[])),
        Control::Redirect(directors(&[3, 6])),
        Control::Attach(Attach { role: Role::Primary, vector: entries() }),
        Control::Attach(Attach { role: Role::Standby, vector: Default::default() }),
        Control::Vector(Vector { entries: entries(), complete: false }),
        Control::Vector(Vector { entries: Default::default(), complete: true }),
        Control::VectorRequest,
        Control::Fetch(Fetch { ranges: ranges.to_vec().try_into().unwrap_or_default() }),
        Control::Fetched(Fetched { ranges: served.to_vec().try_into().unwrap_or_default() }),
        Control::Move(directors(&[3])),
    ]);
    messages
}

fn malformed() -> Value {
    let key = hex::encode(Key::new(3).public());
    let entry = hexadecimal(&entry(4));
    let compact = |n: u32| hex::encode(codec::Compact(n).encode());
    let cases = [
        ("nothing", json!([""])),
        ("no such message", json!(["0d"])),
        ("a byte too many", json!(["0900"])),
        ("a byte is missing", json!(["00", ["00", 8]])),
        ("a boolean that is neither", json!(["00", ["00", 8], "02"])),
        ("no such answer", json!(["020e"])),
        ("no such reason", json!(["020d06"])),
        ("no such role", json!(["070200"])),
        ("17 directors", json!([format!("06{}", compact(17)), [key, 17]])),
        ("1,501 entries", json!([format!("08{}", compact(1_501)), [entry, 1_501], "01"])),
        ("129 ranges", json!([format!("0a{}", compact(129)), ["00", 57 * 129]])),
        ("more entries than bytes", json!([format!("0a{}", compact(128)), ["00", 57]])),
        ("a length that is not as short as it can be", json!(["060100"])),
    ];
    let shown = cases.into_iter().map(|(name, parts)| {
        assert!(Control::decode_all(&mut &join(&parts)[..]).is_err(), "{name} is a message");
        json!({ "name": name, "bytes": parts })
    });
    shown.collect()
}

/// Heartbeats are signed by whom they say they are of.
fn heartbeats() -> Value {
    let director = Key::new(3);
    let heartbeat = statements::heartbeat(&director, VectorSummary::Delta(vec![entry(4)]));
    let good = SignedHeartbeat { signature: director.sign(&GENESIS, &heartbeat), heartbeat };
    let mut fuller = good.clone();
    fuller.heartbeat.validators += 1;
    let mut of_another = good.clone();
    of_another.heartbeat.director = Key::new(6).public();
    let spoilt = SignedHeartbeat { signature: spoilt(good.signature), ..good.clone() };
    let cases = [
        ("a heartbeat", good),
        ("the number of validators changed", fuller),
        ("of another director", of_another),
        ("the signature changed", spoilt),
    ];
    let shown = cases.into_iter().map(|(name, signed)| {
        json!({
            "name": name,
            "genesis_hash": hex::encode(GENESIS),
            "bytes": hexadecimal(&signed),
            "fields": signed.fields(),
            "valid": signed.verify(&GENESIS),
        })
    });
    shown.collect()
}

/// The hash of a vector is that of its entries in ascending order of origins.
fn vector_hashes() -> Value {
    let shown = [vec![], vec![4], vec![4, 5, 6]].into_iter().map(|bytes| {
        let mut entries: Vec<_> = bytes.into_iter().map(entry).collect();
        entries.sort_by_key(|entry| entry.origin);
        let encoded: Vec<u8> = entries.iter().flat_map(Encode::encode).collect();
        json!({
            "entries": entries.iter().map(Fields::fields).collect::<Value>(),
            "hash": hex::encode(sp_crypto_hashing::blake2_256(&encoded)),
        })
    });
    shown.collect()
}
