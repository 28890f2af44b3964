//! `director completions`: print what makes a shell complete these commands.

use super::output::say;
use clap_complete::{Shell, generate};

/// Print what makes a shell complete these commands.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  director completions bash > /etc/bash_completion.d/director
  director completions zsh > \"${fpath[1]}/_director\"
  director completions fish > ~/.config/fish/completions/director.fish")]
pub(super) struct Args {
    /// Which shell.
    shell: Shell,
}

impl Args {
    pub(super) fn execute(self, mut command: clap::Command) -> anyhow::Result<()> {
        let mut script = Vec::new();
        generate(self.shell, &mut command, "director", &mut script);
        say(String::from_utf8_lossy(&script))
    }
}
