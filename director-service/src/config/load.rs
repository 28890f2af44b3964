//! Reads the file and the environment, and says in one line what is wrong with them.

use super::{Config, environment, environment::Fields};
use serde::Deserialize;
use std::{
    ffi::OsString,
    io::ErrorKind,
    path::{Path, PathBuf},
};
use toml::Table;

/// What there is for variables to name.
const FIELDS: Fields = Fields {
    prefix: environment::DIRECTOR,
    sections: &[
        "chain", "keys", "mesh", "public", "policy", "conduct", "http", "limits", "rates",
        "detector", "log",
    ],
    top: &["data_dir"],
};

/// Why a configuration cannot be used: one line with cause and remedy.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// There is no such file.
    #[error(
        "there is no configuration file {0}; `director config init --config {0}` writes one to edit"
    )]
    Missing(PathBuf),
    /// The operating system refused.
    #[error(
        "cannot read configuration file {path}: {cause}; name a file that the user who runs the \
         director may read"
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// It is no TOML, or a field is unknown, missing or of the wrong type.
    #[error(
        "{place}: {cause}; `director config init --config NEW_FILE` writes a file with all fields explained"
    )]
    Malformed {
        /// File and line, or the variable.
        place: String,
        /// What is wrong.
        cause: String,
    },
    /// A field's value does not make sense.
    #[error("configuration field {field}: {cause}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// What is wrong and what to do.
        cause: String,
    },
}

pub(super) fn load(
    path: &Path,
    variables: impl IntoIterator<Item = (String, OsString)>,
) -> Result<Config, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|cause| match cause.kind() {
        ErrorKind::NotFound => ConfigError::Missing(path.to_owned()),
        _ => ConfigError::Unreadable { path: path.to_owned(), cause },
    })?;
    read(path, &text, variables)
}

/// Reads what stands in the file.
pub(super) fn read(
    path: &Path,
    text: &str,
    variables: impl IntoIterator<Item = (String, OsString)>,
) -> Result<Config, ConfigError> {
    let in_file = |error: toml::de::Error| ConfigError::Malformed {
        place: place(path, text, error.span()),
        cause: one_line(error.message()),
    };
    let mut table: Table = text.parse().map_err(in_file)?;
    let names = environment::overlay(&mut table, variables, &FIELDS)
        .map_err(|wrong| ConfigError::Malformed { place: wrong.place(), cause: wrong.cause })?;
    let mut config = if names.is_empty() {
        // Straight from the text: only that knows the line of an error.
        toml::from_str::<Config>(text).map_err(in_file)?
    } else {
        Config::deserialize(table).map_err(|error| ConfigError::Malformed {
            place: format!("{} with {}", path.display(), names.join(", ")),
            cause: one_line(&error.to_string()),
        })?
    };
    config.resolve_paths(path.parent().unwrap_or(Path::new("")));
    config.validate()?;
    Ok(config)
}

fn place(path: &Path, text: &str, span: Option<std::ops::Range<usize>>) -> String {
    match span.and_then(|span| text.get(..span.start)) {
        Some(before) => format!("{}, line {}", path.display(), before.matches('\n').count() + 1),
        None => path.display().to_string(),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
