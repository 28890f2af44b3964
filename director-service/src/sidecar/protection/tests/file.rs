//! What is on a real disk: one owner, one name, and a new file in the place of the old one.

use super::*;
use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink},
    sync::Barrier,
};

#[test]
fn a_file_is_of_one_key_and_one_chain() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("protection");
    drop(Protection::create(&path, GENESIS, key(), 5).unwrap());
    let other = PublicKey::from_raw([8; 32]);
    let refused = Protection::open(&path, GENESIS, other).err().unwrap().to_string();
    assert!(refused.contains("is of key 0707") && refused.contains("0808"), "{refused}");
    let refused = Protection::open(&path, hash(1), key()).err().unwrap();
    assert!(matches!(refused, ProtectionError::OtherChain { .. }));
    let mut opened = Protection::open(&path, GENESIS, key()).unwrap();
    assert!(matches!(opened.permit(4, hash(1)), Err(ProtectionError::TooOld { below: 5, .. })));
}

#[test]
fn a_file_has_one_owner_however_it_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("protection");
    let link = dir.path().join("link");
    symlink(&path, &link).unwrap();
    let mut first = Protection::create(&path, GENESIS, key(), 0).unwrap();
    let is_locked = |path: &Path| {
        matches!(Protection::open(path, GENESIS, key()), Err(ProtectionError::Locked(_)))
    };
    assert!(is_locked(&path) && is_locked(&link));
    // Also after the file was replaced.
    first.rewrite().unwrap();
    first.permit(1, hash(1)).unwrap();
    assert!(is_locked(&path) && is_locked(&link));
    drop(first);
    let mut second = Protection::open(&link, GENESIS, key()).unwrap();
    assert!(matches!(second.permit(1, hash(2)), Err(ProtectionError::AlreadySigned { .. })));
    let names: Vec<_> = fs::read_dir(dir.path()).unwrap().collect();
    assert_eq!(names.len(), 2, "nothing is left beside it");
}

#[test]
fn a_missing_file_is_no_empty_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("protection");
    let refused = Protection::open(&path, GENESIS, key()).err().unwrap().to_string();
    assert!(refused.contains("--new-protection-file") && refused.contains("import"), "{refused}");
    fs::write(&path, "").unwrap();
    let refused = Protection::open(&path, GENESIS, key()).err().unwrap();
    assert!(matches!(refused, ProtectionError::Damaged { line: 1, .. }));
    let refused = Protection::create(&path, GENESIS, key(), 0).err().unwrap();
    assert!(matches!(refused, ProtectionError::Exists(_)), "and not overwritten");
}

#[test]
fn of_many_that_make_a_file_one_has_it() {
    for round in 0..100 {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("protection");
        let start = Barrier::new(4);
        let made: Vec<_> = std::thread::scope(|scope| {
            // Threads have one process number, as processes of several containers may.
            let make = || {
                start.wait();
                Protection::create(&path, GENESIS, key(), 0)
            };
            let all: Vec<_> = (0..4).map(|_| scope.spawn(make)).collect();
            all.into_iter().map(|one| one.join().unwrap()).collect()
        });
        let (mut good, refused): (Vec<_>, Vec<_>) = made.into_iter().partition(Result::is_ok);
        assert_eq!(good.len(), 1, "round {round}");
        for refused in refused {
            let error = refused.err().unwrap();
            assert!(matches!(error, ProtectionError::Exists(_)), "round {round}: {error}");
        }
        let mut owner = good.pop().unwrap().unwrap();
        owner.permit(1, hash(1)).unwrap();
        drop(owner);
        let mut next = Protection::open(&path, GENESIS, key()).unwrap();
        assert!(next.permit(1, hash(2)).is_err(), "round {round}: the file that has the name");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside it");
    }
}

/// Somebody does this to a file that is open; then nothing is signed, whether it would be appended or written anew.
fn refused_after(what: impl Fn(&Path)) -> ProtectionError {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("protection");
    let mut open = Protection::create(&path, GENESIS, key(), 0).unwrap();
    open.permit(1, hash(1)).unwrap();
    what(&path);
    let before = fs::read(&path).ok();
    let refused = open.permit(2, hash(1)).unwrap_err();
    open.is_sound = false;
    assert_eq!(open.permit(2, hash(1)).unwrap_err().to_string(), refused.to_string());
    assert!(open.permit(1, hash(1)).is_err(), "what is known as well");
    assert_eq!(fs::read(&path).ok(), before, "what is there now is not written to");
    refused
}

#[test]
fn a_file_that_was_replaced_or_linked_is_not_signed_with() {
    let copied = |path: &Path| {
        let copy = path.with_extension("copy");
        fs::copy(path, &copy).unwrap();
        fs::rename(&copy, path).unwrap();
    };
    let error = refused_after(copied);
    assert!(matches!(error, ProtectionError::Replaced(_)), "{error}");
    let error = refused_after(|path| fs::remove_file(path).unwrap());
    assert!(matches!(error, ProtectionError::Replaced(_)), "{error}");
    // `cp backup protection`: the same file, and an older content.
    let error = refused_after(|path| {
        let known = fs::read_to_string(path).unwrap();
        let (older, _) = known.trim_end().rsplit_once('\n').unwrap();
        fs::write(path, format!("{older}\n")).unwrap();
    });
    assert!(matches!(error, ProtectionError::Replaced(_)), "{error}");
    let error = refused_after(|path| fs::rename(path, path.with_extension("away")).unwrap());
    assert!(matches!(error, ProtectionError::Replaced(_)), "{error}");
    let error = refused_after(|path| fs::hard_link(path, path.with_extension("two")).unwrap());
    assert!(matches!(error, ProtectionError::Linked(_)), "{error}");
}

#[test]
fn a_link_that_leads_elsewhere_is_not_signed_with() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two, link) =
        (dir.path().join("one"), dir.path().join("two"), dir.path().join("link"));
    for path in [&one, &two] {
        drop(Protection::create(path, GENESIS, key(), 0).unwrap());
    }
    symlink(&one, &link).unwrap();
    let mut open = Protection::open(&link, GENESIS, key()).unwrap();
    open.permit(1, hash(1)).unwrap();
    fs::remove_file(&link).unwrap();
    symlink(&two, &link).unwrap();
    assert!(matches!(open.permit(2, hash(1)), Err(ProtectionError::Replaced(_))));
}

#[test]
fn a_file_with_two_names_is_not_opened() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("protection");
    drop(Protection::create(&path, GENESIS, key(), 0).unwrap());
    let second = dir.path().join("second");
    fs::hard_link(&path, &second).unwrap();
    for name in [&path, &second] {
        let error = Protection::open(name, GENESIS, key()).err().unwrap().to_string();
        assert!(error.contains("second name") && error.contains("remove"), "{error}");
    }
    fs::remove_file(second).unwrap();
    assert!(Protection::open(&path, GENESIS, key()).is_ok());
}

#[test]
fn what_a_process_left_that_died_while_it_made_a_file_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("protection");
    drop(Protection::create(&path, GENESIS, key(), 0).unwrap());
    // It had given the file its name, and not taken away the first one.
    fs::hard_link(&path, dir.path().join("protection.0123456789abcdef.new")).unwrap();
    fs::write(dir.path().join("protection.4711.new"), "half").unwrap();
    for other in ["protection.new", "protection.x.new", "other.4711.new"] {
        fs::write(dir.path().join(other), "somebody else's").unwrap();
    }
    Protection::open(&path, GENESIS, key()).unwrap().permit(1, hash(1)).unwrap();
    let mut left: Vec<_> =
        fs::read_dir(dir.path()).unwrap().map(|of| of.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["other.4711.new", "protection", "protection.new", "protection.x.new"]);
}

#[test]
fn a_file_that_is_written_anew_keeps_its_owner_and_permissions() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("protection");
    drop(Protection::create(&path, GENESIS, key(), 0).unwrap());
    let own = fs::metadata(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    // Only root may give a file away.
    let is_root = own.uid() == 0 && chown(&path, Some(12_345), Some(12_346)).is_ok();
    let mut open = Protection::open(&path, GENESIS, key()).unwrap();
    let before = fs::metadata(&path).unwrap();
    open.rewrite().unwrap();
    open.permit(1, hash(1)).unwrap();
    let after = fs::metadata(&path).unwrap();
    assert_ne!(before.ino(), after.ino(), "it is another file");
    let expected = if is_root { (12_345, 12_346) } else { (own.uid(), own.gid()) };
    assert_eq!((after.uid(), after.gid()), expected);
    assert_eq!(after.mode() & 0o777, 0o640);
}
