//! Judges what the fuzzer comes up with: each target hands its bytes to one function here.
//!
//! The first byte says how the rest is read: as an encoded value, or as choices from which a value is
//! made and then spoilt. Bytes alone never hold a valid signature that was not put in by a seed; made
//! values do.
//!
//! The judgement does not ask the code under test. Signing is deterministic and the fuzzer holds no
//! other secret keys, so a signature is valid exactly if it is the one that the key makes.

pub mod choices;
mod control;
pub mod cost;
mod director_vote;
mod envelope;
mod proof;
mod request;
mod vote;
mod wire;

pub use choices::{MADE, READ};
pub use control::control;
pub use director_vote::director_vote;
pub use envelope::envelope;
pub use proof::proof;
pub use request::request;
pub use vote::vote;

use director_primitives::{H256, PublicKey, Signature, test_utils::TestKey};
use std::sync::LazyLock;

/// The chain that values are for.
pub const GENESIS: H256 = H256([7; 32]);

/// Another chain.
const ELSEWHERE: H256 = H256([8; 32]);

/// Keys whose secrets are known here.
static KEYS: LazyLock<[TestKey; 5]> =
    LazyLock::new(|| [0, 1, 2, 3, 4].map(|number: u64| TestKey::new(number)));

/// Public halves of [`KEYS`], which are dear to derive each time.
static PUBLIC: LazyLock<[PublicKey; 5]> =
    LazyLock::new(|| [0, 1, 2, 3, 4].map(|number: usize| KEYS[number].public()));

/// The known key with this public half.
fn known(key: &PublicKey) -> Option<&'static TestKey> {
    PUBLIC.iter().position(|public| public == key).map(|number| &KEYS[number])
}

/// A signature that a key of small order is content with, whatever was signed: `R` the neutral
/// point, `s` zero.
fn forged() -> Signature {
    let mut bytes = [0; 64];
    bytes[0] = 1;
    Signature::from_raw(bytes)
}

/// The signature with the group's order added to `s`: equal modulo the order, and not to be
/// accepted, or every signature had a second form. `None` if that does not fit into its bytes.
fn malleated(signature: &Signature) -> Option<Signature> {
    /// 2^252 + 27742317777372353535851937790883648493, lowest byte first.
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut bytes = signature.0;
    let mut carry = 0;
    for (byte, order) in bytes[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = sum as u8;
        carry = sum >> 8;
    }
    (carry == 0).then(|| Signature::from_raw(bytes))
}
