//! Starts the relays of each system, and loads them.

use crate::{
    case::{Case, Load, System},
    process::Process,
    programs::{LOAD_CORE, Programs, RELAY_CORE},
    row::Row,
    stage::Stage,
};
use anyhow::{Context, Result, bail, ensure};
use integration_tests::director::{get, write_config};
use serde_json::Value;
use std::{fs, net::SocketAddr, path::Path, time::Duration};

/// How long a relay may take to listen and to connect to the others.
const START: Duration = Duration::from_secs(60);

/// How often a director is asked for its mesh. A page cannot be awaited.
const ASK: Duration = Duration::from_millis(50);

/// How long a load may take beside what it measures: connecting, signing in advance, stragglers.
const LOAD: Duration = Duration::from_secs(180);

/// What a director of the benchmark takes of one validator: all there is. That a validator which
/// says more than its share is limited, other tests show.
const RATES: &str = "
[rates]
critical_messages_per_s = 1000000
critical_bytes_per_s = 1073741824
high_messages_per_s = 1000000
high_bytes_per_s = 1073741824
normal_messages_per_s = 1000000
normal_bytes_per_s = 1073741824
bulk_messages_per_s = 1000000
bulk_bytes_per_s = 1073741824
";

/// The least that a director can be configured with, where little may wait in it.
const QUEUE_MIB: usize = 2;
pub(crate) const LOG_MIB: usize = 4;

/// Relays that run.
#[derive(Default)]
pub(crate) struct Relays {
    processes: Vec<Process>,
    /// Of the processes that relay; nats-server is a child of the one that was started.
    pids: Vec<String>,
    addresses: Vec<SocketAddr>,
}

impl Relays {
    async fn end(self) {
        for process in self.processes {
            process.end().await;
        }
    }
}

/// Measures one case once, with relays of its own.
pub(crate) async fn measure(
    case: &Case,
    stage: &Stage,
    programs: &Programs,
    dir: &Path,
) -> Result<Row> {
    fs::create_dir_all(dir)?;
    let relays = match case.system {
        System::Director | System::DirectorQuic => directors(case, stage, programs, dir).await,
        _ => peers(case, programs, dir).await,
    }?;
    let row = load(case, &relays, stage, programs, dir).await;
    relays.end().await;
    row
}

async fn directors(case: &Case, stage: &Stage, programs: &Programs, dir: &Path) -> Result<Relays> {
    let mut relays = Relays::default();
    let mut pages = Vec::new();
    let program = programs.director()?;
    for registered in &stage.directors[..case.relays] {
        let name = &registered.identity.name;
        let config = write_config(&registered.identity, dir, &stage.url)?;
        let mesh = format!("/ip4/127.0.0.1/tcp/{}\"] # mesh", registered.mesh_port);
        let mut text =
            fs::read_to_string(&config)?.replace("/ip4/127.0.0.1/tcp/0\"] # mesh", &mesh);
        if case.system == System::DirectorQuic {
            text = text.replace("tcp/0\"] # public", "udp/0/quic-v1\"] # public");
        }
        text += RATES;
        text += &limits(case);
        fs::write(&config, text)?;
        let arguments = ["run", "--config", &config.display().to_string(), "--exit-on-stdin-eof"];
        let arguments = arguments.map(String::from);
        let mut process = Process::start(name, RELAY_CORE, &program, &arguments, dir)?;
        let listening = process.line("listening ", START).await?;
        let (public, http) = ports(&listening)?;
        relays.addresses.push(SocketAddr::from(([127, 0, 0, 1], public)));
        relays.pids.push(process.pid()?.to_string());
        relays.processes.push(process);
        pages.push(http);
    }
    for http in pages {
        let meshed = async {
            while !is_meshed(http, case.relays).await? {
                tokio::time::sleep(ASK).await;
            }
            anyhow::Ok(())
        };
        tokio::time::timeout(START, meshed).await.context("the directors do not connect")??;
    }
    Ok(relays)
}

/// What is not as by default.
fn limits(case: &Case) -> String {
    let mut text = "\n[limits]\n".to_owned();
    if case.strangers > 0 {
        // The strangers come from this machine too.
        text += "spare_loopback = false\n";
    }
    if let Some(mib) = case.waiting_mib {
        text += &format!("queue_mib = {QUEUE_MIB}\nlog_mib = {LOG_MIB}\n");
        text += &format!("memory_mib = {mib}\nmesh_memory_mib = {mib}\n");
    }
    text
}

async fn is_meshed(http: u16, relays: usize) -> Result<bool> {
    let status = get(format!("http://127.0.0.1:{http}/api/v1/status")).await?;
    let status: Value = serde_json::from_str(&status)?;
    let peers = status["mesh"].as_array().map_or(0, |mesh| {
        mesh.iter().filter(|peer| peer["connected"] == Value::Bool(true)).count()
    });
    Ok(status["active"] == Value::Bool(true) && peers + 1 >= relays)
}

/// Ports in `mesh=/ip4/127.0.0.1/tcp/1 public=/ip4/127.0.0.1/udp/2/quic-v1 http=127.0.0.1:3`.
fn ports(line: &str) -> Result<(u16, u16)> {
    let port = |name: &str| {
        let value = line.split_whitespace().find_map(|part| part.strip_prefix(name))?;
        value.split(['/', ':']).filter_map(|part| part.parse().ok()).next_back()
    };
    match (port("public="), port("http=")) {
        (Some(public), Some(http)) => Ok((public, http)),
        _ => bail!("cannot read the director's addresses from `{line}`"),
    }
}

/// The program of a system that is not this project's, and its options beside the usual ones.
fn peer(system: System, dir: &Path) -> (&'static str, Vec<String>) {
    let tls = || vec!["--tls".to_owned(), dir.join("tls").display().to_string()];
    match system {
        System::Gossipsub => ("bench-gossipsub", vec![]),
        System::GossipsubVerified => ("bench-gossipsub", vec!["--verify".into()]),
        System::Nats => ("bench-nats", vec![]),
        System::NatsTls => ("bench-nats", tls()),
        System::Raw | System::Director | System::DirectorQuic => ("bench-raw", vec![]),
    }
}

async fn peers(case: &Case, programs: &Programs, dir: &Path) -> Result<Relays> {
    let mut relays = Relays::default();
    let mut mesh: Vec<String> = Vec::new();
    let (program, flags) = peer(case.system, dir);
    let program = programs.peer(program)?;
    for number in 1..=case.relays {
        let mut arguments = vec!["relay".to_owned()];
        if case.relays > 1 {
            arguments.extend(["--mesh-listen".into(), "127.0.0.1:0".into()]);
        }
        for other in &mesh {
            arguments.extend(["--mesh".into(), other.clone()]);
        }
        arguments.extend(flags.iter().cloned());
        let name = format!("relay-{number}");
        let mut process = Process::start(&name, RELAY_CORE, &program, &arguments, dir)?;
        relays.addresses.push(process.line("listening ", START).await?.parse()?);
        let others = mesh.len();
        if case.relays > 1 {
            mesh.push(process.line("mesh ", START).await?);
        }
        relays.pids.push(match case.system {
            System::Nats | System::NatsTls => process.line("pid ", START).await?,
            _ => process.pid()?.to_string(),
        });
        for _ in 0..others {
            process.line("ready", START).await?;
        }
        relays.processes.push(process);
    }
    Ok(relays)
}

async fn load(
    case: &Case,
    relays: &Relays,
    stage: &Stage,
    programs: &Programs,
    dir: &Path,
) -> Result<Row> {
    let (program, mut arguments) = match case.system {
        System::Director | System::DirectorQuic => {
            let mut arguments = vec!["--setup".to_owned(), stage.setup.display().to_string()];
            arguments.extend(["--class".into(), case.class.clone()]);
            arguments.extend(["--strangers".into(), case.strangers.to_string()]);
            if case.system == System::DirectorQuic {
                arguments.push("--quic".into());
            }
            (programs.director_load()?, arguments)
        }
        other => {
            let (program, flags) = peer(other, dir);
            (programs.peer(program)?, [vec!["load".to_owned()], flags].concat())
        }
    };
    let mut give = |name: &str, value: String| arguments.extend([name.to_owned(), value]);
    for address in &relays.addresses {
        give("--relay", address.to_string());
    }
    for pid in &relays.pids {
        give("--relay-pid", pid.clone());
    }
    give("--validators", case.validators.to_string());
    give("--payload", case.payload.to_string());
    give("--seconds", case.seconds.to_string());
    give("--bulk", case.bulk.to_string());
    give("--frozen", case.frozen.to_string());
    match case.load {
        Load::Rate(rate) => give("--rate", rate.to_string()),
        Load::Burst => arguments.push("--burst".into()),
    }
    let mut process = Process::start("load", LOAD_CORE, &program, &arguments, dir)?;
    let within = LOAD + Duration::from_secs(case.seconds);
    let line = process.line("{", within).await?;
    process.end().await;
    let mut row: Row = serde_json::from_str(&format!("{{{line}"))?;
    ensure!(row.relays == case.relays, "the load program tells of another case: {line}");
    row.describe(case);
    Ok(row)
}
