//! What is read and what is made of it.
#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn reads_the_processors_time_whatever_the_process_is_called() {
    let rest = "S 1 2 3 4 5 6 7 8 9 10 120 30 0 0 20 0 12 0 100";
    assert_eq!(cpu_ms(&format!("42 (director) {rest}")), Some(1_500));
    assert_eq!(cpu_ms(&format!("42 (a ) (b) {rest}")), Some(1_500));
    assert_eq!(cpu_ms("42 (director) S 1 2"), None);
    assert_eq!(cpu_ms(""), None);
}

#[test]
fn says_what_is_used_and_what_is_left() {
    let mut meter = Meter { bandwidth: 1_000 * MBIT, cores: 2, last: None };
    let start = Instant::now();
    let at =
        |ms, cpu_ms, written| Reading { at: start + Duration::from_millis(ms), cpu_ms, written };
    assert_eq!(meter.take(at(0, 500, 7)), (0, 125_000_000), "nothing to compare with yet");
    assert_eq!(meter.take(at(1_000, 1_000, 25_000_007)), (250, 100_000_000));
    assert_eq!(meter.take(at(1_500, 1_000, 25_000_007)), (0, 125_000_000));
    // More than there is, and counts that go back.
    assert_eq!(meter.take(at(2_500, 9_000, 1_000_000_007)), (1_000, 0));
    assert_eq!(meter.take(at(3_500, 0, 0)), (0, 125_000_000));
}

#[test]
fn this_system_tells() {
    let mut meter = Meter::new(1);
    assert_eq!(meter.bandwidth, 125_000);
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    assert!(cpu_ms(&stat).is_some(), "{stat}");
    assert_eq!(meter.measure(Instant::now(), 0), (0, 125_000));
}
