//! What the devnet can be asked for.

use clap::Parser;
use std::{path::PathBuf, str::FromStr};

/// Runs a chain, directors and validators on this machine, and shows a double sign being slashed.
///
/// Starts a development node, N directors as processes of their own and M validators as tasks of
/// this process; registers and authorizes them on chain; has them vote at every checkpoint; has one
/// of them sign two blocks; shows how the directors prove it and the chain slashes it.
#[derive(Clone, Debug, Parser)]
#[command(name = "cargo xtask devnet", version, after_help = EXAMPLES)]
pub struct Options {
    /// Directors, each a process of its own.
    #[arg(long, value_name = "N", default_value_t = 3,
          value_parser = clap::value_parser!(u16).range(1..=7))]
    pub directors: u16,

    /// Validators, tasks of this process.
    #[arg(long, value_name = "M", default_value_t = 21,
          value_parser = clap::value_parser!(u16).range(2..=500))]
    pub validators: u16,

    /// Time from one block to the next, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 1000,
          value_parser = clap::value_parser!(u64).range(100..=60_000))]
    pub block_time_ms: u64,

    /// Validator (from 1) that signs two blocks, and the checkpoint (a multiple of the interval on
    /// chain) at which it does; a checkpoint that has passed when everybody is up means the next.
    /// [default: the last validator, at checkpoint 3]
    #[arg(long, value_name = "VALIDATOR@CHECKPOINT")]
    pub double_sign: Option<DoubleSign>,

    /// Nobody signs twice.
    #[arg(long, conflicts_with = "double_sign")]
    pub honest: bool,

    /// End when this is reached: `slashed`, or `checkpoints=K` certificates, and the slash too unless
    /// --honest. Without it the devnet stays up until Ctrl-C.
    #[arg(long, value_name = "slashed|checkpoints=K")]
    pub until: Option<Until>,

    /// Give up after this many seconds; the exit status then is 1.
    #[arg(long, value_name = "SECONDS")]
    pub timeout: Option<u64>,

    /// Print one JSON object at the end, and nothing else, on standard output.
    #[arg(long)]
    pub json: bool,

    /// A new or empty folder for logs and state, which stay. [default: a temporary one]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  cargo xtask devnet                                  until Ctrl-C, with a live table
  cargo xtask devnet --until slashed --json           for scripts; status 0 if all went as it must
  cargo xtask devnet --directors 5 --validators 50 --double-sign 7@4
  cargo xtask devnet --honest --until checkpoints=5

Exit status: 0 if nothing was lost or duplicated, everybody voted and was connected once, the
validator that signs twice and nobody else was slashed, and what --until asks for was reached; 1
otherwise, each fault a line on standard error; 2 for a wrong command line.";

/// Who signs two blocks, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DoubleSign {
    /// Number of the validator, from 1.
    pub validator: u16,
    /// Checkpoint at which it does so.
    pub checkpoint: u64,
}

impl FromStr for DoubleSign {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not VALIDATOR@CHECKPOINT, for example 7@3");
        let (validator, checkpoint) = text.split_once('@').ok_or_else(wrong)?;
        let validator = validator.parse().map_err(|_| wrong())?;
        let checkpoint = checkpoint.parse().map_err(|_| wrong())?;
        if validator == 0 || checkpoint == 0 {
            return Err("validators and checkpoints count from 1".into());
        }
        Ok(Self { validator, checkpoint })
    }
}

/// When the devnet ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// When the double-signer is slashed.
    Slashed,
    /// After certificates for this many checkpoints, and the slash of whoever is to sign twice.
    Checkpoints(u64),
}

impl FromStr for Until {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let count = |text: &str| text.parse().ok().filter(|count| *count > 0);
        match (text, text.strip_prefix("checkpoints=").and_then(count)) {
            ("slashed", _) => Ok(Self::Slashed),
            (_, Some(count)) => Ok(Self::Checkpoints(count)),
            _ => Err(format!(
                "`{text}` is neither `slashed` nor `checkpoints=K`, for example checkpoints=5"
            )),
        }
    }
}

impl Options {
    /// What a command line without arguments asks for.
    pub fn standard() -> Self {
        Self::parse_from(["devnet"])
    }

    /// Who signs twice, if anybody.
    pub fn offender(&self) -> Option<DoubleSign> {
        let standard = DoubleSign { validator: self.validators, checkpoint: 3 };
        (!self.honest).then(|| self.double_sign.unwrap_or(standard))
    }

    /// Checks what the options say together.
    ///
    /// # Errors
    ///
    /// Says which options contradict each other.
    pub fn validate(&self) -> Result<(), String> {
        if self.honest && self.until == Some(Until::Slashed) {
            return Err(
                "with --honest nobody is slashed; drop --honest or use --until checkpoints=K"
                    .into(),
            );
        }
        match self.double_sign {
            Some(offender) if offender.validator > self.validators => Err(format!(
                "--double-sign {}@{}: there are only {} validators",
                offender.validator, offender.checkpoint, self.validators
            )),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_who_signs_twice_and_when_it_ends() {
        assert_eq!("7@3".parse(), Ok(DoubleSign { validator: 7, checkpoint: 3 }));
        assert_eq!("slashed".parse(), Ok(Until::Slashed));
        assert_eq!("checkpoints=5".parse(), Ok(Until::Checkpoints(5)));
        for wrong in ["7", "0@1", "1@0", "a@b", "-1@2"] {
            assert!(wrong.parse::<DoubleSign>().is_err(), "{wrong}");
        }
        for wrong in ["", "checkpoints=0", "checkpoints=", "slash"] {
            assert!(wrong.parse::<Until>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn contradictions_are_refused() {
        let parse = |line: &str| {
            Options::try_parse_from(line.split(' ')).map_err(|e| e.to_string())?.validate()
        };
        assert!(parse("devnet --honest --until slashed").is_err());
        assert!(parse("devnet --honest --double-sign 1@3").is_err());
        assert!(parse("devnet --validators 4 --double-sign 5@3").is_err());
        assert!(parse("devnet --directors 8").is_err());
        assert!(parse("devnet --validators 4 --double-sign 4@3 --until slashed").is_ok());
    }

    #[test]
    fn the_last_validator_signs_twice_unless_told_otherwise() {
        let standard = Options::standard();
        assert_eq!(standard.offender(), Some(DoubleSign { validator: 21, checkpoint: 3 }));
        assert_eq!(Options { honest: true, ..standard }.offender(), None);
    }
}
