//! What is submitted gets into the finalized chain once and is paid for once, on a node that finalizes late, leaves
//! blocks for forks and has room for one transaction.

#![allow(clippy::unwrap_used)]

use codec::Compact;
use director_primitives::AccountId32;
use director_service::chain::{
    Account, ChainError, Head, Included, Submitter,
    interface::transaction_payment::events::TransactionFeePaid,
};
use integration_tests::{
    chain::{Chain, SlashEvent, UNIT, block_of, dev_account},
    network::{Network, Plan},
    offender::Offender,
};
use std::time::Duration;
use subxt::{dynamic::tx, events::Phase, tx::Payload, utils::Static};
use tokio::time::{sleep, timeout};

/// Bounds a failure.
const PATIENCE: Duration = Duration::from_secs(180);

/// A pool that was full may have room with the next block.
const RETRY: Duration = Duration::from_millis(200);

#[tokio::test(flavor = "multi_thread")]
async fn of_three_directors_at_most_two_report_and_one_is_enough() {
    timeout(PATIENCE, three_directors()).await.expect("done within the bound");
}

async fn three_directors() {
    let dir = tempfile::tempdir().unwrap();
    let node = ["--dev", "--finalize-after", "3", "--fork-every", "4"];
    let chain = Chain::start_with(&node, dir.path(), 250).await.unwrap();
    let plan = Plan::quick(3, dir.path());
    let network = Network::start_on(chain, &plan, |_| {}).await.unwrap();
    let mut offender = Offender::join(&network).await.unwrap();
    let mut blocks = network.chain.node.blocks(None);
    offender.double_sign(&network).await.unwrap();

    // Until it is slashed, and for as long as a second report could still come.
    let (mut fees, mut proven, mut slashed_at) = (Vec::new(), 0, None);
    loop {
        let block = blocks.next().await;
        fees.extend(report_fees(&network.chain, block).await);
        for event in network.chain.slash_events(block).await.unwrap() {
            match event {
                SlashEvent::Proven { validator, .. } => {
                    assert_eq!(validator, offender.identity.id());
                    proven += 1;
                }
                SlashEvent::Applied { .. } => slashed_at = Some(block.number),
            }
        }
        if slashed_at.is_some_and(|at| block.number >= at + 10) {
            break;
        }
    }
    assert_eq!(proven, 1);
    assert!((1..=2).contains(&fees.len()), "{fees:?}");
    // The one that counts is free, and a second one pays for itself.
    assert_eq!(fees.iter().filter(|fee| **fee == 0).count(), 1, "{fees:?}");

    offender.shutdown().await;
    network.shutdown().await;
}

/// What each report of a double sign in a block has cost.
async fn report_fees(chain: &Chain, block: Head) -> Vec<u128> {
    let at = chain.node.at(block).await.unwrap();
    let extrinsics = at.extrinsics().fetch().await.unwrap();
    let reports: Vec<_> = extrinsics
        .iter()
        .enumerate()
        .filter(|(_, of)| of.as_ref().unwrap().call_name() == "report_double_sign")
        .map(|(index, _)| index as u32)
        .collect();
    let events = at.events().fetch().await.unwrap();
    let fee = |report: &u32| {
        let of_report = events
            .iter()
            .map(Result::unwrap)
            .filter(|event| event.phase() == Phase::ApplyExtrinsic(*report));
        let mut paid = of_report.filter_map(|event| event.decode_fields_as::<TransactionFeePaid>());
        paid.next().map_or(0, |paid| paid.unwrap().actual_fee)
    };
    reports.iter().map(fee).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn late_finality_forks_and_a_pool_of_one_cost_nothing() {
    timeout(PATIENCE, one_account()).await.expect("done within the bound");
}

async fn one_account() {
    let dir = tempfile::tempdir().unwrap();
    let node = ["--dev", "--finalize-after", "3", "--fork-every", "3", "--pool-size", "1"];
    let chain = Chain::start_with(&node, dir.path(), 200).await.unwrap();

    // An account that has nothing is told so, and paid for when it has.
    let poor = dev_account("Poor");
    let refused = chain.submitter.submit_and_finalize(&transfer(&poor.id(), 1), &poor).await;
    assert!(
        matches!(&refused, Err(ChainError::FeesMissing(of)) if *of == poor.id()),
        "{refused:?}"
    );
    until_taken(&chain.submitter, &transfer(&poor.id(), 10 * UNIT), &dev_account("Ferdie")).await;

    // Two programs submit from one account, each several times. All get there, each once.
    let sink = dev_account("Sink").id();
    let programs = [chain.submitter.clone(), Submitter::new(chain.node.clone())];
    let submitting = programs.iter().enumerate().map(|(program, submitter)| {
        let (sink, poor) = (&sink, &poor);
        async move {
            let mut all = Vec::new();
            for turn in 0..2 {
                let amount = UNIT + (2 * program + turn) as u128;
                all.push(until_taken(submitter, &transfer(sink, amount), poor).await);
            }
            all
        }
    });
    let all: Vec<_> = futures::future::join_all(submitting).await.concat();
    let last = all.iter().max_by_key(|included| included.block_number).unwrap();
    let balances = chain.balances(&sink, block_of(*last)).await.unwrap();
    assert_eq!(balances.free, 4 * UNIT + 1 + 2 + 3, "{all:?}");
    chain.process.stop().await;
}

/// Submits until the chain has it: a full pool, or another program with the same number, is no reason to stop.
async fn until_taken<C: Payload>(submitter: &Submitter, call: &C, signer: &Account) -> Included {
    loop {
        match submitter.submit_and_decide(call, signer).await {
            Ok(included) => return included,
            Err(error) if error.is_temporary() => sleep(RETRY).await,
            Err(error) => panic!("{error}"),
        }
    }
}

fn transfer(to: &AccountId32, amount: u128) -> impl Payload + use<> {
    // `MultiAddress::Id`.
    let to = Static((0u8, to.clone()));
    tx("Balances", "transfer_keep_alive", (to, Static(Compact(amount))))
}
