//! Shows progress while the devnet starts, then a table that stays in place.

use std::io::{IsTerminal, Write};

/// Where the devnet shows itself: standard error with `--json`, standard output without.
pub struct Screen {
    to_stderr: bool,
    in_place: bool,
    drawn: usize,
}

impl Screen {
    /// A screen that leaves standard output alone if `json`.
    pub fn new(json: bool) -> Self {
        let terminal =
            if json { std::io::stderr().is_terminal() } else { std::io::stdout().is_terminal() };
        Self { to_stderr: json, in_place: terminal, drawn: 0 }
    }

    /// Whether tables are redrawn in place.
    pub fn redraws(&self) -> bool {
        self.in_place
    }

    /// Says something that stays.
    pub fn say(&mut self, line: &str) {
        let erased = self.erase();
        self.write(&format!("{erased}{line}\n"));
    }

    /// Somebody typed a line: it stands below what was drawn.
    pub fn was_typed(&mut self) {
        if self.drawn > 0 {
            self.drawn += 1;
        }
    }

    /// Draws `lines` in place of what was drawn last.
    pub fn draw(&mut self, lines: &[String]) {
        let erased = self.erase();
        self.write(&format!("{erased}{}\n", lines.join("\n")));
        self.drawn = lines.len();
    }

    /// The control sequence that removes what was drawn last.
    fn erase(&mut self) -> String {
        match std::mem::take(&mut self.drawn) {
            0 => String::new(),
            lines if self.in_place => format!("\x1b[{lines}A\x1b[J"),
            _ => String::new(),
        }
    }

    /// A reader that went away (`| head`) must not end the run.
    fn write(&self, text: &str) {
        let _ = if self.to_stderr {
            std::io::stderr().lock().write_all(text.as_bytes())
        } else {
            let mut out = std::io::stdout().lock();
            out.write_all(text.as_bytes()).and_then(|()| out.flush())
        };
    }
}
