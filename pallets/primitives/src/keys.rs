//! Guards the keys: refuses those of small order, checks possession, converts to libp2p peer ids.

use crate::signing::{Statement, StatementKind, verify};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_core::H256;

/// An ed25519 public key: a peer key or a checkpoint key.
pub type PublicKey = sp_core::ed25519::Public;

/// An ed25519 signature.
pub type Signature = sp_core::ed25519::Signature;

/// What a key is registered for. The possession proof covers it, so that a proof for one role does
/// not register the key for another.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub enum KeyRole {
    /// A director's libp2p identity; signs envelopes, director votes, heartbeats.
    DirectorPeer,
    /// A validator's libp2p identity; signs envelopes and authorization requests.
    ValidatorPeer,
    /// Signs a validator's checkpoint votes and nothing else.
    Checkpoint,
}

/// What a key signs when it is registered: it belongs to this account, in this role.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct Possession<AccountId> {
    /// The account that registers the key.
    pub account: AccountId,
    /// What the key is registered for.
    pub role: KeyRole,
    /// The key itself.
    pub key: PublicKey,
}

impl<AccountId: Encode> Statement for Possession<AccountId> {
    const KIND: StatementKind = StatementKind::Possession;
}

/// Why a key is refused at registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub enum KeyError {
    /// The key is a point of small order: it verifies any message.
    SmallOrder,
    /// The possession proof is not this key's signature for this account, role and chain.
    InvalidPossession,
}

/// Checks that `key` may be registered by `account` for `role`.
///
/// # Errors
///
/// [`KeyError::SmallOrder`] before [`KeyError::InvalidPossession`]: a proof by a key of small order
/// proves nothing, anybody can forge it.
pub fn check_possession<AccountId: Encode>(
    genesis_hash: &H256,
    possession: &Possession<AccountId>,
    proof: &Signature,
) -> Result<(), KeyError> {
    if is_small_order(&possession.key) {
        return Err(KeyError::SmallOrder);
    }
    if !verify(genesis_hash, possession, &possession.key, proof) {
        return Err(KeyError::InvalidPossession);
    }
    Ok(())
}

/// The `y` coordinates of the points of small order as they can be encoded, sign bit cleared:
/// canonical ones first, then the two that are not reduced modulo p. Each exists with either sign
/// bit, which makes the 14 encodings that ZIP-215 accepts.
const SMALL_ORDER_Y: [[u8; 32]; 7] = {
    let zero = [0u8; 32];
    let mut one = zero;
    one[0] = 1;
    // p = 2^255 - 19; p - 1, p and p + 1 differ in the first byte alone.
    let mut minus_one = [0xff; 32];
    minus_one[0] = 0xec;
    minus_one[31] = 0x7f;
    let mut p = minus_one;
    p[0] = 0xed;
    let mut p_plus_one = minus_one;
    p_plus_one[0] = 0xee;
    let order_8_low = [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ];
    let order_8_high = [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ];
    [zero, one, minus_one, order_8_low, order_8_high, p, p_plus_one]
};

/// Whether `key` is one of the 14 encodings of a point of small order.
///
/// Under ZIP-215 such a key verifies any message with a signature that anybody can make; see the
/// test `ed25519_verify` of `sp-io` with the zero key.
pub fn is_small_order(key: &PublicKey) -> bool {
    let mut y = key.0;
    y[31] &= 0x7f;
    SMALL_ORDER_Y.contains(&y)
}

/// What stands before the key in a libp2p peer id: identity multihash of 36 bytes, protobuf of an
/// ed25519 key (<https://github.com/libp2p/specs/blob/master/peer-ids/peer-ids.md>).
const PEER_ID_PREFIX: [u8; 6] = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20];

/// The bytes of the libp2p peer id of `key`.
pub fn to_peer_id(key: &PublicKey) -> [u8; 38] {
    let mut id = [0; 38];
    id[..6].copy_from_slice(&PEER_ID_PREFIX);
    id[6..].copy_from_slice(&key.0);
    id
}

/// The key in the bytes of a libp2p peer id, if it is an ed25519 key's.
pub fn from_peer_id(id: &[u8]) -> Option<PublicKey> {
    let key: [u8; 32] = id.strip_prefix(&PEER_ID_PREFIX)?.try_into().ok()?;
    Some(PublicKey::from_raw(key))
}
