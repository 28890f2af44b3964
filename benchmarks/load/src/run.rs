//! Runs one measurement: prepares, paces, samples the relays, waits for stragglers, reports.

use std::{
    sync::{Arc, atomic::Ordering::*},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::{
    System,
    ledger::{Ledger, Shared},
    options::Options,
    pacing::{Paced, Pacing},
    process::{self, Sample},
    report::{Report, quantile_ms, rounded},
};

/// How often it is looked whether everything arrived.
const DRAIN_POLL: Duration = Duration::from_millis(2);
/// Most time for the pacing thread to end: it waits for nothing.
const STOP_WITHIN: Duration = Duration::from_secs(5);

/// The state of everything at an edge of the measured window.
struct Edge {
    at: Instant,
    votes: u64,
    bulk: u64,
    relays: Option<Sample>,
}

/// Measures: blocks the calling thread for warm-up, window and at most `--drain-ms`, while the
/// program's own tasks read. All validators must be connected, and subscribed where that takes time.
pub fn run<S: System + 'static>(options: &Options, system: S, ledger: Ledger) -> Result<Report> {
    options.validate()?;
    process::sample(&options.relay_pids)?;
    let shared = ledger.shared.clone();
    let pacing = Pacing::prepare(options, system, &shared);

    let start = Instant::now();
    shared.start.set(start).ok().context("a ledger serves one run: make another one")?;
    let paced = Arc::new(Paced::default());
    let pacer = {
        let (shared, paced) = (shared.clone(), paced.clone());
        thread::Builder::new().name("pacing".into()).spawn(move || pacing.run(&shared, &paced))?
    };
    let _ = shared.pacer.set(pacer.thread().clone());

    let result = measure(options, &ledger, &paced, start);
    paced.stop.store(true, Release);
    let give_up = Instant::now() + STOP_WITHIN;
    while !pacer.is_finished() {
        if Instant::now() > give_up {
            bail!("the pacing thread hangs: `System::publish` and `flush` must not wait");
        }
        thread::sleep(DRAIN_POLL);
    }
    if pacer.join().is_err() {
        bail!("the pacing thread panicked: see above");
    }
    result
}

fn measure(options: &Options, ledger: &Ledger, paced: &Paced, start: Instant) -> Result<Report> {
    let shared = &ledger.shared;
    let begin = edge(options, shared, start + Duration::from_nanos(options.warmup_ns()))?;
    let end = edge(options, shared, start + Duration::from_nanos(options.end_ns()))?;
    let give_up = Instant::now() + Duration::from_millis(options.drain_ms);
    while Instant::now() < give_up {
        let (votes, bulk) = shared.received();
        let bulk_expected = shared.bulk_expected(paced.bulk.load(Acquire));
        if votes >= shared.votes_expected() && bulk >= bulk_expected {
            break;
        }
        thread::sleep(DRAIN_POLL);
    }
    report(options, ledger, paced, &begin, &end)
}

fn edge(options: &Options, shared: &Shared, at: Instant) -> Result<Edge> {
    thread::sleep(at.saturating_duration_since(Instant::now()));
    let relays = process::sample(&options.relay_pids)?;
    let (votes, bulk) = shared.received();
    Ok(Edge { at: Instant::now(), votes, bulk, relays })
}

fn report(
    options: &Options,
    ledger: &Ledger,
    paced: &Paced,
    begin: &Edge,
    end: &Edge,
) -> Result<Report> {
    let shared = &ledger.shared;
    let totals = ledger.totals()?;
    let window_s = end.at.duration_since(begin.at).as_secs_f64();
    let deliveries = end.votes - begin.votes;
    let bulk_deliveries = end.bulk - begin.bulk;
    let bulk_bytes = bulk_deliveries as f64 * options.bulk_bytes as f64;
    let expected = shared.votes_expected() + shared.bulk_expected(paced.bulk.load(Acquire));
    let (bursts, incomplete) = shared.burst_ns();
    let latency_ms = |quantile| rounded(totals.latency.value_at_quantile(quantile) as f64 / 1e3);
    let relays = begin.relays.zip(end.relays);
    let bulk = options.bulk_window > 0;
    Ok(Report {
        relays: options.relays.len(),
        validators: options.validators,
        payload: options.payload,
        ingress: options.ingress(),
        ingress_achieved: rounded(
            paced.votes_in_window.load(Relaxed) as f64 / options.seconds as f64,
        ),
        deliveries_per_s: rounded(deliveries as f64 / window_s),
        p50_ms: latency_ms(0.5),
        p95_ms: latency_ms(0.95),
        p99_ms: latency_ms(0.99),
        max_ms: rounded(totals.latency.max() as f64 / 1e3),
        lost: expected.saturating_sub(totals.votes + totals.bulk),
        duplicates: totals.duplicates,
        foreign: totals.foreign,
        cpu_us_per_delivery: relays.map(|(begin, end)| {
            let cpu_us = end.cpu_ns.saturating_sub(begin.cpu_ns) as f64 / 1e3;
            rounded(cpu_us / deliveries.max(1) as f64)
        }),
        rss_mib: relays.map(|(begin, end)| rounded(begin.rss_kib.max(end.rss_kib) as f64 / 1024.0)),
        peak_mib: relays.map(|(_, end)| rounded(end.peak_kib as f64 / 1024.0)),
        burst_p50_ms: quantile_ms(&bursts, 0.5),
        burst_p99_ms: quantile_ms(&bursts, 0.99),
        bursts_incomplete: options.burst.then_some(incomplete),
        bulk_mib_per_s: bulk.then(|| {
            rounded(bulk_bytes / (options.live() - 1) as f64 / window_s / f64::from(1 << 20))
        }),
        bulk_deliveries: bulk.then_some(bulk_deliveries),
        frozen: (options.frozen > 0).then_some(options.frozen),
    })
}
