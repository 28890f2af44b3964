//! Makes up states and proofs of them, for tests and for `fuzz/`.

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
    Layout,
};
use director_primitives::{AccountId32, H256};
use sp_core::Blake2Hasher;
use sp_trie::{MemoryDB, Recorder, TrieMut, read_trie_value, trie_types::TrieDBMutBuilderV1};
use subxt::{Metadata, ext::scale_value::Value};

pub(in crate::chain) type Nodes = Vec<Vec<u8>>;

pub(in crate::chain) const STAKE: u128 = 1_500_000_000_000_000;

pub(in crate::chain) fn account(n: u16) -> AccountId32 {
    let mut account = [7; 32];
    account[..2].copy_from_slice(&n.to_le_bytes());
    AccountId32::new(account)
}

pub(in crate::chain) fn peer_key(n: u16) -> [u8; 32] {
    *account(n + 1_000).as_ref()
}

/// As much as a record can hold.
pub(in crate::chain) fn largest(n: u16) -> Validator<u128> {
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
pub(in crate::chain) fn candidate(n: u16) -> Validator<u128> {
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

pub(in crate::chain) fn hold(pallet: &str, reason: &str, amount: u128) -> Value {
    let reason = Value::unnamed_variant(reason, []);
    let id = Value::unnamed_variant(pallet, [reason]);
    Value::named_composite([("id", id), ("amount", Value::u128(amount))])
}

pub(in crate::chain) fn stake(amount: u128) -> Vec<Value> {
    vec![hold("ValidatorRegistry", "Stake", amount)]
}

pub(in crate::chain) fn records() -> Records {
    Records::new(Metadata::decode_from(interface::METADATA).expect("our own").arc()).expect("ours")
}

/// A state, and its runtime.
pub(in crate::chain) struct State {
    pub(in crate::chain) records: Records,
    trie: MemoryDB<Blake2Hasher>,
    pub(in crate::chain) root: H256,
}

impl State {
    /// A state without validators, and with whatever else a chain has.
    pub(in crate::chain) fn new() -> Self {
        let (trie, root) = (MemoryDB::default(), H256::zero());
        let mut state = Self { records: records(), trie, root };
        let entries = (0..50u8).map(|n| (vec![n; 40], vec![n; 1 + usize::from(n)])).collect();
        state.insert(entries);
        state
    }

    pub(in crate::chain) fn insert(&mut self, entries: Vec<(Vec<u8>, Vec<u8>)>) {
        let builder = match self.root.is_zero() {
            true => TrieDBMutBuilderV1::<Blake2Hasher>::new(&mut self.trie, &mut self.root),
            false => TrieDBMutBuilderV1::from_existing(&mut self.trie, &mut self.root),
        };
        let mut trie = builder.build();
        for (key, value) in entries {
            trie.insert(&key, &value).expect("all of the trie is here");
        }
        trie.commit();
    }

    pub(in crate::chain) fn register(
        &mut self,
        n: u16,
        record: Validator<u128>,
        holds: &Vec<Value>,
    ) {
        let keys = self.records.keys(&account(n)).expect("such are its accounts");
        let (record, encoded_holds) = self.records.encode(&record, holds);
        let mut entries = vec![(keys.validator, record)];
        if !holds.is_empty() {
            entries.push((keys.holds, encoded_holds));
        }
        self.insert(entries);
    }

    /// The nodes that a node of the chain gives for the two keys.
    pub(in crate::chain) fn proof(&self, n: u16) -> Nodes {
        let keys = self.records.keys(&account(n)).expect("such are its accounts");
        let mut recorder = Recorder::<Layout>::new();
        for key in [keys.validator, keys.holds] {
            let recorder = Some(&mut recorder as &mut dyn sp_trie::TrieRecorder<_>);
            read_trie_value::<Layout, _>(&self.trie, &self.root, &key, recorder, None)
                .expect("all of the trie is here");
        }
        let mut nodes: Nodes = recorder.drain().into_iter().map(|record| record.data).collect();
        nodes.sort();
        nodes.dedup();
        nodes
    }
}

/// A state with these candidates, one of which has the largest record.
pub(in crate::chain) fn state(count: u16) -> State {
    let mut state = State::new();
    for n in 1..=count {
        let record = if n == 1 { largest(n) } else { candidate(n) };
        state.register(n, record, &stake(STAKE + u128::from(n)));
    }
    state
}
