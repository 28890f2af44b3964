//! Counts how often which address calls, so that a flood of strangers cannot take the CPU.
//!
//! Each address has a bucket of handshakes. Addresses that have not brought an allowed key within
//! the last hour share another one: a thousand strangers get no more of the CPU than it lets through,
//! and whoever is known does not wait behind them.
//!
//! The table is bounded. A stranger gets an entry only if the common bucket lets it through, and an
//! entry whose bucket is full again says nothing that its absence would not. Should it be full all the
//! same, the address that was silent for longest is forgotten, strangers first.

use super::{
    Limits,
    bucket::{Bucket, Rate},
    gate::Refusal,
};
use std::{collections::HashMap, net::IpAddr, time::Duration};
use tokio::time::Instant;

/// How long an address is known after it brought an allowed key or had a connection.
const KNOWN_FOR: Duration = Duration::from_secs(3600);

/// Most addresses in the table; about 1 MiB.
pub(super) const MAX_CALLERS: usize = 8_192;

struct Caller {
    bucket: Bucket,
    known_until: Option<Instant>,
}

impl Caller {
    fn is_known(&self, now: Instant) -> bool {
        self.known_until.is_some_and(|until| until > now)
    }
}

/// Who may call.
pub(super) struct Callers {
    table: HashMap<IpAddr, Caller>,
    of_address: Rate,
    of_strangers: Rate,
    strangers: Bucket,
}

impl Callers {
    pub(super) fn new(limits: &Limits, now: Instant) -> Self {
        let of_strangers = Rate::new(limits.strangers_per_s, limits.strangers_burst);
        Self {
            table: HashMap::new(),
            of_address: Rate::new(limits.handshakes_per_s_per_ip, limits.handshake_burst_per_ip),
            of_strangers,
            strangers: Bucket::full(of_strangers, now),
        }
    }

    /// Somebody calls. Returns whether it is a stranger, or why it must not.
    pub(super) fn call(&mut self, address: IpAddr, now: Instant) -> Result<bool, Refusal> {
        let rate = self.of_address;
        let caller = self.table.get_mut(&address);
        let stranger = !caller.as_ref().is_some_and(|caller| caller.is_known(now));
        // Its own bucket first: what one address does too often is not paid by all.
        if caller.is_some_and(|caller| !caller.bucket.has(rate, now)) {
            return Err(Refusal::TooFastFromAddress);
        }
        if stranger && !self.strangers.take(self.of_strangers, now) {
            return Err(Refusal::TooManyStrangers);
        }
        self.entry(address, now).bucket.tokens -= 1.0;
        Ok(stranger)
    }

    /// The address has brought an allowed key, or has just lost the connection of one.
    pub(super) fn welcome(&mut self, address: IpAddr, now: Instant) {
        self.entry(address, now).known_until = Some(now + KNOWN_FOR);
    }

    fn entry(&mut self, address: IpAddr, now: Instant) -> &mut Caller {
        if self.table.len() >= MAX_CALLERS && !self.table.contains_key(&address) {
            self.make_room(now);
        }
        let bucket = Bucket::full(self.of_address, now);
        self.table.entry(address).or_insert(Caller { bucket, known_until: None })
    }

    fn make_room(&mut self, now: Instant) {
        let rate = self.of_address;
        self.table.retain(|_, caller| {
            caller.bucket.fill(rate, now);
            caller.is_known(now) || caller.bucket.tokens < rate.burst
        });
        if self.table.len() < MAX_CALLERS {
            return;
        }
        // `None` is less than any time: strangers first. Of those the one with the fullest bucket.
        let first = self.table.iter().min_by(|(_, one), (_, other)| {
            let fuller = other.bucket.tokens.total_cmp(&one.bucket.tokens);
            one.known_until.cmp(&other.known_until).then(fuller)
        });
        if let Some(address) = first.map(|(address, _)| *address) {
            self.table.remove(&address);
        }
    }

    /// Addresses in the table.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.table.len()
    }
}
