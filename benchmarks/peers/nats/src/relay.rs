//! Starts nats-server with a configuration of its own, and ends it with standard input.
//!
//! Limits are raised where the defaults would decide instead of the server: payloads up to 8 MiB;
//! 64 MiB may wait for a client, which is the default, as in the raw relay.

use std::{
    fmt::Write as _,
    fs,
    io::{self, BufRead, BufReader},
    net::SocketAddr,
    os::unix::process::CommandExt,
    path::Path,
    process::{self, ChildStderr, Command, Stdio},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
};

use anyhow::{Context, Result, bail};

use crate::{RelayArgs, certificate};

/// Whether we end the server ourselves.
static ENDING: AtomicBool = AtomicBool::new(false);

/// Runs until standard input or the server ends.
pub(crate) fn run(args: &RelayArgs) -> Result<()> {
    if let Some(folder) = &args.tls {
        certificate::make(folder)?;
    }
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("nats.conf");
    fs::write(&file, configuration(args)?)?;
    let mut command = Command::new(&args.server);
    command.arg("-c").arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    // SAFETY: prctl is async-signal-safe. The server ends with us even when we are killed.
    unsafe {
        command.pre_exec(|| match libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM) {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        })
    };
    let mut server = command
        .spawn()
        .with_context(|| format!("cannot start {}: install nats-server", args.server.display()))?;
    let log = server.stderr.take().context("no standard error")?;
    let pid = server.id();
    let (mesh, dials) = (args.mesh_listen.is_some(), args.mesh.len());
    thread::Builder::new().name("log".into()).spawn(move || {
        if let Err(error) = follow(log, pid, mesh, dials)
            && !ENDING.load(Relaxed)
        {
            eprintln!("{error:#}");
            process::exit(1);
        }
    })?;
    io::copy(&mut io::stdin().lock(), &mut io::sink())?;
    ENDING.store(true, Relaxed);
    server.kill()?;
    server.wait()?;
    Ok(())
}

fn configuration(args: &RelayArgs) -> Result<String> {
    let mut text = format!("listen: \"{}\"\nmax_payload: 8MB\n", listen(args.listen));
    let tls = args.tls.as_deref().map(tls).unwrap_or_default();
    text.push_str(&tls);
    if let Some(addr) = args.mesh_listen {
        let routes: Vec<_> = args.mesh.iter().map(|to| format!("nats-route://{to}")).collect();
        let (listen, routes) = (listen(addr), routes.join(", "));
        writeln!(
            text,
            "cluster {{\nname: bench\nlisten: \"{listen}\"\nroutes: [{routes}]\n{tls}}}"
        )?;
    }
    Ok(text)
}

/// nats-server takes -1 for a free port, and 0 for its usual one.
fn listen(addr: SocketAddr) -> String {
    match addr.port() {
        0 => format!("{}:-1", addr.ip()),
        _ => addr.to_string(),
    }
}

fn tls(folder: &Path) -> String {
    let (certificate, key) = (certificate::certificate(folder), certificate::key(folder));
    let (certificate, key) = (certificate.display(), key.display());
    format!(
        "tls {{ cert_file: \"{certificate}\", key_file: \"{key}\", ca_file: \"{certificate}\" }}\n"
    )
}

/// Reads from the log where the server listens and when routes are up.
fn follow(log: ChildStderr, pid: u32, mesh: bool, mut dials: usize) -> Result<()> {
    let (mut listening, mut mesh_addr, mut told) = (None, None, false);
    for line in BufReader::new(log).lines().map_while(Result::ok) {
        let after = |text| line.split_once(text).map(|(_, addr)| addr.trim().to_owned());
        listening = listening.or_else(|| after("Listening for client connections on "));
        mesh_addr = mesh_addr.or_else(|| after("Listening for route connections on "));
        if let Some(listening) =
            listening.as_ref().filter(|_| !told && (!mesh || mesh_addr.is_some()))
        {
            println!("listening {listening}");
            if let Some(addr) = &mesh_addr {
                println!("mesh {addr}");
            }
            println!("pid {pid}");
            told = true;
        }
        if line.contains("Route connection created") && dials > 0 {
            dials -= 1;
            println!("ready");
        }
        if ["[ERR]", "[FTL]", "[WRN]", "Slow Consumer"].iter().any(|sign| line.contains(sign)) {
            eprintln!("{line}");
        }
    }
    bail!("nats-server has ended: see above")
}
