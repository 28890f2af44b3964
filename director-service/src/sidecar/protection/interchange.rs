//! Carries what a key has signed from one signer to another, as JSON.

use super::{Medium, Protection, ProtectionError};
use director_primitives::{CheckpointNumber, H256, PublicKey};
use serde::{Deserialize, Serialize};

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
    /// Checkpoints for which another block was signed here than there: a double sign, if both are true. What
    /// was known stays.
    pub conflicts: Vec<CheckpointNumber>,
}

impl Interchange {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// If it is something else.
    pub fn from_json(text: &str) -> Result<Self, InterchangeError> {
        let read: Self = serde_json::from_str(text)
            .map_err(|error| InterchangeError::Malformed(error.to_string()))?;
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
            format: FORMAT.into(),
            version: VERSION,
            genesis_hash: self.genesis_hash,
            key: self.key,
            below: self.below,
            signed: signed.collect(),
        }
    }

    /// Takes over what another signer knows. After it nothing may be signed that either forbids.
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
        let mut imported = Imported::default();
        for Signed { checkpoint, block_hash } in &other.signed {
            match self.signed.get(checkpoint) {
                Some(known) if known == block_hash => imported.known += 1,
                Some(_) => imported.conflicts.push(*checkpoint),
                None => {
                    self.signed.insert(*checkpoint, *block_hash);
                    imported.new += 1;
                }
            }
        }
        self.below = self.below.max(other.below);
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
