//! Proves that a validator signed two blocks for one checkpoint.
//!
//! One proof type and one checker for chain and director: a director runs [`DoubleSignProof::check`]
//! against what it knows of the finalized chain before it submits, the pallet runs the same function
//! against its storage.
//!
//! # Attacks and what stops them
//!
//! * the same offence reported twice, the votes swapped: one order is canonical;
//! * endless copies by malleable signatures: identity is what was signed ([`DoubleSignProof::id`]),
//!   and two signatures on one hash are no offence;
//! * votes of another network: the genesis hash is in the signed bytes;
//! * forged by a key of small order: refused by name;
//! * escape by rotating the key between the two votes: the two keys may differ, they must belong to
//!   one validator.

use crate::{
    CheckpointNumber,
    keys::{PublicKey, is_small_order},
    vote::SignedVote,
};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_core::H256;

/// Two votes of one validator for different blocks at one checkpoint.
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
pub struct DoubleSignProof {
    /// The chain that the votes were signed for.
    pub genesis_hash: H256,
    /// The vote with the lower block hash.
    pub first: SignedVote,
    /// The vote with the higher block hash.
    pub second: SignedVote,
}

/// A double sign that was proven.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Offence<AccountId> {
    /// Who did it.
    pub validator: AccountId,
    /// At which checkpoint.
    pub checkpoint: CheckpointNumber,
    /// One block that it signed.
    pub first_hash: H256,
    /// The other block.
    pub second_hash: H256,
}

/// Why a proof proves nothing, in the order in which it is checked.
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
pub enum Reason {
    /// The proof is for another chain.
    OtherChain,
    /// Both votes are for the same block: no offence.
    SameBlock,
    /// `first` must be the vote with the lower block hash.
    NotCanonical,
    /// The votes are for different checkpoints: no offence.
    DifferentCheckpoints,
    /// A key of small order verifies anything, so its signature proves nothing.
    SmallOrderKey,
    /// A key is, and within the unbonding period was, no validator's.
    UnknownKey,
    /// The keys belong to different validators.
    DifferentValidators,
    /// The validator was punished already.
    AlreadyPunished,
    /// Governance excused this validator's offences before a later checkpoint.
    Excused,
    /// The signature of `first` does not verify.
    InvalidFirstSignature,
    /// The signature of `second` does not verify.
    InvalidSecondSignature,
}

/// What a checker has to know of the chain.
pub trait OffenceContext {
    /// How validators are named.
    type AccountId: PartialEq;

    /// The chain.
    fn genesis_hash(&self) -> H256;

    /// Whose checkpoint key this is, or was within the unbonding period.
    fn key_owner(&self, key: &PublicKey) -> Option<Self::AccountId>;

    /// Whether the validator is tombstoned already.
    fn is_punished(&self, validator: &Self::AccountId) -> bool;

    /// First checkpoint whose offences are not excused by a governance decision.
    fn slashable_from(&self, validator: &Self::AccountId) -> CheckpointNumber;
}

impl DoubleSignProof {
    /// Makes the proof that two votes give, in canonical order. `None` if they are no offence by
    /// their contents alone: the same block, or different checkpoints.
    pub fn new(genesis_hash: H256, a: SignedVote, b: SignedVote) -> Option<Self> {
        if a.vote.checkpoint != b.vote.checkpoint || a.vote.block_hash == b.vote.block_hash {
            return None;
        }
        let (first, second) = if a.vote.block_hash < b.vote.block_hash { (a, b) } else { (b, a) };
        Some(Self { genesis_hash, first, second })
    }

    /// What the proof is about, whatever its signature bytes: chain, keys and votes.
    pub fn id(&self) -> H256 {
        let signed =
            (self.genesis_hash, self.first.key, self.first.vote, self.second.key, self.second.vote);
        signed.using_encoded(sp_io::hashing::blake2_256).into()
    }

    /// Checks the proof from cheap to dear: contents, then look-ups, then the two signatures.
    ///
    /// # Errors
    ///
    /// The first [`Reason`] that applies, in the order of the enum.
    pub fn check<C: OffenceContext>(&self, context: &C) -> Result<Offence<C::AccountId>, Reason> {
        let (first, second) = (&self.first, &self.second);
        if self.genesis_hash != context.genesis_hash() {
            return Err(Reason::OtherChain);
        }
        if first.vote.block_hash == second.vote.block_hash {
            return Err(Reason::SameBlock);
        }
        if first.vote.block_hash > second.vote.block_hash {
            return Err(Reason::NotCanonical);
        }
        if first.vote.checkpoint != second.vote.checkpoint {
            return Err(Reason::DifferentCheckpoints);
        }
        if is_small_order(&first.key) || is_small_order(&second.key) {
            return Err(Reason::SmallOrderKey);
        }
        let validator = context.key_owner(&first.key).ok_or(Reason::UnknownKey)?;
        let second_owner = context.key_owner(&second.key).ok_or(Reason::UnknownKey)?;
        if validator != second_owner {
            return Err(Reason::DifferentValidators);
        }
        if context.is_punished(&validator) {
            return Err(Reason::AlreadyPunished);
        }
        if first.vote.checkpoint < context.slashable_from(&validator) {
            return Err(Reason::Excused);
        }
        if !first.verify(&self.genesis_hash) {
            return Err(Reason::InvalidFirstSignature);
        }
        if !second.verify(&self.genesis_hash) {
            return Err(Reason::InvalidSecondSignature);
        }
        Ok(Offence {
            validator,
            checkpoint: first.vote.checkpoint,
            first_hash: first.vote.block_hash,
            second_hash: second.vote.block_hash,
        })
    }
}
