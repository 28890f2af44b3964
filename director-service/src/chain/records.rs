//! Names the storage that a stake proof is about, and reads its values, as the node's runtime has them.
//!
//! By the node's metadata, not by the file that this program was built with: a chain may have whatever
//! pallets it likes, each with reasons of its own to hold a balance, and may get another one at any
//! time.

use super::{ChainError, interface};
use director_primitives::{AccountId32, ProvenStake, PublicKey, runtime_api::ValidatorStatus};
use subxt::{
    ArcMetadata,
    ext::{
        frame_decode::storage::encode_storage_key,
        scale_decode::DecodeAsType,
        scale_value::{Composite, Value, ValueDef, Variant},
    },
};

/// Where validators' records are, and the runtime's name of the pallet in reasons of holds.
const VALIDATORS: (&str, &str) = ("ValidatorRegistry", "Validators");

/// Where holds on balances are.
const HOLDS: (&str, &str) = ("Balances", "Holds");

/// The registry's reason to hold a stake.
const HOLD_REASON: &str = "Stake";

type Record = interface::runtime_types::pallet_validator_registry::types::Validator<u128>;
type Status = interface::runtime_types::director_primitives::runtime_api::ValidatorStatus;

/// One entry of `Balances.Holds`. Only the fields that count; they are found by their names.
#[derive(DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
struct Hold {
    id: Value<()>,
    amount: u128,
}

/// What a runtime keeps of a validator, and where.
#[derive(Clone)]
pub(super) struct Records {
    metadata: ArcMetadata,
    validator_type: u32,
    holds_type: u32,
}

/// The storage keys of one account.
pub(super) struct Keys {
    pub(super) validator: Vec<u8>,
    pub(super) holds: Vec<u8>,
}

impl Records {
    /// The records of a runtime.
    ///
    /// # Errors
    ///
    /// [`ChainError::Incompatible`] if it has none of them.
    pub(super) fn new(metadata: ArcMetadata) -> Result<Self, ChainError> {
        let value_type = |(pallet, entry): (&str, &str)| {
            let storage = metadata.pallet_by_name(pallet).and_then(|pallet| pallet.storage());
            let entry = storage.and_then(|storage| storage.entry_by_name(entry));
            entry.map(|entry| entry.value_ty())
        };
        let missing = |(pallet, entry)| {
            move || ChainError::Incompatible(format!("{pallet}.{entry} is missing"))
        };
        let validator_type = value_type(VALIDATORS).ok_or_else(missing(VALIDATORS))?;
        let holds_type = value_type(HOLDS).ok_or_else(missing(HOLDS))?;
        Ok(Self { metadata, validator_type, holds_type })
    }

    /// Where the state has what is known of an account.
    ///
    /// # Errors
    ///
    /// [`ChainError::Incompatible`] if the runtime has other accounts.
    pub(super) fn keys(&self, account: &AccountId32) -> Result<Keys, ChainError> {
        let key = |(pallet, entry): (&str, &str)| {
            let account = subxt::utils::AccountId32(*account.as_ref());
            let types = self.metadata.types();
            encode_storage_key(pallet, entry, (account,), &*self.metadata, types).map_err(|error| {
                ChainError::Incompatible(format!("the key of {pallet}.{entry} ({error})"))
            })
        };
        Ok(Keys { validator: key(VALIDATORS)?, holds: key(HOLDS)? })
    }

    /// What the two values say; `None` if they do not decode.
    pub(super) fn read(&self, record: &[u8], holds: Option<&[u8]>) -> Option<ProvenStake> {
        let record: Record = self.decode(record, self.validator_type)?;
        let held = match holds {
            Some(holds) => {
                let holds: Vec<Hold> = self.decode(holds, self.holds_type)?;
                holds.iter().find(|hold| is_stake(&hold.id)).map_or(0, |hold| hold.amount)
            }
            None => 0,
        };
        let parts = record.unbonding.0.iter();
        Some(ProvenStake {
            registration_id: record.registration_id,
            status: match record.status {
                Status::Candidate => ValidatorStatus::Candidate,
                Status::Authorized => ValidatorStatus::Authorized,
                Status::Revoked => ValidatorStatus::Revoked,
                Status::Exiting => ValidatorStatus::Exiting,
                Status::Tombstoned => ValidatorStatus::Tombstoned,
            },
            peer_key: PublicKey::from_raw(record.peer_key),
            stake: record.stake,
            unbonding: parts.fold(0, |sum: u128, part| sum.saturating_add(part.amount)),
            held,
        })
    }

    /// Decodes all of the bytes.
    fn decode<T: DecodeAsType>(&self, mut bytes: &[u8], type_id: u32) -> Option<T> {
        let value = T::decode_as_type(&mut bytes, type_id, self.metadata.types()).ok()?;
        bytes.is_empty().then_some(value)
    }

    /// The two values as the runtime writes them: for states that are made up.
    pub(super) fn encode(
        &self,
        record: &impl subxt::ext::scale_encode::EncodeAsType,
        holds: &impl subxt::ext::scale_encode::EncodeAsType,
    ) -> (Vec<u8>, Vec<u8>) {
        let types = self.metadata.types();
        let encoded = |result: Result<_, _>| result.expect("a value of that type");
        (
            encoded(record.encode_as_type(self.validator_type, types)),
            encoded(holds.encode_as_type(self.holds_type, types)),
        )
    }
}

/// Whether a hold's reason is the registry's: `ValidatorRegistry(Stake)`, whatever their indices.
fn is_stake(reason: &Value<()>) -> bool {
    let ValueDef::Variant(Variant { name, values }) = &reason.value else { return false };
    let inner = match values {
        Composite::Unnamed(values) => values.first(),
        Composite::Named(values) => values.first().map(|(_, value)| value),
    };
    let inner = inner.map(|inner| &inner.value);
    let is_stake = matches!(inner, Some(ValueDef::Variant(inner)) if inner.name == HOLD_REASON);
    name == VALIDATORS.0 && is_stake
}
