//! Measures the calls in their worst valid cases: all replaced keys expired and there to be forgotten, all
//! parts of the stake through, a vote of every director, each about another validator.

#![allow(missing_docs)]

use crate::*;
use director_primitives::{DirectorVote, benchmarking::BenchmarkKey};
use frame_benchmarking::v2::*;
use frame_support::traits::{fungible::Balanced, tokens::Precision};
use frame_system::RawOrigin;

/// Bytes of a key that nobody has to sign with.
fn unused_key(kind: u8, of: u32, n: u32) -> PublicKey {
    let mut bytes = [kind; 32];
    bytes[..4].copy_from_slice(&of.to_le_bytes());
    bytes[4..8].copy_from_slice(&n.to_le_bytes());
    PublicKey::from_raw(bytes)
}

/// A number of an account's own, so that its keys are nobody else's.
fn number_of<T: Config>(account: &T::AccountId) -> u32 {
    let hash = frame_support::Hashable::blake2_256(account);
    u32::from_le_bytes([hash[0], hash[1], hash[2], hash[3]])
}

/// A fixed stake, and enough beside it.
fn fund<T: Config>(account: &T::AccountId) -> BalanceOf<T> {
    let stake = T::MinStake::get().saturating_mul(4u32.into());
    let funds = stake.saturating_mul(4u32.into());
    // The debt is dropped: new money.
    let _ = T::Currency::deposit(account, funds, Precision::Exact);
    stake
}

/// Registers an authorized validator with everything that can hang on one: replaced keys in both roles and
/// parts of the stake on their way out, all through at block `until + 1`.
pub(crate) fn set_up<T: Config>(account: &T::AccountId, checkpoint_key: PublicKey) {
    let stake = fund::<T>(account);
    let part = T::Currency::minimum_balance().max(1u32.into());
    let (of, until) = (number_of::<T>(account), Pallet::<T>::bond_end());
    let retired = |kind| {
        let key = |n| RetiredKey { key: unused_key(kind, of, n), until };
        BoundedVec::truncate_from((0..MAX_RETIRED_KEYS).map(key).collect())
    };
    let unbonding = (0..MAX_UNBONDING).map(|_| Unbonding { amount: part, until }).collect();
    let held = stake.saturating_add(part.saturating_mul(MAX_UNBONDING.into()));
    T::Currency::hold(&HoldReason::Stake.into(), account, held).expect("was funded");
    let registration_id = NextRegistrationId::<T>::mutate(|next| {
        let id = *next;
        next.saturating_inc();
        id
    });
    let validator = Validator {
        registration_id,
        status: ValidatorStatus::Authorized,
        stake,
        unbonding: BoundedVec::truncate_from(unbonding),
        checkpoint_key,
        peer_key: unused_key(1, of, 0),
        retired_keys: retired(2),
        retired_peer_keys: retired(3),
        was_authorized: true,
        slashable_from: 0,
        bonded_until: None,
        punishment: None,
    };
    AuthorizedCount::<T>::mutate(|count| count.saturating_inc());
    for (role, keys) in [(0, &validator.retired_keys), (1, &validator.retired_peer_keys)] {
        for retired in keys {
            match role {
                0 => CheckpointKeys::<T>::insert(retired.key, account),
                _ => PeerKeys::<T>::insert(retired.key, account),
            }
        }
    }
    CheckpointKeys::<T>::insert(checkpoint_key, account);
    PeerKeys::<T>::insert(validator.peer_key, account);
    Validators::<T>::insert(account, validator);
}

/// Puts `key` in the place of the checkpoint key that a validator replaced last.
pub(crate) fn set_last_retired<T: Config>(account: &T::AccountId, key: PublicKey) {
    Validators::<T>::mutate(account, |validator| {
        if let Some(last) = validator.as_mut().and_then(|v| v.retired_keys.last_mut()) {
            CheckpointKeys::<T>::remove(last.key);
            last.key = key;
        }
    });
    CheckpointKeys::<T>::insert(key, account);
}

fn validator<T: Config>(n: u32) -> T::AccountId {
    account("validator", n, 0)
}

fn anybody<T: Config>() -> T::AccountId {
    account("anybody", 0, 0)
}

/// A validator with everything, and its account as origin.
fn set_up_one<T: Config>() -> (T::AccountId, RawOrigin<T::AccountId>) {
    let account = validator::<T>(0);
    set_up::<T>(&account, unused_key(4, 0, 0));
    (account.clone(), RawOrigin::Signed(account))
}

/// Goes to a block at which everything that waits is through.
fn wait<T: Config>() {
    let later = T::UnbondingPeriod::get().saturating_mul(2u32.into());
    let now = frame_system::Pallet::<T>::block_number().saturating_add(later);
    frame_system::Pallet::<T>::set_block_number(now);
}

fn director<T: Config>(n: u32) -> T::AccountId {
    account("director", n, 0)
}

/// `MaxDirectors` directors with keys that sign.
fn set_up_directors<T: Config>() -> Vec<BenchmarkKey> {
    let keys: Vec<_> = (0..T::MaxDirectors::get()).map(|n| BenchmarkKey::new(1_000 + n)).collect();
    let directors = keys.iter().enumerate().map(|(n, key)| (director::<T>(n as u32), key.0));
    T::Directors::set_active(directors.collect());
    // What they sign from now on is signed when the block of their activation is finalized.
    let next = frame_system::Pallet::<T>::block_number().saturating_add(1u32.into());
    frame_system::Pallet::<T>::set_block_number(next);
    keys
}

/// The first nonce of a vote that is signed now.
fn nonce_now<T: Config>() -> u64 {
    first_nonce(Pallet::<T>::now().saturating_sub(1))
}

fn signed_vote<T: Config>(
    key: &BenchmarkKey,
    n: u32,
    about: T::AccountId,
    count: u64,
) -> SignedDirectorVote<T::AccountId> {
    let registration_id = Validators::<T>::get(&about).map_or(0, |v| v.registration_id);
    let vote = DirectorVote {
        validator: about,
        registration_id,
        decision: Decision::Approve,
        nonce: nonce_now::<T>() + count,
        valid_until: u64::MAX,
    };
    let signature = key.sign(&Pallet::<T>::genesis_hash(), &vote);
    SignedDirectorVote { director: director::<T>(n), vote, signature }
}

#[benchmarks]
mod benchmarks {
    use super::*;

    #[benchmark]
    fn register() {
        // Both keys were replaced by others, long ago, and are there to be forgotten.
        let (checkpoint, peer) = (BenchmarkKey::new(1), BenchmarkKey::new(2));
        for (n, key) in [(1, checkpoint.0), (2, peer.0)] {
            let former = validator::<T>(n);
            set_up::<T>(&former, unused_key(4, n, 0));
            set_last_retired::<T>(&former, key);
        }
        wait::<T>();
        let account = validator::<T>(0);
        let stake = fund::<T>(&account);
        let proof = |key: &BenchmarkKey, role| {
            key.possession(&Pallet::<T>::genesis_hash(), account.clone(), role)
        };
        let checkpoint_proof = proof(&checkpoint, KeyRole::Checkpoint);
        let peer_proof = proof(&peer, KeyRole::ValidatorPeer);

        #[extrinsic_call]
        _(
            RawOrigin::Signed(account.clone()),
            stake,
            checkpoint.0,
            checkpoint_proof,
            peer.0,
            peer_proof,
        );

        assert!(Validators::<T>::contains_key(account));
    }

    #[benchmark]
    fn submit_votes(v: Linear<1, { T::MaxDirectors::get() }>) {
        let keys = set_up_directors::<T>();
        let mut votes = Vec::new();
        // Each about another validator that all the others have approved, and decisive for it.
        for about in 0..v {
            let account = validator::<T>(about);
            set_up::<T>(&account, unused_key(4, about, 0));
            Validators::<T>::mutate(&account, |validator| {
                if let Some(validator) = validator {
                    Pallet::<T>::set_status(validator, ValidatorStatus::Candidate);
                }
            });
            let stored = |n| StoredVote {
                director: director::<T>(n),
                decision: Decision::Approve,
                nonce: nonce_now::<T>(),
                valid_until: u64::MAX,
            };
            let others = (0..T::MaxDirectors::get()).filter(|n| *n != about).map(stored);
            Votes::<T>::insert(&account, BoundedVec::truncate_from(others.collect()));
            votes.push(signed_vote::<T>(&keys[about as usize], about, account, 1));
        }
        let votes = BoundedVec::truncate_from(votes);

        #[extrinsic_call]
        _(RawOrigin::Signed(anybody::<T>()), votes);

        assert_eq!(AuthorizedCount::<T>::get(), v);
    }

    #[benchmark]
    fn request_exit() {
        let (account, origin) = set_up_one::<T>();

        #[extrinsic_call]
        _(origin);

        assert!(Validators::<T>::get(account).is_some_and(|v| v.bonded_until.is_some()));
    }

    #[benchmark]
    fn withdraw() -> Result<(), BenchmarkError> {
        let (account, origin) = set_up_one::<T>();
        Pallet::<T>::request_exit(origin.clone().into())?;
        wait::<T>();

        #[extrinsic_call]
        _(origin);

        assert!(!Validators::<T>::contains_key(account));
        Ok(())
    }

    #[benchmark]
    fn clean_up() -> Result<(), BenchmarkError> {
        let (account, origin) = set_up_one::<T>();
        Pallet::<T>::request_exit(origin.into())?;
        wait::<T>();

        #[extrinsic_call]
        _(RawOrigin::Signed(anybody::<T>()), account.clone());

        assert!(!Validators::<T>::contains_key(account));
        Ok(())
    }

    #[benchmark]
    fn rotate_checkpoint_key() {
        let (account, origin) = set_up_one::<T>();
        wait::<T>();
        let new = BenchmarkKey::new(1);
        let genesis = Pallet::<T>::genesis_hash();
        let proof = new.possession(&genesis, account, KeyRole::Checkpoint);

        #[extrinsic_call]
        _(origin, new.0, proof);

        assert!(CheckpointKeys::<T>::contains_key(new.0));
    }

    #[benchmark]
    fn rotate_peer_key() {
        let (account, origin) = set_up_one::<T>();
        wait::<T>();
        let new = BenchmarkKey::new(1);
        let genesis = Pallet::<T>::genesis_hash();
        let proof = new.possession(&genesis, account, KeyRole::ValidatorPeer);

        #[extrinsic_call]
        _(origin, new.0, proof);

        assert!(PeerKeys::<T>::contains_key(new.0));
    }

    #[benchmark]
    fn revoke_low_stake() {
        let (account, _) = set_up_one::<T>();
        Validators::<T>::mutate(&account, |validator| {
            if let Some(validator) = validator {
                validator.stake = Zero::zero();
            }
        });

        #[extrinsic_call]
        _(RawOrigin::Signed(anybody::<T>()), account.clone());

        assert_eq!(AuthorizedCount::<T>::get(), 0);
    }

    #[benchmark]
    fn bond_more() {
        let keys = set_up_directors::<T>();
        let (account, origin) = set_up_one::<T>();
        // Only the stake was too low: the approvals of all directors are there and count.
        let votes = (0..).zip(&keys).map(|(n, key)| signed_vote::<T>(key, n, account.clone(), 1));
        let stored = votes.map(|signed| StoredVote {
            director: signed.director,
            decision: signed.vote.decision,
            nonce: signed.vote.nonce,
            valid_until: signed.vote.valid_until,
        });
        Votes::<T>::insert(&account, BoundedVec::truncate_from(stored.collect()));
        Validators::<T>::mutate(&account, |validator| {
            if let Some(validator) = validator {
                Pallet::<T>::set_status(validator, ValidatorStatus::Revoked);
            }
        });

        #[extrinsic_call]
        _(origin, T::MinStake::get());

        assert_eq!(AuthorizedCount::<T>::get(), 1);
    }

    #[benchmark]
    fn unbond() {
        let (account, origin) = set_up_one::<T>();
        Validators::<T>::mutate(&account, |validator| {
            if let Some(validator) = validator {
                validator.unbonding.pop();
            }
        });
        let now = frame_system::Pallet::<T>::block_number().saturating_add(1u32.into());
        frame_system::Pallet::<T>::set_block_number(now);

        #[extrinsic_call]
        _(origin, T::MinStake::get());

        let parts = Validators::<T>::get(account).map_or(0, |v| v.unbonding.len());
        assert_eq!(parts, MAX_UNBONDING as usize);
    }

    #[benchmark]
    fn withdraw_unbonded() {
        let (account, origin) = set_up_one::<T>();
        wait::<T>();

        #[extrinsic_call]
        _(origin);

        assert!(Validators::<T>::get(account).is_some_and(|v| v.unbonding.is_empty()));
    }

    #[benchmark]
    fn new_session(v: Linear<1, { T::MaxValidators::get() }>) {
        // `MinStake` has just risen, so everybody is revoked, and of a full set before as many stay as must.
        for n in 0..v {
            let account = validator::<T>(n);
            set_up::<T>(&account, unused_key(4, n, 0));
            Validators::<T>::mutate(&account, |validator| {
                if let Some(validator) = validator {
                    validator.stake = Zero::zero();
                }
            });
        }
        let before = (0..T::MaxActiveValidators::get()).map(validator::<T>).collect();
        Planned::<T>::put(BoundedVec::truncate_from(before));

        #[block]
        {
            assert!(Pallet::<T>::plan_session(1).is_some());
        }

        assert_eq!(AuthorizedCount::<T>::get(), 0);
    }

    impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
