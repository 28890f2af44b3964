//! Takes commands by hand while the devnet runs: faults, and what governance does.
//!
//! Each is a line on standard input ([`HELP`]). What is done by hand is not judged at the end: a run with commands ends well
//! unless something breaks by itself or an honest validator is accused.

use crate::{
    chain::{FEES, STAKE},
    director::{Director, Killed},
    keys::Identity,
    network::Network,
};
use anyhow::{Context, bail, ensure};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::BufRead,
    path::PathBuf,
    process::Command as Process,
    str::FromStr,
    time::Duration,
};
use tokio::{sync::mpsc, time::timeout};

/// What can be typed.
pub const HELP: &str = "\
kill N              director N dies, as in a power cut        start N   and comes back
freeze N            director N stops where it is              thaw N    and goes on
cut N               all mesh connections of director N break; they come back by themselves (needs root and ss)
double-sign V       validator V signs two blocks at the next checkpoint
add-director        a new director starts, the council invites it, it activates itself
remove-director N   the council removes director N
rotate-validators K the first K validators leave and K new ones come (once)
help                these lines";

/// Bounds a command: governance takes some blocks.
const PATIENCE: Duration = Duration::from_secs(120);

/// Over which time validators rotate.
const ROTATION: Duration = Duration::from_secs(5);

/// Lines that wait while a command is carried out.
const WAITING: usize = 16;

/// What was typed. Numbers count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// What can be typed.
    Help,
    /// A director dies.
    Kill(usize),
    /// It comes back.
    Start(usize),
    /// A director stops where it is.
    Freeze(usize),
    /// It goes on.
    Thaw(usize),
    /// A director's mesh connections break.
    Cut(usize),
    /// A validator signs two blocks.
    DoubleSign(usize),
    /// The council adds a director.
    AddDirector,
    /// The council removes one.
    RemoveDirector(usize),
    /// So many validators are replaced.
    RotateValidators(usize),
}

impl FromStr for Order {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let mut words = line.split_whitespace();
        let name = words.next().unwrap_or_default();
        let number = words.next().map(str::parse::<usize>);
        if words.next().is_some() {
            return Err(format!("`{name}` takes one number at most; `help` lists what there is"));
        }
        let with = |order: fn(usize) -> Self| match number {
            Some(Ok(number)) if number > 0 => Ok(order(number)),
            _ => Err(format!("`{name}` needs a number from 1, for example `{name} 2`")),
        };
        match (name, &number) {
            ("help" | "?", None) => Ok(Self::Help),
            ("add-director", None) => Ok(Self::AddDirector),
            ("kill", _) => with(Self::Kill),
            ("start", _) => with(Self::Start),
            ("freeze", _) => with(Self::Freeze),
            ("thaw", _) => with(Self::Thaw),
            ("cut", _) => with(Self::Cut),
            ("double-sign", _) => with(Self::DoubleSign),
            ("remove-director", _) => with(Self::RemoveDirector),
            ("rotate-validators", _) => with(Self::RotateValidators),
            _ => Err(format!("no such command: `{}`; `help` lists what there is", line.trim())),
        }
    }
}

/// Lines of standard input, until it ends. A thread reads them, which nobody waits for at the end.
pub fn typed() -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel(WAITING);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    lines
}

/// What was done by hand so far.
pub struct Hand {
    dir: PathBuf,
    down: BTreeMap<usize, Killed>,
    frozen: BTreeSet<usize>,
    rotated: bool,
    touched: bool,
}

impl Hand {
    /// Nothing yet, in a run with its files in `dir`.
    pub fn new(dir: PathBuf) -> Self {
        let (down, frozen) = (BTreeMap::new(), BTreeSet::new());
        Self { dir, down, frozen, rotated: false, touched: false }
    }

    /// Whether anything was done.
    pub fn has_touched(&self) -> bool {
        self.touched
    }

    /// Whether a director cannot answer because it is frozen.
    pub fn is_frozen(&self, director: &Director) -> bool {
        self.frozen.iter().any(|number| director.identity.name == name(*number))
    }

    /// Does it; what to say about it.
    ///
    /// # Errors
    ///
    /// If it cannot be done. The network goes on.
    pub async fn obey(&mut self, order: Order, network: &mut Network) -> anyhow::Result<String> {
        self.touched |= order != Order::Help;
        let done = timeout(PATIENCE, self.carry_out(order, network)).await;
        done.unwrap_or_else(|_| bail!("{order:?} is not done after {PATIENCE:?}"))
    }

    async fn carry_out(&mut self, order: Order, network: &mut Network) -> anyhow::Result<String> {
        match order {
            Order::Help => Ok(HELP.into()),
            Order::Kill(number) => {
                let at = place(network, number)?;
                self.frozen.remove(&number);
                let killed = network.directors.remove(at).kill().await;
                self.down.insert(number, killed);
                Ok(format!("director-{number} is dead; `start {number}` brings it back"))
            }
            Order::Start(number) => {
                let killed = self.down.remove(&number).context("it was not killed")?;
                let director = killed.restart(&self.dir).await?;
                let http = director.ports.http;
                network.directors.push(director);
                network.directors.sort_by_key(|of| of.identity.name.clone());
                Ok(format!("director-{number} is back: http://127.0.0.1:{http}/"))
            }
            Order::Freeze(number) => {
                network.directors[place(network, number)?].signal("STOP")?;
                self.frozen.insert(number);
                Ok(format!("director-{number} is frozen; `thaw {number}` lets it go on"))
            }
            Order::Thaw(number) => {
                network.directors[place(network, number)?].signal("CONT")?;
                self.frozen.remove(&number);
                Ok(format!("director-{number} goes on"))
            }
            Order::Cut(number) => {
                let cut = cut(network, place(network, number)?)?;
                Ok(format!("{cut} mesh connections of director-{number} were broken"))
            }
            Order::DoubleSign(number) => {
                ensure!(number <= network.identities.len(), "there is no validator-{number}");
                network.shared.ask_to_double_sign(number - 1);
                Ok(format!("validator-{number} signs two blocks at the next checkpoint"))
            }
            Order::AddDirector => self.add_director(network).await,
            Order::RemoveDirector(number) => {
                let director = &network.directors[place(network, number)?];
                let removed = network.chain.remove_director(&director.identity.id()).await?;
                let block = removed.block_number;
                Ok(format!(
                    "the council removed director-{number} in block {block}; it runs on, alone"
                ))
            }
            Order::RotateValidators(count) => self.rotate(network, count).await,
        }
    }

    async fn add_director(&self, network: &mut Network) -> anyhow::Result<String> {
        let running = network.directors.iter().map(|of| number(&of.identity.name));
        let highest = running.chain(self.down.keys().copied()).max().unwrap_or_default();
        let identity = Identity::director(highest + 1);
        let (name, id) = (identity.name.clone(), identity.id());
        let director = Director::start(identity, &self.dir, &network.chain.url).await?;
        let chain = &network.chain;
        let invited = [id.clone()];
        tokio::try_join!(chain.fund(vec![(id, FEES)]), chain.invite_directors(&invited))?;
        let active = chain.activate(&director.identity, director.ports).await?;
        let (block, http) = (active.block_number, director.ports.http);
        network.directors.push(director);
        Ok(format!("{name} is active since block {block}: http://127.0.0.1:{http}/"))
    }

    async fn rotate(&mut self, network: &mut Network, count: usize) -> anyhow::Result<String> {
        let all = network.identities.len();
        ensure!(!self.rotated, "validators were rotated already");
        ensure!(count < all, "some of the {all} validators have to stay");
        self.rotated = true;
        let newcomers: Vec<_> = (1..=count).map(|n| Identity::validator(all + n)).collect();
        let funds = newcomers.iter().map(|of| (of.id(), STAKE + FEES)).collect();
        network.chain.fund(funds).await?;
        network.rotate(newcomers, ROTATION).await?;
        Ok(format!("{count} validators left, and as many new ones are authorized"))
    }
}

fn name(number: usize) -> String {
    format!("director-{number}")
}

fn number(name: &str) -> usize {
    name.rsplit('-').next().and_then(|digits| digits.parse().ok()).unwrap_or_default()
}

fn place(network: &Network, number: usize) -> anyhow::Result<usize> {
    let name = name(number);
    let at = network.directors.iter().position(|of| of.identity.name == name);
    at.with_context(|| format!("no {name} is running"))
}

/// Has the kernel abort a director's connections to others' mesh ports and at its own; how many there were.
fn cut(network: &Network, at: usize) -> anyhow::Result<usize> {
    let director = &network.directors[at];
    let pid = director.process.pid().context("the director has ended")?;
    let ports: Vec<_> = network.directors.iter().map(|of| of.ports.mesh).collect();
    let listed = run(&["-Htnp", "state", "established"])?;
    let of_director = listed.lines().filter(|line| line.contains(&format!("pid={pid},")));
    let mut cut = 0;
    for line in of_director {
        // Recv-Q, Send-Q, local address, peer's address, process.
        let ends: Vec<_> = line.split_whitespace().skip(2).take(2).collect();
        let [local, peer] = ends[..] else { continue };
        let [Some(from), Some(to)] = [local, peer].map(port) else { continue };
        if ports.contains(&from) || ports.contains(&to) {
            let (from, to) = (format!(":{from}"), format!(":{to}"));
            run(&["-K", "sport", "=", &from, "dport", "=", &to])?;
            cut += 1;
        }
    }
    Ok(cut)
}

fn port(address: &str) -> Option<u16> {
    address.rsplit(':').next()?.parse().ok()
}

fn run(arguments: &[&str]) -> anyhow::Result<String> {
    let ran = Process::new("ss").args(arguments).output();
    let ran = ran.context("cannot run ss: install iproute2")?;
    ensure!(ran.status.success(), "ss: {}", String::from_utf8_lossy(&ran.stderr));
    Ok(String::from_utf8_lossy(&ran.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_is_typed_and_says_what_is_wrong() {
        assert_eq!("kill 2".parse(), Ok(Order::Kill(2)));
        assert_eq!("  double-sign  7 ".parse(), Ok(Order::DoubleSign(7)));
        assert_eq!("add-director".parse(), Ok(Order::AddDirector));
        assert_eq!("rotate-validators 3".parse(), Ok(Order::RotateValidators(3)));
        for (line, says) in [
            ("kill", "needs a number"),
            ("kill 0", "needs a number"),
            ("kill two", "needs a number"),
            ("kill 1 2", "one number"),
            ("explode 1", "help"),
        ] {
            let error = line.parse::<Order>().unwrap_err();
            assert!(error.contains(says), "{line}: {error}");
        }
    }

    #[test]
    fn help_names_every_command() {
        for name in [
            "kill",
            "start",
            "freeze",
            "thaw",
            "cut",
            "double-sign",
            "add-director",
            "remove-director",
            "rotate-validators",
            "help",
        ] {
            assert!(HELP.contains(name), "{name}");
        }
    }

    #[test]
    fn finds_ports_and_numbers() {
        assert_eq!(
            (port("127.0.0.1:41"), port("[::1]:42"), port("nothing")),
            (Some(41), Some(42), None)
        );
        assert_eq!((number("director-12"), number("node")), (12, 0));
    }
}
