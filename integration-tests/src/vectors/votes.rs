//! Checkpoint votes, certificates and proofs of a double sign.

use super::{GENESIS, Key, OTHER_GENESIS, account, fields::Fields, hexadecimal, spoilt, verdict};
use director_primitives::{
    AccountId32, Certificate, CheckpointNumber, CheckpointVote, DoubleSignProof, H256,
    OffenceContext, PublicKey, Signature, SignedVote, turn,
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn file() -> Value {
    json!({
        "votes": signed_votes(),
        "certificates": certificates(),
        "proofs": proofs(),
        "turns": turns(),
    })
}

fn vote(block: u8) -> CheckpointVote {
    CheckpointVote { checkpoint: 0x0102, block_hash: H256::repeat_byte(block) }
}

pub(super) fn signed(key: &Key, vote: CheckpointVote) -> SignedVote {
    SignedVote { vote, key: key.public(), signature: key.sign(&GENESIS, &vote) }
}

fn signed_votes() -> Value {
    let good = signed(&Key::new(1), vote(0xaa));
    let cases = [
        ("a vote", GENESIS, good),
        ("for another chain", OTHER_GENESIS, good),
        (
            "the signature changed",
            GENESIS,
            SignedVote { signature: spoilt(good.signature), ..good },
        ),
        ("another block", GENESIS, SignedVote { vote: vote(0xab), ..good }),
    ];
    let shown = cases.into_iter().map(|(name, genesis_hash, vote)| {
        json!({
            "name": name,
            "genesis_hash": hex::encode(genesis_hash),
            "bytes": hexadecimal(&vote),
            "fields": vote.fields(),
            "valid": vote.verify(&genesis_hash),
        })
    });
    shown.collect()
}

fn certificates() -> Value {
    let mut keys = [1, 2, 3, 4].map(Key::new);
    keys.sort_by_key(Key::public);
    let voters: BTreeSet<_> = keys.iter().map(Key::public).collect();
    let by = |keys: &[&Key]| -> Vec<(PublicKey, Signature)> {
        keys.iter().map(|key| (key.public(), key.sign(&GENESIS, &vote(0xaa)))).collect()
    };
    let of = |signatures| Certificate { vote: vote(0xaa), signatures };
    let [a, b, c, d] = &keys;
    let stranger = Key::new(9);
    let mut unknown = by(&[a, b, &stranger]);
    unknown.sort_by_key(|(key, _)| *key);
    let mut wrong = by(&[a, b, c]);
    wrong[1].1 = spoilt(wrong[1].1);
    let cases = [
        ("three of four", GENESIS, of(by(&[a, b, d]))),
        ("all", GENESIS, of(by(&[a, b, c, d]))),
        ("two of four", GENESIS, of(by(&[a, b]))),
        ("none", GENESIS, of(by(&[]))),
        ("not in order", GENESIS, of(by(&[b, a, c]))),
        ("one twice", GENESIS, of(by(&[a, b, b]))),
        ("somebody who is no voter", GENESIS, of(unknown)),
        ("a signature changed", GENESIS, of(wrong)),
        ("for another chain", OTHER_GENESIS, of(by(&[a, b, d]))),
        ("for another block", GENESIS, Certificate { vote: vote(0xab), ..of(by(&[a, b, d])) }),
    ];
    let shown = cases.into_iter().map(|(name, genesis_hash, certificate)| {
        json!({
            "name": name,
            "genesis_hash": hex::encode(genesis_hash),
            "voters": voters.iter().map(hex::encode).collect::<Vec<_>>(),
            "bytes": hexadecimal(&certificate),
            "fields": certificate.fields(),
            "result": verdict(certificate.verify(&genesis_hash, &voters)),
        })
    });
    shown.collect()
}

/// What the chain of the vectors knows.
#[derive(Clone)]
struct Chain {
    genesis_hash: H256,
    keys: BTreeMap<PublicKey, AccountId32>,
    punished: Vec<AccountId32>,
    slashable_from: CheckpointNumber,
}

impl OffenceContext for Chain {
    type AccountId = AccountId32;

    fn genesis_hash(&self) -> H256 {
        self.genesis_hash
    }

    fn key_owner(&self, key: &PublicKey) -> Option<AccountId32> {
        self.keys.get(key).cloned()
    }

    fn is_punished(&self, validator: &AccountId32) -> bool {
        self.punished.contains(validator)
    }

    fn slashable_from(&self, _: &AccountId32) -> CheckpointNumber {
        self.slashable_from
    }
}

impl Chain {
    fn show(&self, name: &str, proof: &DoubleSignProof) -> Value {
        let keys =
            self.keys.iter().map(|(key, owner)| (hex::encode(key), hex::encode(owner).into()));
        json!({
            "name": name,
            "chain": {
                "genesis_hash": hex::encode(self.genesis_hash),
                "keys": keys.collect::<serde_json::Map<_, _>>(),
                "punished": self.punished.iter().map(hex::encode).collect::<Vec<_>>(),
                "slashable_from": self.slashable_from.to_string(),
            },
            "bytes": hexadecimal(proof),
            "fields": proof.fields(),
            "id": hex::encode(proof.id()),
            "result": verdict(proof.check(self)),
        })
    }
}

fn proofs() -> Value {
    let (now, before, other) = (Key::new(1), Key::new(2), Key::new(3));
    let owners = [(&now, 0x22), (&before, 0x22), (&other, 0x23)];
    let keys = owners.map(|(key, owner)| (key.public(), account(owner))).into();
    let chain = Chain { genesis_hash: GENESIS, keys, punished: vec![], slashable_from: 0 };
    let punished = Chain { punished: vec![account(0x22)], ..chain.clone() };
    let excused = Chain { slashable_from: 0x0103, ..chain.clone() };
    let just_not_excused = Chain { slashable_from: 0x0102, ..chain.clone() };
    let elsewhere = Chain { genesis_hash: OTHER_GENESIS, ..chain.clone() };
    let of = |first, second| DoubleSignProof { genesis_hash: GENESIS, first, second };
    let (first, second) = (signed(&now, vote(0xaa)), signed(&now, vote(0xbb)));
    let later = CheckpointVote { checkpoint: 0x0103, ..vote(0xbb) };
    let spoilt = |vote: SignedVote| SignedVote { signature: spoilt(vote.signature), ..vote };
    let zero = |vote| SignedVote {
        vote,
        key: PublicKey::from_raw([0; 32]),
        signature: Signature::from_raw([0; 64]),
    };
    let good = of(first, second);
    json!([
        chain.show("two blocks for one checkpoint", &good),
        chain.show("a key that was rotated between", &of(signed(&before, vote(0xaa)), second)),
        just_not_excused.show("the first checkpoint that is not excused", &good),
        elsewhere.show("another chain", &good),
        chain.show("the same block", &of(first, first)),
        chain.show("the votes in the wrong order", &of(second, first)),
        chain.show("different checkpoints", &of(first, signed(&now, later))),
        chain.show("a key of small order", &of(zero(vote(0xaa)), zero(vote(0xbb)))),
        chain.show("a key of nobody", &of(signed(&Key::new(9), vote(0xaa)), second)),
        chain.show("two validators", &of(first, signed(&other, vote(0xbb)))),
        punished.show("punished before", &good),
        excused.show("excused", &good),
        chain.show("the first signature changed", &of(spoilt(first), second)),
        chain.show("the second signature changed", &of(first, spoilt(second))),
        chain.show("both signatures changed", &of(spoilt(first), spoilt(second))),
    ])
}

/// Who acts first, for some subjects.
fn turns() -> Value {
    let directors = [1, 2, 3, 4, 5].map(account);
    let subjects = [b"".to_vec(), b"proof".to_vec(), vec![0x77; 32]];
    let shown = subjects.into_iter().map(|subject| {
        let ranks: Vec<_> =
            directors.iter().map(|me| turn::rank(&subject, me, &directors)).collect();
        json!({
            "subject": hex::encode(&subject),
            "directors": directors.iter().map(hex::encode).collect::<Vec<_>>(),
            "ranks": ranks,
        })
    });
    shown.collect()
}
