//! Answers operators and their tools: health, readiness, metrics and status.
//!
//! | path | answers |
//! |---|---|
//! | `/healthz` | 200 while the director works, 503 with the reason when it hangs |
//! | `/readyz` | 200 when it can serve validators, 503 with the reasons when not; warnings with either |
//! | `/metrics` | Prometheus text |
//! | `/api/v1/status` | [`Status`] as JSON |
//! | `/api/v1/…` | [`Parts`] as JSON, proofs, the history, and events (`events`); `/api/v1/openapi.json` describes them |
//! | `/` | the dashboard, which shows all that |
//!
//! Everything is read from a [`Source`], which has its answers at hand: a slow reader of this page
//! costs the director nothing. There is no password, hence loopback by default. What a caller may take, and for
//! how long, is in `serve`; who is answered at all in `guard`.

mod api;
mod dashboard;
mod events;
#[doc(hidden)]
pub mod fuzz;
mod guard;
mod history;
mod parts;
mod proof;
mod serve;
mod status;
#[cfg(test)]
mod tests;

pub use events::Events;
pub use history::{BUCKETS, History, Point, Series, Totals};
pub use parts::{
    Alarm, Alarms, Authorization, Authorizations, ByStatus, Case, Cases, Chain, Checkpoint,
    Checkpoints, Mesh, MeshDirector, Parts, Step, Validator, Validators, VotedBlock,
};
pub use proof::{Proof, ProvenVote};
pub use status::{BlockStatus, Candidate, Evidence, MeshPeer, NodeStatus, StatsStatus, Status};

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    middleware,
    response::IntoResponse,
    routing::get,
};
use serde::Serialize;
use std::{future::Future, io, net::SocketAddr, sync::Arc};
use tokio::net::TcpListener;

/// Where the answers come from. None of these may block.
pub trait Source: Send + Sync + 'static {
    /// Why the director does not work any more; `None` if it does.
    fn sick(&self) -> Option<String>;

    /// Why the director cannot serve validators now; empty if it can.
    fn not_ready(&self) -> Vec<String>;

    /// What keeps it from nothing yet, and needs the operator none the less.
    fn warnings(&self) -> Vec<String>;

    /// Everything that it says of itself.
    fn status(&self) -> Status;

    /// All metrics as Prometheus text.
    fn metrics(&self) -> String;

    /// The parts, as they were taken down last.
    fn parts(&self) -> Arc<Parts>;

    /// The proof of the double sign with this id, if it is known.
    fn proof(&self, id: &str) -> Option<Proof>;

    /// The history in the window of this name, if there is one.
    fn history(&self, window: &str) -> Option<Series>;

    /// Where it tells what changes.
    fn events(&self) -> &Events;
}

/// How answers that never end are told from others.
const EVENT_STREAM: &str = "text/event-stream";

/// Why the page cannot be served.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} (http.listen): {}", remedy(.cause))]
pub struct HttpError {
    /// Where it was to listen.
    pub address: SocketAddr,
    /// What the system says; the line above has it already, hence no `source`.
    pub cause: io::Error,
}

fn remedy(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "the port is in use; stop who has it or choose another, 0 takes any".into()
        }
        io::ErrorKind::AddrNotAvailable => {
            "no interface of this machine has that address; choose one that it has".into()
        }
        io::ErrorKind::PermissionDenied => "not permitted; choose a port from 1024 up".into(),
        _ => format!("{error}; choose another address"),
    }
}

/// Takes the port.
///
/// # Errors
///
/// If somebody else has it.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, HttpError> {
    TcpListener::bind(address).await.map_err(|cause| HttpError { address, cause })
}

/// Serves until `stop` resolves, at most 64 connections at once and each for 30 s, or 10 minutes where events
/// are told. `hosts` are names that it may be asked for by, see `guard`.
///
/// # Errors
///
/// If the listener is none any more.
pub async fn serve(
    listener: TcpListener,
    source: Arc<dyn Source>,
    hosts: Vec<String>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    serve::serve(listener, router(source, hosts), serve::Limits::default(), stop).await
}

fn router(source: Arc<dyn Source>, hosts: Vec<String>) -> Router {
    let hosts: Arc<[String]> = hosts.into();
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .merge(api::router())
        .merge(dashboard::router())
        .fallback(api::unknown)
        .method_not_allowed_fallback(api::not_read)
        .with_state(source)
        .layer(middleware::from_fn_with_state(hosts, guard::guard))
}

async fn healthz(State(source): State<Arc<dyn Source>>) -> impl IntoResponse {
    match source.sick() {
        None => (StatusCode::OK, "ok\n".to_owned()),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
    }
}

/// Answer of `/readyz`.
#[derive(Serialize)]
struct Readiness {
    ready: bool,
    reasons: Vec<String>,
    warnings: Vec<String>,
}

async fn readyz(State(source): State<Arc<dyn Source>>) -> impl IntoResponse {
    let reasons = source.not_ready();
    let ready = reasons.is_empty();
    let code = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, Json(Readiness { ready, reasons, warnings: source.warnings() }))
}

async fn metrics(State(source): State<Arc<dyn Source>>) -> impl IntoResponse {
    const TEXT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(CONTENT_TYPE, TEXT)], source.metrics())
}
