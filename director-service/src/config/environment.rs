//! Puts the environment's variables over what a file says: `DIRECTOR_<SECTION>_<FIELD>`, for directors and sidecars alike.

use toml::{Table, Value};

/// What the names of all variables begin with.
const PREFIX: &str = "DIRECTOR_";

/// Variables of that prefix that are no fields: the command line takes them.
const NOT_FIELDS: [&str; 1] = ["DIRECTOR_CONFIG"];

/// The two names of one field of `[chain]`.
const URLS: [&str; 2] = ["url", "urls"];

/// What there is for variables to name.
pub(crate) struct Fields {
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

/// The variables of this process that are text; no field is anything else.
pub(crate) fn variables() -> impl Iterator<Item = (String, String)> {
    let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    std::env::vars_os().filter_map(text)
}

/// Sets what the variables name; their names.
pub(crate) fn overlay(
    table: &mut Table,
    variables: impl Iterator<Item = (String, String)>,
    fields: &Fields,
) -> Result<Vec<String>, Wrong> {
    let mut names = Vec::new();
    for (name, value) in variables {
        if name.starts_with(PREFIX) && !NOT_FIELDS.contains(&name.as_str()) {
            if let Err(cause) = set(table, &name, &value, fields) {
                return Err(Wrong { name, cause });
            }
            names.push(name);
        }
    }
    Ok(names)
}

/// Sets what a variable names. `DIRECTOR_CHAIN_URL` is `url` in `[chain]`, `DIRECTOR_DATA_DIR` is
/// at the top.
fn set(table: &mut Table, name: &str, value: &str, fields: &Fields) -> Result<(), String> {
    let field = name[PREFIX.len()..].to_ascii_lowercase();
    let section = fields
        .sections
        .iter()
        .find_map(|section| Some((*section, field.strip_prefix(section)?.strip_prefix('_')?)));
    let value = parse_value(value);
    let Some((section, field)) = section else {
        if !fields.top.contains(&field.as_str()) {
            return Err("there is no such field; unset it or correct its name".into());
        }
        table.insert(field, value);
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
