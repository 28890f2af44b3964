//! Writes the figures as a table in Markdown and as JSON.

use super::{Row, row::Spread};
use std::fmt::Write;

/// Where the table begins and ends in a page.
const MARKERS: (&str, &str) = ("<!-- comparison: begin -->", "<!-- comparison: end -->");

fn ms(spread: Spread) -> String {
    let text = |ms: Option<u64>| ms.map_or("never".into(), |ms| ms.to_string());
    format!("{} / {}", text(spread.median_ms), text(spread.worst_ms))
}

/// Thousands apart.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// The rows as a table.
pub fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "| validators | trouble | system | connections | messages a vote | KiB a vote | KiB a second beside | until \
         99 % have it, ms (median / worst) | until all have it, ms (median / worst) | never came |\n\
         |---:|---|---|---:|---:|---:|---:|---:|---:|---:|\n",
    );
    for row in rows {
        let missing = match row.missing {
            (0, _) => "0".into(),
            (missing, of) => {
                format!("{} ({:.2} %)", grouped(missing as u64), 100.0 * missing as f64 / of as f64)
            }
        };
        // Writing into a string does not fail.
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {:.0} | {} | {} | {} | {missing} |",
            grouped(row.case.validators as u64),
            row.case.condition,
            row.case.topology,
            grouped(row.connections as u64),
            grouped(row.messages_per_vote.round() as u64),
            row.bytes_per_vote / 1_024.0,
            grouped((row.control_bytes_per_s / 1_024.0).round() as u64),
            ms(row.until_99),
            ms(row.until_all),
        );
    }
    text
}

/// The page with this table in the place of what is between the markers.
///
/// # Errors
///
/// If the page has no markers.
pub fn insert(page: &str, table: &str) -> Result<String, String> {
    let (begin, end) = MARKERS;
    let missing = || format!("it has no lines {begin} and {end}");
    let (before, rest) = page.split_once(begin).ok_or_else(missing)?;
    let (_, after) = rest.split_once(end).ok_or_else(missing)?;
    Ok(format!("{before}{begin}\n{table}{end}{after}"))
}

/// The rows as JSON.
pub fn json(rows: &[Row], seed: u64) -> String {
    let number = |ms: Option<u64>| ms.map_or("null".into(), |ms| ms.to_string());
    let spread = |of: Spread| {
        format!(
            "{{\"median_ms\": {}, \"worst_ms\": {}}}",
            number(of.median_ms),
            number(of.worst_ms)
        )
    };
    let mut text = format!("{{\n  \"seed\": {seed},\n  \"rows\": [\n");
    for (at, row) in rows.iter().enumerate() {
        let comma = if at + 1 < rows.len() { "," } else { "" };
        let _ = writeln!(
            text,
            "    {{\"validators\": {}, \"trouble\": \"{}\", \"system\": \"{}\", \"connections\": {}, \
             \"votes\": {}, \"messages_per_vote\": {:.2}, \"bytes_per_vote\": {:.0}, \
             \"control_bytes_per_s\": {:.0}, \"until_99\": {}, \"until_all\": {}, \"missing\": {}, \
             \"expected\": {}}}{comma}",
            row.case.validators,
            row.case.condition,
            row.case.topology,
            row.connections,
            row.published,
            row.messages_per_vote,
            row.bytes_per_vote,
            row.control_bytes_per_s,
            spread(row.until_99),
            spread(row.until_all),
            row.missing.0,
            row.missing.1,
        );
    }
    text.push_str("  ]\n}\n");
    text
}
