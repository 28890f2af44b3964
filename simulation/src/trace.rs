//! Tells what happens as lines, if somebody reads them, and as one digest in any case.

use crate::{Millis, digest::Digest};
use std::io::Write;

/// What happened so far.
#[derive(Default)]
pub struct Trace {
    pub(crate) now: Millis,
    digest: Digest,
    lines: Option<Box<dyn Write + Send>>,
}

impl Trace {
    /// One that writes a line for each event.
    pub fn to(lines: Box<dyn Write + Send>) -> Self {
        Self { lines: Some(lines), ..Self::default() }
    }

    /// Something that does not happen often.
    pub fn note(&mut self, line: impl FnOnce() -> String) {
        let line = line();
        self.digest.number(self.now);
        self.digest.bytes(line.as_bytes());
        self.write(&line);
    }

    /// Something that happens often: numbers for the digest, a line if somebody reads it.
    pub(crate) fn numbers(&mut self, numbers: &[u64], line: impl FnOnce() -> String) {
        self.digest.number(self.now);
        for number in numbers {
            self.digest.number(*number);
        }
        if self.lines.is_some() {
            self.write(&line());
        }
    }

    fn write(&mut self, line: &str) {
        if let Some(lines) = &mut self.lines {
            let (s, ms) = (self.now / 1_000, self.now % 1_000);
            // Whoever does not read any more needs no line.
            if writeln!(lines, "{s:>3}.{ms:03} {line}").is_err() {
                self.lines = None;
            }
        }
    }

    /// All that happened, as a number.
    pub fn digest(&self) -> u64 {
        self.digest.value()
    }
}
