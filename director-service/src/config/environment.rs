//! Puts the environment's variables over what a file says: `DIRECTOR_<SECTION>_<FIELD>` for a director,
//! `DIRECTOR_VALIDATOR_<SECTION>_<FIELD>` for a sidecar. Both may run in one environment: neither minds the other's.

use std::ffi::OsString;
use toml::{Table, Value};

/// What the names of a director's variables begin with.
pub(crate) const DIRECTOR: &str = "DIRECTOR_";

/// What the names of a sidecar's variables begin with.
pub(crate) const VALIDATOR: &str = "DIRECTOR_VALIDATOR_";

/// After the prefix, the variable that is no field: the command line takes it.
const FILE: &str = "CONFIG";

/// The two names of one field of `[chain]`.
const URLS: [&str; 2] = ["url", "urls"];

/// What there is for variables to name.
pub(crate) struct Fields {
    /// What the variables' names begin with: [`DIRECTOR`] or [`VALIDATOR`].
    pub(crate) prefix: &'static str,
    /// Sections, whose own fields are checked later, with those of the file.
    pub(crate) sections: &'static [&'static str],
    /// Fields of no section.
    pub(crate) top: &'static [&'static str],
}

/// A variable that cannot be taken over.
pub(crate) struct Wrong {
    name: String,
    /// Why, and what to do.
    pub(crate) cause: String,
}

impl Wrong {
    /// Where it is.
    pub(crate) fn place(&self) -> String {
        format!("environment variable {}", self.name)
    }
}

/// The variables of this process whose names are text: all that can be meant here.
pub(crate) fn variables() -> impl Iterator<Item = (String, OsString)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
}

/// Sets what the variables name; their names.
pub(crate) fn overlay(
    table: &mut Table,
    variables: impl IntoIterator<Item = (String, OsString)>,
    fields: &Fields,
) -> Result<Vec<String>, Wrong> {
    let mut names = Vec::new();
    for (name, value) in variables {
        let Some(field) = fields.named(&name) else { continue };
        if let Err(cause) = set(table, &field, value, fields) {
            return Err(Wrong { name, cause });
        }
        names.push(name);
    }
    Ok(names)
}

impl Fields {
    /// Which field a variable means, if it is one of this program's.
    fn named(&self, variable: &str) -> Option<String> {
        let field = variable.strip_prefix(self.prefix)?;
        let is_others = self.prefix != VALIDATOR && variable.starts_with(VALIDATOR);
        (field != FILE && !is_others).then(|| field.to_ascii_lowercase())
    }
}

/// Sets a field. `DIRECTOR_CHAIN_URL` is `url` in `[chain]`, `DIRECTOR_DATA_DIR` is at the top.
fn set(table: &mut Table, field: &str, value: OsString, fields: &Fields) -> Result<(), String> {
    let value = value.into_string().map_err(|_| "its value is no UTF-8; use another name")?;
    let value = parse_value(&value);
    let in_section =
        |section: &'static str| Some((section, field.strip_prefix(section)?.strip_prefix('_')?));
    let Some((section, field)) = fields.sections.iter().copied().find_map(in_section) else {
        if !fields.top.contains(&field) {
            return Err("there is no such field; unset it or correct its name".into());
        }
        table.insert(field.into(), value);
        return Ok(());
    };
    match table.entry(section).or_insert_with(|| Value::Table(Table::new())) {
        Value::Table(values) => {
            if section == "chain" && URLS.contains(&field) {
                for name in URLS {
                    values.remove(name);
                }
            }
            values.insert(field.to_owned(), value);
            Ok(())
        }
        _ => Err(format!("`{section}` is no section in the file; write it as [{section}]")),
    }
}

/// TOML where it is TOML (`true`, `5`, `["/ip4/…"]`), else the text itself.
fn parse_value(text: &str) -> Value {
    toml::from_str::<Table>(&format!("value = {text}"))
        .ok()
        .and_then(|mut table| table.remove("value"))
        .unwrap_or_else(|| Value::String(text.to_owned()))
}
