//! What `director-service/deploy` and `director-service/config` have is accepted by the programs that it is for.

#![allow(clippy::unwrap_used)]

use integration_tests::process::sibling;
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

fn service() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../director-service")
}

/// All files below the deployment and configuration folders whose names end so.
fn files(ending: &str) -> Vec<PathBuf> {
    let folders = ["config", "deploy/systemd", "deploy/container"];
    let entries = folders.iter().flat_map(|folder| fs::read_dir(service().join(folder)).unwrap());
    let mut found: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.to_str().unwrap().ends_with(ending));
    assert!(!found.is_empty(), "there is no {ending}");
    found
}

fn director(arguments: &[&str], environment: &[(String, String)]) -> Output {
    let mut command = Command::new(sibling("director").unwrap());
    command.args(arguments).stdin(Stdio::null());
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// New keys in `dir`, and the variables that put them in the place of the ones that a file names.
fn keys(dir: &Path) -> Vec<(String, String)> {
    let [account, peer] =
        ["account.key", "peer.key"].map(|name| dir.join(name).to_str().unwrap().to_owned());
    let made = director(&["keys", "generate", "--account", &account, "--peer", &peer], &[]);
    assert!(made.status.success(), "{}", said(&made));
    let data = dir.join("data").to_str().unwrap().to_owned();
    vec![
        ("DIRECTOR_KEYS_ACCOUNT".into(), account),
        ("DIRECTOR_KEYS_PEER".into(), peer),
        ("DIRECTOR_DATA_DIR".into(), data),
    ]
}

#[test]
fn every_directors_configuration_passes_the_check() {
    let dir = tempfile::tempdir().unwrap();
    let keys = keys(dir.path());
    let is_directors = |path: &PathBuf| fs::read_to_string(path).unwrap().contains("[mesh]");
    let configurations: Vec<_> = files(".toml").into_iter().filter(is_directors).collect();
    assert!(configurations.len() >= 3, "{configurations:?}");
    for file in configurations {
        let checked = director(&["config", "check", "--config", file.to_str().unwrap()], &keys);
        assert!(checked.status.success(), "{}", said(&checked));
    }
}

#[test]
fn every_validators_configuration_passes_the_check() {
    let dir = tempfile::tempdir().unwrap();
    let key = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (peer, checkpoint) = (key("peer.key"), key("checkpoint.key"));
    let made = director(&["keys", "generate", "--peer", &peer, "--checkpoint", &checkpoint], &[]);
    assert!(made.status.success(), "{}", said(&made));
    let is_validators =
        |path: &PathBuf| fs::read_to_string(path).unwrap().contains("protection = ");
    let configurations: Vec<_> = files(".toml").into_iter().filter(is_validators).collect();
    assert!(configurations.len() >= 2, "{configurations:?}");
    fs::write(key("sidecar.token"), "secret").unwrap();
    fs::set_permissions(key("sidecar.token"), fs::Permissions::from_mode(0o600)).unwrap();
    for file in configurations {
        let text = fs::read_to_string(&file).unwrap();
        // Paths are of the folder of the file.
        let copy = key("validator.toml");
        let text = text.replace("/etc/director-validator/keys/", "");
        fs::write(&copy, text.replace("/var/lib/director-validator/", "")).unwrap();
        let checked = director(&["config", "check", "--validator", "--config", &copy], &[]);
        assert!(checked.status.success(), "{}: {}", file.display(), said(&checked));
    }
}

#[test]
fn the_containers_variables_are_settings() {
    let file = service().join("deploy/container/director.toml");
    let compose = fs::read_to_string(service().join("deploy/container/compose.yaml")).unwrap();
    for variables in files(".env") {
        let name = variables.file_name().unwrap().to_str().unwrap();
        assert!(compose.contains(&format!("env_file: [{name}]")), "nobody reads {name}");
        let text = fs::read_to_string(&variables).unwrap();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let pairs = lines.map(|line| line.split_once('=').unwrap());
        let environment: Vec<_> = pairs.map(|(name, value)| (name.into(), value.into())).collect();
        let shown = director(&["config", "show", "--config", file.to_str().unwrap()], &environment);
        let text = said(&shown);
        assert!(shown.status.success(), "{text}");
        // The address that the network of the compose file gives to this container.
        let address = text.split("/ip4/").find(|rest| rest.starts_with("172.")).unwrap();
        let address = address.split('/').next().unwrap();
        assert!(compose.contains(&format!("ipv4_address: {address} ")), "{address}");
    }
}

/// `director rotate-key` makes the next key beside the present one.
#[test]
fn keys_of_containers_can_be_rotated() {
    let file =
        |name: &str| fs::read_to_string(service().join("deploy/container").join(name)).unwrap();
    let compose = file("compose.yaml");
    let folders: Vec<_> =
        compose.lines().filter(|line| line.contains(":/etc/director/keys")).collect();
    assert_eq!(folders.len(), 3, "{folders:?}");
    assert!(folders.iter().all(|line| line.ends_with("/etc/director/keys")), "{folders:?}");
    assert!(file("Dockerfile").contains("-v /etc/director/keys:/etc/director/keys "));
    let settings = file("director.toml");
    assert!(settings.contains("peer = \"/etc/director/keys/peer.key\""), "{settings}");
}

#[test]
fn units_and_image_start_commands_that_there_are() {
    let mut commands = Vec::new();
    for unit in files(".service") {
        let text = fs::read_to_string(unit).unwrap();
        let start = text.lines().find_map(|line| line.strip_prefix("ExecStart=")).unwrap();
        let arguments = start.strip_prefix("/usr/local/bin/director ").unwrap();
        commands.push(arguments.split_once(" --config").unwrap().0.to_owned());
    }
    let image = fs::read_to_string(service().join("deploy/container/Dockerfile")).unwrap();
    assert!(image.contains(r#"CMD ["run", "--config", "/etc/director/director.toml"]"#));
    commands.push("run".into());
    for command in commands {
        let arguments: Vec<_> = command.split(' ').chain(["--help"]).collect();
        let help = director(&arguments, &[]);
        assert!(help.status.success(), "{command}: {}", said(&help));
        assert!(said(&help).contains("--config"), "{command} takes no configuration");
    }
}

#[test]
fn systemd_understands_the_units() {
    let dir = tempfile::tempdir().unwrap();
    let program = sibling("director").unwrap().display().to_string();
    let mut verify = Command::new("systemd-analyze");
    verify.args(["verify", "--man=no"]);
    for unit in files(".service") {
        let text = fs::read_to_string(&unit).unwrap();
        let copy = dir.path().join(unit.file_name().unwrap());
        fs::write(&copy, text.replace("/usr/local/bin/director", &program)).unwrap();
        verify.arg(copy);
    }
    let Ok(verified) = verify.output() else {
        assert!(std::env::var_os("REQUIRE_SYSTEMD").is_none(), "there is no systemd-analyze");
        return eprintln!("SKIPPED: there is no systemd-analyze");
    };
    assert!(verified.status.success(), "{}", said(&verified));
    // What it does not know it only mentions.
    assert!(!said(&verified).contains("Unknown"), "{}", said(&verified));
    for unit in files(".service") {
        // 1.4 of 10, as the runbooks say: without one of the system call filters it would be more.
        let mut rate = Command::new("systemd-analyze");
        rate.args(["security", "--offline=true", "--no-pager", "--threshold=15"]).arg(unit);
        let rated = rate.output().unwrap();
        assert!(rated.status.success(), "{}", said(&rated));
    }
}

/// `config check` looks at the folders before a unit has ever run, and a first start by hand writes there.
#[test]
fn folders_of_the_units_are_made_by_the_tmpfiles() {
    let systemd = service().join("deploy/systemd");
    let made = fs::read_to_string(systemd.join("director.tmpfiles")).unwrap();
    for unit in files(".service") {
        let text = fs::read_to_string(&unit).unwrap();
        let field = |name: &str| {
            let value = text.lines().find_map(|line| line.strip_prefix(name));
            value.unwrap_or_else(|| panic!("{} has no {name}", unit.display())).to_owned()
        };
        let (folder, mode) = (field("StateDirectory="), field("StateDirectoryMode="));
        let (user, group) = (field("User="), field("Group="));
        let line = format!("d /var/lib/{folder} {mode} {user} {group} -");
        assert!(made.lines().any(|known| known == line), "{line} is not in\n{made}");
    }
}
