//! A folder with files that are good, and others that are good but for one thing.

use codec::Encode;
use director_primitives::{DoubleSignProof, H256};
use integration_tests::{
    director::{folder, write_config},
    keys::Identity,
};
use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::{fs::PermissionsExt, net::UnixListener},
    path::Path,
};

pub(super) async fn prepare_prints(dir: &Path) {
    use director_service::{keys::PeerKey, sidecar::protection::Protection, store::Store};
    prepare(dir);
    let store = Store::open(&dir.join("data")).unwrap();
    store.bind(Default::default()).await.unwrap();
    store.close().await;
    let key = PeerKey::from_file(&dir.join("good.checkpoint")).unwrap().public();
    Protection::create(&dir.join("protection"), Default::default(), key, 0).unwrap();
    write_ours(dir);
}

/// A sidecar's configuration.
const OURS: &str = "chain.url = \"ws://127.0.0.1:1\"\nvote.automatically = true\n[keys]\npeer = \"good.key\"\n\
     checkpoint = \"good.checkpoint\"\nprotection = \"protection\"\n[interface]\n";

pub(super) fn write_ours(dir: &Path) {
    fs::write(dir.join("ours.toml"), OURS).unwrap();
}

/// A sidecar's configurations that are good but for one thing.
fn prepare_wrong_sidecars(dir: &Path) {
    let write = |name: &str, from: &str, to: &str| {
        assert!(OURS.contains(from), "{from}");
        fs::write(dir.join(name), OURS.replace(from, to)).unwrap();
    };
    for (name, mode, text) in [("empty", 0o600, ""), ("open", 0o644, "secret"), ("no", 0, "")] {
        let file = match name {
            "no" => "nowhere.token".to_owned(),
            _ => format!("{name}.token"),
        };
        if mode != 0 {
            fs::write(dir.join(&file), text).unwrap();
            fs::set_permissions(dir.join(&file), fs::Permissions::from_mode(mode)).unwrap();
        }
        let named = format!("[interface]\ntoken_file = \"{file}\"");
        write(&format!("{name}token.toml"), "[interface]", &named);
    }
    write("onekey.toml", "good.checkpoint", "good.key");
    write("nourl.toml", "chain.url = \"ws://127.0.0.1:1\"\n", "");
    for (name, file) in
        [("nofolder", "nofolder/p"), ("badfile", "good"), ("closedfile", "closed.key")]
    {
        write(&format!("{name}.toml"), "\"protection\"", &format!("\"{file}\""));
    }
}

pub(super) fn prepare(dir: &Path) {
    let identity = Identity::director(1);
    let config = write_config(&identity, dir, "ws://127.0.0.1:1").unwrap();
    let home = folder(dir, &identity.name);
    let text = fs::read_to_string(&config).unwrap();
    let text =
        text.replace("\"account.key\"", "\"good.account\"").replace("\"peer.key\"", "\"good.key\"");
    fs::write(dir.join("director.toml"), &text).unwrap();
    fs::write(dir.join("unknown.toml"), text.replace("[mesh]", "[mesh]\ncolour = \"red\""))
        .unwrap();
    fs::write(dir.join("bad.toml"), "this is no TOML").unwrap();
    fs::rename(home.join("account.key"), dir.join("good.account")).unwrap();
    fs::rename(home.join("peer.key"), dir.join("good.key")).unwrap();
    let write = |name: &str, text: &str, mode: u32| {
        fs::write(dir.join(name), text).unwrap();
        fs::set_permissions(dir.join(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    write("good.checkpoint", &"22".repeat(32), 0o600);
    write("bad.key", "this is no key", 0o600);
    write("open.key", &"11".repeat(32), 0o644);
    // That it is no protection file is found only once the chain says which key it must be of.
    write("good", "", 0o600);
    // A director that was killed leaves its socket.
    fs::create_dir_all(dir.join("data")).unwrap();
    drop(UnixListener::bind(dir.join("data/control.sock")).unwrap());
}

/// Configurations that are good but for one thing, and what they name.
pub(super) fn prepare_wrong(dir: &Path, taken: u16) {
    let good = fs::read_to_string(dir.join("director.toml")).unwrap();
    let write = |name: &str, from: &str, to: &str| {
        assert!(good.contains(from), "{from} is not in\n{good}");
        fs::write(dir.join(name), good.replace(from, to)).unwrap();
    };
    let (peer, account) = ("peer = \"good.key\"", "account = \"good.account\"");
    write("missing.toml", account, "account = \"nowhere.key\"");
    write("badpeer.toml", peer, "peer = \"bad.key\"");
    write("badaccount.toml", account, "account = \"bad.key\"");
    write("open.toml", account, "account = \"open.key\"");
    write("closed.toml", "\"data\"", "\"closed\"");
    write("badstore.toml", "\"data\"", "\"badstore\"");
    write("nodata.toml", "\"data\"", "\"good.key/data\"");
    write("proc.toml", "\"data\"", "\"/proc/director\"");
    prepare_wrong_sidecars(dir);
    for section in ["mesh", "public"] {
        let listen = format!("tcp/0\"] # {section}");
        write(&format!("taken{section}.toml"), &listen, &format!("tcp/{taken}\"] # {section}"));
    }
    write("takenhttp.toml", "\"127.0.0.1:0\"", &format!("\"127.0.0.1:{taken}\""));
    fs::create_dir_all(dir.join("badstore")).unwrap();
    fs::write(dir.join("badstore/director.redb"), "this is no store".repeat(1_000)).unwrap();
    let validator = Identity::validator(1);
    let vote = |n| validator.vote(&Default::default(), 1, H256::repeat_byte(n));
    let proof = DoubleSignProof::new(Default::default(), vote(1), vote(2)).unwrap();
    fs::write(dir.join("good.proof"), hex::encode(proof.encode())).unwrap();
    // Of somebody else, as far as its permissions go.
    fs::create_dir_all(dir.join("closed")).unwrap();
    drop(UnixListener::bind(dir.join("closed/control.sock")).unwrap());
    fs::copy(dir.join("badstore/director.redb"), dir.join("closed/director.redb")).unwrap();
    fs::write(dir.join("closed.key"), "11".repeat(32)).unwrap();
    for name in ["closed/control.sock", "closed/director.redb", "closed.key"] {
        fs::set_permissions(dir.join(name), fs::Permissions::from_mode(0o000)).unwrap();
    }
}

/// A director that carries out one order, and is gone.
pub(super) fn answer_one(listener: UnixListener) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        BufReader::new(&stream).read_line(&mut String::new()).unwrap();
        stream.write_all(b"{\"ok\":\"done\"}\n").unwrap();
    })
}
