//! What the sidecar's slashing protection says to wrong use, and what nobody can make it forget.

use super::director;
use director_service::sidecar::protection::Protection;
use integration_tests::keys::Identity;
use std::fs;

/// A lock is between processes: this one has the file, the program must not.
#[tokio::test(flavor = "multi_thread")]
async fn a_protection_file_has_one_owner() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("protection");
    let (genesis, key) = (Default::default(), Identity::validator(1).checkpoint_key());
    let mut held = Protection::create(&path, genesis, key, 0).unwrap();
    held.permit(3, Default::default()).unwrap();
    let export = "validator protection export --protection protection";
    let refused = director(dir.path(), export).await;
    let line = String::from_utf8(refused.stderr).unwrap();
    assert!(line.contains("is in use") && line.contains("stop that one first"), "{line}");
    assert_eq!(refused.status.code(), Some(1));

    drop(held);
    let done = director(dir.path(), &format!("{export} --to signed.json")).await;
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let import = "validator protection import --protection other --from signed.json";
    let done = director(dir.path(), import).await;
    let said = String::from_utf8(done.stdout).unwrap();
    assert!(said.contains("1 checkpoints") && done.status.success(), "{said}");
    let json = |path: &str| fs::read_to_string(dir.path().join(path)).unwrap();
    assert_eq!(json("protection"), json("other"));

    let third = dir.path().join("third");
    let mut held = Protection::create(&third, genesis, key, 0).unwrap();
    held.permit(3, [1; 32].into()).unwrap();
    drop(held);
    let import = "validator protection import --protection third --from signed.json";
    let contradicted = director(dir.path(), import).await;
    let line = String::from_utf8(contradicted.stderr).unwrap();
    assert!(line.contains("two blocks were signed for checkpoints [3]"), "{line}");
    assert_eq!(contradicted.status.code(), Some(1));
    let mut held = Protection::open(&third, genesis, key).unwrap();
    assert!(held.permit(3, [1; 32].into()).is_err() && held.permit(3, Default::default()).is_err());
}

/// An editor, or a shell's `$(cat …)`, takes the last line break away; a bad disk more than that.
#[tokio::test(flavor = "multi_thread")]
async fn a_protection_file_without_its_end_forgets_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let (genesis, key) = (Default::default(), Identity::validator(1).checkpoint_key());
    let mut held = Protection::create(&dir.join("protection"), genesis, key, 0).unwrap();
    for checkpoint in [12, 13] {
        held.permit(checkpoint, [0x11; 32].into()).unwrap();
    }
    drop(held);
    let whole = fs::read(dir.join("protection")).unwrap();
    for (missing, latest) in [(1, 13), (2, 12), (100, 12)] {
        let damaged = &whole[..whole.len() - missing];
        fs::write(dir.join("damaged"), damaged).unwrap();
        let exported = director(dir, "validator protection export --protection damaged").await;
        let log = String::from_utf8(exported.stderr).unwrap();
        assert!(exported.status.success(), "{log}");
        assert_eq!(log.contains("is not whole"), latest == 12, "{log}");
        assert_eq!(fs::read(dir.join("damaged")).unwrap(), damaged, "an export reads");
        let mut said: serde_json::Value = serde_json::from_slice(&exported.stdout).unwrap();
        let signed = said["signed"].as_array().unwrap();
        assert_eq!(signed.last().unwrap()["checkpoint"], latest, "{said}");

        // Somebody says that the other block was signed for 13.
        let other = format!("0x{}", "99".repeat(32));
        said["signed"] = serde_json::json!([{ "checkpoint": 13, "block_hash": other }]);
        said["below"] = 0.into();
        fs::write(dir.join("other.json"), said.to_string()).unwrap();
        let import = "validator protection import --protection damaged --from other.json";
        let imported = director(dir, import).await;
        let is_known = latest == 13;
        assert_eq!(imported.status.code(), Some(i32::from(is_known)), "without {missing} bytes");
        let mut held = Protection::open(&dir.join("damaged"), genesis, key).unwrap();
        assert!(held.permit(13, [0x99; 32].into()).is_err(), "without {missing} bytes");
        assert!(held.permit(30, [0x99; 32].into()).is_ok(), "without {missing} bytes");
    }
}
