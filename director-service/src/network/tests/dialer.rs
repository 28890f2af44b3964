use super::key;
use crate::network::dialer::{Dialer, backoff};
use std::time::Duration;
use tokio::time::Instant;

const BASE: Duration = Duration::from_millis(100);
const MAX: Duration = Duration::from_secs(2);

#[test]
fn the_delay_doubles_up_to_the_longest() {
    let ceilings = [0, 1, 2, 3, 4, 5, 60].map(|failures| backoff(BASE, MAX, failures, 1.0));
    assert_eq!(ceilings.map(|delay| delay.as_millis()), [100, 200, 400, 800, 1600, 2000, 2000]);
    assert_eq!(backoff(BASE, MAX, 9, 0.0), Duration::ZERO);
    assert_eq!(backoff(BASE, MAX, 0, 0.5), BASE / 2);
}

#[test]
fn a_failed_dial_is_tried_again_later() {
    let (mut dialer, now) = (Dialer::new(BASE, MAX), Instant::now());
    dialer.set(key(1), Vec::new(), false, false, now);
    assert_eq!(dialer.due(now).len(), 1);
    assert_eq!(dialer.due(now).len(), 0, "it is being dialed");
    dialer.failed(&key(1), now, 1.0);
    assert_eq!(dialer.next_due(), Some(now + BASE));
    assert_eq!(dialer.due(now + BASE).len(), 1);
    dialer.failed(&key(1), now, 1.0);
    assert_eq!(dialer.next_due(), Some(now + 2 * BASE));
}

#[test]
fn only_a_steady_connection_resets_the_delay() {
    let (mut dialer, now) = (Dialer::new(BASE, MAX), Instant::now());
    dialer.set(key(1), Vec::new(), false, false, now);
    for failures in 0..3 {
        dialer.up(&key(1), now);
        dialer.down(&key(1), now, 1.0);
        assert_eq!(dialer.next_due(), Some(now + BASE * (1 << failures)));
    }
    dialer.up(&key(1), now);
    let later = now + Duration::from_secs(60);
    dialer.down(&key(1), later, 1.0);
    assert_eq!(dialer.next_due(), Some(later + BASE));
}

#[test]
fn once_is_once() {
    let (mut dialer, now) = (Dialer::new(BASE, MAX), Instant::now());
    dialer.set(key(1), Vec::new(), true, false, now);
    assert_eq!(dialer.due(now).len(), 1);
    dialer.failed(&key(1), now, 1.0);
    assert_eq!(dialer.next_due(), None);
}

#[test]
fn forgotten_is_forgotten() {
    let (mut dialer, now) = (Dialer::new(BASE, MAX), Instant::now());
    dialer.set(key(1), Vec::new(), false, false, now);
    dialer.remove(&key(1));
    dialer.down(&key(1), now, 1.0);
    assert_eq!(dialer.next_due(), None);
}
