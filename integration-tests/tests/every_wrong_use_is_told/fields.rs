//! Fields of a configuration that a line names: a remedy in a field that is none is no remedy.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// Section and field, as lines write them, that the program whose configuration it is does not have.
pub(super) fn strange(typed: &str, said: &str) -> Vec<String> {
    let of_sidecar = typed.starts_with("validator run") || typed.contains("--validator --config");
    let known = fields(if of_sidecar { "validator" } else { "director" });
    let of_fields = |c: char| c.is_ascii_lowercase() || c == '_' || c == '.';
    let words = said.split(|c: char| !of_fields(c)).map(|word| word.trim_matches('.'));
    let named = words.filter_map(|word| word.split_once('.'));
    let wrong = named.filter(|(section, field)| {
        known.get(*section).is_some_and(|fields| !fields.contains(*field))
    });
    wrong.map(|(section, field)| format!("{section}.{field}")).collect()
}

/// What the example has, set or in a comment.
fn fields(of: &str) -> BTreeMap<String, BTreeSet<String>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../director-service/config");
    let text = fs::read_to_string(folder.join(format!("{of}.example.toml"))).unwrap();
    let mut found = BTreeMap::<_, BTreeSet<_>>::new();
    let mut section = String::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.to_owned();
        } else if let Some((name, _)) = line.trim_start_matches("# ").split_once(" = ") {
            found.entry(section.clone()).or_default().insert(name.to_owned());
        }
    }
    // The other name of `urls`, for a single one.
    if of == "director" {
        found.entry("chain".into()).or_default().insert("url".into());
    }
    found
}

#[test]
fn a_field_that_is_none_is_noticed() {
    let said = "director: correct chain.urls or chain.genesis_hash, or keys.peer in v.toml";
    assert_eq!(strange("validator run --config v.toml", said), ["chain.urls"]);
    assert_eq!(strange("config check --validator --config v.toml", said), ["chain.urls"]);
    assert_eq!(strange("run --config d.toml", said), [""; 0]);
    assert_eq!(strange("run --config d.toml", "keys.checkpoint"), ["keys.checkpoint"]);
}
