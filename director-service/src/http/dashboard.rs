//! Serves the dashboard: four files that are in the program and load nothing else.

use super::Source;
use axum::{
    Router,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use director_primitives::envelope::fingerprint;
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

pub(super) fn router() -> Router<Arc<dyn Source>> {
    FILES.iter().fold(Router::new(), |router, file| {
        let tag = tag(file.bytes);
        router.route(file.path, get(async move |headers: HeaderMap| serve(file, &tag, &headers)))
    })
}

/// What a file is known by: two builds of one version may have different ones.
fn tag(bytes: &[u8]) -> HeaderValue {
    let tag = format!("\"{}\"", hex::encode(&fingerprint(bytes)[..16]));
    HeaderValue::try_from(tag).expect("digits in quotes are a value of a header; qed")
}

fn serve(file: &File, tag: &HeaderValue, asked: &HeaderMap) -> Response {
    let known = asked.get(header::IF_NONE_MATCH).is_some_and(|known| known == tag);
    let about = [
        (header::CONTENT_TYPE, HeaderValue::from_static(file.kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (header::ETAG, tag.clone()),
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
    fn a_file_is_known_by_what_is_in_it() {
        let [page, style, ..] = &FILES;
        let mut asked = HeaderMap::new();
        assert_eq!(serve(page, &tag(page.bytes), &asked).status(), StatusCode::OK);
        asked.insert(header::IF_NONE_MATCH, tag(page.bytes));
        let same = serve(page, &tag(page.bytes), &asked);
        assert_eq!(same.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(same.headers()[header::ETAG], tag(page.bytes));
        assert_eq!(serve(style, &tag(style.bytes), &asked).status(), StatusCode::OK);
        // The same version of the program, and one byte more.
        let changed = [page.bytes, b" "].concat();
        assert_eq!(serve(page, &tag(&changed), &asked).status(), StatusCode::OK);
    }

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
