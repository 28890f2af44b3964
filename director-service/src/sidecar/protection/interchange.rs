//! Carries what a key has signed from one signer to another, as JSON.

use super::{Medium, Protection, ProtectionError};
use director_primitives::{CheckpointNumber, H256, PublicKey};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const FORMAT: &str = "director-slashing-protection";
const VERSION: u32 = 1;

/// What a key has signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interchange {
    format: String,
    version: u32,
    /// The chain.
    pub genesis_hash: H256,
    /// The checkpoint key, 64 digits.
    #[serde(with = "hex_key")]
    pub key: PublicKey,
    /// Before this checkpoint nothing may be signed that is not in the list.
    pub below: CheckpointNumber,
    /// What was signed.
    pub signed: Vec<Signed>,
}

/// A block that was signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signed {
    /// For this checkpoint.
    pub checkpoint: CheckpointNumber,
    /// Its hash.
    pub block_hash: H256,
}

/// Why this is not taken over.
#[derive(Debug, thiserror::Error)]
pub enum InterchangeError {
    /// It is none, or a later version's.
    #[error("{0}; expected what `director validator protection export` writes")]
    Malformed(String),
    /// Another key or chain.
    #[error("it is of another {0} than the protection file; each has its own")]
    Other(&'static str),
    /// The disk.
    #[error(transparent)]
    Protection(#[from] ProtectionError),
}

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Records that are new.
    pub new: usize,
    /// Records that were known.
    pub known: usize,
    /// Checkpoints for which two blocks were signed: a double sign, if both are true. Neither is signed
    /// again, and nothing new up to the last of them.
    pub conflicts: Vec<CheckpointNumber>,
}

impl Interchange {
    /// Of a key that has signed nothing at or after checkpoint `below`.
    pub(super) fn new(genesis_hash: H256, key: PublicKey, below: CheckpointNumber) -> Self {
        let (format, signed) = (FORMAT.into(), Vec::new());
        Self { format, version: VERSION, genesis_hash, key, below, signed }
    }

    /// What was signed, each checkpoint once; `None` where the list has two blocks.
    fn by_checkpoint(&self) -> BTreeMap<CheckpointNumber, Option<H256>> {
        let mut known = BTreeMap::new();
        for Signed { checkpoint, block_hash } in &self.signed {
            let hash = known.entry(*checkpoint).or_insert(Some(*block_hash));
            hash.take_if(|hash| hash != block_hash);
        }
        known
    }

    /// What a file of this alone says: below what nothing is signed, and what was signed.
    pub(super) fn known(&self) -> (CheckpointNumber, BTreeMap<CheckpointNumber, H256>) {
        let mut below = self.below;
        let mut signed = BTreeMap::new();
        for (checkpoint, hash) in self.by_checkpoint() {
            match hash {
                Some(hash) => drop(signed.insert(checkpoint, hash)),
                None => below = below.max(checkpoint.saturating_add(1)),
            }
        }
        (below, signed)
    }

    /// Reads it.
    ///
    /// # Errors
    ///
    /// If it is something else.
    pub fn from_json(text: &str) -> Result<Self, InterchangeError> {
        let read: Self = serde_json::from_str(text)
            .map_err(|error| InterchangeError::Malformed(error.to_string()))?;
        // So that there is a checkpoint after each.
        if read.signed.iter().any(|of| of.checkpoint == CheckpointNumber::MAX) {
            let what = format!("there is no checkpoint {}", CheckpointNumber::MAX);
            return Err(InterchangeError::Malformed(what));
        }
        match read.format == FORMAT && read.version == VERSION {
            true => Ok(read),
            false => Err(InterchangeError::Malformed(format!(
                "format {:?} version {} is not known",
                read.format, read.version
            ))),
        }
    }
}

impl<M: Medium> Protection<M> {
    /// All that is known of the key.
    pub fn export(&self) -> Interchange {
        let signed = self.signed.iter();
        let signed =
            signed.map(|(checkpoint, hash)| Signed { checkpoint: *checkpoint, block_hash: *hash });
        Interchange {
            signed: signed.collect(),
            ..Interchange::new(self.genesis_hash, self.key, self.below)
        }
    }

    /// Takes over what another signer knows. After it nothing may be signed that either forbids:
    ///
    /// * what both have signed may be signed again;
    /// * what one has signed may be, unless the checkpoint is below what the other knows of;
    /// * where they have signed two blocks, neither may be: the record goes, and what is below it is forbidden, which is more
    ///   than there would have to be.
    ///
    /// # Errors
    ///
    /// If it is another key's or chain's, or cannot be written.
    pub fn import(&mut self, other: &Interchange) -> Result<Imported, InterchangeError> {
        if other.key != self.key {
            return Err(InterchangeError::Other("key"));
        }
        if other.genesis_hash != self.genesis_hash {
            return Err(InterchangeError::Other("chain"));
        }
        self.check_standing()?;
        let theirs = other.by_checkpoint();
        let mut imported = Imported::default();
        let own_below = self.below;
        self.signed.retain(|of, _| *of >= other.below || theirs.contains_key(of));
        self.below = self.below.max(other.below);
        for (checkpoint, hash) in theirs {
            match (self.signed.get(&checkpoint), hash) {
                (Some(known), Some(hash)) if *known == hash => imported.known += 1,
                (None, Some(hash)) if checkpoint >= own_below => {
                    self.signed.insert(checkpoint, hash);
                    imported.new += 1;
                }
                // Nothing was to be signed here any more.
                (None, Some(_)) => {}
                (Some(_), _) | (None, None) => {
                    self.signed.remove(&checkpoint);
                    self.below = self.below.max(checkpoint.saturating_add(1));
                    imported.conflicts.push(checkpoint);
                }
            }
        }
        self.forget();
        self.rewrite()?;
        Ok(imported)
    }
}

mod hex_key {
    use director_primitives::PublicKey;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(key: &PublicKey, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&hex::encode(key.0))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<PublicKey, D::Error> {
        let text = String::deserialize(from)?;
        super::super::format::digits(text.trim_start_matches("0x"))
            .map(PublicKey::from_raw)
            .ok_or_else(|| D::Error::custom("a key has 64 hexadecimal digits"))
    }
}
