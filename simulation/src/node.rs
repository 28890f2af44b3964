//! Names the nodes and holds their keys, which are the same in every run.

use director_primitives::{AccountId32, PublicKey, test_utils::TestKey};
use std::{collections::BTreeMap, fmt, sync::OnceLock};

/// Most directors of a run.
pub(crate) const MAX_DIRECTORS: u8 = 8;

/// Most validators of a run.
pub(crate) const MAX_VALIDATORS: u8 = 16;

/// A node.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Node {
    /// Director number so-and-so, from 0.
    Director(u8),
    /// Validator number so-and-so, from 0.
    Validator(u8),
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Director(n) => write!(f, "d{n}"),
            Self::Validator(n) => write!(f, "v{n}"),
        }
    }
}

impl Node {
    /// Whether it is a director.
    pub fn is_director(self) -> bool {
        matches!(self, Self::Director(_))
    }

    /// A number for digests.
    pub(crate) fn number(self) -> u64 {
        match self {
            Self::Director(n) => u64::from(n),
            Self::Validator(n) => 0x100 + u64::from(n),
        }
    }

    /// Its peer key.
    pub(crate) fn key(self) -> PublicKey {
        let keys = keys();
        match self {
            Self::Director(n) => keys.directors[usize::from(n)].0,
            Self::Validator(n) => keys.validators[usize::from(n)].0,
        }
    }

    /// Its peer key with the secret.
    pub(crate) fn secret(self) -> &'static TestKey {
        let keys = keys();
        match self {
            Self::Director(n) => &keys.directors[usize::from(n)].1,
            Self::Validator(n) => &keys.validators[usize::from(n)].1,
        }
    }

    /// Its account on the chain.
    pub(crate) fn account(self) -> AccountId32 {
        match self {
            Self::Director(n) => AccountId32::new([0x80 + n; 32]),
            Self::Validator(n) => AccountId32::new([0x10 + n; 32]),
        }
    }

    /// Whose peer key this is.
    pub(crate) fn of(key: &PublicKey) -> Option<Self> {
        keys().by_key.get(key).copied()
    }

    /// Whose account this is.
    pub(crate) fn of_account(account: &AccountId32) -> Option<Self> {
        let bytes: &[u8; 32] = account.as_ref();
        match bytes[0] {
            n @ 0x80.. => Some(Self::Director(n - 0x80)),
            n @ 0x10.. => Some(Self::Validator(n - 0x10)),
            _ => None,
        }
    }
}

/// The checkpoint key of validator `n`.
pub(crate) fn checkpoint_key(n: u8) -> (PublicKey, &'static TestKey) {
    let (public, key) = &keys().checkpoints[usize::from(n)];
    (*public, key)
}

struct Keys {
    directors: Vec<(PublicKey, TestKey)>,
    validators: Vec<(PublicKey, TestKey)>,
    checkpoints: Vec<(PublicKey, TestKey)>,
    by_key: BTreeMap<PublicKey, Node>,
}

fn keys() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| {
        let some = |count: u8, from: u64| -> Vec<_> {
            let key = |n| TestKey::new(from + u64::from(n));
            (0..count).map(key).map(|key| (key.public(), key)).collect()
        };
        let directors = some(MAX_DIRECTORS, 1_000);
        let validators = some(MAX_VALIDATORS, 2_000);
        let of_directors = directors.iter().zip(0..).map(|((key, _), n)| (*key, Node::Director(n)));
        let of_validators =
            validators.iter().zip(0..).map(|((key, _), n)| (*key, Node::Validator(n)));
        let by_key = of_directors.chain(of_validators).collect();
        Keys { by_key, directors, validators, checkpoints: some(MAX_VALIDATORS, 3_000) }
    })
}
