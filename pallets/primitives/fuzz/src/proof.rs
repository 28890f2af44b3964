//! Judges proofs of double signs.

use crate::{
    ELSEWHERE, GENESIS, KEYS, PUBLIC,
    choices::{Choices, MADE},
    forged, known,
};
use codec::{Decode, DecodeAll, Encode, MaxEncodedLen};
use curve25519_dalek::edwards::CompressedEdwardsY;
use director_primitives::{
    CheckpointNumber, DoubleSignProof, H256, OffenceContext, PublicKey, Reason, SignedVote,
    StatementKind, keys::is_small_order, signing::signing_prefix,
};

/// What a chain knows: keys 1 and 2 are validator 1's, key 3 is validator 3's, and so is, by some
/// mistake, the zero key, which is of small order. Key 0 and key 4 are nobody's.
struct Chain {
    punished: [bool; 2],
    slashable_from: CheckpointNumber,
}

impl Chain {
    fn chosen(choices: &mut Choices) -> Self {
        let chosen = choices.byte();
        let punished = [chosen & 0x10 != 0, chosen & 0x20 != 0];
        Self { punished, slashable_from: u64::from(chosen % 4) }
    }
}

impl OffenceContext for Chain {
    type AccountId = u64;

    fn genesis_hash(&self) -> H256 {
        GENESIS
    }

    fn key_owner(&self, key: &PublicKey) -> Option<u64> {
        match PUBLIC.iter().position(|public| public == key) {
            Some(1 | 2) => Some(1),
            Some(3) => Some(3),
            _ => (key.0 == [0; 32]).then_some(3),
        }
    }

    fn is_punished(&self, validator: &u64) -> bool {
        self.punished[usize::from(*validator == 3)]
    }

    fn slashable_from(&self, validator: &u64) -> CheckpointNumber {
        // Another one for the other validator, so that taking the wrong one shows.
        self.slashable_from * (4 - validator) / 3
    }
}

/// Judges the proof that is in these bytes, or that they tell how to make.
pub fn proof(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let is_made = choices.byte() & 1 == MADE;
    let chain = Chain::chosen(&mut choices);
    if is_made {
        let proof = made(&mut choices);
        judge(&proof, &chain);
        identity(&proof, &mut choices);
    } else if let Some(proof) = read(choices.rest()) {
        judge(&proof, &chain);
    }
}

/// Decodes; what was read must be written again as it was.
fn read(bytes: &[u8]) -> Option<DoubleSignProof> {
    let mut rest = bytes;
    let decoded = DoubleSignProof::decode(&mut rest);
    let all = DoubleSignProof::decode_all(&mut &*bytes);
    let Ok(proof) = decoded else {
        assert!(all.is_err(), "all of it is a proof, and a part is none");
        return None;
    };
    let (used, rest) = bytes.split_at(bytes.len() - rest.len());
    assert_eq!(proof.encode(), used, "a second encoding of one proof");
    assert_eq!(used.len(), DoubleSignProof::max_encoded_len(), "every proof has one length");
    assert_eq!(all.is_ok(), rest.is_empty(), "bytes were left over");
    Some(proof)
}

/// A proof that may be right in every respect, then up to three things spoilt.
fn made(choices: &mut Choices) -> DoubleSignProof {
    let genesis_hash = if choices.below(8) == 7 { ELSEWHERE } else { GENESIS };
    let checkpoint = choices.number();
    let votes = [(); 2].map(|()| vote(choices, genesis_hash, checkpoint));
    let canonical = DoubleSignProof::new(genesis_hash, votes[0], votes[1]);
    let reversed = DoubleSignProof::new(genesis_hash, votes[1], votes[0]);
    assert_eq!(canonical, reversed, "the order in which votes are seen makes a difference");
    let made = DoubleSignProof { genesis_hash, first: votes[0], second: votes[1] };
    let mut proof = canonical.unwrap_or(made);
    for _ in 0..choices.below(4) {
        spoil(&mut proof, choices);
    }
    proof
}

/// A vote that a known key signed.
fn vote(choices: &mut Choices, genesis_hash: H256, checkpoint: CheckpointNumber) -> SignedVote {
    let key = &KEYS[usize::from(choices.byte()) % KEYS.len()];
    key.vote(&genesis_hash, checkpoint, choices.hash())
}

/// Changes one thing.
fn spoil(proof: &mut DoubleSignProof, choices: &mut Choices) {
    let other = proof.first;
    let vote = if choices.coin() { &mut proof.first } else { &mut proof.second };
    match choices.below(12) {
        0 => proof.genesis_hash = choices.hash(),
        1 => core::mem::swap(&mut proof.first, &mut proof.second),
        2 => vote.vote.block_hash = choices.hash(),
        3 => vote.vote.checkpoint = choices.number(),
        4 => vote.key = choices.key(),
        5 => vote.signature = choices.spoilt(&vote.signature),
        6 => vote.signature = other.signature,
        7 => *vote = other,
        8 => {
            let checkpoint = choices.number();
            *vote = self::vote(choices, proof.genesis_hash, checkpoint);
        }
        9 => {
            // Signed by the right key, as another kind of statement or for another chain.
            let kind = choices.of(&StatementKind::ALL);
            let mut bytes = signing_prefix(kind, &choices.of(&[GENESIS, ELSEWHERE]));
            vote.vote.encode_to(&mut bytes);
            if let Some(key) = known(&vote.key) {
                vote.signature = key.sign_bytes(&bytes);
            }
        }
        10 => {
            vote.key = PublicKey::from_raw([0; 32]);
            vote.signature = forged();
        }
        _ => {
            let mut bytes = proof.encode();
            choices.flip(&mut bytes);
            *proof =
                DoubleSignProof::decode_all(&mut &bytes[..]).expect("any bytes of that length");
        }
    }
}

/// Holds the verdict against every reason that there is, each looked at by itself.
fn judge(proof: &DoubleSignProof, chain: &Chain) {
    let verdict = proof.check(chain);
    let reasons = reasons(proof, chain);
    match &verdict {
        Ok(offence) => {
            assert_eq!(reasons, [], "accepted all the same");
            assert_eq!(chain.key_owner(&proof.second.key), Some(offence.validator));
            assert_eq!(offence.checkpoint, proof.second.vote.checkpoint);
            assert_eq!(offence.first_hash, proof.first.vote.block_hash);
            assert_eq!(offence.second_hash, proof.second.vote.block_hash);
        }
        Err(reason) => assert_eq!(reasons.first(), Some(reason), "of {reasons:?}"),
    }

    let swapped = DoubleSignProof { first: proof.second, second: proof.first, ..*proof };
    let order = (verdict.err(), swapped.check(chain).err());
    match order {
        (Some(Reason::OtherChain | Reason::SameBlock), other) => assert_eq!(order.0, other),
        (Some(Reason::NotCanonical), other) => assert_ne!(other, order.0, "neither is in order"),
        (_, other) => assert_eq!(other, Some(Reason::NotCanonical), "both are in order"),
    }
    // A proof that can be made of the votes is the one that is in order.
    if let Some(made) = DoubleSignProof::new(proof.genesis_hash, proof.first, proof.second) {
        assert!(made == *proof || made == swapped);
        assert_ne!(made.check(chain).err(), Some(Reason::NotCanonical));
    }
}

/// All reasons that apply, in the order of the enum.
fn reasons(proof: &DoubleSignProof, chain: &Chain) -> Vec<Reason> {
    let (first, second) = (&proof.first, &proof.second);
    let owners = [first, second].map(|signed| chain.key_owner(&signed.key));
    let of_owner = |test: &dyn Fn(&u64) -> bool| owners[0].as_ref().is_some_and(test);
    let checks = [
        (Reason::OtherChain, proof.genesis_hash != GENESIS),
        (Reason::SameBlock, first.vote.block_hash.0 == second.vote.block_hash.0),
        (Reason::NotCanonical, first.vote.block_hash.0 > second.vote.block_hash.0),
        (Reason::DifferentCheckpoints, first.vote.checkpoint != second.vote.checkpoint),
        (Reason::SmallOrderKey, small_order(&first.key) | small_order(&second.key)),
        (Reason::UnknownKey, owners.contains(&None)),
        (Reason::DifferentValidators, owners[0] != owners[1]),
        (Reason::AlreadyPunished, of_owner(&|owner| chain.is_punished(owner))),
        (Reason::Excused, of_owner(&|owner| first.vote.checkpoint < chain.slashable_from(owner))),
        (Reason::InvalidFirstSignature, !is_signed(first)),
        (Reason::InvalidSecondSignature, !is_signed(second)),
    ];
    checks.into_iter().filter(|(_, applies)| *applies).map(|(reason, _)| reason).collect()
}

/// Whether the point that the key encodes is of small order, as the curve's library says.
fn small_order(key: &PublicKey) -> bool {
    let point = CompressedEdwardsY(key.0).decompress();
    let is_small = point.is_some_and(|point| point.is_small_order());
    assert_eq!(is_small_order(key), is_small, "{key:?}");
    is_small
}

/// Whether the key made this signature of this vote.
fn is_signed(signed: &SignedVote) -> bool {
    known(&signed.key).is_some_and(|key| key.sign(&GENESIS, &signed.vote) == signed.signature)
}

/// Identity is what was signed: other signature bytes are the same proof, anything else is another.
fn identity(proof: &DoubleSignProof, choices: &mut Choices) {
    let mut other = *proof;
    other.first.signature = choices.spoilt(&other.first.signature);
    other.second.signature = choices.spoilt(&other.second.signature);
    assert_eq!(other.id(), proof.id(), "signature bytes make another proof");
    for _ in 0..4 {
        spoil(&mut other, choices);
        let unsigned = |proof: &DoubleSignProof| {
            let (first, second) = (&proof.first, &proof.second);
            (proof.genesis_hash, first.vote, first.key, second.vote, second.key)
        };
        assert_eq!(other.id() == proof.id(), unsigned(&other) == unsigned(proof));
    }
}
