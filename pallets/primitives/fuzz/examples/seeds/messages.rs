//! What travels between directors and validators.

use super::Seeds;
use codec::Encode;
use director_primitives::{
    AccountId32, Answer, Application, Attach, AuthorizationRequest, Certificate, Control, Decision,
    DirectorVote, Encoding, Envelope, Fetch, Fetched, H256, Heartbeat, PayloadKind, Priority,
    Range, Redirect, RevocationReason, Role, Served, SignedAuthorizationRequest, SignedHeartbeat,
    StakeProof, Topic, Vector, VectorEntry, VectorSummary, Welcome,
    test_utils::{TestKey, double_sign},
};
use director_primitives_fuzz::{GENESIS, MADE, READ};

const HASH: H256 = H256([0xaa; 32]);

fn key(number: u64) -> TestKey {
    TestKey::new(number)
}

fn read(encoded: Vec<u8>) -> Vec<u8> {
    [&[READ], &encoded[..]].concat()
}

pub(crate) fn envelopes() -> Seeds {
    let body = |seq, kind, encoding, payload: Vec<u8>| Envelope {
        origin: key(1).public(),
        epoch: 1_700_000_000_000,
        class: Priority::Critical,
        seq,
        kind,
        encoding,
        payload,
    };
    let signed = |body: Envelope| read(key(1).envelope(&GENESIS, body).encode());
    let topic = Topic::truncate_from(b"load".to_vec());
    let opaque = || PayloadKind::Opaque(topic.clone());
    let vote = key(2).vote(&GENESIS, 3, HASH).encode();
    let elsewhere = {
        let body = body(1, PayloadKind::BlockAnnouncement, Encoding::Identity, vec![7; 100]);
        read(key(1).envelope(&H256([8; 32]), body).encode())
    };
    let mut of_small_order = body(1, opaque(), Encoding::Identity, Vec::new());
    of_small_order.origin.0 = [0; 32];
    vec![
        ("read_vote", signed(body(1, PayloadKind::CheckpointVote, Encoding::Identity, vote))),
        ("read_opaque", signed(body(2, opaque(), Encoding::Identity, b"hello".to_vec()))),
        ("read_compressed", signed(body(3, opaque(), Encoding::Zstd, vec![0x28, 0xb5, 0x2f]))),
        ("read_zero_sequence", signed(body(0, opaque(), Encoding::Identity, Vec::new()))),
        ("read_other_chain", elsewhere),
        ("read_small_order", signed(of_small_order)),
        // Key, then a body that is not its own: origin, epoch, class, number, kind, encoding, payload; changes.
        ("made_valid", vec![MADE, 1, 0, 1, 0, 1, 3, 2, 7, 7, 0, 3, 1, 2, 3, 0]),
        ("made_spoilt_signature", vec![MADE, 1, 0, 1, 0, 1, 0, 0, 1, 9, 1, 7, 1]),
        ("made_as_another_statement", vec![MADE, 1, 0, 1, 0, 1, 0, 0, 1, 9, 1, 9, 4, 0]),
    ]
}

pub(crate) fn votes() -> Seeds {
    let certificate = |count: u64| {
        let mut votes: Vec<_> = (0..count).map(|n| key(n).vote(&GENESIS, 3, HASH)).collect();
        votes.sort_unstable_by_key(|vote| vote.key);
        let signatures = votes.iter().map(|vote| (vote.key, vote.signature)).collect();
        read(Certificate { vote: votes[0].vote, signatures }.encode())
    };
    vec![
        ("read_vote", read(key(1).vote(&GENESIS, 3, HASH).encode())),
        ("read_other_chain", read(key(1).vote(&H256([8; 32]), 3, HASH).encode())),
        ("read_certificate", certificate(4)),
        ("read_too_few", certificate(3)),
        // Checkpoint, hash, how many keys, number of changes; then order and voters.
        ("made_valid", vec![MADE, 3, 1, 4, 0]),
        ("made_other_key", vec![MADE, 3, 1, 4, 1, 0, 2, 3]),
        ("made_spoilt_signature", vec![MADE, 3, 1, 4, 1, 2, 3, 1]),
    ]
}

fn signed_request(number: u8, genesis_hash: &H256) -> SignedAuthorizationRequest<AccountId32> {
    let request = AuthorizationRequest {
        // The first byte of the account tells its key.
        validator: AccountId32::new([number; 32]),
        registration_id: 2,
        block_number: 100,
        block_hash: HASH,
        timestamp_ms: 1_700_000_000_000,
    };
    let signature = key(number.into()).sign(genesis_hash, &request);
    SignedAuthorizationRequest { request, signature }
}

fn application() -> Application {
    let nodes = vec![vec![0x80; 64], vec![0x40; 32], Vec::new()];
    let stake_proof = StakeProof::new(nodes).unwrap_or_default();
    Application { request: signed_request(1, &GENESIS), stake_proof }
}

pub(crate) fn requests() -> Seeds {
    vec![
        ("read_request", read(signed_request(1, &GENESIS).encode())),
        ("read_other_chain", read(signed_request(1, &H256([8; 32])).encode())),
        ("read_application", read(application().encode())),
        // Key, validator, registration, block, its hash, time, number of changes.
        ("made_valid", vec![MADE, 1, 1, 2, 3, 4, 5, 0]),
        ("made_other_key", vec![MADE, 1, 1, 2, 3, 4, 5, 1, 0, 2]),
        ("made_spoilt_signature", vec![MADE, 1, 1, 2, 3, 4, 5, 1, 2, 1]),
    ]
}

pub(crate) fn controls() -> Seeds {
    let names = [
        "read_welcome",
        "read_request",
        "read_answer",
        "read_director_vote",
        "read_evidence",
        "read_heartbeat",
        "read_redirect",
        "read_attach",
        "read_vector",
        "read_vector_request",
        "read_fetch",
        "read_fetched",
        "read_move",
    ];
    let read = messages().into_iter().map(|message| read(message.encode()));
    let mut seeds: Vec<_> = names.into_iter().zip(read).collect();
    // Kind; of a heartbeat: key, time, validators, capacity, load, bandwidth, block, what it has, change.
    seeds.push(("made_heartbeat", vec![MADE, 5, 1, 2, 3, 4, 5, 6, 7, 0, 1, 9]));
    seeds.push(("made_spoilt_heartbeat", vec![MADE, 5, 1, 2, 3, 4, 5, 6, 7, 0, 1, 8, 1]));
    seeds.push(("made_vector", vec![MADE, 8, 3, 1, 1, 1, 1, 1, 1]));
    seeds
}

/// One of each kind, in their order.
fn messages() -> [Control; 13] {
    let entry = VectorEntry { origin: key(2).public(), epoch: 5, contiguous: [1, 2, 3, 4] };
    let entries = || vec![entry; 3].try_into().expect("a few entries");
    let (origin, class) = (key(2).public(), Priority::Normal);
    let range = Range { origin, epoch: 5, class, first: 3, last: 9 };
    let served = Served { range, gone_to: 2, served_to: 9 };
    let redirect =
        || Redirect { directors: vec![key(1).public(), key(2).public()].try_into().expect("two") };
    let vote = DirectorVote {
        validator: AccountId32::new([9; 32]),
        registration_id: 2,
        decision: Decision::Revoke(RevocationReason::RateLimit),
        nonce: 65_536,
        valid_until: 100,
    };
    let heartbeat = Heartbeat {
        director: key(1).public(),
        time_ms: 1_700_000_000_000,
        validators: 7,
        capacity: 100,
        cpu_permille: 120,
        bandwidth_bytes_per_s: 125_000_000,
        finalized: 100,
        vector: VectorSummary::Delta(vec![entry; 2]),
    };
    let signature = key(1).sign(&GENESIS, &heartbeat);
    [
        Control::Welcome(Welcome { last_epoch: 5, authorized: true }),
        Control::AuthorizationRequest(application()),
        Control::AuthorizationAnswer(Answer::Approved { votes: 1, needed: 2 }),
        Control::DirectorVote(key(1).director_vote(&GENESIS, AccountId32::new([1; 32]), vote)),
        Control::Evidence(double_sign(&key(1), GENESIS, 3)),
        Control::Heartbeat(SignedHeartbeat { heartbeat, signature }),
        Control::Redirect(redirect()),
        Control::Attach(Attach { role: Role::Standby, vector: entries() }),
        Control::Vector(Vector { entries: entries(), complete: true }),
        Control::VectorRequest,
        Control::Fetch(Fetch { ranges: vec![range; 2].try_into().expect("two") }),
        Control::Fetched(Fetched { ranges: vec![served; 2].try_into().expect("two") }),
        Control::Move(redirect()),
    ]
}
