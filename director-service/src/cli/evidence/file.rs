//! Reads a proof from a file: bytes, digits, or what `director evidence export` writes.

use crate::http::Proof;
use anyhow::{Context, bail, ensure};
use codec::DecodeAll;
use director_primitives::DoubleSignProof;
use std::path::Path;

/// Longest file with a proof that is read.
const MAX_PROOF_FILE: usize = 16 * 1024;

/// The proof in a file.
///
/// # Errors
///
/// If there is none, or more than one, with the remedy.
pub(super) fn read(path: &Path) -> anyhow::Result<DoubleSignProof> {
    let bytes = std::fs::read(path)
        .with_context(|| format!("cannot read {}; name a file with a proof", path.display()))?;
    ensure!(
        bytes.len() <= MAX_PROOF_FILE,
        "{} is too long for a proof; `director evidence export` with an id writes one alone",
        path.display()
    );
    // A proof in bytes begins with a hash, which hardly ever is text.
    let text = std::str::from_utf8(&bytes).ok().map(str::trim);
    if let Some(text) = text.filter(|text| text.starts_with(['{', '['])) {
        return of_json(text).with_context(|| format!("{} holds no proof", path.display()));
    }
    let decoded = text.and_then(|text| hex::decode(text.strip_prefix("0x").unwrap_or(text)).ok());
    DoubleSignProof::decode_all(&mut decoded.as_deref().unwrap_or(&bytes)).map_err(|_| {
        anyhow::anyhow!(
            "{} holds no proof; expected what `director evidence export` writes, or a SCALE-encoded \
             DoubleSignProof as bytes or in hexadecimal",
            path.display()
        )
    })
}

fn of_json(text: &str) -> anyhow::Result<DoubleSignProof> {
    let told: Proof = match text.starts_with('[') {
        false => serde_json::from_str(text)?,
        true => {
            let mut all: Vec<Proof> = serde_json::from_str(text)?;
            match (all.pop(), all.len()) {
                (Some(one), 0) => one,
                (_, others) => bail!(
                    "expected one proof, found {}; `director evidence export` with an id writes one alone",
                    if others == 0 { 0 } else { others + 1 }
                ),
            }
        }
    };
    told.decode().context(
        "its fields and its `scale` say different things: somebody has changed it; export it anew",
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use codec::Encode;
    use director_primitives::{CheckpointVote, H256, PublicKey, Signature, SignedVote};

    fn proof(checkpoint: u64) -> DoubleSignProof {
        let vote = |n| SignedVote {
            vote: CheckpointVote { checkpoint, block_hash: H256::repeat_byte(n) },
            key: PublicKey::from_raw([1; 32]),
            signature: Signature::from_raw([n; 64]),
        };
        DoubleSignProof::new(H256::repeat_byte(9), vote(1), vote(2)).unwrap()
    }

    #[test]
    fn a_proof_is_read_as_bytes_or_digits_or_json() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("proof");
        let proof = proof(3);
        let digits = hex::encode(proof.encode());
        let told = Proof::from(&proof);
        let json = serde_json::to_string_pretty(&told).unwrap();
        for bytes in [
            proof.encode(),
            digits.clone().into_bytes(),
            format!("0x{digits}\n").into_bytes(),
            format!("{json}\n").into_bytes(),
            format!("[{json}]").into_bytes(),
        ] {
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(read(&path).unwrap(), proof);
        }
        for wrong in ["", "0x12", &digits[2..], "{}", "[", &json[..json.len() - 1]] {
            std::fs::write(&path, wrong).unwrap();
            let error = format!("{:#}", read(&path).unwrap_err());
            assert!(error.contains("holds no proof"), "{wrong}: {error}");
        }
    }

    #[test]
    fn of_several_none_is_taken_and_of_what_was_changed_nothing() {
        let both = [Proof::from(&proof(3)), Proof::from(&proof(4))];
        let error = of_json(&serde_json::to_string(&both).unwrap()).unwrap_err().to_string();
        assert!(error.contains("found 2") && error.contains("evidence export"), "{error}");
        assert!(of_json("[]").unwrap_err().to_string().contains("found 0"));
        let changed = serde_json::to_string(&both[0])
            .unwrap()
            .replace("\"checkpoint\":3", "\"checkpoint\":4");
        let error = of_json(&changed).unwrap_err().to_string();
        assert!(error.contains("export it anew"), "{error}");
    }
}
