//! Answers `/api/v1/…` from what was taken down within the last second.

use super::Source;
use axum::{
    Json, Router,
    body::Body,
    extract::{Path, State},
    http::{
        StatusCode, Uri,
        header::{CONTENT_TYPE, RETRY_AFTER},
    },
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Serialize;
use std::sync::Arc;

/// Validators in a page, if nobody says how many.
const PAGE: usize = 100;

/// Most validators in a page.
const MAX_PAGE: usize = 1_000;

/// The document about all of it.
const OPENAPI: &str = include_str!("openapi.json");

type Shared = State<Arc<dyn Source>>;

/// What was wrong with a question.
#[derive(Serialize)]
struct Refusal {
    error: String,
}

pub(super) fn router() -> Router<Arc<dyn Source>> {
    Router::new()
        .route("/api/v1/status", get(async |State(source): Shared| Json(source.status())))
        .route("/api/v1/chain", get(async |State(source): Shared| json(&source.parts().chain)))
        .route("/api/v1/mesh", get(async |State(source): Shared| json(&source.parts().mesh)))
        .route("/api/v1/validators", get(validators))
        .route(
            "/api/v1/checkpoints",
            get(async |State(source): Shared| json(&source.parts().checkpoints)),
        )
        .route(
            "/api/v1/authorizations",
            get(async |State(source): Shared| json(&source.parts().authorizations)),
        )
        .route(
            "/api/v1/evidence",
            get(async |State(source): Shared| json(&source.parts().evidence)),
        )
        .route("/api/v1/evidence/{id}", get(proof))
        .route("/api/v1/alarms", get(async |State(source): Shared| json(&source.parts().alarms)))
        .route("/api/v1/history", get(history))
        .route("/api/v1/events", get(events))
        .route(
            "/api/v1/openapi.json",
            get(async || ([(CONTENT_TYPE, "application/json")], OPENAPI)),
        )
}

fn json(part: &impl Serialize) -> Response {
    Json(part).into_response()
}

fn wrong(error: impl Into<String>) -> Response {
    (StatusCode::BAD_REQUEST, Json(Refusal { error: error.into() })).into_response()
}

/// Answers for a path that there is not. Programs below `/api/` get what they get for anything else that is wrong.
pub(super) async fn unknown(uri: Uri) -> Response {
    refuse(&uri, StatusCode::NOT_FOUND, "there is no such path; /api/v1/openapi.json has them all")
}

/// Answers who wants to change something.
pub(super) async fn not_read(uri: Uri) -> Response {
    refuse(&uri, StatusCode::METHOD_NOT_ALLOWED, "this is only read: ask with GET")
}

fn refuse(uri: &Uri, code: StatusCode, error: &str) -> Response {
    match uri.path().starts_with("/api/") {
        true => (code, Json(Refusal { error: error.into() })).into_response(),
        false => (code, format!("{error}\n")).into_response(),
    }
}

/// The value of a parameter. None of those here has a letter that is written otherwise in an address.
fn parameter<'a>(uri: &'a Uri, name: &str) -> Option<&'a str> {
    let pairs = uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.into_iter().find(|(key, _)| *key == name).map(|(_, value)| value)
}

async fn validators(State(source): Shared, uri: Uri) -> Response {
    let limit = match parameter(&uri, "limit").map(str::parse) {
        None => PAGE,
        Some(Ok(limit)) if (1..=MAX_PAGE).contains(&limit) => limit,
        Some(_) => return wrong(format!("limit: a number from 1 to {MAX_PAGE}")),
    };
    match source.parts().validators.page(parameter(&uri, "after"), limit) {
        Some(page) => json(&page),
        None => wrong("after: no registered validator has this account; begin anew without it"),
    }
}

async fn proof(State(source): Shared, Path(id): Path<String>) -> Response {
    match source.proof(&id) {
        Some(proof) => json(&proof),
        None => {
            let error =
                "no double sign with this id is known; /api/v1/evidence says which are".into();
            (StatusCode::NOT_FOUND, Json(Refusal { error })).into_response()
        }
    }
}

async fn history(State(source): Shared, uri: Uri) -> Response {
    match source.history(parameter(&uri, "window").unwrap_or("5m")) {
        Some(series) => json(&series),
        None => wrong("window: 5m, 1h or 24h"),
    }
}

async fn events(State(source): Shared) -> Response {
    match source.events().subscribe(source.clone()) {
        Some(subscriber) => {
            let body = Body::from_stream(subscriber.stream());
            ([(CONTENT_TYPE, super::EVENT_STREAM)], body).into_response()
        }
        None => {
            let error = format!(
                "{} listen already; ask /api/v1/alarms and the other parts instead",
                super::events::SUBSCRIBERS
            );
            let body = Json(Refusal { error });
            (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "10")], body).into_response()
        }
    }
}
