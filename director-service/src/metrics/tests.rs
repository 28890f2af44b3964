#![allow(clippy::unwrap_used)]

use super::*;
use crate::network::{self, Refusal as Turned};
use std::time::Duration;

/// Asserts that the text has all these lines.
fn shows(text: &str, lines: &[&str]) {
    for line in lines {
        assert!(text.lines().any(|have| have == *line), "{line:?} is not in\n{text}");
    }
}

#[test]
fn counts_of_the_rooms_show_under_their_names() {
    let metrics = Metrics::new();
    let core = director::Stats {
        relayed: 7,
        authorized: 21,
        rate_limited: [0, 0, 5, 0],
        repaired: 4,
        withheld: 3,
        standby_connections: 6,
        log_bytes: 1_000,
        log_oldest_ms: 1_500,
        ..director::Stats::default()
    };
    let mut mesh = network::Stats { connected: 2, ..network::Stats::default() };
    mesh.refused[Turned::NotAllowed as usize] = 3;
    let reading = Reading { core, mesh: Some(mesh), ready: true, ..Reading::default() };
    let text = metrics.render(&reading);
    let lines = [
        "director_relayed_total 7",
        "director_authorized_validators 21",
        "director_connections{network=\"mesh\"} 2",
        "director_refused_total{reason=\"bad_signature\"} 0",
        "director_refused_total{reason=\"rate_limited\"} 0",
        "director_rate_limited_total{class=\"normal\"} 5",
        "director_votes_unseen_total 0",
        "director_refused_connections_total{network=\"mesh\",reason=\"not_allowed\"} 3",
        "director_ready 1",
        "director_caught_up 0",
        "director_repaired_total 4",
        "director_withheld_total 3",
        "director_given_up_total 0",
        "director_standby_connections 6",
        "director_log_bytes 1000",
        "director_log_oldest_seconds 1.5",
        "director_active 0",
        "# EOF",
    ];
    shows(&text, &lines);
}

#[test]
fn certificates_and_what_alarms_are_about_show() {
    let mut core = director::Stats { certificates: 3, certified: 12, ..Default::default() };
    (core.certificate_ms[0], core.certificate_ms[2]) = (1, 2);
    core.certificate_ms_sum = 450;
    let look =
        Look { mesh_links_down: 1, finalized_ago_ms: 1_500, alarms: [2, 1], ..Look::default() };
    let text = Metrics::new().render(&Reading { core, look, ..Reading::default() });
    let lines = [
        "director_certificates_total 3",
        "director_certified_checkpoint 12",
        "director_certificate_seconds_sum 0.45",
        "director_certificate_seconds_count 3",
        "director_certificate_seconds_bucket{le=\"0.05\"} 1",
        "director_certificate_seconds_bucket{le=\"0.2\"} 3",
        "director_mesh_links_down 1",
        "director_finalized_age_seconds 1.5",
        "director_alarms{level=\"warning\"} 2",
        "director_alarms{level=\"critical\"} 1",
    ];
    shows(&text, &lines);
    assert!(text.contains("director_build_info{version=\""));
}

#[test]
fn a_store_that_cannot_write_shows() {
    let store = Store { is_failing: true, failures: 3, unwritten_votes: 21, lost_votes: 0 };
    let text = Metrics::new().render(&Reading { store, ..Reading::default() });
    let lines = [
        "director_store_failing 1",
        "director_store_failures_total 3",
        "director_store_unwritten_votes 21",
        "director_store_lost_votes_total 0",
    ];
    shows(&text, &lines);
    shows(&Metrics::new().render(&Reading::default()), &["director_store_failing 0"]);
}

#[test]
fn knows_its_own_memory() {
    assert!(memory_bytes().is_none_or(|bytes| bytes > 100_000));
}

#[test]
fn sizes_of_batches_show_as_a_histogram() {
    let mut core = director::Stats { signatures_checked: 1_000_257, ..director::Stats::default() };
    // A single one, 256 and a million together.
    (core.verify_batch[0], core.verify_batch[8], core.verify_batch[11]) = (1, 1, 1);
    let text = Metrics::new().render(&Reading { core, ..Reading::default() });
    let lines = [
        "# TYPE director_verify_batch histogram",
        "director_verify_batch_bucket{le=\"1.0\"} 1",
        "director_verify_batch_bucket{le=\"128.0\"} 1",
        "director_verify_batch_bucket{le=\"256.0\"} 2",
        "director_verify_batch_bucket{le=\"1024.0\"} 2",
        "director_verify_batch_bucket{le=\"+Inf\"} 3",
        "director_verify_batch_count 3",
        "director_verify_batch_sum 1000257.0",
    ];
    shows(&text, &lines);
}

#[test]
fn queues_and_writes_of_a_network_show_as_histograms() {
    let mut public = network::Stats { waiting_bytes: 77, ..network::Stats::default() };
    let high = &mut public.queue_us[Priority::High.index()];
    // Less than a microsecond, 1,000 of them, and half a minute.
    (high.counts[0], high.counts[10], high.counts[25]) = (1, 1, 1);
    high.sum = 30_001_000;
    // A short write and a full one.
    (public.write_bytes.counts[2], public.write_bytes.counts[15]) = (1, 1);
    public.write_bytes.sum = 16_387;
    let text = Metrics::new().render(&Reading { public: Some(public), ..Reading::default() });
    let lines = [
        "director_waiting_bytes{network=\"public\"} 77",
        "director_queue_seconds_bucket{le=\"0.000001\",network=\"public\",class=\"high\"} 1",
        "director_queue_seconds_bucket{le=\"0.000512\",network=\"public\",class=\"high\"} 1",
        "director_queue_seconds_bucket{le=\"0.001024\",network=\"public\",class=\"high\"} 2",
        "director_queue_seconds_bucket{le=\"+Inf\",network=\"public\",class=\"high\"} 3",
        "director_queue_seconds_count{network=\"public\",class=\"high\"} 3",
        "director_queue_seconds_sum{network=\"public\",class=\"high\"} 30.001",
        "director_queue_seconds_count{network=\"public\",class=\"critical\"} 0",
        "director_write_bytes_bucket{le=\"3.0\",network=\"public\"} 1",
        "director_write_bytes_bucket{le=\"16383.0\",network=\"public\"} 1",
        "director_write_bytes_bucket{le=\"32767.0\",network=\"public\"} 2",
        "director_write_bytes_sum{network=\"public\"} 16387.0",
    ];
    shows(&text, &lines);
}

#[test]
fn time_for_signatures_shows_as_a_histogram() {
    let metrics = Metrics::new();
    let durations = metrics.verify_seconds();
    durations.observe(Duration::from_micros(40));
    durations.observe(Duration::from_secs(2));
    let text = metrics.render(&Reading::default());
    let lines = [
        "director_verify_seconds_bucket{le=\"0.000032\"} 0",
        "director_verify_seconds_bucket{le=\"0.000064\"} 1",
        "director_verify_seconds_bucket{le=\"+Inf\"} 2",
    ];
    shows(&text, &lines);
}
