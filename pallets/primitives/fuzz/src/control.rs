//! Judges control messages: everything that is said to the peer alone.

use crate::{
    ELSEWHERE, GENESIS, KEYS, PUBLIC,
    choices::{Choices, MADE},
    director_vote, known, request,
    wire::{read, written},
};
use codec::Encode;
use director_primitives::{
    AccountId32, Answer, Attach, Control, Decision, DirectorVote, Fetch, Fetched, Heartbeat,
    Priority, Range, Redirect, RevocationReason, Role, Served, SignedHeartbeat, Vector,
    VectorEntry, VectorSummary, Welcome,
    keys::is_small_order,
    message::MAX_REDIRECTS,
    repair::{MAX_RANGES, MAX_VECTOR_ENTRIES},
    test_utils::double_sign,
};

/// Judges the message that is in these bytes, or that they tell how to make.
pub fn control(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    if choices.byte() & 1 == MADE {
        let mut message = made(&mut choices);
        judge(&message);
        if let Control::Heartbeat(heartbeat) = &mut message {
            spoil(heartbeat, &mut choices);
            judge_heartbeat(heartbeat);
        }
        written(&message, &mut choices);
    } else if let Some(message) = read::<Control>(choices.rest()) {
        judge(&message);
    }
}

/// Lists have their bounds, and what is signed verifies exactly if a key made it.
fn judge(message: &Control) {
    match message {
        Control::AuthorizationRequest(application) => request::judge_application(application),
        Control::DirectorVote(vote) => director_vote::judge(vote),
        Control::Evidence(proof) => {
            // What stands in it is judged by the target `proof`.
            let swapped = director_primitives::DoubleSignProof {
                first: proof.second,
                second: proof.first,
                ..*proof
            };
            let is_one_block = proof.first.vote.block_hash == proof.second.vote.block_hash;
            assert!(is_one_block || proof.id() != swapped.id());
        }
        Control::Heartbeat(heartbeat) => judge_heartbeat(heartbeat),
        Control::Redirect(Redirect { directors }) | Control::Move(Redirect { directors }) => {
            assert!(directors.len() <= MAX_REDIRECTS as usize);
        }
        Control::Attach(Attach { vector: entries, .. })
        | Control::Vector(Vector { entries, .. }) => {
            assert!(entries.len() <= MAX_VECTOR_ENTRIES as usize);
        }
        Control::Fetch(Fetch { ranges }) => assert!(ranges.len() <= MAX_RANGES as usize),
        Control::Fetched(Fetched { ranges }) => assert!(ranges.len() <= MAX_RANGES as usize),
        Control::Welcome(_) | Control::AuthorizationAnswer(_) | Control::VectorRequest => {}
    }
}

fn judge_heartbeat(signed: &SignedHeartbeat) {
    let director = &signed.heartbeat.director;
    if is_small_order(director) {
        return;
    }
    for genesis_hash in [GENESIS, ELSEWHERE] {
        let again = known(director).map(|key| key.sign(&genesis_hash, &signed.heartbeat));
        assert_eq!(signed.verify(&genesis_hash), again == Some(signed.signature), "{signed:?}");
    }
}

/// A message of any kind.
fn made(choices: &mut Choices) -> Control {
    match choices.below(13) {
        0 => Control::Welcome(Welcome { last_epoch: choices.number(), authorized: choices.coin() }),
        1 => Control::AuthorizationRequest(request::made_application(choices)),
        2 => Control::AuthorizationAnswer(answer(choices)),
        3 => {
            let vote = DirectorVote {
                validator: AccountId32::new(choices.hash().0),
                registration_id: choices.number(),
                decision: Decision::Revoke(reason(choices)),
                nonce: choices.number(),
                valid_until: choices.number(),
            };
            let director = AccountId32::new([1; 32]);
            Control::DirectorVote(KEYS[1].director_vote(&GENESIS, director, vote))
        }
        4 => {
            let key = &KEYS[usize::from(choices.byte()) % KEYS.len()];
            Control::Evidence(double_sign(key, GENESIS, choices.number()))
        }
        5 => Control::Heartbeat(heartbeat(choices)),
        6 => Control::Redirect(redirect(choices)),
        7 => {
            let role = choices.of(&[Role::Primary, Role::Standby]);
            Control::Attach(Attach { role, vector: entries(choices).try_into().expect("few") })
        }
        8 => Control::Vector(Vector {
            entries: entries(choices).try_into().expect("few"),
            complete: choices.coin(),
        }),
        9 => Control::VectorRequest,
        10 => {
            let ranges: Vec<_> = (0..choices.below(16)).map(|_| range(choices)).collect();
            Control::Fetch(Fetch { ranges: ranges.try_into().expect("few") })
        }
        11 => {
            let served = |choices: &mut Choices| Served {
                range: range(choices),
                gone_to: choices.number(),
                served_to: choices.number(),
            };
            let ranges: Vec<_> = (0..choices.below(16)).map(|_| served(choices)).collect();
            Control::Fetched(Fetched { ranges: ranges.try_into().expect("few") })
        }
        _ => Control::Move(redirect(choices)),
    }
}

fn reason(choices: &mut Choices) -> RevocationReason {
    choices.of(&[
        RevocationReason::LowStake,
        RevocationReason::RateLimit,
        RevocationReason::EnvelopeEquivocation,
        RevocationReason::InvalidSignatures,
        RevocationReason::DoubleSign,
        RevocationReason::Operator,
    ])
}

fn answer(choices: &mut Choices) -> Answer {
    match choices.below(14) {
        0 => Answer::Approved { votes: choices.byte().into(), needed: choices.byte().into() },
        1 => Answer::Revoked(reason(choices)),
        _ => choices.of(&[
            Answer::AlreadyAuthorized,
            Answer::NotRegistered,
            Answer::LowStake,
            Answer::NotEligible,
            Answer::InvalidSignature,
            Answer::Stale,
            Answer::OtherChain,
            Answer::InvalidStakeProof,
            Answer::OtherValidatorsProof,
            Answer::StakeNotHeld,
            Answer::Denied,
            Answer::Unavailable,
        ]),
    }
}

fn redirect(choices: &mut Choices) -> Redirect {
    let directors: Vec<_> = (0..choices.below(17)).map(|_| choices.key()).collect();
    Redirect { directors: directors.try_into().expect("as many as it names at most") }
}

fn entries(choices: &mut Choices) -> Vec<VectorEntry> {
    let entry = |choices: &mut Choices| VectorEntry {
        origin: choices.key(),
        epoch: choices.number(),
        contiguous: [(); 4].map(|()| choices.number()),
    };
    (0..choices.below(16)).map(|_| entry(choices)).collect()
}

fn range(choices: &mut Choices) -> Range {
    Range {
        origin: choices.key(),
        epoch: choices.number(),
        class: choices.of(&Priority::ALL),
        first: choices.number(),
        last: choices.number(),
    }
}

fn heartbeat(choices: &mut Choices) -> SignedHeartbeat {
    let number = usize::from(choices.byte()) % KEYS.len();
    let heartbeat = Heartbeat {
        director: PUBLIC[number],
        time_ms: choices.number(),
        validators: choices.byte().into(),
        capacity: choices.byte().into(),
        cpu_permille: choices.byte().into(),
        bandwidth_bytes_per_s: choices.number(),
        finalized: choices.number(),
        vector: summary(choices),
    };
    let signature = KEYS[number].sign(&GENESIS, &heartbeat);
    let signed = SignedHeartbeat { heartbeat, signature };
    assert!(signed.verify(&GENESIS), "the right signature of {signed:?}");
    signed
}

fn summary(choices: &mut Choices) -> VectorSummary {
    match choices.coin() {
        true => VectorSummary::Delta(entries(choices)),
        false => VectorSummary::Hash(choices.hash()),
    }
}

/// Changes one thing, or nothing.
fn spoil(signed: &mut SignedHeartbeat, choices: &mut Choices) {
    let before = signed.clone();
    let heartbeat = &mut signed.heartbeat;
    match choices.below(10) {
        0 => heartbeat.director = choices.key(),
        1 => heartbeat.time_ms ^= 1 << choices.below(64),
        2 => heartbeat.validators ^= 1 << choices.below(32),
        3 => heartbeat.capacity ^= 1 << choices.below(32),
        4 => heartbeat.cpu_permille ^= 1 << choices.below(16),
        5 => heartbeat.bandwidth_bytes_per_s ^= 1 << choices.below(64),
        6 => heartbeat.finalized ^= 1 << choices.below(64),
        7 => heartbeat.vector = summary(choices),
        8 => signed.signature = choices.spoilt(&signed.signature),
        _ => {}
    }
    if signed.signature == before.signature && !is_small_order(&signed.heartbeat.director) {
        let is_the_same = signed.heartbeat.encode() == before.heartbeat.encode();
        assert_eq!(signed.verify(&GENESIS), is_the_same, "{before:?} was signed, not {signed:?}");
    }
}
