//! Every path, link, command and call that a document names is there.

#![allow(clippy::unwrap_used)]

mod commands;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

const DOCUMENTS: [&str; 3] = ["README.md", "ARCHITECTURE.md", "SECURITY.md"];

#[test]
fn every_path_in_backticks_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    for document in DOCUMENTS {
        let text = fs::read_to_string(root.join(document)).unwrap();
        let paths: Vec<_> = paths(root, &text).collect();
        assert!(!paths.is_empty(), "{document} names no path at all");
        for path in paths {
            assert!(exists(root, &path), "{document} names {path}, which is not there");
        }
    }
}

#[test]
fn every_link_leads_somewhere() {
    let mut links = 0;
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        for (path, heading) in links_of(&text) {
            let target = match path.is_empty() {
                true => document.clone(),
                false => document.parent().unwrap().join(&path),
            };
            let at = document.display();
            assert!(target.exists(), "{at} links to {path}, which is not there");
            if let Some(heading) = heading.filter(|_| target.is_file()) {
                let anchors = anchors(&fs::read_to_string(&target).unwrap());
                assert!(
                    anchors.contains(&heading),
                    "{at} links to {path}#{heading}: no such heading"
                );
            }
            links += 1;
        }
    }
    assert!(links > 50, "only {links} links were found");
}

#[test]
fn links_and_headings_are_found() {
    let text = "[a](b.md#c-d) `[x](y)` [e](https://f) ![g](h.svg)\n```sh\n[i](j)\n```\n[k](#l)";
    let found: Vec<_> = links_of(text).collect();
    let link = |path: &str, heading: Option<&str>| (path.to_owned(), heading.map(str::to_owned));
    assert_eq!(found, [link("b.md", Some("c-d")), link("h.svg", None), link("", Some("l"))]);
    assert!(anchors("# A\n## 3. Fetch, `Fetched`").contains("3-fetch-fetched"));
}

/// The pages of the repository.
fn documents() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let folders = ["", "docs", "docs/vectors", "pallets"];
    let entries = folders.iter().flat_map(|folder| fs::read_dir(root.join(folder)).unwrap());
    let mut pages: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    pages.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    pages.sort();
    pages
}

/// Path and heading of each link to something in the repository.
fn links_of(text: &str) -> impl Iterator<Item = (String, Option<String>)> {
    let prose = text.split("```").step_by(2);
    // Within backticks nothing is a link, and there are links with backticks within.
    let plain = prose.map(|part| {
        let pieces = part.split('`').enumerate();
        pieces.map(|(at, piece)| if at % 2 == 0 { piece } else { "" }).collect::<String>()
    });
    let links = plain.flat_map(|part| {
        let targets = part.split("](").skip(1);
        targets
            .filter_map(|rest| rest.split_once(')'))
            .map(|(to, _)| to.to_owned())
            .collect::<Vec<_>>()
    });
    links.filter(|to| !to.contains("://")).map(|to| match to.split_once('#') {
        Some((path, heading)) => (path.to_owned(), Some(heading.to_owned())),
        None => (to, None),
    })
}

/// What GitHub calls the headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let prose = text.split("```").step_by(2).flat_map(str::lines);
    let headings = prose.filter(|line| line.starts_with('#'));
    let anchor = |line: &str| {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        let kept = title.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.collect::<String>().replace(' ', "-")
    };
    headings.map(anchor).collect()
}

#[test]
fn braces_are_spelt_out() {
    assert_eq!(spell_out("a/{b,c}/d"), ["a/b/d", "a/c/d"]);
    assert_eq!(spell_out("a/b"), ["a/b"]);
}

/// What stands in backticks and begins with the name of a folder of the repository.
fn paths<'a>(root: &'a Path, text: &'a str) -> impl Iterator<Item = String> + 'a {
    // A block of code is no prose: between two fences every second part is prose.
    let prose = text.split("```").step_by(2);
    let quoted = prose.flat_map(|part| part.split('`').skip(1).step_by(2));
    let named = quoted.filter(|quoted| {
        let folder = quoted.split_once('/').map(|(folder, _)| folder);
        folder.is_some_and(|folder| !folder.is_empty() && root.join(folder).is_dir())
    });
    named.flat_map(spell_out)
}

/// `a/{b,c}` as `a/b` and `a/c`.
fn spell_out(path: &str) -> Vec<String> {
    match path.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?))) {
        Some((before, (names, after))) => {
            names.split(',').map(|name| format!("{before}{name}{after}")).collect()
        }
        None => vec![path.into()],
    }
}

/// A module may be named without `.rs`.
fn exists(root: &Path, path: &str) -> bool {
    root.join(path).exists() || root.join(format!("{path}.rs")).is_file()
}
