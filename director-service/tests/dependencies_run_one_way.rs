//! Reads the sources and fails when a room imports one that it must not see.
//!
//! ```text
//! main → cli → service, sidecar → client, reporter → director, network, store, chain, http → repair → primitives
//! ```

#![allow(clippy::unwrap_used)]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Each room with the rooms that it may import.
const ROOMS: [(&str, &[&str]); 17] = [
    // Where tests can end the process; sees nothing.
    ("failpoint", &[]),
    ("repair", &[]),
    ("director", &["repair"]),
    ("network", &[]),
    ("store", &["failpoint"]),
    ("chain", &["failpoint"]),
    ("http", &[]),
    ("keys", &[]),
    // Gives names to what the rooms count.
    ("metrics", &["director", "network"]),
    // For the forms of addresses, and for whose a file is.
    ("config", &["chain", "keys", "network"]),
    // The keys it signs with are wiped as a director's are.
    ("client", &["network", "chain", "keys", "repair"]),
    ("reporter", &["store", "chain", "failpoint"]),
    ("testing", &["client", "director", "network"]),
    (
        "service",
        &[
            "chain",
            "client",
            "config",
            "director",
            "failpoint",
            "http",
            "keys",
            "metrics",
            "network",
            "reporter",
            "store",
        ],
    ),
    // What a director's configuration has too is said once.
    ("sidecar", &["chain", "client", "config", "failpoint", "keys"]),
    ("cli", &["chain", "config", "http", "keys", "network", "service", "sidecar", "store"]),
    ("main", &["cli"]),
];

/// Crates that the core may use.
const CRATES_OF_THE_CORE: [&str; 6] =
    ["codec", "core", "crate", "director_primitives", "std", "super"];

/// Crates that one room alone may use.
const CRATES_OF_ONE_ROOM: [(&str, &str); 11] = [
    ("axum", "http"),
    ("hyper", "http"),
    ("hyper_util", "http"),
    ("libp2p", "network"),
    ("prometheus_client", "metrics"),
    ("redb", "store"),
    ("sp_trie", "chain"),
    ("subxt", "chain"),
    ("tokio_tungstenite", "sidecar"),
    ("trie_db", "chain"),
    ("zstd", "client"),
];

fn sources(room: &str) -> Vec<PathBuf> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let file = src.join(format!("{room}.rs"));
    if file.exists() {
        found.push(file);
    }
    collect(&src.join(room), &mut found);
    // Tests may import what they test with.
    found.retain(|path| !path.components().any(|part| part.as_os_str() == "tests"));
    found.retain(|path| path.file_name().is_none_or(|name| name != "tests.rs"));
    found
}

fn collect(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The code of a file, without comments.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| line.split("//").next().unwrap_or("")).collect::<Vec<_>>().join("\n")
}

/// The identifiers that follow `prefix` in the code, also those in braces: `crate::{a, b::C}`.
fn names_after(code: &str, prefix: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, _) in code.match_indices(prefix) {
        let rest = &code[at + prefix.len()..];
        if let Some(list) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut start = true;
            for (at, letter) in list.char_indices() {
                match letter {
                    '}' if depth == 0 => break,
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 0 => start = true,
                    _ if start && !letter.is_whitespace() => {
                        names.insert(word(&list[at..]));
                        start = false;
                    }
                    _ => {}
                }
            }
        } else {
            names.insert(word(rest));
        }
    }
    names
}

fn word(text: &str) -> String {
    text.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect()
}

#[test]
fn rooms_import_only_what_is_below_them() {
    let mut wrong = Vec::new();
    for (room, allowed) in ROOMS {
        let sources = sources(room);
        assert!(!sources.is_empty(), "there is no room `{room}`");
        for path in sources {
            let code = code(&path);
            let mut imported = names_after(&code, "crate::");
            imported.extend(names_after(&code, "director_service::"));
            for name in imported.intersection(&ROOMS.map(|(room, _)| room.to_string()).into()) {
                if name != room && !allowed.contains(&name.as_str()) {
                    wrong.push(format!("{} imports {name}", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_room_is_known_here() {
    let library = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs");
    let declared = names_after(&code(&library), "pub mod ");
    let known: BTreeSet<_> = ROOMS.map(|(room, _)| room.to_string()).into();
    assert!(declared.is_subset(&known), "{:?}", declared.difference(&known));
}

#[test]
fn the_core_uses_nothing_but_primitives_codec_and_std() {
    for path in sources("director") {
        for line in code(&path).lines() {
            let Some(rest) = line.trim().trim_start_matches("pub ").strip_prefix("use ") else {
                continue;
            };
            let first = word(rest);
            let own_module = line.trim().starts_with("pub use") && rest.contains("::");
            assert!(
                CRATES_OF_THE_CORE.contains(&first.as_str()) || own_module,
                "{} uses {first}",
                path.display()
            );
        }
    }
}

#[test]
fn each_library_of_a_room_stays_in_it() {
    let mut wrong = Vec::new();
    for (room, _) in ROOMS {
        for path in sources(room) {
            let code = code(&path);
            for (library, home) in CRATES_OF_ONE_ROOM {
                if room != home && code.contains(&format!("{library}::")) {
                    wrong.push(format!("{} uses {library}", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn it_would_notice() {
    let code = "use crate::{chain::Node, store};\nlet x = crate::http::bind();";
    let names = ["chain", "http", "store"].map(String::from);
    assert_eq!(names_after(code, "crate::"), names.into());
}
