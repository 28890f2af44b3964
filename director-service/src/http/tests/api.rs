//! The parts, their document, and who is not answered.

use super::*;
use serde_json::{Value, json};

const DOCUMENT: &str = include_str!("../openapi.json");

/// A director with something in every part.
fn busy() -> Fixed {
    let evidence =
        Evidence { id: "0x01".into(), validator: Some("5Val1".into()), ..Default::default() };
    let step = |name, state| {
        let (at_ms, amount, note) = (Some(7), Some("8".into()), Some("9".into()));
        Step { name, state, at_ms, block: None, amount, note }
    };
    let parts = Parts {
        chain: Chain {
            finalized: Some(BlockStatus { number: 7, hash: "0x02".into() }),
            invited: vec!["5Dir4".into()],
            ..Default::default()
        },
        mesh: Mesh { directors: vec![MeshDirector::default()] },
        validators: Validators {
            total: 5,
            items: (0..5)
                .map(|n| Validator {
                    account: format!("5Val{n}"),
                    status: "authorized",
                    ..Default::default()
                })
                .collect(),
            ..Default::default()
        },
        checkpoints: Checkpoints {
            interval: 10,
            items: vec![Checkpoint {
                blocks: vec![VotedBlock { hash: "0x03".into(), votes: 3 }],
                ..Default::default()
            }],
        },
        authorizations: Authorizations {
            needed: 2,
            items: vec![Authorization { missing: vec!["5Dir1".into()], ..Default::default() }],
        },
        evidence: Cases {
            total: 1,
            items: vec![Case {
                evidence,
                steps: vec![step("proven", "done"), step("submitted", "now")],
                ..Default::default()
            }],
        },
        alarms: Alarms {
            level: "warning",
            items: vec![Alarm { level: "warning", id: "draining".into(), ..Default::default() }],
        },
    };
    Fixed { parts: Arc::new(parts), ..well() }
}

async fn read(path: &str) -> Value {
    let (code, body) = ask(busy(), path).await;
    assert!(code.contains("200"), "{path}: {code} {body}");
    serde_json::from_str(&body).unwrap()
}

#[tokio::test]
async fn every_answer_is_what_the_document_says_and_no_more() {
    let document: Value = serde_json::from_str(DOCUMENT).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    let paths = document["paths"].as_object().unwrap();
    for path in [
        "status",
        "chain",
        "mesh",
        "validators",
        "checkpoints",
        "authorizations",
        "evidence",
        "alarms",
        "history",
    ] {
        let path = format!("/api/v1/{path}");
        let answer = read(&path).await;
        let schema =
            &paths[&path]["get"]["responses"]["200"]["content"]["application/json"]["schema"];
        check(&document, schema, &answer, &path);
    }
    let answer = read("/api/v1/evidence/0x01").await;
    let schema = json!({ "$ref": "#/components/schemas/Proof" });
    check(&document, &schema, &answer, "a proof");
    let unknown = ask(busy(), "/api/v1/evidence/0x02").await;
    assert!(unknown.0.contains("404") && unknown.1.contains("/api/v1/evidence"), "{unknown:?}");
    let id = "/api/v1/evidence/{id}";
    for path in [id, "/healthz", "/readyz", "/metrics", "/api/v1/events", "/api/v1/openapi.json"] {
        assert!(paths.contains_key(path), "{path} is not described");
    }
    assert_eq!(read("/api/v1/openapi.json").await, document);
    for (path, methods) in paths {
        for (code, part) in [("413", "TooLarge"), ("421", "Misdirected")] {
            let refused = json!({ "$ref": format!("#/components/responses/{part}") });
            assert_eq!(methods["get"]["responses"][code], refused, "{path}");
            assert!(document["components"]["responses"][part].is_object(), "{part}");
        }
    }
}

/// The routes stand in the source as text, each in quotes.
#[test]
fn every_route_is_in_the_document() {
    let document: Value = serde_json::from_str(DOCUMENT).unwrap();
    let mut described: Vec<_> = document["paths"].as_object().unwrap().keys().collect();
    described.sort();
    let sources = [include_str!("../api.rs"), include_str!("../mod.rs")];
    let mut routes: Vec<_> = sources
        .iter()
        .flat_map(|source| source.split(".route(").skip(1))
        .map(|rest| rest.split('"').nth(1).unwrap())
        .collect();
    routes.sort();
    assert!(routes.len() > 10, "{routes:?}");
    assert_eq!(routes, described);
}

#[test]
fn every_event_is_what_the_document_says() {
    let document: Value = serde_json::from_str(DOCUMENT).unwrap();
    let told = document["paths"]["/api/v1/events"]["get"]["description"].as_str().unwrap();
    let events = super::super::events::parts(&busy().parts);
    assert_eq!(events.len(), 7);
    for event in events {
        let event = String::from_utf8(event.to_vec()).unwrap();
        let field = |name: &str| {
            let line = event.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap_or_else(|| panic!("no {name} in {event}")).trim().to_owned()
        };
        let (name, data) = (field("event:"), field("data:"));
        let (_, rest) = told.split_once(&format!("`{name}` (")).unwrap();
        let schema = rest.split([')', ':', ',']).next().unwrap();
        let schema = json!({ "$ref": format!("#/components/schemas/{schema}") });
        check(&document, &schema, &serde_json::from_str(&data).unwrap(), &name);
    }
}

/// Fails unless `value` is as `schema` says, in types, names and what must be there.
pub(super) fn check(document: &Value, schema: &Value, value: &Value, at: &str) {
    if let Some(name) = schema["$ref"].as_str() {
        let found = document.pointer(name.trim_start_matches('#'));
        return check(document, found.unwrap_or_else(|| panic!("{at}: no {name}")), value, at);
    }
    let named = |value: &Value| match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    if let Some(choices) = schema["anyOf"].as_array() {
        if !value.is_null() {
            check(document, &choices[0], value, at);
        }
        assert_eq!(choices[1], json!({ "type": "null" }), "{at}");
        return;
    }
    let kind = named(value);
    let types = match &schema["type"] {
        Value::Array(types) => types.clone(),
        one => vec![one.clone()],
    };
    let fits = |of: &Value| of == kind || of == "number" && kind == "integer";
    assert!(types.iter().any(fits), "{at}: {kind} is none of {types:?}");
    if let Some(values) = schema["enum"].as_array() {
        assert!(values.contains(value), "{at}: {value} is none of {values:?}");
    }
    match value {
        Value::Array(items) => {
            let each = items.iter().enumerate();
            each.for_each(|(n, item)| {
                check(document, &schema["items"], item, &format!("{at}[{n}]"))
            });
        }
        Value::Object(fields) => {
            if let Some(each) = schema.get("additionalProperties").filter(|of| of.is_object()) {
                return fields
                    .iter()
                    .for_each(|(name, of)| check(document, each, of, &format!("{at}.{name}")));
            }
            let properties =
                schema["properties"].as_object().unwrap_or_else(|| panic!("{at}: no properties"));
            for (name, field) in fields {
                let of =
                    properties.get(name).unwrap_or_else(|| panic!("{at}.{name} is not described"));
                check(document, of, field, &format!("{at}.{name}"));
            }
            for name in
                schema["required"].as_array().unwrap_or_else(|| panic!("{at}: nothing required"))
            {
                assert!(fields.contains_key(name.as_str().unwrap()), "{at}.{name} is missing");
            }
            assert_eq!(
                schema["required"].as_array().unwrap().len(),
                properties.len(),
                "{at}: all are always there"
            );
        }
        _ => {}
    }
}

#[tokio::test]
async fn validators_come_by_pages() {
    let first = read("/api/v1/validators?limit=2").await;
    let names = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().unwrap().iter();
        items.map(|of| of["account"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        (names(&first), &first["next"]),
        (vec!["5Val0".into(), "5Val1".into()], &json!("5Val1"))
    );
    let last = read("/api/v1/validators?after=5Val2&limit=2").await;
    assert_eq!((names(&last), &last["next"]), (vec!["5Val3".into(), "5Val4".into()], &Value::Null));
    assert_eq!(names(&read("/api/v1/validators?after=5Val4").await), Vec::<String>::new());
    for wrong in ["limit=0", "limit=1001", "limit=x", "after=nobody"] {
        let (code, body) = ask(busy(), &format!("/api/v1/validators?{wrong}")).await;
        assert!(code.contains("400") && body.contains("error"), "{wrong}: {code} {body}");
    }
    assert!(ask(well(), "/api/v1/history?window=1w").await.0.contains("400"));
}

/// The whole answer to a question as this host.
async fn whole(path: &str, host: &str) -> String {
    let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
    let address = listener.local_addr().unwrap();
    let hosts = vec!["director.example.org".to_owned()];
    let server = tokio::spawn(serve(listener, Arc::new(busy()), hosts, std::future::pending()));
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    server.abort();
    answer
}

#[tokio::test]
async fn another_page_cannot_read_here_by_a_name_of_its_own() {
    for path in ["/", "/api/v1/status", "/metrics", "/readyz"] {
        let answer = whole(path, "evil.example").await;
        assert!(answer.starts_with("HTTP/1.1 421"), "{path}: {answer}");
        assert!(answer.contains("http.hosts") && !answer.contains("5Grw"), "{answer}");
        assert!(whole(path, "director.example.org:9615").await.starts_with("HTTP/1.1 200"));
    }
}

#[tokio::test]
async fn every_answer_has_the_headers_that_keep_others_out() {
    for path in ["/", "/dashboard.js", "/api/v1/chain", "/nothing", "/metrics"] {
        let answer = whole(path, "localhost").await.to_lowercase();
        for header in [
            "content-security-policy: default-src 'none'",
            "x-content-type-options: nosniff",
            "x-frame-options: deny",
            "referrer-policy: no-referrer",
            "cross-origin-resource-policy: same-origin",
            "cache-control: no-",
        ] {
            assert!(answer.contains(header), "{path} has no {header}");
        }
        assert!(!answer.contains("access-control-allow-origin"));
    }
}
