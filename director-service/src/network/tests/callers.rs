use crate::network::{
    Limits, Refusal,
    callers::{Callers, MAX_CALLERS},
};
use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};
use tokio::time::Instant;

fn ip(n: u32) -> IpAddr {
    Ipv4Addr::from_bits(0x0a00_0000 + n).into()
}

/// 2 a second and 4 at once from one address, 8 and 16 from all strangers.
fn callers(now: Instant) -> Callers {
    let limits = Limits {
        handshakes_per_s_per_ip: 2,
        handshake_burst_per_ip: 4,
        strangers_per_s: 8,
        strangers_burst: 16,
        ..Limits::default()
    };
    Callers::new(&limits, now)
}

#[test]
fn one_address_has_a_rate_of_its_own_and_costs_the_others_nothing() {
    let now = Instant::now();
    let mut callers = callers(now);
    for _ in 0..4 {
        assert_eq!(callers.call(ip(1), now), Ok(true));
    }
    for _ in 0..1_000 {
        assert_eq!(callers.call(ip(1), now), Err(Refusal::TooFastFromAddress));
    }
    // 4 of 16 are gone, not 1,004.
    for n in 2..14 {
        assert_eq!(callers.call(ip(n), now), Ok(true));
    }
    assert_eq!(callers.call(ip(14), now), Err(Refusal::TooManyStrangers));
    let later = now + Duration::from_millis(500);
    assert_eq!(callers.call(ip(1), later), Ok(true));
    assert_eq!(callers.call(ip(1), later), Err(Refusal::TooFastFromAddress));
}

#[test]
fn strangers_share_a_rate_and_known_addresses_do_not() {
    let now = Instant::now();
    let mut callers = callers(now);
    callers.welcome(ip(0), now);
    for n in 1..17 {
        assert_eq!(callers.call(ip(n), now), Ok(true));
    }
    assert_eq!(callers.call(ip(17), now), Err(Refusal::TooManyStrangers));
    assert_eq!(callers.call(ip(0), now), Ok(false));
    let second = now + Duration::from_secs(1);
    let passed = (0..100).filter(|n| callers.call(ip(1_000 + n), second).is_ok()).count();
    assert_eq!(passed, 8);
}

#[test]
fn who_was_not_seen_for_an_hour_is_a_stranger_again() {
    let now = Instant::now();
    let mut callers = callers(now);
    callers.welcome(ip(0), now);
    let almost = now + Duration::from_secs(3_599);
    assert_eq!(callers.call(ip(0), almost), Ok(false));
    assert_eq!(callers.call(ip(0), now + Duration::from_secs(3_600)), Ok(true));
}

#[test]
fn the_table_is_bounded_and_forgets_strangers_first() {
    let now = Instant::now();
    let limits = Limits { strangers_burst: u32::MAX, ..Limits::default() };
    let mut callers = Callers::new(&limits, now);
    callers.welcome(ip(0), now);
    let many = 2 * MAX_CALLERS as u32;
    for n in 1..many {
        assert_eq!(callers.call(ip(n), now), Ok(true));
    }
    assert_eq!(callers.len(), MAX_CALLERS);
    assert_eq!(callers.call(ip(0), now), Ok(false), "the known one is still known");
    // When their buckets are full again, strangers need no entry.
    let later = now + Duration::from_secs(60);
    assert_eq!(callers.call(ip(many), later), Ok(true));
    assert_eq!(callers.len(), 2);
}
