//! Hands the checker of stake proofs to `fuzz/`, with a state that it can prove something of. For nothing else.

use super::stake_proof::{
    check,
    state::{State, account, state},
};
use director_primitives::{H256, ProvenStake, StakeProof, StakeRefusal};

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

    /// What an honest node gives of the state for a validator, or for who is none.
    pub fn nodes(&self, validator: u16) -> Vec<Vec<u8>> {
        self.state.proof(validator)
    }

    /// Checks what is shown for a validator against a root.
    pub fn check(&self, root: H256, validator: u16, proof: &StakeProof) -> Found {
        check(&self.state.records, root, &account(validator), proof)
    }
}
