//! Fills the first block: who is rich, who is the council, who is sudo.

use crate::{
    AccountId, Balance, BalancesConfig, CouncilConfig, RuntimeGenesisConfig, SudoConfig, UNIT,
};
use alloc::{vec, vec::Vec};
use frame_support::build_struct_json_patch;
use serde_json::Value;
use sp_genesis_builder::{DEV_RUNTIME_PRESET, PresetId};
use sp_keyring::Sr25519Keyring;

/// What each development account has: enough to fund a thousand validators.
const ENDOWMENT: Balance = 1_000_000_000 * UNIT;

/// Development: all accounts of the keyring are rich, Alice, Bob and Charlie are the council, Alice
/// is sudo.
fn development() -> Value {
    let council: Vec<AccountId> =
        [Sr25519Keyring::Alice, Sr25519Keyring::Bob, Sr25519Keyring::Charlie]
            .map(|key| key.to_account_id())
            .to_vec();
    build_struct_json_patch!(RuntimeGenesisConfig {
        balances: BalancesConfig {
            balances: Sr25519Keyring::well_known()
                .map(|key| (key.to_account_id(), ENDOWMENT))
                .collect::<Vec<_>>(),
        },
        council: CouncilConfig { members: council },
        sudo: SudoConfig { key: Some(Sr25519Keyring::Alice.to_account_id()) },
    })
}

/// The preset of this name as JSON, `None` if there is none.
pub fn preset(id: &PresetId) -> Option<Vec<u8>> {
    match id.as_str() {
        DEV_RUNTIME_PRESET => serde_json::to_vec(&development()).ok(),
        _ => None,
    }
}

/// Names of all presets.
pub fn preset_names() -> Vec<PresetId> {
    vec![PresetId::from(DEV_RUNTIME_PRESET)]
}
