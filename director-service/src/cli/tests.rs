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
fn the_running_director_is_drained_and_said_how_far_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let drained = |name: &str, answers| {
        let socket = dir.path().join(name);
        let director = director(&socket, answers);
        let mut said = String::new();
        let ended = drain::drain(&socket, &mut |line| said.push_str(&format!("{line}\n")));
        assert_eq!(director.join().unwrap(), "{\"drain\":true}\n");
        (ended, said)
    };
    let progress =
        "{\"progress\":\"2 are left\"}\n{\"progress\":\"1 is left\"}\n{\"ok\":\"all moved\"}\n";
    let (ended, said) = drained("good", progress);
    assert_eq!((ended.unwrap().as_str(), said.as_str()), ("all moved", "2 are left\n1 is left\n"));
    let (ended, _) = drained("bad", "{\"error\":\"3 are left\"}\n");
    assert_eq!(ended.unwrap_err().to_string(), "3 are left");
    let (ended, _) = drained("gone", "{\"progress\":\"2 are left\"}\n");
    assert!(ended.unwrap_err().to_string().contains("does not answer"), "it was killed");
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
