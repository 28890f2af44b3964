//! Compares the interface that this program was built for with the one that the node serves.
//!
//! Only what is really used is compared, by the hashes that subxt makes of the types involved: a
//! runtime may change anything else as it likes. Two things are told apart: what it takes to follow the chain,
//! without which a director knows nothing, and what it takes to act, without which it still relays.

use super::{ChainError, interface::METADATA};
use std::sync::LazyLock;
use subxt::{
    Metadata,
    client::OnlineClientAtBlock,
    config::{DefaultExtrinsicParamsBuilder, SubstrateConfig},
};

/// Calls that this program submits.
const CALLS: [(&str, &str); 6] = [
    ("SlashingEvidence", "report_double_sign"),
    ("ValidatorRegistry", "submit_votes"),
    ("DirectorRegistry", "activate"),
    ("DirectorRegistry", "update_record"),
    ("DirectorRegistry", "refresh"),
    ("DirectorRegistry", "rotate_peer_key"),
];

/// Storage whose values this program reads in stake proofs. Of the balances' holds it needs less than
/// their exact type: any other pallet may have its own reason there ([`super::records`]).
const STORAGE: [(&str, &str); 1] = [("ValidatorRegistry", "Validators")];

/// Methods of the runtime API by which this program follows the chain.
const FOLLOWING: [&str; 3] = ["domain", "directors", "validators"];

/// Methods that it calls besides.
const ACTING: [&str; 4] = ["validator", "vote_progress", "pending_slashes", "check_evidence"];

/// The runtime API's name.
const API: &str = "DirectorApi";

type Hashes = Vec<(String, Option<[u8; 32]>)>;

/// Hash of each item by its name, as of the metadata that this program was built with: for following, for
/// acting.
static OURS: LazyLock<(Hashes, Hashes)> = LazyLock::new(|| {
    let metadata = Metadata::decode_from(METADATA)
        .expect("the interface was made from this file when this crate was built; qed");
    (methods(&metadata, &FOLLOWING), for_acting(&metadata))
});

/// Whether the chain can be followed.
///
/// # Errors
///
/// [`ChainError::Incompatible`] with everything that differs.
pub(super) fn following(theirs: &Metadata) -> Result<(), ChainError> {
    compare(&OURS.0, methods(theirs, &FOLLOWING))
}

/// Whether extrinsics can be made for it, and its answers about evidence and stakes understood.
///
/// # Errors
///
/// [`ChainError::Incompatible`] with everything that differs.
pub(super) fn acting(at: &OnlineClientAtBlock<SubstrateConfig>) -> Result<(), ChainError> {
    items(at.metadata_ref())?;
    // Whether an extrinsic can be built at all: a transaction extension that subxt does not know.
    let call = subxt::dynamic::tx("System", "remark", [Vec::<u8>::new()]);
    let params = DefaultExtrinsicParamsBuilder::new().nonce(0).build();
    let signable = at.tx().create_signable_offline(&call, params);
    match signable.and_then(|signable| signable.signer_payload()) {
        Ok(_) => Ok(()),
        Err(error) => Err(ChainError::Incompatible(format!("extrinsics ({error})"))),
    }
}

pub(super) fn items(theirs: &Metadata) -> Result<(), ChainError> {
    compare(&OURS.1, for_acting(theirs))
}

fn compare(ours: &Hashes, theirs: Hashes) -> Result<(), ChainError> {
    let differs: Vec<_> = ours
        .iter()
        .zip(theirs)
        .filter_map(|((name, ours), (_, theirs))| match theirs {
            None => Some(format!("{name} is missing")),
            theirs if theirs != *ours => Some(format!("{name} differs")),
            _ => None,
        })
        .collect();
    match differs.as_slice() {
        [] => Ok(()),
        differs => Err(ChainError::Incompatible(differs.join(", "))),
    }
}

fn methods(metadata: &Metadata, names: &[&str]) -> Hashes {
    let api = metadata.runtime_api_trait_by_name(API);
    let method = |method: &&str| {
        let hash = api.as_ref().and_then(|api| api.method_by_name(method)).map(|m| m.hash());
        (format!("{API}.{method}"), hash)
    };
    names.iter().map(method).collect()
}

fn for_acting(metadata: &Metadata) -> Hashes {
    let calls = CALLS.into_iter().map(|(pallet, call)| {
        let hash = metadata.pallet_by_name(pallet).and_then(|pallet| pallet.call_hash(call));
        (format!("{pallet}.{call}"), hash)
    });
    let storage = STORAGE.into_iter().map(|(pallet, entry)| {
        let hash = metadata.pallet_by_name(pallet).and_then(|pallet| pallet.storage_hash(entry));
        (format!("{pallet}.{entry}"), hash)
    });
    calls.chain(methods(metadata, &ACTING)).chain(storage).collect()
}
