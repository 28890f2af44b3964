//! Reads the secret that WebSocket clients have to bring.

use crate::keys::{KeyFileError, read_secret};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Why the token's file cannot be used, with the remedy: it is no key, and `director keys generate` makes none.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// There is no such file.
    #[error(
        "there is no token file {0} (interface.token_file); `(umask 077; openssl rand -hex 32 > {0})` makes one"
    )]
    Missing(PathBuf),
    /// Nothing would be brought by everybody.
    #[error(
        "{0} is empty, and interface.token_file has to hold what clients bring; `openssl rand -hex 32` makes a token"
    )]
    Empty(PathBuf),
    /// Somebody else than the owner may read or write it.
    #[error(
        "token file {path} (interface.token_file) is open to other users (mode {mode:04o}); run `chmod 600 {path}`, and \
         make another token if somebody may have read it"
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It cannot be read, or is no small text file.
    #[error("cannot use token file {path} (interface.token_file): {cause}")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why, and what to do.
        cause: String,
    },
}

/// The token in this file.
///
/// # Errors
///
/// If it is missing, empty, open to others or no text.
pub(super) fn read(path: &Path) -> Result<Zeroizing<String>, TokenError> {
    let token = read_secret(path).map_err(|error| match error {
        KeyFileError::Missing(path) => TokenError::Missing(path),
        KeyFileError::Exposed { path, mode } => TokenError::Exposed { path, mode },
        KeyFileError::Malformed { path, what } => TokenError::Unusable { path, cause: what.into() },
        KeyFileError::Denied { path, whose } => {
            TokenError::Unusable { path, cause: format!("permission denied: {whose}") }
        }
        KeyFileError::Io { path, cause } => {
            let cause = format!("{cause}; check the path and its permissions");
            TokenError::Unusable { path, cause }
        }
        KeyFileError::Exists(path) => TokenError::Unusable { path, cause: "it exists".into() },
    })?;
    match token.is_empty() {
        true => Err(TokenError::Empty(path.to_owned())),
        false => Ok(token),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::keys::write_secret;
    use std::{fs::Permissions, os::unix::fs::PermissionsExt};

    #[test]
    fn what_is_wrong_with_a_token_has_a_tokens_remedy() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str| dir.path().join(name);
        write_secret(&file("good"), "secret").unwrap();
        assert_eq!(read(&file("good")).unwrap().as_str(), "secret");
        write_secret(&file("empty"), "").unwrap();
        write_secret(&file("open"), "secret").unwrap();
        std::fs::set_permissions(file("open"), Permissions::from_mode(0o644)).unwrap();
        for (name, says) in [
            ("missing", "openssl rand"),
            ("empty", "openssl rand"),
            ("open", "chmod 600"),
            (".", "it is a folder"),
        ] {
            let said = read(&file(name)).unwrap_err().to_string();
            assert!(said.contains(says) && said.contains("interface.token_file"), "{said}");
            assert!(!said.contains("keys generate") && !said.contains("key file"), "{said}");
        }
    }
}
