//! Nobody signs twice: everybody gets everything, and nobody is accused.

#![allow(clippy::unwrap_used)]

use clap::Parser;
use integration_tests::{devnet, options::Options, report::Connections, screen::Screen};

#[tokio::test(flavor = "multi_thread")]
async fn honest_validators_are_left_alone() {
    let line = "devnet --directors 5 --validators 6 --block-time-ms 250 --honest \
                --until checkpoints=3 --timeout 120";
    let options = Options::parse_from(line.split_whitespace());
    let outcome = devnet::run(&options, &mut Screen::new(true)).await;
    assert_eq!(outcome.faults, [""; 0], "{:?}", outcome.summary);

    let summary = outcome.summary;
    assert_eq!(summary.connections, Connections { mesh: 10, validators: 12 });
    assert!(summary.certificates >= 3, "{summary:?}");
    assert!(summary.deliveries >= 3 * 6 * 5, "{summary:?}");
    assert_eq!((summary.lost, summary.duplicates), (0, 0));
    assert_eq!((summary.double_signs_detected, summary.honest_slashed), (0, 0));
    assert!(summary.slashed.is_empty());
}
