//! Reads the file and the environment, and says in one line what is wrong with them.

use super::Config;
use serde::Deserialize;
use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
};
use toml::{Table, Value};

/// What the names of all variables begin with.
const PREFIX: &str = "DIRECTOR_";

/// Variables of that prefix that are no fields: the command line takes them.
const NOT_FIELDS: [&str; 1] = ["DIRECTOR_CONFIG"];

/// The two names of one field of `[chain]`.
const URLS: [&str; 2] = ["url", "urls"];

const SECTIONS: [&str; 11] = [
    "chain", "keys", "mesh", "public", "policy", "conduct", "http", "limits", "rates", "detector",
    "log",
];

/// Why a configuration cannot be used: one line with cause and remedy.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// There is no such file.
    #[error(
        "there is no configuration file {0}; copy config/director.example.toml there and edit it"
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
    #[error("{place}: {cause}; see config/director.example.toml for all fields")]
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
    environment: impl Iterator<Item = (String, String)>,
) -> Result<Config, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|cause| match cause.kind() {
        ErrorKind::NotFound => ConfigError::Missing(path.to_owned()),
        _ => ConfigError::Unreadable { path: path.to_owned(), cause },
    })?;
    read(path, &text, environment)
}

/// Reads what stands in the file.
pub(super) fn read(
    path: &Path,
    text: &str,
    environment: impl Iterator<Item = (String, String)>,
) -> Result<Config, ConfigError> {
    let in_file = |error: toml::de::Error| ConfigError::Malformed {
        place: place(path, text, error.span()),
        cause: one_line(error.message()),
    };
    let mut table: Table = text.parse().map_err(in_file)?;
    let overrides: Vec<_> = environment
        .filter(|(name, _)| name.starts_with(PREFIX) && !NOT_FIELDS.contains(&name.as_str()))
        .collect();
    let mut config = if overrides.is_empty() {
        // Straight from the text: only that knows the line of an error.
        toml::from_str::<Config>(text).map_err(in_file)?
    } else {
        let names = overrides.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
        for (name, value) in &overrides {
            set(&mut table, name, value)?;
        }
        Config::deserialize(table).map_err(|error| ConfigError::Malformed {
            place: format!("{} with {names}", path.display()),
            cause: one_line(&error.to_string()),
        })?
    };
    config.resolve_paths(path.parent().unwrap_or(Path::new("")));
    config.validate()?;
    Ok(config)
}

/// Sets what a variable names. `DIRECTOR_CHAIN_URL` is `url` in `[chain]`, `DIRECTOR_DATA_DIR` is
/// at the top.
fn set(table: &mut Table, name: &str, value: &str) -> Result<(), ConfigError> {
    let field = name[PREFIX.len()..].to_ascii_lowercase();
    let section = SECTIONS
        .into_iter()
        .find_map(|section| Some((section, field.strip_prefix(section)?.strip_prefix('_')?)));
    let value = parse_value(value);
    let Some((section, field)) = section else {
        if field != "data_dir" {
            return Err(ConfigError::Malformed {
                place: format!("environment variable {name}"),
                cause: "there is no such field; unset it or correct its name".into(),
            });
        }
        table.insert(field, value);
        return Ok(());
    };
    match table.entry(section).or_insert_with(|| Value::Table(Table::new())) {
        Value::Table(fields) => {
            if section == "chain" && URLS.contains(&field) {
                for name in URLS {
                    fields.remove(name);
                }
            }
            fields.insert(field.to_owned(), value);
            Ok(())
        }
        _ => Err(ConfigError::Malformed {
            place: format!("environment variable {name}"),
            cause: format!("`{section}` is no section in the file; write it as [{section}]"),
        }),
    }
}

/// TOML where it is TOML (`true`, `5`, `["/ip4/…"]`), else the text itself.
fn parse_value(text: &str) -> Value {
    toml::from_str::<Table>(&format!("value = {text}"))
        .ok()
        .and_then(|mut table| table.remove("value"))
        .unwrap_or_else(|| Value::String(text.to_owned()))
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
