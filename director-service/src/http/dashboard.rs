//! Serves the dashboard: four files that are in the program and load nothing else.

use super::Source;
use axum::{
    Router,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use std::sync::Arc;

/// A file and what it is.
struct File {
    path: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
}

const FILES: [File; 4] = [
    File {
        path: "/",
        kind: "text/html; charset=utf-8",
        bytes: include_bytes!("dashboard/index.html"),
    },
    File {
        path: "/dashboard.css",
        kind: "text/css; charset=utf-8",
        bytes: include_bytes!("dashboard/dashboard.css"),
    },
    File {
        path: "/dashboard.js",
        kind: "text/javascript; charset=utf-8",
        bytes: include_bytes!("dashboard/dashboard.js"),
    },
    File {
        path: "/favicon.svg",
        kind: "image/svg+xml",
        bytes: include_bytes!("dashboard/favicon.svg"),
    },
];

/// The files change with the program alone.
const TAG: &str = concat!("\"", env!("CARGO_PKG_VERSION"), "\"");

pub(super) fn router() -> Router<Arc<dyn Source>> {
    FILES.iter().fold(Router::new(), |router, file| {
        router.route(file.path, get(async move |headers: HeaderMap| serve(file, &headers)))
    })
}

fn serve(file: &File, asked: &HeaderMap) -> Response {
    // A development build keeps its version while its files change.
    let known = !cfg!(debug_assertions)
        && asked.get(header::IF_NONE_MATCH).is_some_and(|tag| tag.as_bytes() == TAG.as_bytes());
    let about = [
        (header::CONTENT_TYPE, file.kind),
        (header::CACHE_CONTROL, "no-cache"),
        (header::ETAG, TAG),
    ];
    match known {
        true => (StatusCode::NOT_MODIFIED, about).into_response(),
        false => (about, file.bytes).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_small_and_loads_nothing_from_elsewhere() {
        let all: usize = FILES.iter().map(|file| file.bytes.len()).sum();
        assert!(all <= 60 * 1024, "{all} bytes");
        for file in &FILES {
            let text = String::from_utf8_lossy(file.bytes);
            // The one thing that looks like an address is the name of SVG.
            let text = text.replace("http://www.w3.org/2000/svg", "");
            for elsewhere in ["http://", "https://", "src=\"//", "url(//", "@import"] {
                assert!(!text.contains(elsewhere), "{} has {elsewhere}", file.path);
            }
        }
    }
}
