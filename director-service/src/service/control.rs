//! Takes orders of the operator over a socket that only the operator can open.
//!
//! `<data_dir>/control.sock`, mode 0600: whoever may read the director's keys may give it orders, and
//! nobody else. One JSON object a line, one answer a line:
//!
//! ```text
//! {"revoke":"5Grw…"}  ──►  {"ok":"signed …"} | {"error":"…"}
//! {"drain":true}      ──►  {"progress":"12 …"} every second, then {"ok":"…"} | {"error":"3 are left"}
//! ```
//!
//! It is there from the start to the end. Before the first finalized block there is no core that could obey; then it says what
//! the director waits for, since "nobody listens" would send the operator looking for a wrong path.

use super::{ServiceError, Stopper};
use crate::director::RevokeOutcome;
use director_primitives::AccountId32;
use serde::{Deserialize, Serialize};
use std::{
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream, unix::WriteHalf},
    sync::{Semaphore, mpsc, oneshot, watch},
    task::JoinSet,
    time::timeout,
};
use tracing::{info, warn};

/// Orders that may wait for the core.
pub(super) const MAX_WAITING: usize = 16;

/// Connections at once.
const MAX_CONNECTIONS: usize = 4;

/// Longest order.
const MAX_LINE: u64 = 4 * 1024;

/// How long an order, and the core's answer, may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Something that the operator wants.
pub(super) enum Order {
    /// A validator out.
    Revoke { validator: AccountId32, answer: oneshot::Sender<RevokeOutcome> },
    /// Every validator handed over to other directors, and this one stopped.
    Drain {
        /// Who asks follows it to the end.
        answer: oneshot::Sender<watch::Receiver<Handover>>,
    },
}

/// How far a drain is; said every second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Handover {
    /// Validators that are still here.
    pub(super) left: u64,
    /// Whether the director stops now.
    pub(super) is_over: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    Revoke(String),
    Drain(bool),
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Ok(String),
    Progress(String),
    Error(String),
}

/// Where the socket of a director with this folder is.
pub fn socket_file(data_dir: &Path) -> PathBuf {
    data_dir.join("control.sock")
}

/// Who obeys: the core of the present round, once there is one.
#[derive(Clone, Default)]
pub(super) struct Desk(Arc<Mutex<Option<mpsc::Sender<Order>>>>);

impl Desk {
    /// From now on orders come here. The sender stays with this desk, so that they do not end without a socket either.
    pub(super) fn open(&self) -> mpsc::Receiver<Order> {
        let (sender, orders) = mpsc::channel(MAX_WAITING);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        orders
    }

    fn orders(&self) -> Option<mpsc::Sender<Order>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What an order needs.
#[derive(Clone)]
struct Orders<W> {
    desk: Desk,
    /// What the director waits for.
    waiting: W,
}

/// Opens the socket; `None`, and a warning, if the disk has no room for it: the director is worth more than its orders.
pub(super) fn open(data_dir: &Path) -> Result<Option<UnixListener>, ServiceError> {
    match listen(data_dir) {
        Err(error) if error.is_want_of_space() => {
            warn!("{error}; `director revoke` and `director drain` do not work until a restart");
            Ok(None)
        }
        listening => listening.map(Some),
    }
}

/// Opens the socket. One that is left over is replaced: the store's lock says that nobody serves it.
pub(super) fn listen(data_dir: &Path) -> Result<UnixListener, ServiceError> {
    let path = socket_file(data_dir);
    let open = || {
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&path)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        Ok(listener)
    };
    open().map_err(|cause| ServiceError::Control { path: path.clone(), cause })
}

/// Works until it is stopped. `waiting` says what the director waits for while nobody is at the desk.
pub(super) async fn run(
    listener: UnixListener,
    desk: Desk,
    waiting: impl Fn() -> String + Clone + Send + Sync + 'static,
    stopper: Stopper,
) {
    let orders = Orders { desk, waiting };
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    // Ends them when this ends.
    let mut connections = JoinSet::new();
    let stopped = stopper.stopped();
    tokio::pin!(stopped);
    loop {
        let accepted = tokio::select! {
            () = &mut stopped => return,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                warn!(%error, "the control socket has trouble");
                tokio::time::sleep(Duration::from_secs(1)).await;
                continue;
            }
        };
        // More have to wait for nobody: their connection just closes.
        let Ok(permit) = room.clone().try_acquire_owned() else { continue };
        let orders = orders.clone();
        connections.spawn(async move {
            if let Err(error) = serve(stream, &orders).await {
                warn!(%error, "the control socket has trouble");
            }
            drop(permit);
        });
    }
}

async fn serve(mut stream: UnixStream, orders: &Orders<impl Fn() -> String>) -> io::Result<()> {
    let (reader, mut writer) = stream.split();
    let mut line = String::new();
    let mut reader = BufReader::new(reader).take(MAX_LINE);
    match timeout(PATIENCE, reader.read_line(&mut line)).await {
        Ok(read) => read?,
        Err(_) => return Ok(()),
    };
    let answer = match (serde_json::from_str(&line), orders.desk.orders()) {
        (Err(error), _) => Answer::Error(format!("no order: {error}")),
        (Ok(Request::Drain(false)), _) => {
            Answer::Error("a drain cannot be taken back; start the director anew instead".into())
        }
        (Ok(request), None) => waits(&request, &(orders.waiting)()),
        (Ok(Request::Revoke(account)), Some(orders)) => {
            match timeout(PATIENCE, revoke(&account, &orders)).await {
                Ok(answer) => answer,
                Err(_) => return Ok(()),
            }
        }
        (Ok(Request::Drain(true)), Some(orders)) => drain(&mut writer, &orders).await?,
    };
    write(&mut writer, &answer).await
}

async fn write(writer: &mut WriteHalf<'_>, answer: &Answer) -> io::Result<()> {
    let mut answer = serde_json::to_string(answer).map_err(io::Error::other)?;
    answer.push('\n');
    match timeout(PATIENCE, writer.write_all(answer.as_bytes())).await {
        Ok(written) => written,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

/// Nobody obeys yet, and this is why.
fn waits(request: &Request, waiting: &str) -> Answer {
    let then = match request {
        Request::Drain(_) => {
            "nobody is connected yet, so there is nothing to hand over: just stop it"
        }
        Request::Revoke(_) => "give the order again when it has one",
    };
    Answer::Error(format!(
        "the director waits for its node, and carries out no order before the first finalized block ({waiting}); {then}"
    ))
}

fn stopping() -> Answer {
    Answer::Error(
        "the director is stopping, or changing its peer key; try again when it runs".into(),
    )
}

/// Follows the drain until the director stops. It goes on if whoever asked goes away.
async fn drain(writer: &mut WriteHalf<'_>, orders: &mpsc::Sender<Order>) -> io::Result<Answer> {
    info!("the operator wants the director drained");
    let (answer, following) = oneshot::channel();
    let following = match orders.send(Order::Drain { answer }).await {
        Ok(()) => following.await.ok(),
        Err(_) => None,
    };
    let Some(mut following) = following else { return Ok(stopping()) };
    while following.changed().await.is_ok() {
        let Handover { left, is_over } = *following.borrow_and_update();
        match (is_over, left) {
            (false, _) => {
                let said = format!("{left} validators are still here");
                write(writer, &Answer::Progress(said)).await?;
            }
            (true, 0) => return Ok(Answer::Ok("every validator has moved; stopping".into())),
            (true, _) => {
                return Ok(Answer::Error(format!(
                    "{left} validators have not moved; stopping all the same, they look for \
                     another director when the connection ends"
                )));
            }
        }
    }
    Ok(stopping())
}

async fn revoke(account: &str, orders: &mpsc::Sender<Order>) -> Answer {
    let Ok(validator) = account.parse::<AccountId32>() else {
        return Answer::Error(format!("{account} is no account; write it in SS58 or hex"));
    };
    info!(%validator, "the operator wants the validator revoked");
    let (answer, outcome) = oneshot::channel();
    let order = Order::Revoke { validator: validator.clone(), answer };
    let outcome = match orders.send(order).await {
        Ok(()) => outcome.await.ok(),
        Err(_) => None,
    };
    match outcome {
        Some(RevokeOutcome::Signed { votes, needed }) => Answer::Ok(format!(
            "signed the revocation of {validator}: {votes} of {needed} directors have; it is cut off \
             here, and everywhere when there are enough"
        )),
        Some(RevokeOutcome::NotRegistered) => {
            Answer::Error(format!("{validator} is no registered validator; check the account"))
        }
        Some(RevokeOutcome::NotEligible) => Answer::Error(format!(
            "{validator} may not speak anyway: it was revoked, is tombstoned or leaves"
        )),
        Some(RevokeOutcome::NoDirectorOurselves) => Answer::Error(
            "this director is not active on the chain, so its vote would not count; see \
             /api/v1/status for why"
                .into(),
        ),
        None => stopping(),
    }
}
