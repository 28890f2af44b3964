//! Keeps other web pages away from this one.
//!
//! A browser on the operator's machine reaches loopback, and so does every page that is open in it. Two things keep those from
//! reading here: there is no `Access-Control-Allow-Origin`, and who asks by a name that a stranger could have
//! in his DNS (*rebinding*) is refused. Addresses and names without a dot nobody else can have; others stand in
//! `http.hosts`. Who sends no `Host` at all is no browser.
//!
//! What is served loads nothing from elsewhere, runs no script but its own, and cannot be framed.

use axum::{
    body::Body,
    extract::State,
    http::{
        HeaderMap, HeaderName, HeaderValue, Request, StatusCode,
        header::{
            CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
            X_FRAME_OPTIONS,
        },
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use std::{net::IpAddr, sync::Arc};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// What goes with every answer.
const HEADERS: [(HeaderName, &str); 6] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// Refuses by name, and adds the headers.
pub(super) async fn guard(
    State(hosts): State<Arc<[String]>>,
    request: Request<Body>,
    next: Next,
) -> Response {
    let mut answer = match refused(request.headers(), &hosts) {
        None => next.run(request).await,
        Some(name) => {
            let text = format!(
                "this page is asked for by address or as localhost; if \"{name}\" is a name of this \
                 director, add it to http.hosts\n"
            );
            (StatusCode::MISDIRECTED_REQUEST, text).into_response()
        }
    };
    secure(answer.headers_mut());
    answer
}

/// Adds what goes with every answer.
pub(super) fn secure(headers: &mut HeaderMap) {
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

/// The name that was asked for, if it is not one of ours.
fn refused(headers: &HeaderMap, hosts: &[String]) -> Option<String> {
    let host = headers.get(HOST)?;
    let Ok(host) = host.to_str() else { return Some("?".into()) };
    let name = name_of(host);
    let is_ours = name.parse::<IpAddr>().is_ok()
        || !name.contains('.')
        || hosts.iter().any(|known| known.eq_ignore_ascii_case(name));
    (!is_ours).then(|| name.chars().filter(|letter| !letter.is_control()).take(100).collect())
}

/// Without the port, brackets and the dot at its end.
fn name_of(host: &str) -> &str {
    if let Some((address, _)) = host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return address;
    }
    let name = host.split_once(':').map_or(host, |(name, _)| name);
    name.strip_suffix('.').unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_no_stranger_can_have_are_answered() {
        let hosts = ["director.example.org".to_string()];
        let asked = |host: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, HeaderValue::from_static(host));
            refused(&headers, &hosts)
        };
        for ours in [
            "127.0.0.1",
            "127.0.0.1:9615",
            "[::1]:9615",
            "localhost",
            "localhost:9615",
            "localhost.",
            "director-1:9615",
            "Director.Example.org:9615",
            "203.0.113.7",
        ] {
            assert_eq!(asked(ours), None, "{ours}");
        }
        for strange in [
            "evil.example",
            "evil.example:9615",
            "127.0.0.1.evil.example",
            "a.localhost.evil.example",
        ] {
            assert!(asked(strange).is_some(), "{strange}");
        }
        assert_eq!(refused(&HeaderMap::new(), &hosts), None);
    }
}
