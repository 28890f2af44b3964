//! The main job: one of 21 validators signs two blocks, and it alone is slashed.

#![allow(clippy::unwrap_used)]

use clap::Parser;
use integration_tests::{
    chain::UNIT, devnet, options::Options, report::Connections, screen::Screen,
};

/// `SlashDeferPeriod` of the mock runtime, and what reporting and applying may take on top: 3 blocks, and as many as a
/// busy machine makes while 21 validators of a debug build wait for the processor.
const BLOCKS_TO_SLASH: u64 = 5 + 3 + 7;

#[tokio::test(flavor = "multi_thread")]
async fn double_sign_is_slashed() {
    let line = "devnet --block-time-ms 400 --double-sign 7@3 --until slashed --timeout 200";
    let options = Options::parse_from(line.split(' '));
    let outcome = devnet::run(&options, &mut Screen::new(true)).await;
    assert_eq!(outcome.faults, [""; 0], "{:?}", outcome.summary);

    let summary = outcome.summary;
    assert_eq!((summary.directors, summary.validators), (3, 21));
    assert_eq!(summary.connections, Connections { mesh: 3, validators: 42 });
    assert_eq!((summary.lost, summary.duplicates, summary.honest_slashed), (0, 0, 0));
    assert!(summary.checkpoints >= 1 && summary.deliveries > 0, "{summary:?}");
    assert_eq!(summary.certificates, summary.checkpoints);
    assert_eq!(summary.double_signs_detected, 1);

    let [slashed] = summary.slashed.as_slice() else { panic!("{:?}", summary.slashed) };
    assert_eq!(slashed.validator, 7);
    assert!(slashed.checkpoint >= 3);
    // One offender of 21: the base fraction, 5 % of 1,500.
    assert_eq!(slashed.amount, 75 * UNIT);
    assert!(slashed.reporter.starts_with("director-"), "{}", slashed.reporter);
    assert!(
        outcome.blocks_to_slash.iter().all(|blocks| *blocks <= BLOCKS_TO_SLASH),
        "{:?}",
        outcome.blocks_to_slash
    );
    assert!((1..100).contains(&outcome.director_memory_mib), "{}", outcome.director_memory_mib);
    assert!((1..500).contains(&outcome.node_memory_mib), "{}", outcome.node_memory_mib);
}
