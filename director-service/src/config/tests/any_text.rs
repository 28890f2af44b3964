//! Whatever stands in the file: it is refused in one line, or it is a configuration. Never a panic.

use crate::config::load::load;
use proptest::prelude::*;
use std::path::Path;

/// What people write where something else belongs, and the ends of what belongs there.
const VALUES: [&str; 14] = [
    "0",
    "1",
    "-1",
    "9223372036854775807",
    "9223372036854775808",
    "1e300",
    "nan",
    "true",
    "\"\"",
    "\"ws://\"",
    "\"\\u0000\"",
    "[]",
    "[\"/ip4/1.2.3.4\"]",
    "{ a = 1 }",
];

fn example() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/director.example.toml");
    std::fs::read_to_string(path).unwrap()
}

/// Reads it as a file's contents; whether it is a configuration.
fn is_taken(contents: &[u8]) -> bool {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("director.toml");
    std::fs::write(&path, contents).unwrap();
    match load(&path, std::iter::empty()) {
        Ok(config) => {
            let _ = config.warnings();
            true
        }
        Err(error) => {
            let line = error.to_string();
            assert!(!line.contains('\n') && line.len() > 20, "{line:?}");
            false
        }
    }
}

#[test]
fn every_field_may_hold_anything() {
    let example = example();
    assert!(is_taken(example.as_bytes()));
    let mut fields = 0;
    for (at, line) in example.lines().enumerate() {
        let Some((field, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) else {
            continue;
        };
        fields += 1;
        for value in VALUES {
            let changed = format!("{field} = {value}");
            let lines: Vec<_> = example.lines().collect();
            let text = [&lines[..at], &[changed.as_str()], &lines[at + 1..]].concat().join("\n");
            is_taken(text.as_bytes());
        }
        let without: Vec<_> =
            example.lines().enumerate().filter(|(of, _)| *of != at).map(|(_, line)| line).collect();
        is_taken(without.join("\n").as_bytes());
    }
    assert!(fields > 40, "the example has {fields} fields only");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(!is_taken(&bytes));
    }

    /// A part of the example is lost, doubled, or overwritten by something.
    #[test]
    fn any_damage(from: usize, len in 0usize..200, to: usize, by in "[ -~\\n]{0,20}") {
        let text = example();
        let bytes = text.as_bytes();
        let from = from % bytes.len();
        let until = (from + len).min(bytes.len());
        let to = to % bytes.len();
        is_taken(&[&bytes[..from], by.as_bytes(), &bytes[until..]].concat());
        is_taken(&[&bytes[..to], &bytes[from..until], &bytes[to..]].concat());
    }
}
