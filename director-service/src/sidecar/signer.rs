//! Signs checkpoint votes with a key of this process, or has a program or a service sign them.
//!
//! A signer elsewhere gets one JSON object in one line and answers with one:
//!
//! ```text
//! {"checkpoint":3,"block_hash":"0x…","genesis_hash":"0x…","key":"…","message":"0x…"}  ──►  {"signature":"0x…"} | {"error":"…"}
//! ```
//!
//! `message` is what is to be signed. The rest says what it means, for a signer that has rules of its own. Its
//! answer is checked before it is used.

use crate::{
    client::{LocalKey, Signer as _},
    keys::{KeyFileError, PeerKey},
};
use director_primitives::{CheckpointVote, H256, PublicKey, Signature, SignedVote, signing_bytes};
use serde::Deserialize;
use serde_json::json;
use std::{
    io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::{
    io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::UnixStream,
    process::Command,
    time::timeout,
};

/// Longest wait for a signature.
const PATIENCE: Duration = Duration::from_secs(10);

/// Longest answer, in bytes.
const MAX_ANSWER: u64 = 4 * 1024;

/// Why there is no signature.
#[derive(Debug, thiserror::Error)]
pub(super) enum SignerError {
    /// It cannot be asked.
    #[error("cannot ask {signer}: {cause}; check that it runs, and its path")]
    Unreachable { signer: String, cause: io::Error },
    /// It takes too long.
    #[error("{0} has not answered within {PATIENCE:?}; see its log")]
    Late(String),
    /// It answers something else.
    #[error("{signer} answers {said:?}; expected {{\"signature\":\"0x…\"}} or {{\"error\":\"…\"}}")]
    Malformed { signer: String, said: String },
    /// It says no.
    #[error("{signer} refuses: {said}")]
    Refused { signer: String, said: String },
    /// Its signature is none of the key's.
    #[error("the signature of {0} is not the checkpoint key's; give it the right key")]
    WrongKey(String),
}

/// What signs checkpoint votes.
pub(super) enum Signer {
    /// A key of this process.
    Local(LocalKey),
    /// A program that is started for each signature.
    Command { program: Vec<String>, key: PublicKey },
    /// A service that listens on a Unix socket.
    Socket { path: PathBuf, key: PublicKey },
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    Signature(String),
    Error(String),
}

impl Signer {
    /// The key in a file.
    pub(super) fn from_file(path: &Path) -> Result<Self, KeyFileError> {
        Ok(Self::Local(LocalKey::from_seed(&PeerKey::from_file(path)?.seed())))
    }

    /// The checkpoint key.
    pub(super) fn key(&self) -> PublicKey {
        match self {
            Self::Local(key) => key.key(),
            Self::Command { key, .. } | Self::Socket { key, .. } => *key,
        }
    }

    /// A signed vote. Whether it may be signed was asked before.
    pub(super) async fn sign(
        &self,
        genesis_hash: &H256,
        vote: CheckpointVote,
    ) -> Result<SignedVote, SignerError> {
        let key = self.key();
        let signature = match self {
            Self::Local(local) => local.sign_statement(genesis_hash, &vote),
            Self::Command { .. } | Self::Socket { .. } => {
                let message = signing_bytes(genesis_hash, &vote);
                let question = json!({
                    "checkpoint": vote.checkpoint,
                    "block_hash": vote.block_hash,
                    "genesis_hash": genesis_hash,
                    "key": hex::encode(key.0),
                    "message": format!("0x{}", hex::encode(message)),
                });
                let asked = timeout(PATIENCE, self.ask(format!("{question}\n")));
                let line = asked.await.map_err(|_| SignerError::Late(self.name()))?;
                let line =
                    line.map_err(|cause| SignerError::Unreachable { signer: self.name(), cause })?;
                self.read(&line)?
            }
        };
        let signed = SignedVote { vote, key, signature };
        match signed.verify(genesis_hash) {
            true => Ok(signed),
            false => Err(SignerError::WrongKey(self.name())),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Local(_) => "the key file".into(),
            Self::Command { program, .. } => {
                format!("the signer {}", program.first().map_or("", String::as_str))
            }
            Self::Socket { path, .. } => format!("the signer at {}", path.display()),
        }
    }

    async fn ask(&self, question: String) -> io::Result<String> {
        match self {
            Self::Local(_) => Err(io::ErrorKind::Unsupported.into()),
            Self::Command { program, .. } => {
                let (first, rest) = program.split_first().ok_or(io::ErrorKind::InvalidInput)?;
                let mut child = Command::new(first)
                    .args(rest)
                    .stdin(Stdio::piped())
                    .stdout(Stdio::piped())
                    .kill_on_drop(true)
                    .spawn()?;
                let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
                    return Err(io::ErrorKind::BrokenPipe.into());
                };
                let line = exchange(stdin, BufReader::new(stdout), &question).await?;
                // So that it is not left behind; how it ends says nothing beyond its answer.
                child.wait().await?;
                Ok(line)
            }
            Self::Socket { path, .. } => {
                let (reader, writer) = UnixStream::connect(path).await?.into_split();
                exchange(writer, BufReader::new(reader), &question).await
            }
        }
    }

    fn read(&self, line: &str) -> Result<Signature, SignerError> {
        let malformed = || {
            let said = line.trim_end().chars().take(100).collect();
            SignerError::Malformed { signer: self.name(), said }
        };
        match serde_json::from_str(line).map_err(|_| malformed())? {
            Answer::Error(said) => Err(SignerError::Refused { signer: self.name(), said }),
            Answer::Signature(digits) => {
                let mut bytes = [0; 64];
                let digits = digits.strip_prefix("0x").unwrap_or(&digits);
                hex::decode_to_slice(digits, &mut bytes).map_err(|_| malformed())?;
                Ok(Signature::from_raw(bytes))
            }
        }
    }
}

async fn exchange(
    mut writer: impl AsyncWrite + Unpin,
    reader: impl AsyncBufRead + Unpin,
    question: &str,
) -> io::Result<String> {
    writer.write_all(question.as_bytes()).await?;
    writer.shutdown().await?;
    drop(writer);
    let mut line = String::new();
    reader.take(MAX_ANSWER).read_line(&mut line).await?;
    Ok(line)
}

#[cfg(test)]
mod tests;
