//! By their weight and by their length, a block has room for a thousand reports of double signs.

#![allow(clippy::unwrap_used)]

use codec::Encode;
use director_primitives::{
    AccountId32, H256,
    test_utils::{TestKey, double_sign},
};
use frame_support::dispatch::{DispatchClass, GetDispatchInfo};
use runtime_mock::{Address, RuntimeCall, Signature, TxExtension, UncheckedExtrinsic, configs};
use sp_runtime::generic::Era;

fn report() -> UncheckedExtrinsic {
    let proof = double_sign(&TestKey::new(1), H256([7; 32]), u64::MAX);
    let call =
        RuntimeCall::SlashingEvidence(pallet_slashing_evidence::Call::report_double_sign { proof });
    let extension: TxExtension = (
        frame_system::AuthorizeCall::new(),
        frame_system::CheckNonZeroSender::new(),
        frame_system::CheckSpecVersion::new(),
        frame_system::CheckTxVersion::new(),
        frame_system::CheckGenesis::new(),
        frame_system::CheckEra::from(Era::mortal(64, 0)),
        frame_system::CheckNonce::from(u32::MAX),
        frame_system::CheckWeight::new(),
        pallet_transaction_payment::ChargeTransactionPayment::from(u128::MAX),
        frame_system::WeightReclaim::new(),
    );
    let signature = Signature::Sr25519(sp_core::sr25519::Signature::from_raw([0; 64]));
    UncheckedExtrinsic::new_signed(
        call,
        Address::Id(AccountId32::new([1; 32])),
        signature,
        extension,
    )
}

#[test]
fn a_block_holds_a_thousand_reports() {
    let report = report();
    let limits = configs::Weights::get();
    let class = limits.get(DispatchClass::Normal);
    let room = class.max_total.unwrap().ref_time();
    let info = report.get_dispatch_info();
    let by_weight = room / info.call_weight.ref_time();
    // Two fifths of a transaction are what every transaction costs, whatever it does: nonce, fee, and so on.
    let as_transactions = room / (info.total_weight() + class.base_extrinsic).ref_time();
    let length = u64::from(*configs::Length::get().max.get(DispatchClass::Normal));
    let by_length = length / report.encoded_size() as u64;
    println!(
        "a block holds {by_weight} reports by their weight, {as_transactions} with the weight of their \
         transactions, {by_length} by length"
    );
    assert!(
        by_weight >= 1_000 && by_length >= 1_000,
        "{by_weight} by weight, {by_length} by length"
    );
    assert!(as_transactions >= 750, "{as_transactions} with the weight of their transactions");
}
