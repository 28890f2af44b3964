//! Judges what candidates show of the chain's state.

use codec::{Decode, Encode};
use director_primitives::{
    H256, StakeProof, StakeRefusal,
    stake_proof::{MAX_PROOF_LEN, MAX_PROOF_NODE_LEN},
};
use director_primitives_fuzz::{MADE, choices::Choices, cost::allocating};
use director_service::chain::fuzz::{Found, Proofs};
use sp_crypto_hashing::blake2_256;

/// Validators in the state that is known.
const VALIDATORS: u16 = 6;

/// Bytes that a check may allocate for each byte of a proof, and beside that: every node is copied into a trie, decoded
/// and listed.
const PER_BYTE: usize = 64;
const AT_ONCE: usize = 64 * 1024;

/// A state, with what it has of each validator, and of one that it does not have.
struct Known {
    proofs: Proofs,
    found: Vec<Found>,
    nodes: Vec<Vec<Vec<u8>>>,
}

thread_local! {
    static KNOWN: Known = Known::new();
}

/// Does something with the state that is known.
pub fn proofs<T>(what: impl FnOnce(&Proofs) -> T) -> T {
    KNOWN.with(|known| what(&known.proofs))
}

impl Known {
    fn new() -> Self {
        let proofs = Proofs::of(VALIDATORS);
        let nodes: Vec<_> = (1..=VALIDATORS + 1).map(|number| proofs.nodes(number)).collect();
        let found = (1..).zip(&nodes).map(|(number, nodes)| {
            let proof = StakeProof::new(nodes.clone()).expect("an honest proof is within bounds");
            let found = proofs.check(proofs.root(), number, &proof);
            match number <= VALIDATORS {
                true => assert!(found.is_ok(), "{found:?}"),
                false => assert_eq!(found, Err(StakeRefusal::NotRegistered)),
            }
            found
        });
        let found = found.collect();
        Self { proofs, found, nodes }
    }

    /// Whatever is shown, the state says what it says, or nothing.
    fn judge(&self, number: u16, proof: &StakeProof) -> Found {
        let check = || self.proofs.check(self.proofs.root(), number, proof);
        let (found, allocated) = allocating(check);
        let most = proof.len() * PER_BYTE + AT_ONCE;
        assert!(allocated <= most, "{allocated} bytes for a proof of {}", proof.len());
        let expected = &self.found[usize::from(number) - 1];
        match found {
            Ok(_) | Err(StakeRefusal::NotRegistered) => assert_eq!(&found, expected),
            Err(StakeRefusal::Invalid | StakeRefusal::OtherValidator) => {}
            Err(refusal) => panic!("{refusal:?} is not for the proof to say"),
        }
        if proof.len() > MAX_PROOF_LEN {
            assert_eq!(found, Err(StakeRefusal::Invalid));
        }
        found
    }
}

/// Judges the proof that is in these bytes, or that they tell how to make.
pub fn stake_proof(bytes: &[u8]) {
    KNOWN.with(|known| {
        let mut choices = Choices::new(bytes);
        if choices.byte() & 1 == MADE {
            return made(known, &mut choices);
        }
        let number = 1 + u16::from(choices.below(VALIDATORS as u8 + 1));
        let Ok(proof) = StakeProof::decode(&mut choices.rest()) else { return };
        let _ = known.judge(number, &proof);
        // No state has these nodes. That whoever reads them comes to an end is no less wanted.
        if let Some(first) = proof.nodes.first() {
            let root = H256(blake2_256(first));
            let _ = known.proofs.check(root, number, &proof);
        }
    });
}

/// Puts a proof together from honest ones, and spoils it.
fn made(known: &Known, choices: &mut Choices<'_>) {
    let number = 1 + u16::from(choices.below(VALIDATORS as u8 + 1));
    let mut nodes = Vec::new();
    let mut is_whole = false;
    for _ in 0..1 + choices.below(3) {
        let of = u16::from(choices.below(VALIDATORS as u8 + 1));
        is_whole |= of + 1 == number;
        nodes.extend(known.nodes[usize::from(of)].iter().cloned());
    }
    let mut is_spoilt = false;
    for _ in 0..choices.below(4) {
        is_spoilt |= spoil(&mut nodes, choices);
    }
    let Some(proof) = StakeProof::new(nodes) else { return };
    let found = known.judge(number, &proof);
    if is_whole && !is_spoilt {
        assert_eq!(found, known.found[usize::from(number) - 1], "all of it was shown");
    }
    let encoded = proof.encode();
    assert_eq!(StakeProof::decode(&mut &encoded[..]).as_ref(), Ok(&proof));
}

/// Changes one thing. Whether that may make a difference.
fn spoil(nodes: &mut Vec<Vec<u8>>, choices: &mut Choices<'_>) -> bool {
    if nodes.is_empty() {
        return false;
    }
    let at = usize::from(choices.byte()) % nodes.len();
    let other = usize::from(choices.byte()) % nodes.len();
    match choices.below(8) {
        // Order and repetition mean nothing.
        0 => nodes.swap(at, other),
        1 => nodes.push(nodes[at].clone()),
        2 => {
            nodes.remove(at);
            return true;
        }
        3 if !nodes[at].is_empty() => {
            choices.flip(&mut nodes[at]);
            return true;
        }
        4 => {
            nodes.push(choices.some_bytes());
            return true;
        }
        5 => {
            let cut = usize::from(choices.byte()).min(nodes[at].len());
            let len = nodes[at].len() - cut;
            nodes[at].truncate(len);
            return true;
        }
        6 => {
            let tail = nodes[other].clone();
            nodes[at].extend(tail);
            nodes[at].truncate(MAX_PROOF_NODE_LEN as usize);
            return true;
        }
        _ => {
            nodes[at] = choices.some_bytes();
            return true;
        }
    }
    false
}
