//! Reads who is who on the chain that was prepared for a run.

use anyhow::{Context, Result, ensure};
use bench_load::Options;
use director_primitives::{H256, PublicKey};
use director_service::client::LocalKey;
use serde::Deserialize;
use std::path::Path;

#[derive(Deserialize)]
struct File {
    genesis_hash: String,
    directors: Vec<String>,
    seeds: Vec<String>,
}

/// Who is who.
#[derive(Clone)]
pub(crate) struct Setup {
    pub(crate) genesis_hash: H256,
    pub(crate) directors: Vec<PublicKey>,
    pub(crate) seeds: Vec<[u8; 32]>,
    pub(crate) keys: Vec<LocalKey>,
}

impl Setup {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let context = || format!("cannot read {}", path.display());
        let file: File = serde_json::from_slice(&std::fs::read(path).with_context(context)?)?;
        let seeds = file.seeds.iter().map(|hex| bytes(hex)).collect::<Result<Vec<_>>>()?;
        let directors = file.directors.iter().map(|hex| Ok(PublicKey::from_raw(bytes(hex)?)));
        Ok(Self {
            genesis_hash: H256(bytes(&file.genesis_hash)?),
            directors: directors.collect::<Result<_>>()?,
            keys: seeds.iter().map(LocalKey::from_seed).collect(),
            seeds,
        })
    }

    pub(crate) fn check(&self, load: &Options) -> Result<()> {
        ensure!(
            self.seeds.len() >= load.validators && self.directors.len() >= load.relays.len(),
            "the set-up has {} validators and {} directors: too few for {} and {}",
            self.seeds.len(),
            self.directors.len(),
            load.validators,
            load.relays.len()
        );
        Ok(())
    }
}

fn bytes(text: &str) -> Result<[u8; 32]> {
    let mut bytes = [0; 32];
    let digits = text.trim_start_matches("0x");
    hex::decode_to_slice(digits, &mut bytes)
        .with_context(|| format!("`{text}` is not 32 bytes"))?;
    Ok(bytes)
}
