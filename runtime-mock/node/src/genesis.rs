//! Makes the first block's state: the runtime's own `development` preset, built by the runtime.
//!
//! `sc-chain-spec` can do that too, but with an executor of its own: the runtime would be compiled
//! twice at each start.

use anyhow::{Context, Result, anyhow};
use codec::{Decode, Encode};
use sc_chain_spec::json_patch;
use sp_core::{
    storage::{Storage, well_known_keys},
    traits::{CallContext, CodeExecutor, FetchRuntimeCode, RuntimeCode},
};
use sp_genesis_builder::{DEV_RUNTIME_PRESET, PresetId};
use sp_state_machine::BasicExternalities;
use std::borrow::Cow;

struct Code<'a>(&'a [u8]);

impl FetchRuntimeCode for Code<'_> {
    fn fetch_runtime_code(&self) -> Option<Cow<'_, [u8]>> {
        Some(self.0.into())
    }
}

/// The state of the first block.
///
/// # Errors
///
/// If the runtime does not build its preset.
pub(crate) fn storage(executor: &impl CodeExecutor, code: &[u8]) -> Result<Storage> {
    let call = |ext: &mut BasicExternalities, method: &str, data: &[u8]| {
        let fetcher = Code(code);
        let runtime = RuntimeCode {
            code_fetcher: &fetcher,
            // The hash by which the client will know it: compiled once, found again.
            hash: sp_io::hashing::blake2_256(code).to_vec(),
            heap_pages: None,
        };
        let (result, _) = executor.call(ext, &runtime, method, data, CallContext::Offchain);
        result.map_err(|error| anyhow!("the runtime refuses {method}: {error}"))
    };
    let preset = |id: Option<&str>| -> Result<serde_json::Value> {
        let id = id.map(PresetId::from);
        let mut ext = BasicExternalities::new_empty();
        let encoded = call(&mut ext, "GenesisBuilder_get_preset", &id.encode())?;
        let json = Option::<Vec<u8>>::decode(&mut &encoded[..])?
            .with_context(|| format!("the runtime has no preset {id:?}"))?;
        Ok(serde_json::from_slice(&json)?)
    };

    let mut config = preset(None)?;
    json_patch::merge(&mut config, preset(Some(DEV_RUNTIME_PRESET))?);
    let mut ext = BasicExternalities::new_empty();
    let config = serde_json::to_vec(&config)?;
    let built = call(&mut ext, "GenesisBuilder_build_state", &config.encode())?;
    sp_genesis_builder::Result::decode(&mut &built[..])?
        .map_err(|error| anyhow!("the runtime refuses its own preset: {error}"))?;

    let mut storage = ext.into_storages();
    storage.top.insert(well_known_keys::CODE.to_vec(), code.to_vec());
    Ok(storage)
}
