//! Prints for people or for programs.

use anyhow::Context;
use serde_json::Value;
use std::{
    fmt::Display,
    io::{ErrorKind, IsTerminal, Write, stdout},
};

/// For whom a command prints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Output {
    /// For people.
    #[default]
    Table,
    /// For programs: one JSON value.
    Json,
}

/// `--output`, for commands that print something.
#[derive(clap::Args)]
pub(super) struct OutputArgs {
    /// Print for people (table) or for programs (json).
    #[arg(long, value_enum, value_name = "FORM", default_value = "table")]
    output: Output,
}

impl OutputArgs {
    /// Prints the value, or what it looks like to people.
    ///
    /// # Errors
    ///
    /// If it cannot be printed, but for a reader that has gone.
    pub(super) fn print(
        &self,
        value: &Value,
        table: impl FnOnce() -> String,
    ) -> anyhow::Result<()> {
        say(match self.output {
            Output::Table => table(),
            Output::Json => serde_json::to_string_pretty(value)?,
        })
    }

    /// Says what is for people alone: a note, what comes next. Programs get one value and nothing else.
    ///
    /// # Errors
    ///
    /// As [`say`].
    pub(super) fn tell(&self, text: impl Display) -> anyhow::Result<()> {
        match self.output {
            Output::Table => say(text),
            Output::Json => Ok(()),
        }
    }
}

/// Prints text to standard output, and a line break if it has none at its end. All commands print by this.
///
/// That nobody reads any more (`director status | head -1`) is no error, and no reason to leave half done what the command
/// is for: what it says then is lost. `println!` would panic.
///
/// # Errors
///
/// If it cannot be written, to a file on a full disk for example.
pub(super) fn say(text: impl Display) -> anyhow::Result<()> {
    let mut text = text.to_string();
    if !text.ends_with('\n') {
        text.push('\n');
    }
    let mut out = stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        done => done.context("cannot write to standard output; see that it has room"),
    }
}

/// How something is, which a colour shows on a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mood {
    Good,
    Bad,
}

/// Colours a word if standard output is a terminal and the environment does not say no (`NO_COLOR`, `TERM=dumb`).
pub(super) fn paint(word: &str, mood: Mood) -> String {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let is_dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
    paint_if(stdout().is_terminal() && !no_color && !is_dumb, word, mood)
}

fn paint_if(is_wanted: bool, word: &str, mood: Mood) -> String {
    let code = match mood {
        Mood::Good => 32,
        Mood::Bad => 31,
    };
    if is_wanted { format!("\u{1b}[{code}m{word}\u{1b}[0m") } else { word.to_owned() }
}

/// A table whose columns are as wide as their longest cell.
pub(super) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([head[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..head.len()).map(width).collect();
    let line = |cells: Vec<&str>| {
        let cells = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut text = line(head.to_vec());
    for row in rows {
        text.push('\n');
        text.push_str(&line(row.iter().map(String::as_str).collect()));
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_each_other() {
        let rows = [vec!["a".into(), "1".into()], vec!["longer".into(), "2".into()]];
        assert_eq!(table(&["NAME", "N"], &rows), "NAME    N\na       1\nlonger  2\n");
        assert_eq!(table(&["NAME"], &[]), "NAME\n");
    }

    #[test]
    fn colours_are_for_terminals() {
        assert_eq!(paint_if(true, "ready", Mood::Good), "\u{1b}[32mready\u{1b}[0m");
        assert_eq!(paint_if(false, "ready", Mood::Bad), "ready");
    }
}
