//! What a soak finds fault with.

use super::*;

/// An hour of three directors, changed minute by minute.
fn hour(change: impl Fn(usize, &mut Minute)) -> Outcome {
    let minute = |number: usize| {
        let event = Event::TURNS[number % Event::TURNS.len()];
        let p99 = if event == Event::Freeze { 2_900.0 } else { 30.0 };
        let mut minute = Minute {
            event,
            due: 120_000,
            deliveries_per_s: 40_000,
            published: 120_000,
            outstanding: 0,
            latency_ms: [5.0, p99, 3_100.0],
            memory_kib: vec![50_000; 3],
            entries: 0,
        };
        change(number, &mut minute);
        minute
    };
    Outcome {
        minutes: (0..60).map(minute).collect(),
        published: 0,
        lost: 0,
        duplicates: 0,
        gaps: 0,
        accusations: 0,
    }
}

#[test]
fn an_hour_like_any_other_has_no_faults() {
    let calm = hour(|number, minute| {
        // What is restarted varies, and a single minute may be bad.
        minute.memory_kib[1] -= (number as u64 % 7) * 1_000;
        if number == 59 {
            (minute.latency_ms[1], minute.memory_kib[0]) = (500.0, 60_000);
        }
    });
    assert!(calm.faults().is_empty(), "{:?}", calm.faults());
}

#[test]
fn a_load_that_is_none_is_a_fault() {
    let idle = hour(|number, minute| {
        if number == 20 {
            minute.published = 113_999;
        }
        if number == 30 {
            minute.outstanding = 40_001;
        }
    });
    let faults = idle.faults();
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(faults[0].starts_with("minute 21: 113999 messages"), "{faults:?}");
    assert!(faults[1].starts_with("minute 31: 40001 deliveries"), "{faults:?}");
}

#[test]
fn memory_that_grows_is_a_fault_of_whichever_director() {
    let slow = hour(|number, minute| minute.memory_kib[0] += number as u64 * 80);
    assert!(slow.faults()[0].contains("director-1 has grown"), "{:?}", slow.faults());
    let fast = hour(|number, minute| minute.memory_kib[2] += number as u64 * 400);
    assert!(fast.faults()[0].contains("director-3 has grown"), "{:?}", fast.faults());
}

#[test]
fn memory_that_cannot_be_read_is_a_fault() {
    let blind = hour(|number, minute| {
        if number == 7 {
            minute.memory_kib[1] = 0;
        }
    });
    assert_eq!(blind.faults(), ["the memory of director-2 could not be read in minute 8"]);
}

#[test]
fn deliveries_that_become_slow_are_a_fault_among_minutes_of_a_kind() {
    let slow = hour(|number, minute| {
        if minute.event == Event::Churn && number > 40 {
            minute.latency_ms[1] = 150.0;
        }
    });
    let faults = slow.faults();
    assert!(faults.len() == 1 && faults[0].contains("150.0 ms at last (churn)"), "{faults:?}");
}

#[test]
fn what_is_short_is_shorter_where_no_director_stops() {
    for (of, is_fault) in [(Event::Calm, true), (Event::Churn, true), (Event::Freeze, false)] {
        let slow = hour(|number, minute| {
            if minute.event == of {
                minute.latency_ms[1] = if number > 40 { 60.0 } else { 5.0 };
            }
        });
        let faults = slow.faults();
        assert_eq!(faults.len(), usize::from(is_fault), "{of:?}: {faults:?}");
    }
}
