//! Shows rows as a table for people, and says which targets they meet.

use crate::{case::System, row::Row};
use std::fmt::Write;

/// The table, one line a row.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "| system | relays × validators | load | runs | msg/s | deliveries/s | p50 ms | p95 ms | \
         p99 ms | max ms | lost | twice | CPU µs/delivery | MiB |\n\
         |---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        let system = row.system.map(|system| system.to_string()).unwrap_or_default();
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "| {system} | {} × {} | {} | {} | {:.0} | {:.0} | {:.2} | {:.2} | {:.2} | {:.1} | {} | \
             {} | {:.2} | {:.0} |",
            row.relays,
            row.validators,
            row.load(),
            row.runs_in_words(),
            row.ingress_achieved,
            row.deliveries_per_s,
            row.p50_ms,
            row.p95_ms,
            row.p99_ms,
            row.max_ms,
            row.lost,
            row.duplicates,
            row.cpu_us_per_delivery,
            row.rss_mib
        );
    }
    text
}

/// Highest sustained rate of each system and topology.
pub(crate) fn capacities(rows: &[Row]) -> String {
    let mut text = String::from(
        "| system | relays × validators | highest msg/s with p99 < 50 ms and nothing lost | \
         deliveries/s | p99 ms | CPU µs/delivery |\n|---|---|---|---|---|---|\n",
    );
    for best in best(rows) {
        let system = best.system.map(|system| system.to_string()).unwrap_or_default();
        let _ = writeln!(
            text,
            "| {system} | {} × {} | {} | {:.0} | {:.1} | {:.2} |",
            best.relays,
            best.validators,
            best.ingress,
            best.deliveries_per_s,
            best.p99_ms,
            best.cpu_us_per_delivery
        );
    }
    text
}

/// The row with the highest sustained rate of each system and topology, 216 B and nothing beside.
fn best(rows: &[Row]) -> Vec<&Row> {
    let plain = |row: &&Row| {
        row.is_plain() && row.payload == 216 && row.burst_p99_ms.is_none() && row.sustained()
    };
    let mut best: Vec<&Row> = Vec::new();
    for row in rows.iter().filter(plain) {
        let same = |of: &&mut &Row| {
            (of.system, of.relays, of.validators) == (row.system, row.relays, row.validators)
        };
        match best.iter_mut().find(same) {
            Some(of) if of.ingress < row.ingress => *of = row,
            Some(_) => {}
            None => best.push(row),
        }
    }
    best.retain(|row| row.validators == 21);
    best
}

/// What the targets of the issue compare, as far as the rows have both sides.
pub(crate) fn targets(rows: &[Row]) -> String {
    let best = best(rows);
    let capacity = |system, relays| {
        let found = best.iter().find(|row| row.system == Some(system) && row.relays == relays);
        found.map(|row| row.ingress as f64)
    };
    let at = |system, relays, validators, rate: u64| {
        rows.iter().find(|row| {
            row.system == Some(system)
                && (row.relays, row.validators, row.ingress) == (relays, validators, rate)
                && row.is_plain()
                && row.payload == 216
                && row.burst_p99_ms.is_none()
        })
    };
    let mut lines = Lines::default();
    let (director, raw) = (capacity(System::Director, 1), capacity(System::Raw, 1));
    lines.ratio("highest rate, 1 × 21, to raw's (raw up to 100,000)", director, raw, 0.2, true);
    let verified = capacity(System::GossipsubVerified, 1);
    lines.ratio("the same, to gossipsub's with verification", director, verified, 15.0, true);
    let meshed = capacity(System::Director, 3);
    lines.ratio("highest rate, 3 × 21 on one core, to 1 × 21's", meshed, director, 0.4, true);
    let verified = capacity(System::GossipsubVerified, 3);
    lines.ratio("the same, to gossipsub's with verification", meshed, verified, 10.0, true);
    let of = |system, figure: fn(&Row) -> f64| at(system, 1, 21, 1_000).map(figure);
    let cpu = |row: &Row| row.cpu_us_per_delivery;
    let (own, raw) = (of(System::Director, cpu), of(System::Raw, cpu));
    lines.ratio("CPU per delivery at 1,000 msg/s, to raw's", own, raw, 1.6, false);
    let p99 = |row: &Row| row.p99_ms;
    let (own, raw) = (of(System::Director, p99), of(System::Raw, p99));
    lines.ratio("p99 at 1,000 msg/s, to raw's", own, raw, 2.0, false);
    let p50 = of(System::Director, |row| row.p50_ms);
    lines.ratio("p50 at 1,000 msg/s, in ms", p50, Some(1.0), 0.45, false);
    for validators in [21, 100] {
        let burst = |system| {
            let found = rows.iter().find(|row| {
                row.system == Some(system)
                    && (row.relays, row.validators) == (1, validators)
                    && row.burst_p99_ms.is_some()
            });
            found.and_then(|row| row.burst_p99_ms)
        };
        let name = format!("burst of {validators}, slowest until all have all, to raw's");
        lines.ratio(&name, burst(System::Director), burst(System::Raw), 2.0, false);
        let name = format!("burst of {validators}, the same, to gossipsub's");
        lines.ratio(&name, burst(System::Director), burst(System::Gossipsub), 0.5, false);
    }
    for (validators, rate) in [(100, 202), (1_000, 20)] {
        let more = at(System::Director, 1, validators, rate).map(cpu);
        let name = format!("CPU per delivery, 1 × {validators} to 1 × 21 at 20,000 deliveries/s");
        lines.ratio(&name, more, of(System::Director, cpu), 1.2, false);
    }
    let rss = |row: &Row| row.rss_mib;
    let idle = at(System::Director, 1, 1_000, 20).map(rss).zip(of(System::Director, rss));
    let per_connection = idle.map(|(many, few)| (many - few) * 1024.0 / 979.0);
    lines.ratio(
        "memory of a nearly idle connection, in KiB",
        per_connection,
        Some(1.0),
        64.0,
        false,
    );
    let bulk = rows
        .iter()
        .find(|row| row.system == Some(System::Director) && row.bulk_mib_per_s.is_some());
    lines.ratio("p99 of small messages beside blocks, in ms", bulk.map(p99), Some(1.0), 5.0, false);
    let frozen = |frozen, validators| {
        let found = rows.iter().find(|row| {
            row.system == Some(System::Director)
                && row.frozen.unwrap_or(0) == frozen
                && (row.validators, row.ingress) == (validators, 500)
        });
        found.map(p99)
    };
    let molested = rows.iter().find(|row| {
        row.system == Some(System::Director)
            && row.strangers.is_some()
            && (row.validators, row.ingress) == (21, 1_000)
    });
    let calm = of(System::Director, p99);
    lines.ratio("p99 with 167 strangers a second, to without", molested.map(p99), calm, 1.2, false);
    lines.ratio("p99 with a tenth frozen, to without", frozen(10, 100), frozen(0, 90), 1.1, false);
    lines.0
}

#[derive(Default)]
struct Lines(String);

impl Lines {
    /// A line, if both are known: the ratio, what it should be, and whether it is.
    fn ratio(
        &mut self,
        what: &str,
        own: Option<f64>,
        other: Option<f64>,
        target: f64,
        at_least: bool,
    ) {
        let (Some(own), Some(other)) = (own, other.filter(|other| *other > 0.0)) else { return };
        if self.0.is_empty() {
            self.0.push_str("| what | measured | target | |\n|---|---|---|---|\n");
        }
        let ratio = own / other;
        let (sign, met) =
            if at_least { ("≥", ratio >= target) } else { ("≤", ratio <= target) };
        let verdict = if met { "met" } else { "missed" };
        let _ = writeln!(self.0, "| {what} | {ratio:.2} | {sign} {target} | {verdict} |");
    }
}
