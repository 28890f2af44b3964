//! Makes other runtimes of the one that was built, and has the chain take them.
//!
//! To build each of them takes CI half a minute. The version is a number that the code has nowhere else, once in a
//! section for the node and then among the runtime's own data, and the name of a call is in the data of which the
//! runtime makes its metadata: both are changed in the built file. If the compiler writes them another way one
//! day, this says that it does not find them.

use crate::{
    chain::{Chain, dev_account},
    council::Encoded,
    process::sibling,
};
use anyhow::ensure;
use codec::Compact;
use director_service::chain::Included;
use subxt::{dynamic::tx, utils::Static};

/// `spec_version` of `runtime-mock`.
pub const SPEC_VERSION: u32 = 1_002_003;

/// The runtime that the node was started with.
///
/// # Errors
///
/// If it was not built.
pub fn built() -> anyhow::Result<Vec<u8>> {
    Ok(std::fs::read(sibling("runtime_mock.wasm")?)?)
}

/// That runtime with a later version.
///
/// # Errors
///
/// If it does not have its version where it should.
pub fn with_version(code: &[u8], version: u32) -> anyhow::Result<Vec<u8>> {
    let mut code = code.to_vec();
    let places = replace(&mut code, &SPEC_VERSION.to_le_bytes(), &version.to_le_bytes());
    ensure!(places >= 2, "the runtime has its version in {places} places");
    Ok(code)
}

/// That runtime with another name of a call.
///
/// # Errors
///
/// If it has no such name.
pub fn with_call_renamed(code: &[u8], from: &str, to: &str) -> anyhow::Result<Vec<u8>> {
    ensure!(from.len() == to.len(), "{to} has another length than {from}");
    let mut code = code.to_vec();
    ensure!(replace(&mut code, from.as_bytes(), to.as_bytes()) > 0, "there is no {from}");
    Ok(code)
}

fn replace(code: &mut [u8], from: &[u8], to: &[u8]) -> usize {
    let starts: Vec<_> =
        (0..=code.len() - from.len()).filter(|at| code[*at..].starts_with(from)).collect();
    for at in &starts {
        code[*at..*at + to.len()].copy_from_slice(to);
    }
    starts.len()
}

impl Chain {
    /// Replaces the chain's runtime, by the development network's sudo.
    ///
    /// # Errors
    ///
    /// As the chain refuses the extrinsic. Whether it has taken the runtime is in its version.
    pub async fn set_code(&self, code: Vec<u8>) -> anyhow::Result<Included> {
        let call = tx("System", "set_code", (Static(code),));
        let encoded = self.at_head().await?.tx().call_data(&call)?;
        let weight = Static((Compact(0u64), Compact(0u64)));
        let sudo = tx("Sudo", "sudo_unchecked_weight", (Static(Encoded(encoded)), weight));
        Ok(self.call(&sudo, &dev_account("Alice")).await?)
    }
}
