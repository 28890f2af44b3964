#![allow(clippy::unwrap_used)]

use super::*;

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config/validator.example.toml")
}

fn flags(of: &[(&'static str, &'static str, &str)]) -> Overrides {
    let text = |text: &str| Value::String(text.into());
    of.iter().map(|(section, field, value)| (*section, *field, text(value))).collect()
}

#[test]
fn the_example_shows_every_default() {
    let example = example();
    let config = Config::load(Some(&example), Vec::new()).unwrap();
    let folder = example.parent().unwrap();
    assert_eq!(config.keys.peer, folder.join("peer.key"));
    let interface = Interface { pipe: true, ..Interface::default() };
    assert_eq!((config.interface, config.vote), (interface, Vote::default()));
    assert_eq!((config.directors, config.log), (Directors::default(), Log::default()));
    // Every field is in it, if only as a comment.
    let text = std::fs::read_to_string(&example).unwrap();
    for field in [
        "url",
        "genesis_hash",
        "allow_insecure",
        "peer",
        "checkpoint",
        "signer_command",
        "signer_socket",
        "checkpoint_key",
        "protection",
        "pipe",
        "listen",
        "allow_remote",
        "token_file",
        "queue_mib",
        "strategy",
        "standby",
        "strict_order",
        "outbox_mib",
        "automatically",
        "filter",
    ] {
        let is_there =
            |line: &str| line.trim_start_matches("# ").starts_with(&format!("{field} ="));
        assert!(text.lines().any(is_there), "{field} is not in the example");
    }
}

#[test]
fn flags_are_enough_and_go_over_the_file() {
    let all = flags(&[
        ("chain", "url", "ws://127.0.0.1:1"),
        ("keys", "peer", "/p"),
        ("keys", "checkpoint", "/c"),
        ("keys", "protection", "/s"),
        ("interface", "listen", "127.0.0.1:0"),
    ]);
    let config = Config::load(None, all.clone()).unwrap();
    assert_eq!(config.interface.listen.unwrap().port(), 0);
    let over = Config::load(Some(&example()), all).unwrap();
    assert_eq!((over.keys.peer, over.interface.pipe), ("/p".into(), true));
}

fn with_environment(
    path: Option<&Path>,
    variables: &[(&str, &str)],
    overrides: Overrides,
) -> Result<Config, String> {
    let variables = variables.iter().map(|(name, value)| (name.to_string(), value.into()));
    Config::load_with(path, variables, overrides).map_err(|error| error.to_string())
}

#[test]
fn the_environment_goes_over_the_file_and_flags_over_both() {
    let variables = [
        ("DIRECTOR_VALIDATOR_CHAIN_URL", "wss://node.example"),
        ("DIRECTOR_VALIDATOR_KEYS_PEER", "other.key"),
        ("DIRECTOR_VALIDATOR_KEYS_PROTECTION", "/var/lib/protection"),
        ("DIRECTOR_VALIDATOR_INTERFACE_QUEUE_MIB", "77"),
        ("DIRECTOR_VALIDATOR_INTERFACE_LISTEN", "127.0.0.1:1"),
        ("DIRECTOR_VALIDATOR_DIRECTORS_STRICT_ORDER", r#"["critical"]"#),
        ("DIRECTOR_VALIDATOR_VOTE_AUTOMATICALLY", "true"),
        ("DIRECTOR_VALIDATOR_LOG_FILTER", "warn"),
        ("DIRECTOR_VALIDATOR_CONFIG", "taken by the command line"),
        // A director's, in the same environment.
        ("DIRECTOR_DATA_DIR", "/data"),
        ("DIRECTOR_KEYS_PEER", "director.key"),
        ("UNRELATED", "x"),
    ];
    let over = flags(&[("interface", "listen", "127.0.0.1:2")]);
    let config = with_environment(Some(&example()), &variables, over).unwrap();
    assert_eq!(config.chain.url, "wss://node.example");
    assert_eq!(config.keys.peer, example().parent().unwrap().join("other.key"));
    assert_eq!(config.keys.protection, Path::new("/var/lib/protection"));
    assert_eq!((config.interface.queue_mib, config.vote.automatically), (77, true));
    assert_eq!(config.interface.listen.unwrap().port(), 2);
    assert_eq!(config.directors.strict_order, [Class::Critical]);
    assert_eq!(config.log.filter, "warn");

    // It is enough by itself.
    let more = [("DIRECTOR_VALIDATOR_KEYS_CHECKPOINT", "checkpoint.key")];
    let config = with_environment(None, &[&variables[..], &more].concat(), Vec::new()).unwrap();
    assert_eq!(config.keys.checkpoint, Some("checkpoint.key".into()));
}

#[test]
fn a_variable_that_names_nothing_is_named() {
    for (name, value, said) in [
        ("DIRECTOR_VALIDATOR_COLOUR", "red", "there is no such field"),
        ("DIRECTOR_VALIDATOR_DATA_DIR", "/data", "there is no such field"),
        ("DIRECTOR_VALIDATOR_CHAIN_COLOUR", "red", "`colour`"),
        ("DIRECTOR_VALIDATOR_INTERFACE_QUEUE_MIB", "many", "expected"),
    ] {
        let line = with_environment(Some(&example()), &[(name, value)], Vec::new()).unwrap_err();
        let is_told = line.contains(name) && line.contains(said) && !line.contains('\n');
        assert!(is_told, "{line}");
    }
}

#[test]
fn what_makes_no_sense_is_said_in_one_line() {
    let with = |more: &[(&'static str, &'static str, &str)]| {
        Config::load(Some(&example()), flags(more)).unwrap_err().to_string()
    };
    for (more, said) in [
        (&[("chain", "url", "http://node")][..], "ws://"),
        (&[("chain", "url", "ws://node.example")], "wss://"),
        (&[("keys", "signer_socket", "/s")], "give one of"),
        (&[("interface", "listen", "0.0.0.0:1")], "not loopback"),
        (&[("interface", "listen", "nowhere")], "config init --validator"),
        (&[("directors", "strategy", "best")], "best"),
        (&[("log", "filter", "a=b=c")], "log.filter"),
    ] {
        let line = with(more);
        assert!(line.contains(said) && !line.contains('\n'), "{line}");
    }
    let line = Config::load(None, Vec::new()).unwrap_err().to_string();
    assert!(line.contains("chain.url is not set") && line.contains("--url URL"), "{line}");
    for (missing, option) in [("peer", "--peer FILE"), ("protection", "--protection FILE")] {
        let mut options = flags(&[
            ("chain", "url", "ws://127.0.0.1:1"),
            ("keys", "peer", "peer.key"),
            ("keys", "protection", "protection"),
        ]);
        options.retain(|(_, field, _)| *field != missing);
        let line = Config::load(None, options).unwrap_err().to_string();
        assert!(line.contains(&format!("keys.{missing}")) && line.contains(option), "{line}");
    }
    // What is no section is told as that.
    let line =
        Config::read(Some((Path::new("v.toml"), "keys = 1\nchain.url = \"\"")), [], Vec::new());
    let line = line.unwrap_err().to_string();
    assert!(line.starts_with("v.toml: ") && !line.contains("is not set"), "{line}");
}
