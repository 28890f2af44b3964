use crate::{
    case::{Case, Load, System},
    memory, plan, plot,
    row::Row,
    table,
};

fn row(system: System, rate: u64, p99_ms: f64, lost: u64) -> Row {
    Row {
        system: Some(system),
        relays: 1,
        validators: 21,
        payload: 216,
        ingress: rate,
        ingress_achieved: rate as f64,
        deliveries_per_s: rate as f64 * 20.0,
        p50_ms: p99_ms / 2.0,
        p95_ms: p99_ms,
        p99_ms,
        max_ms: p99_ms,
        lost,
        duplicates: 0,
        foreign: 0,
        cpu_us_per_delivery: 10.0,
        rss_mib: 20.0,
        peak_mib: 20.0,
        burst_p50_ms: None,
        burst_p99_ms: None,
        bulk_mib_per_s: None,
        frozen: None,
        waiting_mib: None,
        class: None,
        strangers: None,
        runs: 1,
        failed_tries: 0,
    }
}

#[test]
fn a_director_is_held_to_the_formula_for_its_memory() {
    let many = Row { validators: 1_000, ..row(System::Director, 40, 1.0, 0) };
    // 25 + 64 + 256 MiB, and 41 + 74 KiB for each.
    let bound = memory::bound_mib(&many).unwrap();
    assert!((bound - 457.3).abs() < 0.1, "{bound}");
    let within = Row { rss_mib: bound - 1.0, ..many.clone() };
    let beyond = Row { peak_mib: bound + 1.0, ..many.clone() };
    // 40 MiB may wait, and 4 are the log's.
    let small = memory::bound_mib(&Row { waiting_mib: Some(40), ..many }).unwrap();
    assert!((bound - small - 276.0).abs() < 0.1, "{small}");
    let of_others = Row { rss_mib: 1e6, ..row(System::Raw, 40, 1.0, 0) };
    let excesses = memory::excesses(&[within, beyond, of_others]);
    assert_eq!(excesses.len(), 1);
    assert!(excesses[0].starts_with("1×1000, 216 B: 458 MiB"), "{excesses:?}");
}

#[test]
fn a_rate_counts_if_nothing_is_lost_or_late_and_the_load_could_send_it() {
    assert!(row(System::Raw, 1_000, 49.0, 0).sustained());
    assert!(!row(System::Raw, 1_000, 50.0, 0).sustained());
    assert!(!row(System::Raw, 1_000, 1.0, 1).sustained());
    let slow = Row { ingress_achieved: 900.0, ..row(System::Raw, 1_000, 1.0, 0) };
    assert!(!slow.sustained());
}

#[test]
fn the_median_hides_no_loss() {
    let rows = [3.0, 1.0, 2.0].map(|p99_ms| row(System::Raw, 1_000, p99_ms, 1));
    let median = Row::median(&rows).unwrap();
    assert_eq!((median.p99_ms, median.lost, median.runs), (2.0, 3, 3));
}

#[test]
fn the_median_of_two_hides_no_loss() {
    let rows = [row(System::Raw, 1_000, 200.0, 7), row(System::Raw, 1_000, 2.0, 0)];
    let median = Row::median(&rows).unwrap();
    assert_eq!((median.p99_ms, median.lost, median.runs), (101.0, 7, 2));
    assert!(!median.sustained());
}

#[test]
fn what_was_not_sent_shows_and_is_no_success() {
    let rows = [0, 3].map(|foreign| Row { foreign, ..row(System::Raw, 1_000, 1.0, 0) });
    let median = Row::median(&rows).unwrap();
    assert!(!median.sustained());
    assert!(median.load().ends_with(", 3 deliveries of what was not sent"), "{}", median.load());
}

#[test]
fn of_a_search_a_second_try_that_was_good_counts_alone_and_says_so() {
    let tries = [row(System::Raw, 1_000, 200.0, 7), row(System::Raw, 1_000, 2.0, 0)];
    let good = Row::of_tries(&tries).unwrap();
    assert_eq!((good.p99_ms, good.lost, &*good.runs_in_words()), (2.0, 0, "1 of 2"));
    assert!(table::table(&[good]).contains("| 1 of 2 |"));
    let bad = [tries[0].clone(), tries[0].clone()];
    let bad = Row::of_tries(&bad).unwrap();
    assert_eq!((bad.lost, &*bad.runs_in_words()), (14, "2"));
}

#[test]
fn targets_compare_the_highest_sustained_rates() {
    let rows = [
        row(System::Raw, 100_000, 5.0, 0),
        row(System::Director, 20_000, 5.0, 0),
        row(System::Director, 30_000, 6.0, 0),
        row(System::Director, 40_000, 500.0, 0),
        row(System::GossipsubVerified, 2_500, 20.0, 0),
    ];
    let text = table::targets(&rows);
    assert!(text.contains("| 0.30 | ≥ 0.2 | met |"), "{text}");
    assert!(text.contains("| 12.00 | ≥ 15 | missed |"), "{text}");
    assert!(table::capacities(&rows).contains("| director | 1 × 21 | 30000 |"));
}

#[test]
fn a_row_is_what_was_promised_in_json() {
    let json = serde_json::to_value(row(System::GossipsubVerified, 1_000, 1.0, 0)).unwrap();
    assert_eq!(json["system"], "gossipsub-verified");
    for field in [
        "relays",
        "validators",
        "payload",
        "ingress",
        "ingress_achieved",
        "deliveries_per_s",
        "p50_ms",
        "p95_ms",
        "p99_ms",
        "max_ms",
        "lost",
        "duplicates",
        "cpu_us_per_delivery",
        "rss_mib",
    ] {
        assert!(json[field].is_number(), "{field} is missing in {json}");
    }
}

#[test]
fn the_quick_plan_is_short() {
    let seconds: u64 = plan::quick(&plan::everybody(false))
        .iter()
        .map(|group| {
            let cases: u64 = group.cases.iter().map(|case| case.seconds + 4).sum();
            let searches = group.searches.iter();
            let rungs: u64 = searches.map(|s| s.rungs.len() as u64 * (s.seconds + 4)).sum();
            25 + cases * group.repeat as u64 + rungs
        })
        .sum();
    assert!(seconds < 210, "{seconds} s");
}

#[test]
fn draws_what_it_has() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("plot.svg");
    let rows = [row(System::Raw, 1_000, 0.5, 0), row(System::Director, 20_000, 5.0, 0)];
    plot::draw(&rows, &path).unwrap();
    let svg = std::fs::read_to_string(&path).unwrap();
    assert!(svg.contains("director") && svg.contains("raw"));
    plot::draw(&[], &path).unwrap();
}

#[test]
fn a_case_tells_what_is_special_about_it() {
    let case = Case::new(System::Director, 3, 21, Load::Rate(1_000));
    assert_eq!(case.to_string(), "director 3×21 216 B, 1000 msg/s");
    let case = Case { bulk: 4, frozen: 2, load: Load::Burst, ..case };
    assert_eq!(case.to_string(), "director 3×21 216 B, bursts, beside blocks of 1 MiB, 2 frozen");
}

/// What the command line makes of these words; `Err` with its one reason.
fn parse(words: &str) -> Result<usize, String> {
    use clap::Parser;
    let words = words.split_whitespace();
    let all = ["relay-bench", "--release", ".", "--peers", "."].into_iter().chain(words);
    let cli = crate::Cli::try_parse_from(all).map_err(|error| error.to_string())?;
    crate::groups(&cli).map(|groups| groups.len()).map_err(|error| error.to_string())
}

#[test]
fn an_option_works_or_is_refused_before_anything_is_set_up() {
    for words in [
        "--validators 100",
        "--frozen 2 --quick",
        "--rate 1000 --burst",
        "--quick --rate 1000",
        "--quick --seconds 3",
        "--class loud --rate 1000",
        "--class high --rate 1000 --systems raw,director",
        "--strangers 5 --rate 1000 --systems director-quic",
        "--quick --systems nats",
        "--repeat 0 --rate 1000",
        "--relays 0 --rate 1000",
        "--waiting-mib 40 --rate 1000 --systems raw",
        "--waiting-mib 39 --rate 1000 --systems director",
    ] {
        assert!(parse(words).is_err(), "{words}");
    }
    assert_eq!(parse("--rate 1000,2000 --validators 4 --systems raw"), Ok(1));
    assert_eq!(parse("--burst --strangers 5 --systems director"), Ok(1));
    assert_eq!(parse("--quick --systems raw"), Ok(1), "of two chains it needs one");
    assert!(parse("--systems nats").is_ok_and(|groups| groups < 5));
}
