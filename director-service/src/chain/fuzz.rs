//! Hands the checker of stake proofs to `fuzz/` and to the program that writes the test vectors of the protocol, with a state that
//! it can prove something of. For nothing else.

use super::stake_proof::{
    check,
    state::{STAKE, State, account, candidate, stake, state},
};
use director_primitives::{AccountId32, H256, ProvenStake, StakeProof, StakeRefusal};

/// What a check finds.
pub type Found = Result<ProvenStake, StakeRefusal>;

/// A state with some validators, numbered from 1.
pub struct Proofs {
    state: State,
    count: u16,
}

impl Proofs {
    /// So many validators.
    pub fn of(count: u16) -> Self {
        Self { state: state(count), count }
    }

    /// How many there are.
    pub fn count(&self) -> u16 {
        self.count
    }

    /// The root of the state.
    pub fn root(&self) -> H256 {
        self.state.root
    }

    /// What a validator is called.
    pub fn account(&self, validator: u16) -> AccountId32 {
        account(validator)
    }

    /// Where the state has the record of a validator, and what its balance has on hold.
    pub fn keys(&self, validator: u16) -> [Vec<u8>; 2] {
        let keys = self.state.records.keys(&account(validator)).expect("such are its accounts");
        [keys.validator, keys.holds]
    }

    /// How this runtime writes the registry's reason to hold a balance.
    pub fn hold_reason(&self) -> Vec<u8> {
        let (_, holds) = self.state.records.encode(&candidate(1), &stake(STAKE));
        // One hold: its number, the reason, 16 bytes of an amount.
        holds[1..holds.len() - 16].to_vec()
    }

    /// What an honest node gives of the state for a validator, or for who is none.
    pub fn nodes(&self, validator: u16) -> Vec<Vec<u8>> {
        self.state.proof(validator)
    }

    /// Checks what is shown for a validator against a root.
    pub fn check(&self, root: H256, validator: u16, proof: &StakeProof) -> Found {
        check(&self.state.records, root, &account(validator), proof)
    }
}
