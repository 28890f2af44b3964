//! Measures the calls in their worst valid cases: a full set, the largest records.

#![allow(missing_docs)]

use crate::*;
use alloc::vec;
use director_primitives::{
    benchmarking::BenchmarkKey,
    runtime_api::{Endpoint, EndpointScope, MAX_ADDRESS_LEN, MAX_ENDPOINTS, MAX_REGION_LEN},
};
use frame_benchmarking::v2::*;
use frame_system::RawOrigin;

/// As many endpoints as there may be, each as long as it may be.
fn endpoints() -> Endpoints {
    let mut address = b"/dns4/".to_vec();
    address.resize(MAX_ADDRESS_LEN as usize, b'a');
    let endpoint =
        Endpoint { scope: EndpointScope::Public, address: BoundedVec::truncate_from(address) };
    BoundedVec::truncate_from(vec![endpoint; MAX_ENDPOINTS as usize])
}

fn region() -> Region {
    BoundedVec::truncate_from(vec![b'r'; MAX_REGION_LEN as usize])
}

/// A record that takes as much room as one can.
pub(crate) fn largest_record(peer_key: PublicKey) -> Record {
    Record {
        peer_key,
        endpoints: endpoints(),
        region: region(),
        capacity: 1,
        active_since: 0,
        refreshed_at: 0,
    }
}

fn director<T: Config>(n: u32) -> T::AccountId {
    account("director", n, 0)
}

/// `count` active directors.
fn fill<T: Config>(count: u32) {
    let key = |n| PublicKey::from_raw(unused_key(n));
    Pallet::<T>::set_active((0..count).map(|n| (director::<T>(n), key(n))).collect());
}

/// Bytes of a key that nobody has to sign with.
fn unused_key(n: u32) -> [u8; 32] {
    let mut bytes = [0xf0; 32];
    bytes[..4].copy_from_slice(&n.to_le_bytes());
    bytes
}

fn governance<T: Config>() -> Result<T::RuntimeOrigin, BenchmarkError> {
    T::GovernanceOrigin::try_successful_origin().map_err(|()| BenchmarkError::Weightless)
}

fn genesis_hash<T: Config>() -> H256 {
    frame_system::Pallet::<T>::block_hash(BlockNumberFor::<T>::default())
}

fn possession<T: Config>(key: &BenchmarkKey, account: &T::AccountId) -> Signature {
    key.possession(&genesis_hash::<T>(), account.clone(), KeyRole::DirectorPeer)
}

#[benchmarks]
mod benchmarks {
    use super::*;

    #[benchmark]
    fn add_director() -> Result<(), BenchmarkError> {
        fill::<T>(T::MaxDirectors::get() - 1);
        let origin = governance::<T>()?;
        let new = account("new director", 0, 0);

        #[extrinsic_call]
        _(origin as T::RuntimeOrigin, new);

        assert_eq!(Invited::<T>::decode_len(), Some(1));
        Ok(())
    }

    #[benchmark]
    fn remove_director() -> Result<(), BenchmarkError> {
        fill::<T>(T::MaxDirectors::get());
        let origin = governance::<T>()?;
        // Its successor is there and has to be told.
        let successor = account("successor", 0, 0);
        Pallet::<T>::swap_director(origin.clone(), director::<T>(0), successor)?;

        #[extrinsic_call]
        _(origin as T::RuntimeOrigin, director::<T>(0));

        assert!(!Records::<T>::contains_key(director::<T>(0)));
        Ok(())
    }

    #[benchmark]
    fn activate() -> Result<(), BenchmarkError> {
        fill::<T>(T::MaxDirectors::get());
        let new: T::AccountId = account("new director", 0, 0);
        // The dearest activation is a successor's: it ends another's term.
        Pallet::<T>::swap_director(governance::<T>()?, director::<T>(0), new.clone())?;
        let key = BenchmarkKey::new(1);
        let proof = possession::<T>(&key, &new);

        #[extrinsic_call]
        _(RawOrigin::Signed(new.clone()), key.0, proof, endpoints(), region(), 1);

        assert!(Records::<T>::contains_key(new));
        Ok(())
    }

    #[benchmark]
    fn update_record() {
        fill::<T>(T::MaxDirectors::get());

        #[extrinsic_call]
        _(RawOrigin::Signed(director::<T>(0)), endpoints(), region(), 2);

        assert_eq!(Records::<T>::get(director::<T>(0)).map(|record| record.capacity), Some(2));
    }

    #[benchmark]
    fn refresh() {
        fill::<T>(T::MaxDirectors::get());
        frame_system::Pallet::<T>::set_block_number(7u32.into());

        #[extrinsic_call]
        _(RawOrigin::Signed(director::<T>(0)));

        assert_eq!(Records::<T>::get(director::<T>(0)).map(|record| record.refreshed_at), Some(7));
    }

    #[benchmark]
    fn swap_director() -> Result<(), BenchmarkError> {
        fill::<T>(T::MaxDirectors::get());
        let origin = governance::<T>()?;
        // Everybody else is being replaced already.
        for n in 1..T::MaxDirectors::get() {
            let successor = account("successor", n, 0);
            Pallet::<T>::swap_director(origin.clone(), director::<T>(n), successor)?;
        }

        #[extrinsic_call]
        _(origin as T::RuntimeOrigin, director::<T>(0), account("successor", 0, 0));

        assert_eq!(Invited::<T>::decode_len(), Some(T::MaxDirectors::get() as usize));
        Ok(())
    }

    #[benchmark]
    fn rotate_peer_key() {
        fill::<T>(T::MaxDirectors::get());
        let key = BenchmarkKey::new(1);
        let proof = possession::<T>(&key, &director::<T>(0));

        #[extrinsic_call]
        _(RawOrigin::Signed(director::<T>(0)), key.0, proof);

        assert!(PeerKeys::<T>::contains_key(key.0));
    }

    impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
