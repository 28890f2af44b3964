use super::*;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn the_longest_of_each_counts() {
    let (mut outages, begun) = (Outages::default(), Instant::now());
    for validator in 0..3 {
        outages.end(validator, begun);
    }
    for (validator, from, to) in [(0, 10, 30), (0, 50, 55), (2, 20, 27)] {
        outages.begin(validator, begun + ms(from));
        outages.end(validator, begun + ms(to));
    }
    assert_eq!(outages.longest(begun + ms(100)), [ms(0), ms(7), ms(20)]);
}

#[test]
fn what_lasts_counts_from_its_beginning_to_now() {
    let (mut outages, begun) = (Outages::default(), Instant::now());
    outages.end(0, begun);
    outages.begin(0, begun + ms(10));
    // The connection breaks after the primary had said that it takes no more.
    outages.begin(0, begun + ms(20));
    assert_eq!(outages.longest(begun + ms(50)), [ms(40)]);
    outages.forget(begun + ms(60));
    assert_eq!(outages.longest(begun + ms(65)), [ms(5)]);
    outages.end(0, begun + ms(70));
    assert_eq!(outages.longest(begun + ms(900)), [ms(10)]);
}

#[test]
fn who_is_not_in_yet_has_lost_nothing() {
    let (mut outages, begun) = (Outages::default(), Instant::now());
    outages.begin(0, begun);
    outages.end(0, begun + ms(500));
    assert_eq!(outages.longest(begun + ms(501)), [ms(0)]);
}
