//! Keys, peer ids, the edges of ed25519 as ZIP-215 draws them, and proofs of possession.

use super::{GENESIS, Key, OTHER_GENESIS, account, fields::Fields, spoilt, verdict};
use curve25519_dalek::{
    constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION},
    edwards::EdwardsPoint,
    scalar::Scalar,
};
use director_primitives::{
    H256, KeyRole, Possession, PublicKey, Signature,
    keys::{check_possession, from_peer_id, is_small_order, to_peer_id},
};
use director_service::keys::peer_id;
use serde_json::{Value, json};
use sha2::{Digest, Sha512};
use sp_core::Pair;

/// The order of the base point, little-endian.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

const MESSAGE: &[u8] = b"director";

pub(super) fn file() -> Value {
    json!({
        "peer_ids": peer_ids(),
        "no_peer_ids": no_peer_ids(),
        "small_order": small_order(),
        "signatures": signatures(),
        "small_order_signatures": small_order_signatures(),
        "possessions": possessions(),
    })
}

fn peer_ids() -> Value {
    let of = |byte| {
        let key = Key::new(byte);
        json!({
            "seed": hex::encode(key.seed),
            "key": hex::encode(key.public()),
            "peer_id_bytes": hex::encode(to_peer_id(&key.public())),
            "peer_id": peer_id(&key.public()),
        })
    };
    [1, 2, 0xfe].map(of).into_iter().collect()
}

/// Bytes that are no peer id of an ed25519 key.
fn no_peer_ids() -> Value {
    let good = to_peer_id(&Key::new(1).public());
    let mut other_type = good;
    other_type[3] = 2;
    let cases = [
        ("a byte is missing", good[..37].to_vec()),
        ("a byte too many", [&good[..], &[0]].concat()),
        ("another type of key", other_type.to_vec()),
        ("nothing", Vec::new()),
    ];
    let shown = cases.into_iter().map(|(name, bytes)| {
        assert_eq!(from_peer_id(&bytes), None, "{name}");
        json!({ "name": name, "peer_id_bytes": hex::encode(bytes) })
    });
    shown.collect()
}

/// The 14 encodings of points of small order.
fn encodings_of_small_order() -> Vec<[u8; 32]> {
    let mut low = [0xff; 32];
    let y = EIGHT_TORSION.iter().map(|point| {
        let mut y = point.compress().0;
        y[31] &= 0x7f;
        y
    });
    let mut encodings: Vec<_> = y.collect();
    // Those that are not reduced: p and p + 1.
    for first in [0xed, 0xee] {
        (low[0], low[31]) = (first, 0x7f);
        encodings.push(low);
    }
    let signed = encodings.clone().into_iter().map(|mut y| {
        y[31] |= 0x80;
        y
    });
    encodings.extend(signed);
    encodings.sort_unstable();
    encodings.dedup();
    encodings
}

fn small_order() -> Value {
    let refused = encodings_of_small_order();
    let allowed = [Key::new(1).public().0, Key::new(2).public().0, ORDER];
    let shown = refused.into_iter().chain(allowed).map(|bytes| {
        let refused = is_small_order(&PublicKey::from_raw(bytes));
        json!({ "key": hex::encode(bytes), "refused": refused })
    });
    shown.collect()
}

fn verify(key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    let (key, signature) = (PublicKey::from_raw(*key), Signature::from_raw(*signature));
    sp_core::ed25519::Pair::verify(&signature, message, &key)
}

/// The commitment and the response of a signature.
fn halves(commitment: &[u8; 32], response: &[u8; 32]) -> [u8; 64] {
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(commitment);
    signature[32..].copy_from_slice(response);
    signature
}

/// The response plus the order of the base point: the same number for whoever reduces it.
fn unreduced(response: &[u8]) -> [u8; 32] {
    let (mut sum, mut carry) = ([0; 32], 0);
    for (at, byte) in sum.iter_mut().enumerate() {
        carry += u16::from(response[at]) + u16::from(ORDER[at]);
        *byte = carry as u8;
        carry >>= 8;
    }
    sum
}

/// A signature whose key and commitment may have a part of small order, which who multiplies by the
/// cofactor does not see.
fn with_torsion(of_key: &EdwardsPoint, of_commitment: &EdwardsPoint) -> ([u8; 32], [u8; 64]) {
    let (secret, nonce) = (Scalar::from(0x5eed_u64), Scalar::from(0x0ace_u64));
    let key = (ED25519_BASEPOINT_POINT * secret + of_key).compress().0;
    let commitment = (ED25519_BASEPOINT_POINT * nonce + of_commitment).compress().0;
    let hash = Sha512::new().chain_update(commitment).chain_update(key).chain_update(MESSAGE);
    let challenge = Scalar::from_bytes_mod_order_wide(&hash.finalize().into());
    (key, halves(&commitment, (nonce + challenge * secret).as_bytes()))
}

fn signatures() -> Value {
    let key = Key::new(1);
    let public = key.public().0;
    let good = key.pair.sign(MESSAGE).0;
    let commitment: [u8; 32] = std::array::from_fn(|at| good[at]);
    let mut no_point = [0; 32];
    no_point[0] = 2;
    let (torsion, identity) = (EIGHT_TORSION[1], EIGHT_TORSION[0]);
    let (mixed_key, by_mixed_key) = with_torsion(&torsion, &identity);
    let (plain_key, mixed_commitment) = with_torsion(&identity, &torsion);
    let mut spoilt_response = good;
    spoilt_response[40] ^= 1;
    let cases = [
        ("good", public, MESSAGE, good),
        ("another message", public, &b"directoR"[..], good),
        ("the response changed", public, MESSAGE, spoilt_response),
        ("the response not reduced", public, MESSAGE, halves(&commitment, &unreduced(&good[32..]))),
        ("the response is the order", public, MESSAGE, halves(&commitment, &ORDER)),
        ("the key is no point", no_point, MESSAGE, good),
        ("the commitment is no point", public, MESSAGE, halves(&no_point, &[0; 32])),
        ("a key with a part of small order", mixed_key, MESSAGE, by_mixed_key),
        ("a commitment with a part of small order", plain_key, MESSAGE, mixed_commitment),
        ("all zero", [0; 32], MESSAGE, [0; 64]),
        ("another key", Key::new(2).public().0, MESSAGE, good),
    ];
    let shown = cases.into_iter().map(|(name, key, message, signature)| {
        json!({
            "name": name,
            "key": hex::encode(key),
            "message": hex::encode(message),
            "signature": hex::encode(signature),
            "valid": verify(&key, message, &signature),
        })
    });
    shown.collect()
}

/// A key and a commitment of small order and the response 0: valid for any message, all of them.
fn small_order_signatures() -> Value {
    let encodings = encodings_of_small_order();
    let valid = encodings.iter().all(|key| {
        encodings.iter().all(|commitment| verify(key, MESSAGE, &halves(commitment, &[0; 32])))
    });
    json!({
        "keys": encodings.iter().map(hex::encode).collect::<Vec<_>>(),
        "commitments": encodings.iter().map(hex::encode).collect::<Vec<_>>(),
        "response": hex::encode([0; 32]),
        "message": hex::encode(MESSAGE),
        "all_valid": valid,
    })
}

fn possessions() -> Value {
    let key = Key::new(3);
    let possession = |role| Possession { account: account(0x22), role, key: key.public() };
    let peer = possession(KeyRole::ValidatorPeer);
    let proof = key.sign(&GENESIS, &peer);
    let zero = Possession { key: PublicKey::from_raw([0; 32]), ..peer.clone() };
    let others = Possession { account: account(0x23), ..peer.clone() };
    let cases = [
        ("a validator's peer key", GENESIS, peer.clone(), proof),
        (
            "a director's peer key",
            GENESIS,
            possession(KeyRole::DirectorPeer),
            key.sign(&GENESIS, &possession(KeyRole::DirectorPeer)),
        ),
        (
            "a checkpoint key",
            GENESIS,
            possession(KeyRole::Checkpoint),
            key.sign(&GENESIS, &possession(KeyRole::Checkpoint)),
        ),
        ("for another role", GENESIS, possession(KeyRole::Checkpoint), proof),
        ("for another account", GENESIS, others, proof),
        ("for another chain", OTHER_GENESIS, peer.clone(), proof),
        ("the signature changed", GENESIS, peer, spoilt(proof)),
        ("a key of small order", GENESIS, zero, Signature::from_raw([0; 64])),
    ];
    cases.into_iter().map(|(name, genesis, of, proof)| shown(name, &genesis, &of, &proof)).collect()
}

fn shown(
    name: &str,
    genesis_hash: &H256,
    possession: &Possession<director_primitives::AccountId32>,
    proof: &Signature,
) -> Value {
    json!({
        "name": name,
        "genesis_hash": hex::encode(genesis_hash),
        "possession": possession.fields(),
        "proof": hex::encode(proof),
        "result": verdict(check_possession(genesis_hash, possession, proof)),
    })
}
