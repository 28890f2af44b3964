use super::{Fault, Outcome};
use std::time::Duration;

/// One that keeps every promise.
fn good() -> Outcome {
    let short = vec![Duration::from_millis(40); 21];
    Outcome {
        published: 10_000,
        lost: 0,
        duplicates: 0,
        gaps: 0,
        stalls: short.clone(),
        disconnected: 0,
        outages: short,
        moved: 0,
        withheld: 0,
        latency_ms: [5.0, 105.0, 300.0],
        latency_before_ms: [5.0, 100.0, 200.0],
        evidence_blocks: None,
    }
}

fn with_p99(p99: f64) -> Outcome {
    Outcome { latency_ms: [5.0, p99, 2_000.0], ..good() }
}

fn with_silence(ms: u64) -> Outcome {
    Outcome { stalls: vec![Duration::from_millis(1), Duration::from_millis(ms)], ..good() }
}

fn with_outage(ms: u64) -> Outcome {
    Outcome { outages: vec![Duration::from_millis(1), Duration::from_millis(ms)], ..good() }
}

#[test]
fn a_promise_is_kept_up_to_its_bound() {
    let kept = [
        (Fault::None, with_p99(9_999.0)),
        (Fault::Kill, with_p99(499.0)),
        (Fault::Kill, with_silence(500)),
        (Fault::Kill, with_outage(9_999)),
        (Fault::Freeze, with_silence(1_500)),
        (Fault::Drain, with_outage(50)),
        (Fault::Cut, with_p99(299.0)),
        (Fault::Cut, with_silence(9_999)),
        (Fault::Churn, with_p99(119.0)),
        (Fault::ChainAway, with_p99(119.0)),
        (Fault::ChainDies, with_silence(500)),
    ];
    for (fault, outcome) in kept {
        assert_eq!(outcome.misses(fault), None, "{fault:?}");
    }
}

#[test]
fn a_promise_that_is_not_kept_is_told() {
    let broken = [
        (Fault::Kill, with_p99(500.0), "p99"),
        (Fault::Restart, with_p99(500.0), "p99"),
        (Fault::Rolling, with_silence(501), "heard nothing"),
        (Fault::Kill, with_silence(501), "heard nothing"),
        (Fault::Freeze, with_silence(1_501), "heard nothing"),
        (Fault::Drain, with_outage(51), "no primary"),
        (Fault::Cut, with_p99(300.0), "p99"),
        (Fault::Churn, with_p99(120.0), "p99"),
        (Fault::ChainDies, with_p99(120.0), "p99"),
        (Fault::ChainAway, with_silence(501), "heard nothing"),
    ];
    for (fault, outcome, word) in broken {
        let said = outcome.misses(fault);
        assert!(said.as_ref().is_some_and(|said| said.contains(word)), "{fault:?}: {said:?}");
    }
}
