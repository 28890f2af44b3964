//! The chain's interface, generated from `artifacts/metadata.scale`.
//!
//! The types that director-primitives has stand in for the generated ones, so that there is one of
//! each: wrap them in [`subxt::utils::Static`]. Remake the file with `cargo xtask metadata` when the
//! runtime changes; a test of the runtime says when it is out of date.

// A page of generated code has no documentation of its own.
#![allow(missing_docs, unreachable_pub, clippy::all)]

/// The file itself.
pub const METADATA: &[u8] = include_bytes!("../../artifacts/metadata.scale");

#[subxt::subxt(
    runtime_metadata_path = "artifacts/metadata.scale",
    substitute_type(
        path = "director_primitives::proof::DoubleSignProof",
        with = "::subxt::utils::Static<::director_primitives::DoubleSignProof>"
    ),
    substitute_type(
        path = "director_primitives::authorization::SignedDirectorVote",
        with = "::subxt::utils::Static<::director_primitives::SignedDirectorVote<::director_primitives::AccountId32>>"
    ),
    substitute_type(
        path = "director_primitives::runtime_api::Endpoint",
        with = "::subxt::utils::Static<::director_primitives::runtime_api::Endpoint>"
    )
)]
mod generated {}

pub use generated::*;
