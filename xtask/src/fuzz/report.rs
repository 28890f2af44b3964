//! Reads what the fuzzer says, and says it shorter.

use std::process::ExitStatus;

/// How much of what broke is shown: the place, the message, two values that differ.
const PANIC_LINES: usize = 4;

/// What the fuzzer says in its log.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Report {
    executions: Option<String>,
    /// Edges of the program that some input took.
    coverage: Option<String>,
    /// What broke.
    pub(super) panic: Vec<String>,
    /// File with the input that broke it.
    pub(super) finding: Option<String>,
}

impl Report {
    pub(super) fn of(log: &str) -> Self {
        let mut report = Self::default();
        for line in log.lines() {
            let after = |word: &str| {
                let rest = line.split_once(word)?.1;
                rest.split_whitespace().next().map(String::from)
            };
            report.executions = after("stat::number_of_executed_units:").or(report.executions);
            report.coverage = after(" cov:").or(report.coverage);
            report.finding = after("Test unit written to ").or(report.finding);
            let is_first = report.panic.is_empty() && line.contains(" panicked at ");
            let is_more = (1..PANIC_LINES).contains(&report.panic.len());
            if is_first || is_more {
                report.panic.push(line.into());
            }
        }
        report
    }
}

/// What came of one target.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) target: &'static str,
    pub(super) seconds: u64,
    /// Inputs that are kept.
    pub(super) corpus: usize,
    pub(super) status: ExitStatus,
    pub(super) report: Report,
}

impl Row {
    pub(super) fn has_failed(&self) -> bool {
        !self.status.success()
    }

    /// The line of it in the table.
    fn columns(&self) -> [String; 7] {
        let said = |value: &Option<String>| value.clone().unwrap_or_else(|| "?".into());
        let executions = said(&self.report.executions);
        let per_second = executions.parse::<u64>().ok().map(|all| all / self.seconds.max(1));
        [
            self.target.into(),
            executions,
            self.seconds.to_string(),
            said(&per_second.map(|number| number.to_string())),
            said(&self.report.coverage),
            self.corpus.to_string(),
            if self.has_failed() { "1".into() } else { "0".into() },
        ]
    }

    pub(super) fn summary(&self) -> String {
        let [target, executions, seconds, _, coverage, corpus, findings] = self.columns();
        format!(
            "{target}: {executions} executions in {seconds} s, coverage {coverage}, {corpus} inputs \
             kept, {findings} findings"
        )
    }
}

/// All of it. A target ends with its first finding.
pub(super) fn table(rows: &[Row]) -> String {
    let heads = ["target", "executions", "seconds", "per second", "coverage", "corpus", "findings"];
    let lines = std::iter::once(heads.map(String::from)).chain(rows.iter().map(Row::columns));
    let line = |[first, rest @ ..]: [String; 7]| {
        let rest = rest.map(|column| format!("{column:>12}"));
        format!("{first:<14}{}\n", rest.concat())
    };
    lines.map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::{PANIC_LINES, Report, Row, table};
    use std::{os::unix::process::ExitStatusExt, process::ExitStatus};

    #[test]
    fn reads_what_the_fuzzer_says() {
        let log = "#2 INITED cov: 300 ft: 301 corp: 1/1b\n#9 DONE   cov: 512 ft: 900\n\
                   Done 4711 runs in 21 second(s)\nstat::number_of_executed_units: 4711\n";
        let report = Report::of(log);
        assert_eq!((report.finding.as_ref(), report.panic.len()), (None, 0));
        let status = ExitStatus::from_raw(0);
        let row = Row { target: "proof", seconds: 21, corpus: 9, status, report };
        let said = "proof: 4711 executions in 21 s, coverage 512, 9 inputs kept, 0 findings";
        assert_eq!(row.summary(), said);
        let table = table(&[row]);
        let words: Vec<_> = table.lines().nth(1).unwrap_or_default().split_whitespace().collect();
        assert_eq!(words, ["proof", "4711", "21", "224", "512", "9", "0"]);

        let log = "thread '<unnamed>' (1) panicked at src/proof.rs:1:2:\nwrong\n\
                   artifact_prefix='/x/'; Test unit written to /x/crash-1\nBase64: AA==\nmore\n";
        let report = Report::of(log);
        assert_eq!(report.finding.as_deref(), Some("/x/crash-1"));
        assert_eq!((report.panic.len(), &*report.panic[1]), (PANIC_LINES, "wrong"));
    }
}
