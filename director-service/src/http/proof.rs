//! A proof of a double sign as it is told to whoever wants to bring it to the chain by hand.

use codec::{DecodeAll, Encode};
use director_primitives::{DoubleSignProof, H256, SignedVote};
use serde::{Deserialize, Serialize};

/// A proof of a double sign, with all that the chain wants to see.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// Identity of what was proven.
    pub id: String,
    /// The chain that the votes were signed for.
    pub genesis_hash: String,
    /// The vote with the lower block hash.
    pub first: ProvenVote,
    /// The vote with the higher block hash.
    pub second: ProvenVote,
    /// All of it as the extrinsic has it: the SCALE encoding of a DoubleSignProof, in hexadecimal after 0x.
    pub scale: String,
}

/// A vote of a proof.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProvenVote {
    /// The checkpoint.
    pub checkpoint: u64,
    /// The block that was voted for.
    pub block_hash: String,
    /// The checkpoint key that signed.
    pub key: String,
    /// Its signature.
    pub signature: String,
}

impl From<&DoubleSignProof> for Proof {
    fn from(proof: &DoubleSignProof) -> Self {
        Self {
            id: hash(&proof.id()),
            genesis_hash: hash(&proof.genesis_hash),
            first: (&proof.first).into(),
            second: (&proof.second).into(),
            scale: format!("0x{}", hex::encode(proof.encode())),
        }
    }
}

impl From<&SignedVote> for ProvenVote {
    fn from(vote: &SignedVote) -> Self {
        Self {
            checkpoint: vote.vote.checkpoint,
            block_hash: hash(&vote.vote.block_hash),
            key: hex::encode(vote.key.0),
            signature: hex::encode(vote.signature.0),
        }
    }
}

impl Proof {
    /// The proof, if all that is said of it agrees: somebody may have changed one and not the other.
    pub fn decode(&self) -> Option<DoubleSignProof> {
        let bytes = hex::decode(self.scale.strip_prefix("0x")?).ok()?;
        let proof = DoubleSignProof::decode_all(&mut &*bytes).ok()?;
        (Self::from(&proof) == *self).then_some(proof)
    }
}

fn hash(hash: &H256) -> String {
    format!("{hash:?}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use director_primitives::{CheckpointVote, PublicKey, Signature};

    #[test]
    fn what_is_told_is_read_again_and_nothing_that_was_changed() {
        let vote = |n| SignedVote {
            vote: CheckpointVote { checkpoint: 3, block_hash: H256::repeat_byte(n) },
            key: PublicKey::from_raw([1; 32]),
            signature: Signature::from_raw([n; 64]),
        };
        let proof = DoubleSignProof::new(H256::repeat_byte(9), vote(1), vote(2)).unwrap();
        let told = Proof::from(&proof);
        assert_eq!(told.decode(), Some(proof));
        let text = serde_json::to_string(&told).unwrap();
        assert_eq!(serde_json::from_str::<Proof>(&text).unwrap(), told);
        let changes: [fn(&mut Proof); 6] = [
            |of| of.id.replace_range(2..4, "ff"),
            |of| of.genesis_hash.replace_range(2..4, "ff"),
            |of| of.first.checkpoint += 1,
            |of| of.second.signature.replace_range(0..2, "ff"),
            |of| of.scale.replace_range(2..4, "ff"),
            |of| of.scale.truncate(of.scale.len() - 1),
        ];
        for change in changes {
            let mut changed = told.clone();
            change(&mut changed);
            assert_eq!(changed.decode(), None, "{changed:?}");
        }
    }
}
