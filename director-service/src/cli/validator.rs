//! `director validator`: what a validator does on chain, how far it is, and its sidecar.

mod protection;
mod register;
mod rotate_key;
mod run;
mod status;

/// Do a validator's steps on chain, see how far it is, or connect it to the directors.
#[derive(clap::Args)]
#[command(after_help = "\
From nothing to an authorized validator:
  director keys generate --account account.key --peer peer.key --checkpoint checkpoint.key
  # somebody sends the account, whose name that command prints, its stake and some fees
  director validator register --url ws://127.0.0.1:9944 --account account.key \\
      --peer peer.key --checkpoint checkpoint.key --stake 1500
  director validator run --url ws://127.0.0.1:9944 --peer peer.key --checkpoint checkpoint.key \\
      --protection checkpoint.protection --new-protection-file --vote
  director validator status --url ws://127.0.0.1:9944 --account account.key")]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Put a validator's stake and keys on chain.
    Register(register::Args),
    /// Replace a validator's peer key or checkpoint key on chain.
    RotateKey(rotate_key::Args),
    /// Say how far the directors are with a validator.
    Status(status::Args),
    /// Connect a validator of any language to the directors.
    Run(run::Args),
    /// Carry what a checkpoint key has signed from one signer to another.
    Protection(protection::Args),
}

impl Args {
    pub(super) fn execute(self) -> anyhow::Result<()> {
        match self.what {
            What::Register(args) => args.execute(),
            What::RotateKey(args) => args.execute(),
            What::Status(args) => args.execute(),
            What::Run(args) => args.execute(),
            What::Protection(args) => args.execute(),
        }
    }
}
