//! Writes the protocol's test vectors: what `docs/vectors/` has, for implementations in other languages.
//!
//! Every verdict in them is what the code of this repository says when the vectors are made. They are
//! checked by `docs/vectors/check.py`, which shares no line with it.
//!
//! Conventions of the files: bytes are hexadecimal; numbers of 64 and 128 bits are decimal strings, others JSON
//! numbers; an enum's variant without contents is its name, one with contents an object with one field.
//! Long bytes are arrays of parts: a part is bytes, or `[bytes, times]`.

mod authorization;
mod chain;
mod control;
mod envelopes;
mod fields;
mod frames;
mod keys;
mod payloads;
mod protocol;
mod statements;
mod votes;

use codec::Encode;
use director_primitives::{AccountId32, H256, PublicKey, Signature, Statement, signing_bytes};
use serde_json::Value;
use sp_core::{Pair, ed25519};

/// The chain of the vectors.
const GENESIS: H256 = H256([0x11; 32]);

/// Another one.
const OTHER_GENESIS: H256 = H256([0x12; 32]);

/// All files: the name below `docs/vectors/` and the contents.
pub fn files() -> Vec<(&'static str, Value)> {
    vec![
        ("protocol.json", protocol::file()),
        ("keys.json", keys::file()),
        ("statements.json", statements::file()),
        ("envelopes.json", envelopes::file()),
        ("payloads.json", payloads::file()),
        ("votes.json", votes::file()),
        ("authorization.json", authorization::file()),
        ("control.json", control::file()),
        ("frames.json", frames::file()),
        ("chain.json", chain::file()),
    ]
}

/// The contents as they are written.
pub fn text(contents: &Value) -> String {
    format!("{contents:#}\n")
}

/// A key pair with a seed of one repeated byte.
struct Key {
    seed: [u8; 32],
    pair: ed25519::Pair,
}

impl Key {
    fn new(byte: u8) -> Self {
        let seed = [byte; 32];
        Self { seed, pair: ed25519::Pair::from_seed(&seed) }
    }

    fn public(&self) -> PublicKey {
        self.pair.public()
    }

    fn sign<S: Statement>(&self, genesis_hash: &H256, statement: &S) -> Signature {
        self.pair.sign(&signing_bytes(genesis_hash, statement))
    }
}

fn account(byte: u8) -> AccountId32 {
    AccountId32::new([byte; 32])
}

fn hexadecimal(value: &impl Encode) -> String {
    hex::encode(value.encode())
}

/// A signature with one bit changed.
fn spoilt(mut signature: Signature) -> Signature {
    signature.0[7] ^= 0x10;
    signature
}

/// A verdict: `"Ok"`, or the name of the error.
fn verdict<T, E: std::fmt::Debug>(result: Result<T, E>) -> String {
    match result {
        Ok(_) => "Ok".into(),
        Err(error) => {
            let text = format!("{error:?}");
            text.split([' ', '{', '(']).next().unwrap_or_default().into()
        }
    }
}
