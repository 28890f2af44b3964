//! Proofs of a state that the tests make themselves, and everything that is wrong with other ones.

#![allow(clippy::unwrap_used)]

use super::{
    super::{
        interface::{
            self,
            runtime_types::{
                bounded_collections::bounded_vec::BoundedVec,
                director_primitives::runtime_api::{RetiredKey, ValidatorStatus as Status},
                pallet_validator_registry::types::{Punishment, Unbonding, Validator},
            },
        },
        records::Records,
    },
    Layout, check,
};
use director_primitives::{
    AccountId32, H256, ProvenStake, PublicKey, StakeProof, StakeRefusal,
    runtime_api::ValidatorStatus,
    stake_proof::{MAX_PROOF_LEN, MAX_PROOF_NODE_LEN, MAX_PROOF_NODES},
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use sp_core::Blake2Hasher;
use sp_trie::{MemoryDB, Recorder, TrieMut, read_trie_value, trie_types::TrieDBMutBuilderV1};
use subxt::{Metadata, ext::scale_value::Value};

type Nodes = Vec<Vec<u8>>;

const STAKE: u128 = 1_500_000_000_000_000;

fn account(n: u16) -> AccountId32 {
    let mut account = [7; 32];
    account[..2].copy_from_slice(&n.to_le_bytes());
    AccountId32::new(account)
}

fn peer_key(n: u16) -> [u8; 32] {
    *account(n + 1_000).as_ref()
}

/// As much as a record can hold.
fn largest(n: u16) -> Validator<u128> {
    let retired_key = |_| RetiredKey { key: [9; 32], until: u64::MAX };
    let retired = || BoundedVec((0..4).map(retired_key).collect());
    Validator {
        registration_id: u64::from(n),
        status: Status::Tombstoned,
        stake: STAKE,
        unbonding: BoundedVec((0..8).map(|_| Unbonding { amount: 3, until: u64::MAX }).collect()),
        checkpoint_key: [8; 32],
        peer_key: peer_key(n),
        retired_keys: retired(),
        retired_peer_keys: retired(),
        was_authorized: true,
        slashable_from: u64::MAX,
        bonded_until: Some(u64::MAX),
        punishment: Some(Punishment {
            status_before: Status::Exiting,
            bonded_until_before: Some(u64::MAX),
            slash_pending: true,
            handed_over: Some(u64::MAX),
        }),
    }
}

/// As most records are.
fn candidate(n: u16) -> Validator<u128> {
    Validator {
        status: Status::Candidate,
        unbonding: BoundedVec(Vec::new()),
        retired_keys: BoundedVec(Vec::new()),
        retired_peer_keys: BoundedVec(Vec::new()),
        was_authorized: false,
        slashable_from: 0,
        bonded_until: None,
        punishment: None,
        ..largest(n)
    }
}

fn hold(pallet: &str, reason: &str, amount: u128) -> Value {
    let reason = Value::unnamed_variant(reason, []);
    let id = Value::unnamed_variant(pallet, [reason]);
    Value::named_composite([("id", id), ("amount", Value::u128(amount))])
}

fn stake(amount: u128) -> Vec<Value> {
    vec![hold("ValidatorRegistry", "Stake", amount)]
}

fn records() -> Records {
    Records::new(Metadata::decode_from(interface::METADATA).unwrap().arc()).unwrap()
}

/// A state, and its runtime.
struct State {
    records: Records,
    trie: MemoryDB<Blake2Hasher>,
    root: H256,
}

impl State {
    /// A state without validators, and with whatever else a chain has.
    fn new() -> Self {
        let (trie, root) = (MemoryDB::default(), H256::zero());
        let mut state = Self { records: records(), trie, root };
        let entries = (0..50u8).map(|n| (vec![n; 40], vec![n; 1 + usize::from(n)])).collect();
        state.insert(entries);
        state
    }

    fn insert(&mut self, entries: Vec<(Vec<u8>, Vec<u8>)>) {
        let builder = match self.root.is_zero() {
            true => TrieDBMutBuilderV1::<Blake2Hasher>::new(&mut self.trie, &mut self.root),
            false => TrieDBMutBuilderV1::from_existing(&mut self.trie, &mut self.root),
        };
        let mut trie = builder.build();
        for (key, value) in entries {
            trie.insert(&key, &value).unwrap();
        }
        trie.commit();
    }

    fn register(&mut self, n: u16, record: Validator<u128>, holds: &Vec<Value>) {
        let keys = self.records.keys(&account(n)).unwrap();
        let (record, encoded_holds) = self.records.encode(&record, holds);
        let mut entries = vec![(keys.validator, record)];
        if !holds.is_empty() {
            entries.push((keys.holds, encoded_holds));
        }
        self.insert(entries);
    }

    /// The nodes that a node of the chain gives for the two keys.
    fn proof(&self, n: u16) -> Nodes {
        let keys = self.records.keys(&account(n)).unwrap();
        let mut recorder = Recorder::<Layout>::new();
        for key in [keys.validator, keys.holds] {
            let recorder = Some(&mut recorder as &mut dyn sp_trie::TrieRecorder<_>);
            read_trie_value::<Layout, _>(&self.trie, &self.root, &key, recorder, None).unwrap();
        }
        let mut nodes: Nodes = recorder.drain().into_iter().map(|record| record.data).collect();
        nodes.sort();
        nodes.dedup();
        nodes
    }

    fn check(&self, n: u16, nodes: &Nodes) -> Result<ProvenStake, StakeRefusal> {
        let proof = StakeProof::new(nodes.clone()).expect("within the bounds");
        check(&self.records, self.root, &account(n), &proof)
    }
}

/// A state with these candidates, one of which has the largest record.
fn state(count: u16) -> State {
    let mut state = State::new();
    for n in 1..=count {
        let record = if n == 1 { largest(n) } else { candidate(n) };
        state.register(n, record, &stake(STAKE + u128::from(n)));
    }
    state
}

#[test]
fn a_proof_says_what_the_state_has() {
    let state = state(20);
    let proven = |n, status, unbonding| ProvenStake {
        registration_id: u64::from(n),
        status,
        peer_key: PublicKey::from_raw(peer_key(n)),
        stake: STAKE,
        unbonding,
        held: STAKE + u128::from(n),
    };
    let expected = proven(1, ValidatorStatus::Tombstoned, 24);
    assert_eq!(state.check(1, &state.proof(1)), Ok(expected));
    let expected = proven(2, ValidatorStatus::Candidate, 0);
    assert_eq!(state.check(2, &state.proof(2)), Ok(expected));
}

#[test]
fn only_what_the_registry_holds_counts() {
    let mut state = state(3);
    state.register(4, candidate(4), &Vec::new());
    state.register(5, candidate(5), &vec![hold("Session", "Keys", STAKE)]);
    let both = vec![hold("Session", "Keys", 5), hold("ValidatorRegistry", "Stake", 7)];
    state.register(6, candidate(6), &both);
    for (n, held) in [(4, 0), (5, 0), (6, 7)] {
        assert_eq!(state.check(n, &state.proof(n)).unwrap().held, held, "validator {n}");
    }
}

#[test]
fn who_is_not_registered_is_proven_to_be_not() {
    let state = state(20);
    assert_eq!(state.check(21, &state.proof(21)), Err(StakeRefusal::NotRegistered));
}

#[test]
fn one_changed_byte_is_found_wherever_it_is() {
    let state = state(5);
    let nodes = state.proof(1);
    let longest = nodes.iter().map(Vec::len).max().unwrap();
    assert!(longest > 600, "the largest record is a node of its own, of {longest} bytes");
    for node in 0..nodes.len() {
        for at in 0..nodes[node].len() {
            let mut changed = nodes.clone();
            changed[node][at] ^= 1;
            let refused = state.check(1, &changed);
            assert_eq!(refused, Err(StakeRefusal::Invalid), "byte {at} of node {node}");
        }
    }
}

#[test]
fn without_one_of_its_nodes_a_proof_proves_nothing() {
    let state = state(50);
    let nodes = state.proof(1);
    for node in 0..nodes.len() {
        let mut rest = nodes.clone();
        rest.remove(node);
        let refused = state.check(1, &rest).unwrap_err();
        let expected = [StakeRefusal::Invalid, StakeRefusal::OtherValidator];
        assert!(expected.contains(&refused), "without node {node}: {refused:?}");
    }
    assert_eq!(state.check(1, &Nodes::new()), Err(StakeRefusal::Invalid));
}

#[test]
fn another_states_nodes_are_none_of_this_one() {
    let (ours, other) = (state(5), state(6));
    assert_eq!(ours.check(1, &other.proof(1)), Err(StakeRefusal::Invalid));
    let mut both = ours.proof(1);
    both.extend(other.proof(1));
    both.sort();
    both.dedup();
    assert_eq!(ours.check(1, &both), Err(StakeRefusal::Invalid));
}

#[test]
fn repeated_and_superfluous_nodes_of_the_state_do_no_harm() {
    let state = state(20);
    let mut nodes = state.proof(1);
    nodes.extend(state.proof(2));
    nodes.extend(state.proof(1));
    nodes.reverse();
    assert_eq!(state.check(1, &nodes).unwrap().registration_id, 1);
    assert_eq!(state.check(2, &nodes).unwrap().registration_id, 2);
}

#[test]
fn too_much_is_refused_unread() {
    let node = vec![0; MAX_PROOF_NODE_LEN as usize];
    let too_many = MAX_PROOF_LEN / node.len() + 1;
    assert!(too_many <= MAX_PROOF_NODES as usize);
    // As it comes from the network: each bound but that of the sum is checked by decoding.
    let nodes = vec![node.try_into().unwrap(); too_many].try_into().unwrap();
    let refused = check(&records(), H256::zero(), &account(1), &StakeProof { nodes });
    assert_eq!(refused, Err(StakeRefusal::Invalid));
}

#[test]
fn a_value_that_the_runtime_does_not_write_is_refused() {
    let mut state = state(3);
    let keys = state.records.keys(&account(9)).unwrap();
    let (mut record, holds) = state.records.encode(&candidate(9), &stake(STAKE));
    record.push(0);
    state.insert(vec![(keys.validator.clone(), record.clone()), (keys.holds.clone(), holds)]);
    assert_eq!(state.check(9, &state.proof(9)), Err(StakeRefusal::Invalid));
    record.pop();
    state.insert(vec![(keys.validator, record), (keys.holds, vec![4])]);
    assert_eq!(state.check(9, &state.proof(9)), Err(StakeRefusal::Invalid));
}

#[test]
fn a_proof_made_for_one_validator_is_nobody_elses() {
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    for _ in 0..20 {
        let count = random.random_range(2..200u16);
        let state = state(count);
        for _ in 0..20 {
            let (made_for, shown_for) =
                (random.random_range(1..=count), random.random_range(1..=count));
            let nodes = state.proof(made_for);
            let shown = state.check(shown_for, &nodes);
            match made_for == shown_for {
                true => assert_eq!(shown.unwrap().registration_id, u64::from(made_for)),
                false => assert_eq!(shown, Err(StakeRefusal::OtherValidator)),
            }
            // Nor do a stranger's nodes show that a validator is none.
            let stranger = state.proof(count + 1);
            assert_eq!(state.check(shown_for, &stranger), Err(StakeRefusal::OtherValidator));
        }
    }
}
