//! Checks the ledger and the pacing against a system that loses, doubles and dawdles on purpose.

use std::time::Duration;

use clap::Parser;

use crate::{
    Class, Header, Ledger, Options, Probes, Receiver, Report, Schedule, System, Verdict, run,
};

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    options: Options,
}

fn options(args: &str) -> Options {
    let fixed = ["load", "--relay", "127.0.0.1:1"];
    Cli::parse_from(fixed.into_iter().chain(args.split_whitespace())).options
}

/// A relay in one process: hands every message to all other receivers at once, but for its faults.
struct Fake {
    receivers: Vec<Receiver>,
    /// How many copies of (origin, seq, class) come to a receiver.
    copies: fn(usize, u64, Class, usize) -> usize,
    /// How long the publishing of one takes.
    delay: fn(usize, u64) -> Duration,
}

impl Default for Fake {
    fn default() -> Self {
        Self {
            receivers: Vec::new(),
            copies: |origin, _, _, to| usize::from(origin != to),
            delay: |_, _| Duration::ZERO,
        }
    }
}

impl System for Fake {
    type Message = Vec<u8>;

    fn prepare(&mut self, validator: usize, class: Class, payload: &[u8]) -> Vec<u8> {
        let header = Header::read(payload).unwrap();
        assert_eq!((header.origin as usize, header.class), (validator, class));
        payload.to_vec()
    }

    fn publish(&mut self, validator: usize, message: Vec<u8>) {
        let header = Header::read(&message).unwrap();
        std::thread::sleep((self.delay)(validator, header.seq));
        for receiver in &mut self.receivers {
            for _ in 0..(self.copies)(validator, header.seq, header.class, receiver.validator()) {
                receiver.take(&message);
            }
        }
    }
}

fn measure(options: &Options, mut fake: Fake) -> Report {
    let (ledger, receivers) = Ledger::new(options).unwrap();
    fake.receivers = receivers;
    run(options, fake, ledger).unwrap()
}

#[test]
fn finds_nothing_in_a_perfect_relay() {
    let options = options("--validators 5 --rate 500 --warmup-ms 100 --seconds 1");
    let report = measure(&options, Fake::default());
    assert_eq!((report.lost, report.duplicates, report.foreign), (0, 0, 0));
    assert!((report.ingress_achieved - 500.0).abs() < 50.0, "{report:?}");
    assert!((report.deliveries_per_s - 2000.0).abs() < 200.0, "{report:?}");
    assert!(report.cpu_us_per_delivery.is_none() && report.burst_p50_ms.is_none());
}

#[test]
fn finds_exactly_what_was_lost_and_doubled() {
    let options = options("--validators 4 --rate 400 --warmup-ms 0 --seconds 1 --drain-ms 50");
    let copies = |origin, seq, _, to| match (origin, seq, to) {
        (1, 7, 2) | (3, 90, _) => 0, // 1 + 3 lost
        (2, 5, 0) => 3,              // 2 doubled
        (0, 9, 0) => 1,              // own message returned
        _ => usize::from(origin != to),
    };
    let report = measure(&options, Fake { copies, ..Fake::default() });
    assert_eq!((report.lost, report.duplicates, report.foreign), (4, 3, 0), "{report:?}");
}

#[test]
fn a_late_sender_shows_in_latency() {
    let options = options("--validators 4 --rate 400 --warmup-ms 0 --seconds 1");
    let delay = |origin, seq| Duration::from_millis(if (origin, seq) == (0, 20) { 100 } else { 0 });
    let report = measure(&options, Fake { delay, ..Fake::default() });
    // 40 of 400 votes are due while one takes 100 ms: none is skipped, all are late.
    assert_eq!(report.lost, 0);
    assert!(report.max_ms >= 100.0 && report.p95_ms >= 30.0, "{report:?}");
}

#[test]
fn leaves_the_warm_up_out_of_latency_but_not_out_of_losses() {
    let options = options("--validators 4 --rate 400 --warmup-ms 300 --seconds 1 --drain-ms 50");
    let delay = |origin, seq| Duration::from_millis(if (origin, seq) == (0, 0) { 90 } else { 0 });
    let copies = |origin, seq, _, to| usize::from(origin != to && (origin, seq, to) != (0, 1, 2));
    let report = measure(&options, Fake { delay, copies, ..Fake::default() });
    assert_eq!(report.lost, 1);
    assert!(report.max_ms < 80.0, "{report:?}");
}

#[test]
fn times_bursts_until_everybody_has_everything() {
    let options = options("--validators 10 --burst --warmup-ms 0 --seconds 2");
    let delay = |origin, _| Duration::from_millis(if origin == 9 { 20 } else { 0 });
    let report = measure(&options, Fake { delay, ..Fake::default() });
    assert_eq!((report.ingress, report.lost, report.bursts_incomplete), (10, 0, Some(0)));
    assert!(report.burst_p50_ms.unwrap() >= 20.0 && report.p50_ms < 15.0, "{report:?}");
}

#[test]
fn keeps_bulk_outstanding_in_a_closed_loop() {
    let args = "--validators 3 --rate 100 --warmup-ms 0 --seconds 1 --bulk 2 --bulk-bytes 4000000";
    // The second bulk message is lost: one place of the window is taken until it is given up.
    let copies = |origin, seq, class, to| match (class, seq, to) {
        (Class::Bulk, 1, 2) => 0,
        _ => usize::from(origin != to),
    };
    let report =
        measure(&options(&format!("{args} --drain-ms 20")), Fake { copies, ..Fake::default() });
    assert_eq!((report.lost, report.duplicates), (1, 0));
    assert!(report.bulk_deliveries.unwrap() > 20 && report.bulk_mib_per_s.unwrap() > 10.0);
}

#[test]
fn frozen_validators_are_expected_to_get_nothing() {
    let options = options("--validators 5 --frozen 2 --rate 300 --warmup-ms 0 --seconds 1");
    let report = measure(&options, Fake::default());
    assert_eq!((report.lost, report.frozen), (0, Some(2)));
    assert!((report.deliveries_per_s - 600.0).abs() < 60.0, "{report:?}");
}

#[test]
fn spaces_votes_evenly_and_in_turn() {
    let schedule = Schedule::new(&options("--validators 3 --rate 300 --warmup-ms 500 --seconds 1"));
    assert_eq!(schedule.len(), 450);
    for index in 0..schedule.len() {
        let slot = schedule.slot(index);
        assert_eq!((slot.validator as u64, slot.seq), (index % 3, index / 3));
        assert_eq!(slot.at_ns, index * 10_000_000 / 3);
    }
    assert_eq!((0..3).map(|validator| schedule.of(validator)).sum::<u64>(), 450);
}

#[test]
fn puts_a_burst_within_a_millisecond() {
    let schedule = Schedule::new(&options("--validators 100 --burst --warmup-ms 1000 --seconds 2"));
    assert_eq!((schedule.len(), schedule.bursts()), (300, 3));
    for index in 0..300 {
        let slot = schedule.slot(index);
        assert_eq!(slot.at_ns / 1_000_000_000, slot.seq);
        assert!(slot.at_ns % 1_000_000_000 < 1_000_000);
    }
}

#[test]
fn tells_strangers() {
    let options = options("--validators 3 --rate 30 --warmup-ms 0 --seconds 1");
    let (ledger, mut receivers) = Ledger::new(&options).unwrap();
    let vote = |origin, seq| {
        let mut payload = vec![0; 216];
        Header { origin, class: Class::Vote, seq, at_ns: 0 }.write(&mut payload);
        payload
    };
    assert_eq!(receivers[0].take(&vote(1, 0)), Verdict::Foreign, "before the start");
    ledger.shared.start.set(std::time::Instant::now()).unwrap();
    assert_eq!(receivers[0].take(&vote(1, 9)), Verdict::New);
    assert_eq!(receivers[0].take(&vote(1, 9)), Verdict::Duplicate);
    for stranger in [vote(1, 10), vote(3, 0), vec![0; 23], vec![0xff; 216]] {
        assert_eq!(receivers[0].take(&stranger), Verdict::Foreign);
    }
}

#[test]
fn probes_are_done_when_everybody_has_one_from_each_relay() {
    let options = options("--validators 4 --frozen 1");
    let probes = Probes::new(&options).unwrap();
    let sent: Vec<_> = (0..4).map(|validator| probes.probe(validator, 9)).collect();
    assert!(sent[1].is_some() && sent[2].is_none());
    for to in 0..4 {
        assert!(probes.wait(Duration::ZERO).is_err() && !probes.done());
        for probe in sent.iter().flatten() {
            assert!(probes.take(to, probe));
        }
    }
    assert!(!probes.take(0, &[0; 16]) && !probes.take(0, &[0; 216]));
    probes.wait(Duration::ZERO).unwrap();
    assert_eq!(probes.probe(0, 10), None);
}

#[test]
fn writes_headers_that_it_reads_and_filler_that_differs() {
    let header = Header { origin: 7, class: Class::Bulk, seq: 1 << 40, at_ns: u64::MAX };
    let (mut a, mut b) = (vec![0; 1001], vec![0; 1001]);
    header.write(&mut a);
    assert_eq!(Header::read(&a), Some(header));
    Header { seq: 3, ..header }.write(&mut b);
    let same = a[24..].iter().zip(&b[24..]).filter(|(a, b)| a == b).count();
    assert!(same < 30, "{same} of 977 bytes are the same");
}

#[test]
fn says_what_to_do_about_bad_options() {
    for (args, says) in [
        ("--validators 2 --frozen 1", "at least 2"),
        ("--payload 23", "24 or more"),
        ("--rate 0", "1 or more"),
        ("--rate 10000000 --seconds 60", "lower `--rate`"),
    ] {
        let error = options(args).validate().unwrap_err().to_string();
        assert!(error.contains(says) && !error.contains('\n'), "{error}");
    }
    let gone = options("--relay-pid 4294967294 --validators 2 --seconds 1");
    let (ledger, _receivers) = Ledger::new(&gone).unwrap();
    let error = run(&gone, Fake::default(), ledger).unwrap_err();
    assert!(error.to_string().contains("is not running"), "{error}");
}
