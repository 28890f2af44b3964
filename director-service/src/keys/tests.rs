#![allow(clippy::unwrap_used)]

use super::*;
use director_primitives::{CheckpointVote, H256, signing::verify};

fn file(text: &str, mode: u32) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("peer.key");
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    (dir, path)
}

#[test]
fn reads_back_what_it_wrote() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("peer.key");
    let seed = random_seed();
    write_secret(&path, &hex::encode(*seed)).unwrap();

    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let key = PeerKey::from_file(&path).unwrap();
    assert_eq!(key.public(), PeerKey::from_seed(&seed).public());
    assert_eq!(*key.seed(), *seed);
}

#[test]
fn signs_as_the_chain_verifies() {
    let key = PeerKey::from_seed(&[7; 32]);
    let genesis = H256::repeat_byte(1);
    let vote = CheckpointVote { checkpoint: 3, block_hash: H256::repeat_byte(9) };
    let signature = key.sign_statement(&genesis, &vote);
    assert!(verify(&genesis, &vote, &key.public(), &signature));
}

#[test]
fn refuses_a_file_that_others_may_read() {
    for mode in [0o644, 0o640, 0o604, 0o620, 0o601] {
        let (_dir, path) = file(&"11".repeat(32), mode);
        let error = PeerKey::from_file(&path).unwrap_err().to_string();
        assert!(error.contains(&format!("chmod 600 {}", path.display())), "{error}");
        assert!(!error.contains('\n'));
    }
}

#[test]
fn never_overwrites_a_key() {
    let (_dir, path) = file(&"11".repeat(32), 0o600);
    assert!(matches!(write_secret(&path, "22"), Err(KeyFileError::Exists(_))));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "11".repeat(32));
}

#[test]
fn says_what_is_wrong_with_the_contents() {
    for text in ["", "11", "zz", &"1".repeat(63), &"11".repeat(33)] {
        let (_dir, path) = file(text, 0o600);
        let error = PeerKey::from_file(&path).unwrap_err().to_string();
        assert!(error.contains("64 hexadecimal digits"), "{error}");
        assert!(!error.contains('\n'));
    }
}

#[test]
fn a_missing_file_names_the_command_that_makes_one() {
    let error = PeerKey::from_file(Path::new("/nonexistent/peer.key")).unwrap_err().to_string();
    assert!(error.contains("director keys generate"), "{error}");
}

#[test]
fn peer_ids_are_written_as_libp2p_writes_them() {
    for seed in 0..20 {
        let key = PeerKey::from_seed(&[seed; 32]).public();
        let theirs = libp2p::identity::ed25519::PublicKey::try_from_bytes(&key.0).unwrap();
        let theirs = libp2p::identity::PublicKey::from(theirs).to_peer_id();
        assert_eq!(peer_id(&key), theirs.to_string());
    }
}
