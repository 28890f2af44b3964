//! Which peer key a director serves with.

use super::super::rotation::{PeerKeys, next_key_file};
use crate::keys::{KeyFileError, PeerKey, write_secret};
use std::os::unix::fs::PermissionsExt;

fn key(byte: u8) -> PeerKey {
    PeerKey::from_seed(&[byte; 32])
}

fn seed(byte: u8) -> String {
    hex::encode([byte; 32])
}

#[test]
fn the_key_that_the_chain_has_is_found_in_either_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("peer.key");
    write_secret(&file, &seed(1)).unwrap();
    let keys = PeerKeys::load(&file).unwrap();
    let found = |byte| keys.find(&key(byte).public()).unwrap().map(|key| key.public());
    assert_eq!(found(1), Some(key(1).public()));
    assert_eq!(found(2), None, "there is no next one yet");

    let next = next_key_file(&file);
    assert_eq!(next, dir.path().join("peer.key.next"));
    write_secret(&next, &seed(2)).unwrap();
    assert_eq!(found(2), Some(key(2).public()));
    assert_eq!(found(3), None);

    // Moved over the old one while the director runs.
    std::fs::rename(&next, &file).unwrap();
    assert_eq!(found(2), Some(key(2).public()));
    assert_eq!(found(1), Some(key(1).public()), "it still has the old one");
}

#[test]
fn a_next_key_that_cannot_be_used_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("peer.key");
    write_secret(&file, &seed(1)).unwrap();
    let keys = PeerKeys::load(&file).unwrap();
    let next = next_key_file(&file);
    write_secret(&next, &seed(2)).unwrap();
    std::fs::set_permissions(&next, std::fs::Permissions::from_mode(0o644)).unwrap();
    let error = keys.find(&key(2).public()).err().unwrap();
    assert!(matches!(&error, KeyFileError::Exposed { path, .. } if *path == next), "{error}");
    assert!(keys.find(&key(1).public()).is_ok(), "nobody asks for it before it is needed");
}
