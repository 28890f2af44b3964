#![allow(clippy::unwrap_used)]

mod any_text;

use super::*;

const MINIMAL: &str = r#"
data_dir = "data"
[chain]
url = "ws://127.0.0.1:9944"
[keys]
account = "account.key"
peer = "/secret/peer.key"
[mesh]
listen = ["/ip4/127.0.0.1/tcp/30401"]
[public]
listen = ["/ip4/127.0.0.1/tcp/30400"]
"#;

fn load(text: &str, environment: &[(&str, &str)]) -> Result<Config, String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("director.toml");
    std::fs::write(&path, text).unwrap();
    let environment = environment.iter().map(|(k, v)| (k.to_string(), v.into()));
    load::load(&path, environment).map_err(|error| {
        let line = error.to_string();
        assert!(!line.contains('\n'), "more than one line: {line}");
        line
    })
}

fn refuses(text: &str, environment: &[(&str, &str)], words: &[&str]) {
    let error = load(text, environment).unwrap_err();
    for word in words {
        assert!(error.contains(word), "{error:?} does not say {word:?}");
    }
}

#[test]
fn the_example_is_valid_and_complete() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/director.example.toml");
    let example = load::load(&path, std::iter::empty()).unwrap();
    // Fields with a default show that default; a field that is missing would show as a difference.
    assert_eq!(example.http, Http::default());
    assert_eq!(example.limits, Limits::default());
    assert_eq!(example.rates, Rates::default());
    assert_eq!(example.detector, Detector::default());
    assert_eq!(example.policy, Policy::default());
    assert_eq!(example.conduct, Conduct::default());
    assert_eq!(example.log, Log::default());
    let text = std::fs::read_to_string(path).unwrap();
    let shown = toml::to_string(&example).unwrap();
    for field in shown.lines().filter_map(|line| line.split_once(" = ")).map(|(field, _)| field) {
        assert!(text.contains(field), "the example does not mention {field}");
    }
}

#[test]
fn paths_are_relative_to_the_file() {
    let config = load(MINIMAL, &[]).unwrap();
    assert!(config.data_dir.is_absolute() && config.data_dir.ends_with("data"));
    assert_eq!(config.keys.account.parent(), config.data_dir.parent());
    assert_eq!(config.keys.peer, Path::new("/secret/peer.key"));
}

#[test]
fn the_environment_goes_over_the_file() {
    let config = load(
        MINIMAL,
        &[
            ("DIRECTOR_CHAIN_URL", "wss://node.example"),
            ("DIRECTOR_HTTP_LISTEN", "127.0.0.1:1"),
            ("DIRECTOR_PUBLIC_LISTEN", r#"["/ip4/10.0.0.1/tcp/1"]"#),
            ("DIRECTOR_LIMITS_SEEN_MESSAGES", "77"),
            ("DIRECTOR_RATES_CRITICAL_MESSAGES_PER_S", "20000"),
            ("DIRECTOR_DATA_DIR", "/elsewhere"),
            ("DIRECTOR_CONFIG", "taken by the command line"),
            // A sidecar's, in the same environment.
            ("DIRECTOR_VALIDATOR_CHAIN_URL", "wss://elsewhere.example"),
            ("DIRECTOR_VALIDATOR_INTERFACE_PIPE", "true"),
            ("DIRECTOR_VALIDATOR_CONFIG", "validator.toml"),
            ("UNRELATED", "x"),
        ],
    )
    .unwrap();
    assert_eq!(config.chain.urls, ["wss://node.example"]);
    assert_eq!(config.http.listen.port(), 1);
    assert_eq!(config.public.listen[0].to_string(), "/ip4/10.0.0.1/tcp/1");
    assert_eq!(config.limits.seen_messages, 77);
    assert_eq!(config.rates.critical_messages_per_s, 20_000);
    assert_eq!(config.rates.high_messages_per_s, Rates::default().high_messages_per_s);
    assert_eq!(config.data_dir, Path::new("/elsewhere"));
}

#[test]
fn a_missing_file_is_named() {
    let error = Config::load(Path::new("/nonexistent/director.toml")).unwrap_err().to_string();
    assert!(error.contains("director config init --config /nonexistent/director.toml"), "{error}");
}

#[test]
fn an_unknown_field_is_named_with_its_line() {
    refuses(&MINIMAL.replace("url =", "urll ="), &[], &["line 4", "`urll`", "`urls`"]);
    refuses(&format!("colour = 1\n{MINIMAL}"), &[], &["line 1", "`colour`"]);
    refuses(MINIMAL, &[("DIRECTOR_CHAIN_URLL", "x")], &["DIRECTOR_CHAIN_URLL", "`urll`"]);
    refuses(MINIMAL, &[("DIRECTOR_COLOUR", "x")], &["DIRECTOR_COLOUR", "no such field"]);
}

#[test]
fn a_missing_field_is_named() {
    refuses(&MINIMAL.replace("data_dir", "#"), &[], &["`data_dir`"]);
    refuses(&MINIMAL.replace("url = ", "# "), &[], &["`urls`"]);
}

#[test]
fn broken_toml_is_shown_with_its_line() {
    refuses(&MINIMAL.replace("[chain]", "[chain"), &[], &["line 3"]);
}

#[test]
fn a_bad_multiaddr_is_refused() {
    let with = |address| MINIMAL.replace("/ip4/127.0.0.1/tcp/30401", address);
    refuses(&with("127.0.0.1:30401"), &[], &["line 9", "multiaddr"]);
    refuses(&with("/ip4/127.0.0.1/udp/30401"), &[], &["mesh.listen", "/tcp/PORT"]);
    refuses(&with("/ip4/127.0.0.1/tcp/30400"), &[], &["mesh.listen", "public.listen"]);
    refuses(&MINIMAL.replace("[\"/ip4/127.0.0.1/tcp/30400\"]", "[]"), &[], &["public.listen"]);
}

#[test]
fn the_mesh_is_on_an_interface_or_on_addresses() {
    let on = |fields: &str| MINIMAL.replace("listen = [\"/ip4/127.0.0.1/tcp/30401\"]", fields);
    let mesh = |fields: &str| load(&on(fields), &[]).map(|config| config.mesh);
    let named = mesh("interface = \"tailscale0\"").unwrap();
    assert_eq!(named.interface(), Some(("tailscale0", 30401)));
    assert!(named.known_addresses_only);
    let other = "interface = \"wg0\"\nport = 7\nknown_addresses_only = false";
    let other = mesh(other).unwrap();
    assert_eq!((other.interface(), other.known_addresses_only), (Some(("wg0", 7)), false));
    assert_eq!(load(MINIMAL, &[]).unwrap().mesh.interface(), None);

    let both = format!("{}interface = \"wg0\"", "listen = [\"/ip4/10.0.0.1/tcp/1\"]\n");
    refuses(&on(&both), &[], &["mesh.interface", "mesh.listen", "keep one"]);
    refuses(&on(""), &[], &["mesh.listen", "mesh.interface"]);
    let port_too = "port = 1\nlisten = [\"/ip4/10.0.0.1/tcp/1\"]";
    refuses(&on(port_too), &[], &["mesh.port", "mesh.interface"]);
    refuses(&on("interface = \"wg0\"\nport = 0"), &[], &["mesh.port", "at least 1"]);
    refuses(&on("interface = \"wg0\"\nport = 30400"), &[], &["mesh.port", "public.listen"]);
    for name in ["", "a b", "a/b", "0123456789abcdef"] {
        refuses(&on(&format!("interface = \"{name}\"")), &[], &["mesh.interface", "ip address"]);
    }
}

#[test]
fn the_two_networks_do_not_share_a_port() {
    let public = |address| MINIMAL.replace("/ip4/127.0.0.1/tcp/30400", address);
    refuses(&public("/ip4/0.0.0.0/tcp/30401"), &[], &["mesh.listen", "ports of their own"]);
    assert!(load(&public("/ip4/127.0.0.2/tcp/30401"), &[]).is_ok());
    assert!(load(&public("/ip4/0.0.0.0/udp/30401/quic-v1"), &[]).is_ok());
}

#[test]
fn a_mesh_on_the_internet_is_warned_about() {
    let with = |address| {
        let text = MINIMAL.replace("/ip4/127.0.0.1/tcp/30401", address);
        load(&text, &[]).unwrap().warnings()
    };
    assert!(with("/ip4/100.64.0.1/tcp/30401").is_empty());
    assert!(with("/ip6/fd7a:115c:a1e0::1/tcp/30401").is_empty());
    for address in ["/ip4/0.0.0.0/tcp/30401", "/ip6/::/tcp/30401", "/ip4/203.0.113.1/tcp/30401"] {
        let [warning] = &with(address)[..] else { panic!("one warning for {address}") };
        assert!(warning.contains(address) && warning.contains("mesh.interface"), "{warning}");
    }
}

#[test]
fn a_candidate_may_send_a_control_message_of_any_length() {
    let env = [("DIRECTOR_LIMITS_CANDIDATE_KIB_PER_MINUTE", "256")];
    refuses(MINIMAL, &env, &["limits.candidate_kib_per_minute", "272"]);
    let zero = [("DIRECTOR_LIMITS_STRANGERS_PER_S", "0")];
    refuses(MINIMAL, &zero, &["limits.strangers_per_s", "at least 1"]);
}

#[test]
fn an_insecure_node_must_be_asked_for() {
    let remote = MINIMAL.replace("ws://127.0.0.1:9944", "ws://10.0.0.7:9944");
    refuses(&remote, &[], &["chain.url", "wss://", "chain.allow_insecure"]);
    assert!(load(&remote, &[("DIRECTOR_CHAIN_ALLOW_INSECURE", "true")]).is_ok());
    refuses(&MINIMAL.replace("ws://", "http://"), &[], &["chain.url", "wss://"]);
    refuses(MINIMAL, &[("DIRECTOR_CHAIN_URL", "nowhere")], &["chain.url", "wss://"]);
}

#[test]
fn several_nodes_may_stand_for_each_other() {
    let both = r#"urls = ["ws://127.0.0.1:9944", "wss://other.example"]"#;
    let several = MINIMAL.replace(r#"url = "ws://127.0.0.1:9944""#, both);
    let config = load(&several, &[]).unwrap();
    assert_eq!(config.chain.urls, ["ws://127.0.0.1:9944", "wss://other.example"]);
    let hint = config.warnings().join(" ");
    assert!(hint.contains("chain.genesis_hash"), "{hint}");
    let shown = toml::to_string(&config).unwrap();
    assert_eq!(load(&shown, &[]).unwrap().chain, config.chain);

    // The environment has both names, too, and goes over either.
    let one = [("DIRECTOR_CHAIN_URL", "ws://localhost:1")];
    assert_eq!(load(&several, &one).unwrap().chain.urls, ["ws://localhost:1"]);
    let two = [("DIRECTOR_CHAIN_URLS", r#"["ws://localhost:1", "ws://localhost:2"]"#)];
    let config = load(MINIMAL, &two).unwrap();
    assert_eq!(config.chain.urls, ["ws://localhost:1", "ws://localhost:2"]);

    refuses(&format!("{several}\n[chain]"), &[], &["line"]);
    let twice = several.replace("urls = ", "url = \"ws://127.0.0.1:1\"\nurls = ");
    refuses(&twice, &[], &["duplicate field `urls`"]);
    refuses(&several.replace("wss://other.example", "ws://10.0.0.1"), &[], &["chain.urls", "wss"]);
    refuses(MINIMAL, &[("DIRECTOR_CHAIN_URLS", "[]")], &["chain.urls", "1 to 8"]);
    refuses(MINIMAL, &[("DIRECTOR_CHAIN_URLS", "7")], &["a list"]);
}

#[test]
fn status_stays_on_this_machine_unless_asked() {
    refuses(MINIMAL, &[("DIRECTOR_HTTP_LISTEN", "0.0.0.0:80")], &["http.allow_remote"]);
    refuses(MINIMAL, &[("DIRECTOR_HTTP_LISTEN", "somewhere")], &["DIRECTOR_HTTP_LISTEN"]);
}

#[test]
fn numbers_must_make_sense() {
    refuses(MINIMAL, &[("DIRECTOR_LIMITS_SEEN_MESSAGES", "0")], &["limits.seen_messages", "1"]);
    refuses(
        MINIMAL,
        &[("DIRECTOR_DETECTOR_HISTORY_CHECKPOINTS", "3")],
        &["detector.recent_checkpoints", "detector.history_checkpoints"],
    );
    for field in ["CRITICAL_MESSAGES_PER_S", "BULK_BYTES_PER_S", "VOTES_PER_S", "BURST_MS"] {
        let name = format!("rates.{}", field.to_lowercase());
        refuses(MINIMAL, &[(&format!("DIRECTOR_RATES_{field}"), "0")], &[&name, "1"]);
    }
    refuses(MINIMAL, &[("DIRECTOR_RATES_BURST_MS", "60001")], &["rates.burst_ms", "60000"]);
    refuses(&format!("{MINIMAL}[rates]\nvotes = 1\n"), &[], &["`votes`", "`votes_per_s`"]);
    refuses(MINIMAL, &[("DIRECTOR_LIMITS_VERIFY_BATCH", "-1")], &["DIRECTOR_LIMITS_VERIFY_BATCH"]);
}

#[test]
fn memory_must_hold_what_may_wait_for_one_peer() {
    let limits = |fields: &str| format!("{MINIMAL}[limits]\n{fields}\n");
    let small = "queue_mib = 2\nmemory_mib = 10\nmesh_memory_mib = 40";
    assert_eq!(load(&limits(small), &[]).unwrap().limits.queue_mib, 2);
    let env = |name: &'static str, value: &'static str| [(name, value)];
    let words = ["limits.memory_mib", "40", "limits.queue_mib = 8"];
    refuses(MINIMAL, &env("DIRECTOR_LIMITS_MEMORY_MIB", "39"), &words);
    let words = ["limits.mesh_memory_mib", "160", "lower limits.queue_mib"];
    refuses(MINIMAL, &env("DIRECTOR_LIMITS_MESH_MEMORY_MIB", "159"), &words);
    refuses(MINIMAL, &env("DIRECTOR_LIMITS_QUEUE_MIB", "1"), &["limits.queue_mib", "at least 2"]);
    refuses(&limits("queue_mib = 9223372036854775807"), &[], &["limits.memory_mib", "raise it"]);
    // Bytes in the place of MiB.
    refuses(&limits("memory_mib = 268435456"), &[], &["limits.memory_mib", "MiB"]);
    let words = ["limits.max_connections", "at least 1"];
    refuses(MINIMAL, &env("DIRECTOR_LIMITS_MAX_CONNECTIONS", "0"), &words);
}

#[test]
fn the_log_has_room_for_a_block_and_an_end() {
    let env = |name: &'static str, value: &'static str| [(name, value)];
    let config = load(MINIMAL, &env("DIRECTOR_LIMITS_LOG_MIB", "4")).unwrap();
    assert_eq!((config.limits.log_mib, config.limits.log_seconds), (4, 60));
    for wrong in ["3", "67108864"] {
        let words = ["limits.log_mib", "from 4 to", "1 MiB"];
        refuses(MINIMAL, &env("DIRECTOR_LIMITS_LOG_MIB", wrong), &words);
    }
    for (wrong, word) in [("0", "at least 1"), ("86401", "a day")] {
        let words = ["limits.log_seconds", word];
        refuses(MINIMAL, &env("DIRECTOR_LIMITS_LOG_SECONDS", wrong), &words);
    }
    let words = ["limits.bandwidth_mbit", "at least 1"];
    refuses(MINIMAL, &env("DIRECTOR_LIMITS_BANDWIDTH_MBIT", "0"), &words);
}

#[test]
fn a_bad_log_filter_is_refused() {
    refuses(MINIMAL, &[("DIRECTOR_LOG_FILTER", "director=loud")], &["log.filter", "info"]);
}

#[test]
fn what_is_shown_can_be_read_again() {
    let config = load(MINIMAL, &[]).unwrap();
    let shown = toml::to_string_pretty(&config).unwrap();
    assert_eq!(load(&shown, &[]).unwrap(), config);
}

#[test]
fn a_policy_names_accounts_and_amounts() {
    const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
    let policy = |fields: &str| format!("{MINIMAL}[policy]\n{fields}\n");
    let large = "340282366920938463463374607431768211455";
    let text = format!("min_stake = \"{large}\"\nallow = [\"{ALICE}\"]");
    let config = load(&policy(&text), &[]).unwrap();
    assert_eq!(config.policy.min_stake, Some(Amount(u128::MAX)));
    assert_eq!(config.policy.allow.len(), 1);
    assert_eq!(load(&toml::to_string(&config).unwrap(), &[]).unwrap(), config);
    for amount in ["1500", "\"1_500\""] {
        let config = load(&policy(&format!("min_stake = {amount}")), &[]).unwrap();
        assert_eq!(config.policy.min_stake, Some(Amount(1_500)));
    }
    let by_environment = load(MINIMAL, &[("DIRECTOR_POLICY_MIN_STAKE", "7")]).unwrap();
    assert_eq!(by_environment.policy.min_stake, Some(Amount(7)));
    refuses(&policy("min_stake = -1"), &[], &["line"]);
    refuses(&policy("min_stake = \"much\""), &[], &["line", "amount"]);
    refuses(&policy("deny = [\"5Grw\"]"), &[], &["line"]);
    refuses(&policy("denied = []"), &[], &["`denied`", "`deny`"]);
    refuses(MINIMAL, &[("DIRECTOR_CONDUCT_FORGED", "0")], &["conduct.forged", "at least 1"]);
    let words = ["conduct.limited_periods", "at most 12"];
    refuses(MINIMAL, &[("DIRECTOR_CONDUCT_LIMITED_PERIODS", "13")], &words);
}
