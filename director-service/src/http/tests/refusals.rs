//! What is answered when something is not so, or was asked wrongly: as the document says, too.

use super::{api::check, *};
use serde_json::{Value, json};

const DOCUMENT: &str = include_str!("../openapi.json");

/// Fails unless this body is what the document has for a code of a path.
fn documented(path: &str, code: &str, body: &str) {
    let document: Value = serde_json::from_str(DOCUMENT).unwrap();
    let answer = &document["paths"][path]["get"]["responses"][code];
    let schema = &answer["content"]["application/json"]["schema"];
    assert!(schema.is_object(), "{path} has no {code} in the document");
    check(&document, schema, &serde_json::from_str(body).unwrap(), &format!("{path}: {code}"));
}

#[tokio::test]
async fn readiness_is_what_the_document_says() {
    let (code, body) = ask(well(), "/readyz").await;
    assert!(code.contains("200"), "{code}");
    documented("/readyz", "200", &body);
    let away = Fixed { not_ready: vec!["no finalized block yet".into()], ..well() };
    let (code, body) = ask(away, "/readyz").await;
    assert!(code.contains("503"), "{code}");
    documented("/readyz", "503", &body);
}

#[tokio::test]
async fn every_error_is_what_the_document_says() {
    let mut seen = Vec::new();
    for (path, asked, code) in [
        ("/api/v1/validators", "/api/v1/validators?limit=0", "400"),
        ("/api/v1/history", "/api/v1/history?window=1w", "400"),
        ("/api/v1/evidence/{id}", "/api/v1/evidence/0x02", "404"),
    ] {
        let (answered, body) = ask(well(), asked).await;
        assert!(answered.contains(code), "{asked}: {answered}");
        documented(path, code, &body);
        seen.push((path.to_owned(), code.to_owned()));
    }
    let full = well();
    let listen = || full.events.subscribe(Arc::new(well()));
    let _listening: Vec<_> =
        (0..super::super::events::SUBSCRIBERS).map(|_| listen().unwrap()).collect();
    let (answered, body) = ask(full, "/api/v1/events").await;
    assert!(answered.contains("503"), "{answered}");
    documented("/api/v1/events", "503", &body);
    seen.push(("/api/v1/events".into(), "503".into()));

    // None that is documented was left out.
    let document: Value = serde_json::from_str(DOCUMENT).unwrap();
    let refusal = json!({ "$ref": "#/components/schemas/Refusal" });
    let mut described = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (code, answer) in methods["get"]["responses"].as_object().unwrap() {
            if answer["content"]["application/json"]["schema"] == refusal {
                described.push((path.clone(), code.clone()));
            }
        }
    }
    seen.sort();
    described.sort();
    assert_eq!(seen, described);
}

/// The status line and the body of what this method gets.
async fn with_method(method: &str, path: &str) -> (String, String) {
    let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let address = listener.local_addr().unwrap();
    let server =
        tokio::spawn(serve(listener, Arc::new(well()), Vec::new(), std::future::pending()));
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request =
        format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    server.abort();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap().to_owned(), body.to_owned())
}

#[tokio::test]
async fn what_there_is_not_is_told_to_programs_as_anything_else() {
    let document: Value = serde_json::from_str(DOCUMENT).unwrap();
    let refusal = json!({ "$ref": "#/components/schemas/Refusal" });
    for (method, path, code) in [
        ("GET", "/api/v1/nothing", "404"),
        ("GET", "/api/v2/status", "404"),
        ("GET", "/api/v1/", "404"),
        ("POST", "/api/v1/status", "405"),
        ("DELETE", "/api/v1/nothing", "404"),
    ] {
        let (answered, body) = with_method(method, path).await;
        assert!(answered.contains(code), "{method} {path}: {answered}");
        check(&document, &refusal, &serde_json::from_str(&body).unwrap(), path);
    }
    let (answered, body) = with_method("GET", "/nothing").await;
    assert!(answered.contains("404") && body.contains("openapi.json"), "{answered} {body}");
}
