//! What the chain answers, where its state has what a stake proof is about, and such proofs.

use super::{GENESIS, Key, account, fields::Fields, hexadecimal, verdict};
use codec::Encode;
use director_primitives::{
    AccountId32, CheckpointVote, Decision, DoubleSignProof, H256, Offence, ProvenStake, Reason,
    RevocationReason, SignedVote, StakeProof,
    runtime_api::{
        DirectorInfo, DirectorSet, Domain, Endpoint, EndpointScope, PendingSlash, RetiredKey,
        StoredVote, ValidatorInfo, ValidatorStatus, VoteProgress,
    },
};
use director_service::chain::fuzz::Proofs;
use serde_json::{Value, json};

/// Validators of the state that is proven of.
const VALIDATORS: u16 = 6;

pub(super) fn file() -> Value {
    let state = Proofs::of(VALIDATORS);
    json!({
        "runtime_api": runtime_api(),
        "storage_keys": storage_keys(&state),
        "stake_proofs": stake_proofs(&state),
    })
}

fn runtime_api() -> Value {
    let validators: Vec<_> = (0x21..).zip(STATUSES).map(|(n, of)| validator(n, of)).collect();
    let one = Some(validators[1].clone());
    let nobody = None::<ValidatorInfo<AccountId32>>;
    let no_progress = None::<VoteProgress<AccountId32>>;
    let no_directors = DirectorSet { version: 0, active: vec![], invited: vec![] };
    let proof = double_sign();
    let asked = || (proof.encode(), json!({ "proof": proof.fields() }));
    let refused = Err::<Offence<AccountId32>, _>(Reason::AlreadyPunished);
    json!([
        call("domain", nothing(), &domain()),
        call("directors", nothing(), &directors()),
        call("directors", nothing(), &no_directors),
        call("validators", page(None, 1_000), &validators),
        call("validators", page(Some(account(0x25)), 2), &Vec::<ValidatorInfo<_>>::new()),
        call("validator", of(0x22), &one),
        call("validator", of(0x2f), &nobody),
        call("vote_progress", of(0x21), &Some(progress())),
        call("vote_progress", of(0x2f), &no_progress),
        call("pending_slashes", nothing(), &vec![pending(&proof)]),
        call("check_evidence", asked(), &Ok::<_, Reason>(offence(&proof))),
        call("check_evidence", asked(), &refused),
    ])
}

/// A call: its name, its arguments, and what the chain answers.
fn call(name: &str, arguments: (Vec<u8>, Value), answer: &(impl Encode + Fields)) -> Value {
    json!({
        "call": format!("DirectorApi_{name}"),
        "arguments": arguments.1,
        "argument_bytes": hex::encode(arguments.0),
        "bytes": hexadecimal(answer),
        "fields": answer.fields(),
    })
}

fn nothing() -> (Vec<u8>, Value) {
    (Vec::new(), json!({}))
}

fn of(byte: u8) -> (Vec<u8>, Value) {
    let account = account(byte);
    (account.encode(), json!({ "account": hexadecimal(&account) }))
}

fn page(after: Option<AccountId32>, limit: u32) -> (Vec<u8>, Value) {
    let shown = after.as_ref().map(hexadecimal);
    ((after, limit).encode(), json!({ "after": shown, "limit": limit }))
}

fn domain() -> Domain {
    Domain {
        genesis_hash: GENESIS,
        checkpoint_interval: 10,
        min_stake: 1_000_000_000_000_000,
        unbonding_period: 403_200,
        slash_defer_period: 14_400,
        min_directors: 3,
        max_directors: 30,
        max_validators: 1_500,
        max_active_validators: 1_000,
        stale_after: 1_200,
    }
}

fn directors() -> DirectorSet<AccountId32> {
    let at = |scope, address: &str| Endpoint {
        scope,
        address: address.as_bytes().to_vec().try_into().expect("short; qed"),
    };
    let director = |n: u8, region: &str, endpoints: Vec<Endpoint>| DirectorInfo {
        account: account(n),
        peer_key: Key::new(n).public(),
        endpoints: endpoints.try_into().expect("few; qed"),
        region: region.as_bytes().to_vec().try_into().expect("short; qed"),
        capacity: 300 + u32::from(n),
        active_since: 5,
        refreshed_at: 7_000,
    };
    let first = vec![
        at(EndpointScope::Public, "/ip4/203.0.113.7/tcp/30400"),
        at(EndpointScope::Public, "/dns4/director.example/udp/30400/quic-v1"),
        at(EndpointScope::Mesh, "/ip4/100.64.0.1/tcp/30401"),
    ];
    let second = vec![at(EndpointScope::Mesh, "/ip6/fd00::2/tcp/30401")];
    DirectorSet {
        version: 4,
        active: vec![director(0x11, "eu-west", first), director(0x12, "", second)],
        invited: vec![account(0x13)],
    }
}

const STATUSES: [ValidatorStatus; 5] = [
    ValidatorStatus::Candidate,
    ValidatorStatus::Authorized,
    ValidatorStatus::Revoked,
    ValidatorStatus::Exiting,
    ValidatorStatus::Tombstoned,
];

fn validator(n: u8, status: ValidatorStatus) -> ValidatorInfo<AccountId32> {
    let retired = RetiredKey { key: Key::new(n + 0x40).public(), until: 410_000 };
    ValidatorInfo {
        account: account(n),
        registration_id: u64::from(n),
        status,
        stake: 1_500_000_000_000_000_000_000_000,
        unbonding: if status == ValidatorStatus::Exiting { 7 } else { 0 },
        checkpoint_key: Key::new(n).public(),
        peer_key: Key::new(n + 0x20).public(),
        retired_keys: if status == ValidatorStatus::Authorized { vec![retired] } else { vec![] },
        slashable_from: 3,
    }
}

fn progress() -> VoteProgress<AccountId32> {
    let vote = |director, decision| StoredVote {
        director: account(director),
        decision,
        nonce: 7_000 * 65_536,
        valid_until: 7_100,
    };
    let revoke = Decision::Revoke(RevocationReason::Operator);
    VoteProgress {
        registration_id: 0x21,
        needed: 2,
        votes: vec![vote(0x11, Decision::Approve), vote(0x12, revoke)],
    }
}

fn double_sign() -> DoubleSignProof {
    let key = Key::new(0x25);
    let vote = |n| {
        let vote = CheckpointVote { checkpoint: 9, block_hash: H256([n; 32]) };
        SignedVote { vote, key: key.public(), signature: key.sign(&GENESIS, &vote) }
    };
    DoubleSignProof::new(GENESIS, vote(1), vote(2)).expect("two blocks; qed")
}

fn offence(proof: &DoubleSignProof) -> Offence<AccountId32> {
    Offence {
        validator: account(0x25),
        checkpoint: proof.first.vote.checkpoint,
        first_hash: proof.first.vote.block_hash,
        second_hash: proof.second.vote.block_hash,
    }
}

fn pending(proof: &DoubleSignProof) -> PendingSlash<AccountId32> {
    PendingSlash {
        offence: offence(proof),
        reporter: account(0x11),
        reported_at: 7_001,
        apply_at: 21_401,
    }
}

fn storage_keys(state: &Proofs) -> Value {
    let shown = (1..=2).map(|n| {
        let [validators, holds] = state.keys(n).map(hex::encode);
        json!({ "account": hexadecimal(&state.account(n)), "validators": validators, "holds": holds })
    });
    shown.collect()
}

fn stake_proofs(state: &Proofs) -> Value {
    let other = Proofs::of(VALIDATORS + 1);
    let (good, stranger) = (state.nodes(2), VALIDATORS + 1);
    let mut changed = good.clone();
    changed[0][5] ^= 1;
    // The root is the one that no other one refers to, and here the longest.
    let longest = (0..good.len()).max_by_key(|at| good[*at].len()).unwrap_or_default();
    let mut rootless = good.clone();
    rootless.remove(longest);
    let mut mixed = [good.clone(), other.nodes(2)].concat();
    mixed.sort();
    mixed.dedup();
    let twice: Vec<_> = good.iter().chain(&state.nodes(3)).chain(&good).rev().cloned().collect();
    let mut cases = vec![
        ("a candidate", 2, good.clone()),
        ("the longest record", 1, state.nodes(1)),
        ("nodes twice, in another order, and some of another validator", 2, twice),
        ("not registered", stranger, state.nodes(stranger)),
        ("nodes that lead to another validator", 3, good.clone()),
        ("a changed byte", 2, changed),
        ("without the root", 2, rootless),
        ("nodes of another state", 2, other.nodes(2)),
        ("nodes of two states", 2, mixed),
        ("nothing", 2, Vec::new()),
    ];
    for at in 0..good.len() {
        let mut rest = good.clone();
        rest.remove(at);
        cases.push(("without one node", 2, rest));
    }
    cases.into_iter().map(|(name, of, nodes)| stake_proof(state, name, of, nodes)).collect()
}

fn stake_proof(state: &Proofs, name: &str, of: u16, nodes: Vec<Vec<u8>>) -> Value {
    let shown: Vec<_> = nodes.iter().map(hex::encode).collect();
    let proof = StakeProof::new(nodes).expect("within the bounds; qed");
    let found = state.check(state.root(), of, &proof);
    json!({
        "name": name,
        "state_root": hex::encode(state.root()),
        "account": hexadecimal(&state.account(of)),
        "hold_reason": hex::encode(state.hold_reason()),
        "nodes": shown,
        "proven": found.ok().map(|proven| proven.fields()),
        "result": verdict(found),
    })
}

impl Fields for ProvenStake {
    fn fields(&self) -> Value {
        json!({
            "registration_id": self.registration_id.to_string(),
            "status": format!("{:?}", self.status),
            "peer_key": hex::encode(self.peer_key),
            "stake": self.stake.to_string(),
            "unbonding": self.unbonding.to_string(),
            "held": self.held.to_string(),
        })
    }
}
