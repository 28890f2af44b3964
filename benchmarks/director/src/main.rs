//! Loads directors as their validators would: the load program for the system `director`.
//!
//! Each validator has a swarm of its own, the one that the client uses. What arrives is counted and
//! not verified: the load must not be the limit. What is sent is signed before the clock starts.

mod message;
mod setup;
mod strangers;

use anyhow::{Context, Result, anyhow, bail};
use bench_load::{Class, Header, Ledger, Options, Receiver, System};
use clap::{Parser, ValueEnum};
use director_primitives::{Control, Priority, PublicKey};
use director_service::network::{self, Event, Events, Handle, Multiaddr, Payload, Side};
use message::{Form, Message};
use setup::Setup;
use std::{
    path::PathBuf,
    process::ExitCode,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use strangers::Strangers;
use tokio::time::timeout;

/// How long all validators together may take to connect and be welcomed.
const CONNECT: Duration = Duration::from_secs(60);

/// Bytes that wait in a load client's queue; the load is open-loop, so a director that falls behind
/// must show as latency, not as a full queue on this side.
const CLIENT_QUEUE: usize = 1 << 30;

/// Loads directors with the messages of many validators and prints one JSON line.
#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    load: Options,
    /// Who is who: genesis hash, directors' keys in the order of `--relay`, validators' seeds.
    #[arg(long, value_name = "FILE")]
    setup: PathBuf,
    /// Over QUIC instead of TCP.
    #[arg(long)]
    quic: bool,
    /// Class of the votes.
    #[arg(long, value_enum, default_value = "critical")]
    class: VoteClass,
    /// Strangers that knock at the directors meanwhile, a second.
    #[arg(long, value_name = "N", default_value_t = 0)]
    strangers: u64,
}

#[derive(Clone, Copy, ValueEnum)]
enum VoteClass {
    Critical,
    High,
    Normal,
}

impl From<VoteClass> for Priority {
    fn from(class: VoteClass) -> Self {
        match class {
            VoteClass::Critical => Self::Critical,
            VoteClass::High => Self::High,
            VoteClass::Normal => Self::Normal,
        }
    }
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("director-load: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<()> {
    let setup = Setup::read(&cli.setup)?;
    setup.check(&cli.load)?;
    let (ledger, receivers) = Ledger::new(&cli.load)?;
    // One thread: the load has one core, and what it does there is what is not measured.
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().event_interval(8).build()?;
    let (connected, ready) = std::sync::mpsc::sync_channel(1);
    let (done, finished) = tokio::sync::oneshot::channel::<()>();
    let form = Form::new(&cli.load, setup.genesis_hash, epoch()?, cli.class.into());
    let reader = {
        let (setup, load, form, quic) = (setup.clone(), cli.load.clone(), form.clone(), cli.quic);
        std::thread::Builder::new().name("readers".into()).spawn(move || {
            runtime.block_on(async move {
                let validators = connect_all(&setup, &load, &form, quic, receivers).await;
                let _ = connected.send(validators);
                // Ends by the drop of the other half.
                let _ = finished.await;
            });
        })?
    };
    let validators = ready.recv().context("the readers ended")??;
    let system = Director { validators, setup, form };
    // Once everybody is connected: strangers at the start are another question.
    let strangers = match cli.strangers {
        0 => None,
        per_s => Some(Strangers::start(cli.load.relays.clone(), per_s)?),
    };
    let report = bench_load::run(&cli.load, system, ledger)?;
    if let Some(strangers) = &strangers {
        eprintln!("director-load: {} attempts of strangers", strangers.attempts());
    }
    drop(strangers);
    drop(done);
    reader.join().map_err(|_| anyhow!("the readers panicked: see above"))?;
    report.print()
}

fn epoch() -> Result<u64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() as u64)
}

/// One validator's way to its director.
struct Validator {
    handle: Handle,
    director: PublicKey,
}

struct Director {
    validators: Vec<Validator>,
    setup: Setup,
    form: Form,
}

impl System for Director {
    type Message = Message;

    fn prepare(&mut self, validator: usize, class: Class, payload: &[u8]) -> Message {
        // A payload of this run always has a header; sequences of envelopes start at 1.
        let seq = Header::read(payload).map_or(1, |header| header.seq + 1);
        self.form.sign(&self.setup.keys[validator], class, seq, payload)
    }

    fn publish(&mut self, validator: usize, message: Message) {
        let Validator { handle, director } = &self.validators[validator];
        // What is not taken is counted as lost: the ledger has it.
        let _ = handle.send(director, message.class, Payload::Envelope(message.frame));
    }
}

async fn connect_all(
    setup: &Setup,
    load: &Options,
    form: &Form,
    quic: bool,
    receivers: Vec<Receiver>,
) -> Result<Vec<Validator>> {
    let mut receivers = receivers.into_iter();
    let mut validators = Vec::new();
    let mut waiting = Vec::new();
    for number in 0..load.validators {
        let director = setup.directors[number % load.relays.len()];
        let frozen = number >= load.live();
        let mut config =
            network::Config::new(Side::Client, setup.seeds[number], setup.genesis_hash);
        config.limits.queue_bytes = [CLIENT_QUEUE; 4];
        config.limits.memory_bytes = usize::MAX;
        if frozen {
            config.limits.inbound_bytes_per_peer = 1;
        }
        let (handle, events) = network::start(config).await?;
        handle.allow([director]);
        handle.maintain(director, vec![address(load.relay_of(number), quic)?]);
        waiting.push((number, events));
        validators.push(Validator { handle, director });
    }
    let all = async {
        for (number, mut events) in waiting {
            welcomed(number, &mut events).await?;
            match receivers.next() {
                Some(receiver) => drop(tokio::spawn(read(events, receiver, form.clone()))),
                // Frozen: connected, and never read from again. Dropped it would disconnect.
                None => std::mem::forget(events),
            }
        }
        Ok(validators)
    };
    timeout(CONNECT, all).await.map_err(|_| anyhow!("not everybody was welcomed in {CONNECT:?}"))?
}

fn address(relay: std::net::SocketAddr, quic: bool) -> Result<Multiaddr> {
    let transport = if quic { "udp" } else { "tcp" };
    let end = if quic { "/quic-v1" } else { "" };
    Ok(format!("/ip4/{}/{transport}/{}{end}", relay.ip(), relay.port()).parse()?)
}

async fn welcomed(number: usize, events: &mut Events) -> Result<()> {
    loop {
        match events.recv().await {
            Some(Event::Control(_, Control::Welcome(welcome))) if welcome.authorized => {
                return Ok(());
            }
            Some(Event::Control(_, Control::Welcome(_))) => {
                bail!("validator {number} is not authorized on chain")
            }
            Some(_) => {}
            None => bail!("the network of validator {number} ended"),
        }
    }
}

async fn read(mut events: Events, mut receiver: Receiver, form: Form) {
    while let Some(event) = events.recv().await {
        match event {
            Event::Frames(frames) => {
                let mut batch = receiver.batch();
                for (_, frame) in &frames {
                    batch.take(form.payload(frame));
                }
            }
            Event::Down { reason, .. } => {
                eprintln!("director-load: validator {} was cut: {reason:?}", receiver.validator());
            }
            _ => {}
        }
    }
}
