#![allow(clippy::unwrap_used)]

use super::*;
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use tokio::net::UnixListener;

const GENESIS: H256 = H256::repeat_byte(9);

fn vote() -> CheckpointVote {
    CheckpointVote { checkpoint: 3, block_hash: H256::repeat_byte(1) }
}

fn key(n: u8) -> PeerKey {
    PeerKey::from_seed(&[n; 32])
}

/// A service that signs what it is told with a key, and what it was told.
async fn serve(path: &Path, key: PeerKey) -> Value {
    let listener = UnixListener::bind(path).unwrap();
    let (stream, _) = listener.accept().await.unwrap();
    let (reader, mut writer) = stream.into_split();
    let mut line = String::new();
    BufReader::new(reader).read_line(&mut line).await.unwrap();
    let asked: Value = serde_json::from_str(&line).unwrap();
    let message = hex::decode(asked["message"].as_str().unwrap().trim_start_matches("0x")).unwrap();
    let signature = hex::encode(key.sign(&message).0);
    let answer = json!({ "signature": format!("0x{signature}") });
    writer.write_all(format!("{answer}\n").as_bytes()).await.unwrap();
    asked
}

#[tokio::test]
async fn a_key_in_a_file_signs() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("checkpoint.key");
    crate::keys::write_secret(&path, &"07".repeat(32)).unwrap();
    let signer = Signer::from_file(&path).unwrap();
    assert_eq!(signer.key(), key(7).public());
    assert!(signer.sign(&GENESIS, vote()).await.unwrap().verify(&GENESIS));
}

#[tokio::test]
async fn a_service_signs_what_it_is_shown() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("signer.sock");
    let signer = Signer::Socket { path: path.clone(), key: key(7).public() };
    let missing = signer.sign(&GENESIS, vote()).await.unwrap_err().to_string();
    assert!(missing.contains("signer.sock") && missing.contains("check that it runs"), "{missing}");

    let asked = tokio::spawn({
        let path = path.clone();
        async move { serve(&path, key(7)).await }
    });
    let signed = loop {
        match signer.sign(&GENESIS, vote()).await {
            // It is about to listen.
            Err(SignerError::Unreachable { .. }) => tokio::task::yield_now().await,
            done => break done.unwrap(),
        }
    };
    assert!(signed.verify(&GENESIS));
    let asked = asked.await.unwrap();
    assert_eq!(
        (&asked["checkpoint"], &asked["block_hash"]),
        (&json!(3), &json!(vote().block_hash))
    );
    assert_eq!(asked["key"], hex::encode(key(7).public().0));
}

#[tokio::test]
async fn a_signature_of_another_key_is_not_used() {
    let dir = tempfile::tempdir().unwrap();
    let message = signing_bytes(&GENESIS, &vote());
    let answer =
        |key: &PeerKey| json!({ "signature": hex::encode(key.sign(&message).0) }).to_string();
    let program = |name: &str, says: &str| {
        let path = dir.path().join(name);
        // It reads its question, as a signer does.
        std::fs::write(&path, format!("#!/bin/sh\ncat > /dev/null\necho '{says}'\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
        // Through the shell: a file that was just written may still be open in a fork of this process.
        let program = vec!["/bin/sh".into(), path.display().to_string()];
        Signer::Command { program, key: key(7).public() }
    };
    let good = program("good", &answer(&key(7)));
    assert!(good.sign(&GENESIS, vote()).await.unwrap().verify(&GENESIS));
    let says = async |signer: Signer| signer.sign(&GENESIS, vote()).await.unwrap_err().to_string();
    let said = says(program("other", &answer(&key(8)))).await;
    assert!(said.contains("is not the checkpoint key's"), "{said}");
    let said = says(program("no", r#"{"error":"the vault is closed"}"#)).await;
    assert!(said.contains("refuses: the vault is closed"), "{said}");
    for strange in ["", "hello", r#"{"signature":"0x12"}"#] {
        let said = says(program("strange", strange)).await;
        assert!(said.contains("expected") && !said.contains('\n'), "{said}");
    }
    let missing = Signer::Command { program: vec!["/nowhere/signer".into()], key: key(7).public() };
    let said = says(missing).await;
    assert!(said.contains("/nowhere/signer") && said.contains("check that it runs"), "{said}");
}
