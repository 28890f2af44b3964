//! Every metric that an alert or a Grafana panel asks for is one that directors have, and the alerts do what their tests say.
//!
//! The second part needs `promtool` (it comes with Prometheus): without it this test says that it is skipped, unless
//! `REQUIRE_PROMETHEUS` is set.

#![allow(clippy::unwrap_used)]

use director_service::{
    metrics::{Metrics, Reading},
    network::Stats,
};
use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy")
}

/// Names of the series that `/metrics` has, or may have once something is counted.
fn known() -> BTreeSet<String> {
    // What is counted by network shows once the networks are there.
    let (mesh, public) = (Some(Stats::default()), Some(Stats::default()));
    let text = Metrics::new().render(&Reading { mesh, public, ..Reading::default() });
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let series = types.flat_map(|line| {
        let (name, kind) = line.split_once(' ').unwrap();
        let ends: &[&str] = match kind {
            "counter" => &["_total"],
            "histogram" => &["_bucket", "_sum", "_count"],
            _ => &[""],
        };
        ends.iter().map(|end| format!("{name}{end}")).collect::<Vec<_>>()
    });
    series.collect()
}

/// Words of a text that look like a metric of ours.
fn asked(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words.filter(|word| word.starts_with("director_")).map(String::from).collect()
}

fn expressions_of_alerts() -> String {
    let text = fs::read_to_string(deploy().join("prometheus/alerts.yml")).unwrap();
    let lines = text.lines().filter_map(|line| line.trim().strip_prefix("expr: "));
    let lines: Vec<_> = lines.collect();
    assert!(lines.len() >= 15, "{lines:?}");
    lines.join("\n")
}

fn expressions_of_panels() -> String {
    let mut all = String::new();
    for entry in fs::read_dir(deploy().join("grafana")).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let dashboard: serde_json::Value = serde_json::from_str(&text).unwrap();
        for panel in dashboard["panels"].as_array().unwrap() {
            for target in panel["targets"].as_array().unwrap() {
                all += target["expr"].as_str().unwrap();
                all.push('\n');
            }
        }
    }
    all
}

#[test]
fn monitoring_asks_for_nothing_that_is_not_there() {
    let known = known();
    for (what, text) in
        [("alerts.yml", expressions_of_alerts()), ("grafana", expressions_of_panels())]
    {
        let asked = asked(&text);
        assert!(asked.len() >= 15, "{asked:?}");
        let missing: Vec<_> = asked.difference(&known).collect();
        assert!(missing.is_empty(), "{what} asks for {missing:?}");
    }
}

#[test]
fn every_alert_says_how_urgent_it_is_and_what_to_do() {
    let text = fs::read_to_string(deploy().join("prometheus/alerts.yml")).unwrap();
    for alert in text.split("- alert: ").skip(1) {
        let name = alert.lines().next().unwrap();
        for part in ["expr: ", "severity: ", "summary: ", "remedy: "] {
            assert!(alert.contains(part), "{name} has no {part}");
        }
        let tests = fs::read_to_string(deploy().join("prometheus/tests.yml")).unwrap();
        assert!(tests.contains(&format!("\"{name}\"")), "{name} has no test");
    }
}

#[test]
fn the_alerts_do_what_their_tests_say() {
    let mut promtool = Command::new("promtool");
    promtool.args(["test", "rules", "tests.yml"]).current_dir(deploy().join("prometheus"));
    match promtool.output() {
        Ok(done) => {
            let said = String::from_utf8_lossy(&done.stdout).into_owned()
                + &String::from_utf8_lossy(&done.stderr);
            assert!(done.status.success(), "{said}");
        }
        Err(error) => {
            assert!(env::var_os("REQUIRE_PROMETHEUS").is_none(), "cannot run promtool: {error}");
            eprintln!("SKIPPED: needs promtool (apt-get install prometheus): {error}");
        }
    }
}

#[test]
fn it_would_notice() {
    let names = asked("rate(director_frames_total{a=\"b\"}[5m]) > director_nothing");
    assert_eq!(names, ["director_frames_total", "director_nothing"].map(String::from).into());
    let known = known();
    assert!(known.contains("director_frames_total") && !known.contains("director_nothing"));
    assert!(known.contains("director_queue_seconds_bucket") && known.contains("director_ready"));
}
