//! Freezes the bytes: what is signed, and what travels and is stored.
//!
//! If a test here fails, signatures made before the change do not verify after it, or peers do not
//! understand each other. Then the version in `signing::CONTEXT` has to change as well, not only the
//! literal.

#![allow(clippy::unwrap_used, missing_docs)]

use codec::{Decode, DecodeAll, Encode};
use core::fmt::Debug;
use director_primitives::{
    AccountId32, Answer, Application, Attach, AuthorizationRequest, Certificate, CheckpointVote,
    Control, Decision, DirectorVote, DoubleSignProof, Encoding, Envelope, Fetch, Fetched, H256,
    Heartbeat, KeyRole, PayloadKind, Possession, Priority, PublicKey, Range, Redirect,
    RevocationReason, Role, Served, Signature, SignedAuthorizationRequest, SignedDirectorVote,
    SignedEnvelope, SignedHeartbeat, SignedVote, StakeProof, Statement, Topic, Vector, VectorEntry,
    VectorSummary, Welcome, envelope::fingerprint, signing_bytes,
};
use sp_core::{Pair, ed25519};

const GENESIS: H256 = H256([0x11; 32]);

fn account() -> AccountId32 {
    AccountId32::new([0x22; 32])
}

fn key(byte: u8) -> PublicKey {
    PublicKey::from_raw([byte; 32])
}

fn signature(byte: u8) -> Signature {
    Signature::from_raw([byte; 64])
}

/// Asserts that the bytes are these; `x*n` in `expected` stands for the byte x, n times.
fn frozen(bytes: &[u8], expected: &str) {
    let expand = |part: &str| match part.split_once('*') {
        Some((byte, times)) => byte.repeat(times.parse().unwrap()),
        None => part.to_string(),
    };
    let expected: String = expected.split_whitespace().map(expand).collect();
    assert_eq!(hex::encode(bytes), expected);
}

/// Asserts the encoding, and that it is read again.
fn frozen_encoding<T: Encode + Decode + PartialEq + Debug>(value: &T, expected: &str) {
    frozen(&value.encode(), expected);
    assert_eq!(&T::decode_all(&mut &value.encode()[..]).unwrap(), value);
}

fn frozen_statement<S: Statement>(statement: &S, expected: &str) {
    frozen(&signing_bytes(&GENESIS, statement), expected);
}

fn vote(block: u8) -> CheckpointVote {
    CheckpointVote { checkpoint: 0x0102, block_hash: H256::repeat_byte(block) }
}

fn signed_vote(block: u8) -> SignedVote {
    SignedVote { vote: vote(block), key: key(0x33), signature: signature(block) }
}

fn proof() -> DoubleSignProof {
    DoubleSignProof { genesis_hash: GENESIS, first: signed_vote(0xaa), second: signed_vote(0xbb) }
}

fn request() -> AuthorizationRequest<AccountId32> {
    AuthorizationRequest {
        validator: account(),
        registration_id: 1,
        block_number: 2,
        block_hash: H256::repeat_byte(0x44),
        timestamp_ms: 3,
    }
}

fn director_vote(decision: Decision) -> DirectorVote<AccountId32> {
    DirectorVote { validator: account(), registration_id: 1, decision, nonce: 2, valid_until: 3 }
}

fn heartbeat(vector: VectorSummary) -> Heartbeat {
    Heartbeat {
        director: key(0x33),
        time_ms: 1,
        validators: 2,
        capacity: 3,
        cpu_permille: 4,
        bandwidth_bytes_per_s: 5,
        finalized: 6,
        vector,
    }
}

fn envelope(kind: PayloadKind, encoding: Encoding) -> Envelope {
    Envelope {
        origin: key(0x33),
        epoch: 1,
        class: Priority::High,
        seq: 2,
        kind,
        encoding,
        payload: vec![0xde, 0xad],
    }
}

#[test]
fn possession() {
    for (role, byte) in
        [(KeyRole::DirectorPeer, "00"), (KeyRole::ValidatorPeer, "01"), (KeyRole::Checkpoint, "02")]
    {
        let possession = Possession { account: account(), role, key: key(0x33) };
        frozen_statement(
            &possession,
            &format!("6469726563746f722f76312f706f7373657373696f6e00 11*32 22*32 {byte} 33*32"),
        );
    }
}

#[test]
fn checkpoint_vote() {
    frozen_statement(
        &vote(0xaa),
        "6469726563746f722f76312f636865636b706f696e742d766f746500 11*32 0201000000000000 aa*32",
    );
    frozen_encoding(&signed_vote(0xaa), "0201000000000000 aa*32 33*32 aa*64");
}

#[test]
fn envelope_of_every_kind() {
    let body = "33*32 0100000000000000 01 0200000000000000";
    let prefix = "6469726563746f722f76312f656e76656c6f706500 11*32";
    let topic = Topic::try_from(b"abc".to_vec()).unwrap();
    for (kind, bytes) in [
        (PayloadKind::CheckpointVote, "00"),
        (PayloadKind::Certificate, "01"),
        (PayloadKind::BlockAnnouncement, "02"),
        (PayloadKind::Opaque(topic), "03 0c 616263"),
    ] {
        for (encoding, encoded) in [(Encoding::Identity, "00"), (Encoding::Zstd, "01")] {
            let rest = format!("{body} {bytes} {encoded} 08 dead");
            let envelope = envelope(kind.clone(), encoding);
            frozen_statement(&envelope, &format!("{prefix} {rest}"));
            let signed = SignedEnvelope { envelope, signature: signature(0x55) };
            frozen_encoding(&signed, &format!("{rest} 55*64"));
        }
    }
}

#[test]
fn authorization_request() {
    let body = "22*32 0100000000000000 0200000000000000 44*32 0300000000000000";
    let prefix = "6469726563746f722f76312f617574686f72697a6174696f6e2d7265717565737400 11*32";
    frozen_statement(&request(), &format!("{prefix} {body}"));
}

#[test]
fn authorization_vote() {
    let prefix = "6469726563746f722f76312f617574686f72697a6174696f6e2d766f746500 11*32";
    for (decision, bytes) in [
        (Decision::Approve, "00"),
        (Decision::Revoke(RevocationReason::LowStake), "0100"),
        (Decision::Revoke(RevocationReason::RateLimit), "0101"),
        (Decision::Revoke(RevocationReason::EnvelopeEquivocation), "0102"),
        (Decision::Revoke(RevocationReason::InvalidSignatures), "0103"),
        (Decision::Revoke(RevocationReason::DoubleSign), "0104"),
        (Decision::Revoke(RevocationReason::Operator), "0105"),
    ] {
        let body = format!("22*32 0100000000000000 {bytes} 0200000000000000 0300000000000000");
        frozen_statement(&director_vote(decision), &format!("{prefix} {body}"));
    }
}

#[test]
fn heartbeat_with_hash_and_delta() {
    let prefix = "6469726563746f722f76312f68656172746265617400 11*32";
    let body = "33*32 0100000000000000 02000000 03000000 0400 0500000000000000 0600000000000000";
    let hash = VectorSummary::Hash(H256::repeat_byte(0x66));
    frozen_statement(&heartbeat(hash), &format!("{prefix} {body} 00 66*32"));
    let entry = VectorEntry { origin: key(0x77), epoch: 1, contiguous: [2, 3, 4, 5] };
    let delta = VectorSummary::Delta(vec![entry]);
    let numbers =
        "0100000000000000 0200000000000000 0300000000000000 0400000000000000 0500000000000000";
    frozen_statement(&heartbeat(delta), &format!("{prefix} {body} 01 04 77*32 {numbers}"));
}

#[test]
fn double_sign_proof() {
    frozen_encoding(
        &proof(),
        "11*32 0201000000000000 aa*32 33*32 aa*64 0201000000000000 bb*32 33*32 bb*64",
    );
    frozen(
        proof().id().as_bytes(),
        "018616464ccc2c3b1580a5a52ff93af48bc62ca9d97e511f4b8e484072072474",
    );
}

#[test]
fn certificate() {
    let certificate =
        Certificate { vote: vote(0xaa), signatures: vec![(key(0x33), signature(0x55))] };
    frozen_encoding(&certificate, "0201000000000000 aa*32 04 33*32 55*64");
}

#[test]
fn control_messages() {
    let welcome = Welcome { last_epoch: 1, authorized: true };
    frozen_encoding(&Control::Welcome(welcome), "00 0100000000000000 01");

    let request = SignedAuthorizationRequest { request: request(), signature: signature(0x55) };
    let stake_proof = StakeProof::new(vec![vec![0x66; 2], vec![0x77; 3]]).unwrap();
    frozen_encoding(
        &Control::AuthorizationRequest(Application { request, stake_proof }),
        "01 22*32 0100000000000000 0200000000000000 44*32 0300000000000000 55*64
         08 08 66*2 0c 77*3",
    );

    for (answer, byte) in [
        (Answer::Approved { votes: 1, needed: 2 }, "00 01000000 02000000"),
        (Answer::AlreadyAuthorized, "01"),
        (Answer::NotRegistered, "02"),
        (Answer::LowStake, "03"),
        (Answer::NotEligible, "04"),
        (Answer::InvalidSignature, "05"),
        (Answer::Stale, "06"),
        (Answer::OtherChain, "07"),
        (Answer::InvalidStakeProof, "08"),
        (Answer::OtherValidatorsProof, "09"),
        (Answer::StakeNotHeld, "0a"),
        (Answer::Denied, "0b"),
        (Answer::Unavailable, "0c"),
        (Answer::Revoked(RevocationReason::RateLimit), "0d 01"),
    ] {
        frozen_encoding(&Control::AuthorizationAnswer(answer), &format!("02 {byte}"));
    }

    let vote = SignedDirectorVote {
        director: AccountId32::new([0x88; 32]),
        vote: director_vote(Decision::Approve),
        signature: signature(0x55),
    };
    frozen_encoding(
        &Control::DirectorVote(vote),
        "03 88*32 22*32 0100000000000000 00 0200000000000000 0300000000000000 55*64",
    );

    frozen_encoding(
        &Control::Evidence(proof()),
        "04 11*32 0201000000000000 aa*32 33*32 aa*64 0201000000000000 bb*32 33*32 bb*64",
    );

    let heartbeat = heartbeat(VectorSummary::Delta(vec![]));
    let heartbeat = SignedHeartbeat { heartbeat, signature: signature(0x55) };
    frozen_encoding(
        &Control::Heartbeat(heartbeat),
        "05 33*32 0100000000000000 02000000 03000000 0400 0500000000000000 0600000000000000 01 00
         55*64",
    );

    let directors = vec![key(0x33)].try_into().unwrap();
    frozen_encoding(&Control::Redirect(Redirect { directors }), "06 04 33*32");
}

/// What is said about what is there and what is missing.
#[test]
fn control_messages_of_repair() {
    let entry = VectorEntry { origin: key(0x33), epoch: 1, contiguous: [2, 3, 4, 5] };
    let entries = vec![entry].try_into().unwrap();
    let encoded = "33*32 0100000000000000 0200000000000000 0300000000000000 0400000000000000
                   0500000000000000";
    for (role, byte) in [(Role::Primary, "00"), (Role::Standby, "01")] {
        let attach = Attach { role, vector: vec![entry].try_into().unwrap() };
        frozen_encoding(&Control::Attach(attach), &format!("07 {byte} 04 {encoded}"));
    }
    for (complete, byte) in [(false, "00"), (true, "01")] {
        let vector = Vector { entries: vec![entry].try_into().unwrap(), complete };
        frozen_encoding(&Control::Vector(vector), &format!("08 04 {encoded} {byte}"));
    }
    assert_eq!(Vector::default().encode(), [0, 0]);
    frozen_encoding(&Control::VectorRequest, "09");

    let range = Range { origin: key(0x33), epoch: 1, class: Priority::Normal, first: 6, last: 7 };
    let asked = "33*32 0100000000000000 02 0600000000000000 0700000000000000";
    let fetch = Fetch { ranges: vec![range].try_into().unwrap() };
    frozen_encoding(&Control::Fetch(fetch), &format!("0a 04 {asked}"));
    let served = Served { range, gone_to: 8, served_to: 9 };
    let fetched = Fetched { ranges: vec![served].try_into().unwrap() };
    let answer = format!("0b 04 {asked} 0800000000000000 0900000000000000");
    frozen_encoding(&Control::Fetched(fetched), &answer);

    let directors = vec![key(0x33)].try_into().unwrap();
    frozen_encoding(&Control::Move(Redirect { directors }), "0c 04 33*32");

    // The hash of a vector is that of its entries, one after the other.
    let vector: Vector = Vector { entries, complete: true };
    let hash = fingerprint(&vector.entries[0].encode());
    frozen(&hash, "9cc19a2e4634d7d642afacbeda669470bfd43c15751bc2c6c25c04d8e8f6f32c");
}

/// A signature by a known secret: whoever makes the same bytes makes the same signature (RFC 8032).
#[test]
fn a_signature() {
    let pair = ed25519::Pair::from_seed(&[0x01; 32]);
    frozen(&pair.public().0, "8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c");
    let signature = pair.sign(&signing_bytes(&GENESIS, &vote(0xaa)));
    frozen(
        &signature.0,
        "721f177e1c9b42ea19b00a3b39f1abcc4d8d11056c5531b06066401597ba728a
         681b28e509748673812dbc8b3aedc56f01889cd3ede33bb7de1f5b8194d35e06",
    );
    let vote = SignedVote { vote: vote(0xaa), key: pair.public(), signature };
    assert!(vote.verify(&GENESIS));
}

#[test]
fn a_fingerprint() {
    let envelope = envelope(PayloadKind::CheckpointVote, Encoding::Identity);
    let signed = SignedEnvelope { envelope, signature: signature(0x55) };
    frozen(
        &fingerprint(&signed.encode()),
        "6b80f84962e78ddd06b2d6177ef6c8298ad5b22d63e3f087e2cfdc6274b7c028",
    );
}
