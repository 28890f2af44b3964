//! The blocks of `docs/runbooks.md` about a validator, pasted in order into a machine that is laid out as section 1 lays it out:
//! install, register, replace both keys, move away.
//!
//! The machine is a folder, and `sudo`, `systemctl` and their like are scripts. As root, users are real numbers and `sudo -u` is
//! what it says: a file that the wrong user has made keeps the sidecar from starting. As anybody else that is not seen.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use integration_tests::{
    chain::{Chain, FEES, STAKE},
    process::sibling,
};
use std::{
    env, fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::{process::Command, time::timeout};

/// Bounds a failure.
const PATIENCE: Duration = Duration::from_secs(240);

/// What stands for the programs of a machine. `$ROOT` is where the machine is.
const MACHINE: &str = r#"
set -e -o pipefail
id_of() { case $1 in director) echo 64001 ;; director-validator) echo 64002 ;; *) echo "$1" ;; esac; }
# With EXEC=exec in the place of this shell, so that its number is the program's.
as() {
  local id; id=$(id_of "$1"); shift
  if [ "$(id -u)" = 0 ]; then
    ${EXEC-} setpriv --reuid="$id" --regid="$id" --clear-groups "$@"
  else
    ${EXEC-} "$@"
  fi
}
sudo() { if [ "$1" = -u ]; then local user=$2; shift 2; as "$user" "$@"; else "$@"; fi; }
install() {
  local words=()
  while [ $# -gt 0 ]; do
    case $1 in
      -o|-g) [ "$(id -u)" != 0 ] || words+=("$1" "$(id_of "$2")"); shift 2 ;;
      *) words+=("$1"); shift ;;
    esac
  done
  command install "${words[@]}"
}
systemd-sysusers() { true; }
systemd-tmpfiles() {
  local kind path mode user group rest
  while read -r kind path mode user group rest; do
    [ "$kind" != d ] || install -d -m "$mode" -o "$user" -g "$group" "$ROOT$path"
  done < "$ROOT/usr/lib/tmpfiles.d/director.conf"
}
# What an operator edits: here, that this machine is a folder, and where the node is.
sudoedit() { sed -i -e "s#/etc/director#$ROOT&#g; s#/var/lib/#$ROOT&#g; s#127.0.0.1:9944#$NODE#; s#127.0.0.1:9617#127.0.0.1:0#" "$1"; }
unit() { cat "$ROOT/unit" 2> /dev/null; }
end() { if [ -n "$(unit)" ]; then kill "$(unit)"; timeout 30 tail --pid="$(unit)" -f /dev/null; rm "$ROOT/unit"; fi; }
# Started, the sidecar runs; what it says at its start is awaited.
begin() {
  local config=$ROOT/etc/director-validator/validator.toml
  rm -f "$ROOT/log"
  (EXEC=exec; as director-validator director validator run --config "$config") > "$ROOT/log" 2>&1 &
  echo $! > "$ROOT/unit"
  told 'the sidecar runs' "$ROOT/unit" "$ROOT/log"
}
told() {
  local end=$((SECONDS + 60))
  until grep -qs "$1" "$3"; do
    if ! kill -0 "$(cat "$2")" 2> /dev/null || [ $SECONDS -ge $end ]; then cat "$3"; return 1; fi
    sleep 0.1
  done
}
# By hand, until it says that the protection file is there; then Ctrl-C.
first_start() {
  rm -f "$ROOT/log"
  (EXEC=exec; "$@") > "$ROOT/log" 2>&1 &
  local process=$!
  echo $process > "$ROOT/hand"
  told 'nothing new is signed before this checkpoint' "$ROOT/hand" "$ROOT/log"
  kill -INT $process; wait $process
}
systemctl() {
  case "$*" in
    daemon-reload|'enable --now director') ;;
    'enable --now director-validator'|'start director-validator') begin ;;
    'restart director-validator') end; begin ;;
    'stop director-validator'|'disable --now director-validator') end ;;
    *) echo "systemctl $*?"; return 1 ;;
  esac
}
trap end EXIT
"#;

/// A machine, and a folder in which the operator is.
struct Machine {
    root: PathBuf,
    chain: Chain,
}

impl Machine {
    /// Runs blocks as somebody who pastes them one after the other; what they print.
    async fn paste(&self, blocks: &[&str], folder: &Path, after: &str) -> String {
        let root = self.root.to_str().unwrap();
        let mut script = blocks.join("\n");
        for (from, to) in [
            (" /etc/director", format!(" {root}/etc/director")),
            (" /etc/systemd", format!(" {root}/etc/systemd")),
            (" /usr/", format!(" {root}/usr/")),
            (" /var/lib/", format!(" {root}/var/lib/")),
            ("ws://127.0.0.1:9944", self.chain.url.clone()),
            (" target/release/director", format!(" {}", sibling("director").unwrap().display())),
        ] {
            script = script.replace(from, &to);
        }
        // The one command that goes on until somebody ends it.
        let goes_on = |line: &str| line.ends_with("--new-protection-file");
        let lines = script.lines().map(|line| match goes_on(line) {
            true => format!("first_start {line}"),
            false => line.to_owned(),
        });
        let script = lines.collect::<Vec<_>>().join("\n");
        let script = format!("{MACHINE}\n[ ! -e \"$ROOT/unit\" ] || begin\n{script}\n{after}\n");
        let path = format!("{root}/usr/local/bin:{}", env::var("PATH").unwrap());
        let mut bash = Command::new("bash");
        bash.args(["-c", &script]).current_dir(folder).env("PATH", path);
        bash.env("ROOT", root).env("NODE", self.chain.url.trim_start_matches("ws://"));
        bash.stdin(Stdio::null()).process_group(0).kill_on_drop(true);
        let done = timeout(PATIENCE, bash.output()).await.expect("it ends").unwrap();
        let said = String::from_utf8_lossy(&[&done.stdout[..], &done.stderr].concat()).into_owned();
        assert!(done.status.success(), "{script}\n{said}");
        said
    }

    fn file(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap()
    }
}

/// The blocks of shell below a heading, up to the next one of the same level or above.
fn blocks<'a>(page: &'a str, heading: &str) -> Vec<&'a str> {
    let (_, rest) =
        page.split_once(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("{heading}"));
    let level = heading.split(' ').next().unwrap();
    let end = (1..=level.len()).filter_map(|n| rest.find(&format!("\n{} ", "#".repeat(n)))).min();
    let section = &rest[..end.unwrap_or(rest.len())];
    section.split("```").skip(1).step_by(2).filter_map(|block| block.strip_prefix("sh\n")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_validator_that_was_installed_by_the_runbook_can_do_what_it_says() {
    for tool in ["bash", "openssl", "setpriv", "install"] {
        let found = std::process::Command::new(tool).arg("--version").output();
        if found.is_err() {
            assert!(env::var_os("CI").is_none(), "{tool} is not installed, and CI is set");
            return eprintln!("SKIPPED: {tool} is not installed");
        }
    }
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let page = fs::read_to_string(repository.join("docs/runbooks.md")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    // Users of the machine are others than who runs this.
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let chain = Chain::start(dir.path(), 250).await.unwrap();
    let root = dir.path().join("machine");
    let machine = Machine { root, chain };
    for folder in
        ["usr/local/bin", "usr/lib/sysusers.d", "usr/lib/tmpfiles.d", "etc/systemd/system"]
    {
        fs::create_dir_all(machine.file(folder)).unwrap();
    }
    install(&machine, &page, repository).await;
    let home = dir.path().join("home");
    fs::create_dir(&home).unwrap();
    let keys = "etc/director-validator/keys";
    fs::copy(machine.file(&format!("{keys}/account.key")), home.join("account.key")).unwrap();
    rotate(&machine, &page, &home).await;
    travel(&machine, &page, &home).await;
    owned(&machine);
    machine.chain.process.stop().await;
}

/// Section 1.
async fn install(machine: &Machine, page: &str, repository: &Path) {
    let blocks = blocks(page, "## 1. Install as a service");
    let at = |part: &str| blocks.iter().position(|block| block.contains(part)).unwrap();
    let (register, first) = (at("validator register"), at("--new-protection-file"));
    let made = machine.paste(&blocks[..register], repository, "").await;
    // Of the two accounts that are shown the validator's is the one with a checkpoint key.
    let shown = made.split("checkpoint key ").nth(1).unwrap().split("account ").nth(1).unwrap();
    let account = shown.split_whitespace().next().unwrap().parse().unwrap();
    machine.chain.fund(vec![(account, STAKE + FEES)]).await.unwrap();
    let said = machine.paste(&blocks[register..], repository, "").await;
    assert!(said.contains("registration "), "{said}");
    assert!(first < blocks.len() - 1, "then comes the unit");
}

/// Both keys, of section 4.
async fn rotate(machine: &Machine, page: &str, home: &Path) {
    let blocks = blocks(page, "### A validator's keys");
    let keys = "etc/director-validator/keys";
    let before = ["peer.key", "checkpoint.key"].map(|name| machine.text(&format!("{keys}/{name}")));
    // From a unit that runs.
    fs::write(machine.file("unit"), "").unwrap();
    let said = machine.paste(&blocks, home, "").await;
    assert!(said.contains("the peer key of") && said.contains("the checkpoint key of"), "{said}");
    let after = ["peer.key", "checkpoint.key"].map(|name| machine.text(&format!("{keys}/{name}")));
    assert!(before[0] != after[0] && before[1] != after[1]);
    assert_eq!(machine.text(&format!("{keys}/checkpoint.key.old")), before[1]);
    assert!(machine.file("var/lib/director-validator/checkpoint.protection.old").exists());
    assert!(!machine.file(&format!("{keys}/account.key")).exists(), "it is not left there");
    assert!(machine.text("log").contains("the sidecar runs"), "with both of them");
}

/// Away, and to another machine: this one, without what is brought along.
async fn travel(machine: &Machine, page: &str, home: &Path) {
    let blocks = blocks(page, "### Move a validator to another machine");
    let [leave, arrive] = blocks.as_slice() else { panic!("{blocks:?}") };
    fs::write(machine.file("unit"), "").unwrap();
    machine.paste(&[leave], home, "").await;
    for name in ["signed.json", "peer.key", "checkpoint.key", "sidecar.token"] {
        assert!(home.join(name).exists(), "{name}");
        let there = ["etc/director-validator/keys", "var/lib/director-validator"];
        let _ = there.map(|folder| fs::remove_file(machine.file(&format!("{folder}/{name}"))));
    }
    let protection = machine.file("var/lib/director-validator/checkpoint.protection");
    fs::remove_file(&protection).unwrap();
    let said = machine.paste(&[arrive], home, "").await;
    assert!(said.contains("nothing new is signed") && said.contains(": good; peer key"), "{said}");
    assert!(protection.exists() && machine.text("log").contains("the sidecar runs"));
}

/// Everything of the sidecar's is its user's, if this could be seen.
fn owned(machine: &Machine) {
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        return eprintln!("not run as root: whose the files are was not looked at");
    }
    let mut seen = 0;
    for folder in ["etc/director-validator/keys", "var/lib/director-validator"] {
        for entry in fs::read_dir(machine.file(folder)).unwrap() {
            let (entry, owner) = entry.map(|of| (of.path(), of.metadata().unwrap().uid())).unwrap();
            assert_eq!(owner, 64_002, "{}", entry.display());
            seen += 1;
        }
    }
    assert!(seen >= 6, "{seen}");
}
