//! Judges directors' votes about validators.

use crate::{
    ELSEWHERE, GENESIS, KEYS, PUBLIC,
    choices::{Choices, MADE},
    known,
    wire::read,
};
use codec::{Decode, DecodeAll, Encode};
use director_primitives::{
    AccountId32, Decision, DirectorVote, H256, PublicKey, RevocationReason, SignedDirectorVote,
    StatementKind, signing::signing_prefix,
};
use sp_core::{ConstU32, bounded::BoundedVec};

type Vote = SignedDirectorVote<AccountId32>;

/// As many votes as an extrinsic may bring: there are at most seven directors.
const MAX_VOTES: usize = 7;

type Votes = BoundedVec<Vote, ConstU32<{ MAX_VOTES as u32 }>>;

/// What a director can decide.
const DECISIONS: [Decision; 7] = [
    Decision::Approve,
    Decision::Revoke(RevocationReason::LowStake),
    Decision::Revoke(RevocationReason::RateLimit),
    Decision::Revoke(RevocationReason::EnvelopeEquivocation),
    Decision::Revoke(RevocationReason::InvalidSignatures),
    Decision::Revoke(RevocationReason::DoubleSign),
    Decision::Revoke(RevocationReason::Operator),
];

/// Judges the votes that are in these bytes, or the one that they tell how to make.
pub fn director_vote(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    if choices.byte() & 1 == MADE {
        made(&mut choices);
        return;
    }
    let rest = choices.rest();
    if let Some(vote) = read::<Vote>(rest) {
        judge(&vote);
    }
    let unbounded = Vec::<Vote>::decode(&mut &*rest);
    match read::<Votes>(rest) {
        Some(votes) => {
            assert!(votes.len() <= MAX_VOTES, "{} votes", votes.len());
            assert_eq!(unbounded.as_deref(), Ok(&votes[..]), "the bound changed what was read");
            votes.iter().for_each(judge);
        }
        None => assert!(unbounded.is_err() || unbounded.is_ok_and(|all| all.len() > MAX_VOTES)),
    }
}

/// A vote verifies exactly if the director's key made its signature, for the chain in question. The
/// first byte of the account tells the key, as the chain would.
pub(crate) fn judge(vote: &Vote) {
    let director: &[u8; 32] = vote.director.as_ref();
    let number = usize::from(director[0]) % KEYS.len();
    for genesis_hash in [GENESIS, ELSEWHERE] {
        let is_signed = KEYS[number].sign(&genesis_hash, &vote.vote) == vote.signature;
        assert_eq!(vote.verify(&genesis_hash, &PUBLIC[number]), is_signed, "{vote:?}");
    }
}

/// Has a vote signed, changes up to three things and holds what verifies against what changed.
fn made(choices: &mut Choices) {
    let number = usize::from(choices.byte()) % KEYS.len();
    let director = account(choices);
    let honest = KEYS[number].director_vote(&GENESIS, director, vote(choices));
    assert!(honest.verify(&GENESIS, &PUBLIC[number]), "the right signature of {honest:?}");

    let (mut signed, mut key, mut genesis_hash) = (honest.clone(), PUBLIC[number], GENESIS);
    for _ in 0..choices.below(4) {
        match choices.below(4) {
            0 => key = PUBLIC[usize::from(choices.byte()) % PUBLIC.len()],
            1 => genesis_hash = choices.hash(),
            2 => signed.signature = choices.spoilt(&signed.signature),
            _ => spoil(&mut signed, &key, choices),
        }
    }
    let verifies = signed.verify(&genesis_hash, &key);
    let again = known(&key).map(|key| key.sign(&genesis_hash, &signed.vote));
    assert_eq!(verifies, again == Some(signed.signature), "{honest:?} was signed, not {signed:?}");
    // Who the director is stands beside the vote: the key that the chain has for it tells.
    if signed.signature == honest.signature {
        let is_as_signed =
            (&signed.vote, key, genesis_hash) == (&honest.vote, PUBLIC[number], GENESIS);
        assert_eq!(verifies, is_as_signed, "{honest:?} was signed, not {signed:?}");
    }
}

/// Changes one thing that was signed, or has the vote signed as something else.
fn spoil(signed: &mut Vote, key: &PublicKey, choices: &mut Choices) {
    let vote = &mut signed.vote;
    match choices.below(9) {
        0 => signed.director = account(choices),
        1 => vote.validator = account(choices),
        2 => vote.registration_id ^= 1 << choices.below(64),
        3 => vote.decision = choices.of(&DECISIONS),
        4 => vote.nonce ^= 1 << choices.below(64),
        5 => vote.valid_until ^= 1 << choices.below(64),
        6 => *vote = self::vote(choices),
        7 => {
            // By the right key, as another kind of statement or for another chain.
            let kind = choices.of(&StatementKind::ALL);
            let mut bytes = signing_prefix(kind, &choices.of(&[GENESIS, ELSEWHERE, H256::zero()]));
            vote.encode_to(&mut bytes);
            if let Some(key) = known(key) {
                signed.signature = key.sign_bytes(&bytes);
            }
        }
        _ => {
            let mut bytes = signed.encode();
            choices.flip(&mut bytes);
            // A decision that there is not, perhaps.
            if let Ok(changed) = Vote::decode_all(&mut &bytes[..]) {
                *signed = changed;
            }
        }
    }
}

fn account(choices: &mut Choices) -> AccountId32 {
    AccountId32::new(choices.hash().0)
}

fn vote(choices: &mut Choices) -> DirectorVote<AccountId32> {
    DirectorVote {
        validator: account(choices),
        registration_id: choices.number(),
        decision: choices.of(&DECISIONS),
        nonce: choices.number(),
        valid_until: choices.number(),
    }
}
