//! Says in one line what is wrong with a command line. The library's own words take four, and leave the remedy to the last.

use clap::{Command, CommandFactory, error::ErrorKind};
use std::{ffi::OsString, io::Write, process::ExitCode};

/// Exit status for a wrong command line.
const WRONG: u8 = 2;

/// Prints what the library has to say: all of it if that is help, which was asked for or is needed, else one line.
pub(super) fn refuse(error: &clap::Error) -> ExitCode {
    let is_help = error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
    if !error.use_stderr() || is_help {
        // Nobody may be reading.
        let _ = error.print();
        return ExitCode::from(if error.use_stderr() { WRONG } else { 0 });
    }
    let said = line(&error.to_string(), &command(std::env::args_os().skip(1)));
    let _ = writeln!(std::io::stderr(), "director: {said}");
    ExitCode::from(WRONG)
}

/// What is wrong, without the usage that follows it.
fn line(said: &str, command: &str) -> String {
    let what = said.strip_prefix("error: ").unwrap_or(said);
    let end =
        ["\nUsage:", "\nFor more information"].iter().filter_map(|part| what.find(part)).min();
    let words: Vec<_> = what[..end.unwrap_or(what.len())].split_whitespace().collect();
    format!("{}; see `{command} --help`", words.join(" "))
}

/// The command that was meant, as far as its words are commands.
fn command(typed: impl Iterator<Item = OsString>) -> String {
    let mut said = String::from("director");
    let mut command: Command = super::Cli::command();
    for word in typed {
        let Some(sub) = word.to_str().and_then(|word| command.find_subcommand(word)).cloned()
        else {
            break;
        };
        said.push(' ');
        said.push_str(sub.get_name());
        command = sub;
    }
    said
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use clap::Parser;

    fn said(typed: &str) -> String {
        let words = ["director"].into_iter().chain(typed.split(' '));
        let error = super::super::Cli::try_parse_from(words).err().unwrap();
        line(&error.to_string(), &command(typed.split(' ').map(OsString::from)))
    }

    #[test]
    fn what_is_wrong_and_where_there_is_more_are_one_line() {
        for (typed, says) in [
            ("run", "provided: --config <FILE>; see `director run --help`"),
            (
                "keys inspect --ss58-prefix 99999",
                "from 0 to 16383; see `director keys inspect --help`",
            ),
            ("status --http here", "127.0.0.1:9615; see `director status --help`"),
            ("dance", "unrecognized subcommand 'dance'; see `director --help`"),
        ] {
            let said = said(typed);
            assert!(said.ends_with(says) && !said.contains('\n'), "{typed}: {said}");
        }
    }
}
