//! What is typed while the devnet runs happens: a director dies and comes back, its links break, the council adds another
//! one, and a validator signs twice and is slashed. Then it ends well.

#![allow(clippy::unwrap_used)]

use integration_tests::process::sibling;
use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, sync_channel},
    time::{Duration, Instant},
};

/// Bounds a failure, for each thing that is waited for.
const PATIENCE: Duration = Duration::from_secs(120);

struct Devnet {
    child: Child,
    stdin: ChildStdin,
    lines: Receiver<String>,
    said: Vec<String>,
}

impl Devnet {
    fn start() -> Self {
        let mut child = Command::new(sibling("devnet").unwrap())
            .args(["--validators", "4", "--block-time-ms", "300", "--honest"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = sync_channel(1_000);
        let stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let stdin = child.stdin.take().unwrap();
        Self { child, stdin, lines, said: Vec::new() }
    }

    /// Waits until it says something with `text`; the line.
    fn wait_for(&mut self, text: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    self.said.push(line.clone());
                    assert!(!line.contains("it did not work"), "{line}");
                    if line.contains(text) {
                        return line;
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    let _ = self.child.kill();
                    panic!("it never says `{text}`:\n{}", self.said.join("\n"));
                }
            }
        }
    }

    fn order(&mut self, order: &str, answer: &str) {
        writeln!(self.stdin, "{order}").unwrap();
        self.wait_for(answer);
    }
}

#[test]
fn the_devnet_takes_orders() {
    let mut devnet = Devnet::start();
    let page = devnet.wait_for("dashboard of director-1: ");
    assert!(page.contains("http://127.0.0.1:") && page.ends_with('/'), "{page}");
    devnet.order("help", "rotate-validators K");
    devnet.order("explode 3", "no such command");
    devnet.order("kill 2", "director-2 is dead");
    devnet.order("start 2", "director-2 is back");
    devnet.order("freeze 3", "director-3 is frozen");
    devnet.order("thaw 3", "director-3 goes on");
    devnet.order("add-director", "director-4 is active");
    devnet.order("double-sign 4", "validator-4 signs two blocks");
    devnet.wait_for("slashed in block");
    let pid = devnet.child.id().to_string();
    assert!(Command::new("kill").args(["-s", "TERM", &pid]).status().unwrap().success());
    devnet.wait_for("all went as it must");
    assert!(devnet.child.wait().unwrap().success());
}
