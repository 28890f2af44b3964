//! Runs cargo: the same environment each time, so that nothing is built twice.

use crate::{setup, steps::Tally};
use std::{
    env,
    io::{BufRead, BufReader, IsTerminal, Read},
    process::{Command, Stdio},
    thread,
};

/// Cargo, in the workspace's folder.
///
/// # Errors
///
/// If there is no protoc or no target directory.
pub(crate) fn cargo() -> Result<Command, String> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // What cargo told this program about itself is not for what it builds.
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&*name);
        }
    }
    cargo
        .current_dir(setup::root())
        .env("CARGO_TARGET_DIR", setup::target_dir()?)
        .env("PROTOC", setup::protoc()?);
    Ok(cargo)
}

/// Runs a command and shows what it says on stderr.
///
/// # Errors
///
/// If it cannot be started or fails.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let status = command
        .stdin(Stdio::null())
        .stdout(std::io::stderr())
        .status()
        .map_err(|error| cannot_start(command, &error))?;
    if status.success() {
        return Ok(());
    }
    Err(format!("{} failed, see above", describe(command)))
}

/// Runs tests, shows what they say, and counts them.
///
/// # Errors
///
/// If the command cannot be started.
pub(crate) fn run_tests(command: &mut Command) -> Result<Tally, String> {
    if std::io::stderr().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| cannot_start(command, &error))?;
    let readers = [
        child.stdout.take().map(|pipe| count_in(Box::new(pipe))),
        child.stderr.take().map(|pipe| count_in(Box::new(pipe))),
    ];
    let mut tally = Tally::default();
    for reader in readers.into_iter().flatten() {
        tally.add(reader.join().unwrap_or_default());
    }
    let success = child.wait().is_ok_and(|status| status.success());
    // Something else went wrong, the build perhaps; or nothing was counted.
    if !success && tally.failed == 0 {
        tally.failed = 1;
    }
    Ok(tally)
}

fn count_in(pipe: Box<dyn Read + Send>) -> thread::JoinHandle<Tally> {
    thread::spawn(move || {
        let mut tally = Tally::default();
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            eprintln!("{line}");
            tally.add(tally_of(&without_colours(&line)).unwrap_or_default());
        }
        tally
    })
}

/// What a closing line of `cargo test` or nextest says.
fn tally_of(line: &str) -> Option<Tally> {
    // Nextest shows, indented, what a failed test printed: its lines are not counted again.
    if !line.starts_with("test result:") && !line.trim_start().starts_with("Summary [") {
        return None;
    }
    let before = |word: &str| {
        line.split([' ', ',', ';'])
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .windows(2)
            .find(|pair| pair[1] == word)
            .and_then(|pair| pair[0].parse().ok())
            .unwrap_or(0)
    };
    Some(Tally { passed: before("passed"), failed: before("failed") + before("timed") })
}

fn without_colours(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut rest = line.chars();
    while let Some(character) = rest.next() {
        if character == '\u{1b}' {
            // An escape sequence ends with its first letter.
            rest.find(char::is_ascii_alphabetic);
        } else {
            plain.push(character);
        }
    }
    plain
}

fn cannot_start(command: &Command, error: &std::io::Error) -> String {
    format!("cannot start {}: {error}", describe(command))
}

fn describe(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    std::iter::once(name)
        .chain(command.get_args().take(1))
        .map(|part| part.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::{tally_of, without_colours};
    use crate::steps::Tally;

    #[test]
    fn counts_what_cargo_test_says() {
        let line = "test result: ok. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out";
        let expected = Tally { passed: 12, failed: 3 };
        assert_eq!(tally_of(line), Some(expected));
    }

    #[test]
    fn counts_what_nextest_says() {
        let line = "     Summary [  16.1s] 45 tests run: 40 passed (2 slow), 4 failed, 1 timed out";
        let expected = Tally { passed: 40, failed: 5 };
        assert_eq!(tally_of(line), Some(expected));
        assert_eq!(tally_of("40 passed"), None);
        assert_eq!(tally_of("    test result: FAILED. 0 passed; 1 failed"), None);
    }

    #[test]
    fn reads_through_colours() {
        assert_eq!(without_colours("\u{1b}[32;1mSummary\u{1b}[0m [ 1s]"), "Summary [ 1s]");
    }
}
