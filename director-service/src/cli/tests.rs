#![allow(clippy::unwrap_used)]

use super::*;
use clap::CommandFactory;
use std::{
    io::{BufRead, BufReader, Write},
    os::unix::net::UnixListener,
    path::Path,
    thread::JoinHandle,
};

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_teaches_with_an_example() {
    let mut command = Cli::command();
    assert!(command.render_long_help().to_string().contains("director keys generate"));
    for sub in command.get_subcommands_mut().filter(|sub| sub.get_name() != "help") {
        teaches(sub);
        let name = sub.get_name().to_owned();
        if name == "validator" {
            sub.get_subcommands_mut().filter(|sub| sub.get_name() != "help").for_each(teaches);
        }
    }
}

fn teaches(command: &mut clap::Command) {
    let help = command.render_long_help().to_string();
    let name = command.get_name();
    assert!(help.contains("director ") || help.contains("listening "), "{name} has no example");
}

#[test]
fn accounts_are_read_as_people_write_them() {
    let alice = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
    let account = account_of(alice).unwrap();
    assert_eq!(account.to_string(), alice);
    let digits = hex::encode(<[u8; 32]>::from(account.clone()));
    assert_eq!(account_of(&format!("0x{digits}")), Ok(account));
    for wrong in ["", "5Grw", "0x12", "alice", &alice[1..]] {
        let error = account_of(wrong).unwrap_err();
        assert!(error.contains("SS58"), "{wrong}: {error}");
    }
}

#[test]
fn private_addresses_are_told_from_public_ones() {
    for (address, private) in [
        ("/ip4/100.64.0.1/tcp/1", true),
        ("/ip4/100.127.255.254/tcp/1", true),
        ("/ip4/100.128.0.1/tcp/1", false),
        ("/ip4/100.63.0.1/tcp/1", false),
        ("/ip4/10.1.2.3/udp/1/quic-v1", true),
        ("/ip4/172.31.0.1/tcp/1", true),
        ("/ip4/172.32.0.1/tcp/1", false),
        ("/ip4/192.168.7.7/tcp/1", true),
        ("/ip4/127.0.0.1/tcp/1", true),
        ("/ip4/203.0.113.7/tcp/1", false),
        ("/ip6/fd7a:115c:a1e0::1/tcp/1", true),
        ("/ip6/fe80::1/tcp/1", true),
        ("/ip6/::1/tcp/1", true),
        ("/ip6/2001:db8::1/tcp/1", false),
        ("/ip6/::ffff:8.8.8.8/tcp/1", false),
        ("/dns4/director.example/tcp/1", false),
    ] {
        let parsed = address.parse().unwrap();
        assert_eq!(private::is_private(&parsed), private, "{address}");
    }
}

/// A director that answers with this, and what it is asked.
fn director(socket: &Path, answer: &'static str) -> JoinHandle<String> {
    let listener = UnixListener::bind(socket).unwrap();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut line = String::new();
        BufReader::new(&stream).read_line(&mut line).unwrap();
        stream.write_all(answer.as_bytes()).unwrap();
        line
    })
}

#[test]
fn the_running_director_is_asked_to_revoke() {
    let dir = tempfile::tempdir().unwrap();
    let account = AccountId32::new([7; 32]);
    let asked = |name: &str, answer| {
        let socket = dir.path().join(name);
        let director = director(&socket, answer);
        (revoke::revoke(&socket, &account), director.join().unwrap())
    };
    let (said, line) = asked("good", "{\"ok\":\"signed\"}\n");
    assert_eq!(said.unwrap(), "signed");
    assert_eq!(line, format!("{{\"revoke\":\"{account}\"}}\n"));
    let (said, _) = asked("bad", "{\"error\":\"there is no such validator\"}\n");
    assert_eq!(said.unwrap_err().to_string(), "there is no such validator");
    let (said, _) = asked("mute", "");
    assert!(said.unwrap_err().to_string().contains("does not answer"));
    let (said, _) = asked("strange", "hello\n");
    assert!(said.unwrap_err().to_string().contains("same version"));
}

#[test]
fn a_director_that_does_not_run_is_told_of() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("control.sock");
    let account = AccountId32::new([7; 32]);
    let told = || revoke::revoke(&socket, &account).unwrap_err().to_string();
    assert!(told().contains("check that it runs"), "{}", told());
    // One that was killed leaves its socket.
    drop(UnixListener::bind(&socket).unwrap());
    assert!(told().contains("check that it runs"), "{}", told());
}
