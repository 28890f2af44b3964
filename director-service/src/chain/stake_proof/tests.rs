//! Proofs of a state that the tests make themselves, and everything that is wrong with other ones.

#![allow(clippy::unwrap_used)]

use super::{
    check,
    state::{Nodes, STAKE, State, account, candidate, hold, peer_key, records, stake, state},
};
use director_primitives::{
    H256, ProvenStake, PublicKey, StakeProof, StakeRefusal,
    runtime_api::ValidatorStatus,
    stake_proof::{MAX_PROOF_LEN, MAX_PROOF_NODE_LEN, MAX_PROOF_NODES},
};
use rand::{Rng, SeedableRng, rngs::StdRng};

impl State {
    fn check(&self, n: u16, nodes: &Nodes) -> Result<ProvenStake, StakeRefusal> {
        let proof = StakeProof::new(nodes.clone()).expect("within the bounds");
        check(&self.records, self.root, &account(n), &proof)
    }
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
