//! Writes the corpora that fuzzing begins with: `cargo run -p director-service-fuzz --example doors`.
//!
//! What is there under other names, findings above all, stays.

use codec::Encode;
use director_primitives::{Control, Priority, StakeProof, Welcome, test_utils::TestKey};
use director_primitives_fuzz::{MADE, READ};
use director_service::network::fuzz::slice;
use director_service_fuzz::{TARGETS, drill::corpora, proofs};
use std::{fs, io};

type Seeds = Vec<(&'static str, Vec<u8>)>;

fn main() -> io::Result<()> {
    let seeds = [
        ("frame", frames()),
        ("core", choices(1)),
        ("client", choices(2)),
        ("stake_proof", stake_proofs()),
        ("http", requests()),
        ("config", configurations()),
        ("pipe", lines()),
    ];
    for (target, seeds) in seeds {
        let folder = corpora().join(target);
        fs::create_dir_all(&folder)?;
        let judge = TARGETS.into_iter().find(|(name, _)| *name == target).map(|(_, judge)| judge);
        for (name, bytes) in seeds {
            judge.into_iter().for_each(|judge| judge(&bytes));
            fs::write(folder.join(name), bytes)?;
        }
    }
    Ok(())
}

/// First byte, in what pieces it comes, and the stream.
fn frames() -> Seeds {
    let read = |parts: &[&[u8]]| [&[READ, 6], &parts.concat()[..]].concat();
    let control = Control::Welcome(Welcome { last_epoch: 3, authorized: true }).encode();
    let redirect = Control::Redirect(director_primitives::Redirect {
        directors: vec![TestKey::new(1).public(); 2].try_into().expect("two"),
    });
    let (vote, bulk) = (Some(Priority::Critical), Some(Priority::Bulk));
    let (ping, acknowledged) = ([5, 0, 0, 0, 0], [6, 0, 1, 0, 0]);
    vec![
        ("read_control", read(&[&slice(None, &control, false)])),
        ("read_redirect", read(&[&slice(None, &redirect.encode(), false)])),
        ("read_ping", read(&[&ping, &acknowledged])),
        (
            "read_slices",
            read(&[
                &slice(bulk, b"blo", true),
                &slice(vote, b"vote", false),
                &slice(bulk, b"ck", false),
            ]),
        ),
        ("read_interleaved", read(&[&slice(vote, b"x", true), &slice(None, b"y", false)])),
        ("read_too_long", read(&[&[3, 1, 0, 0x20, 0]])),
        ("read_unfinished", read(&[&slice(bulk, &[7; 300], true)])),
        ("made_frames", vec![MADE, 3, 0, 0, 40, 1, 1, 1, 0xff, 200, 2, 5, 9, 1, 3, 0, 60, 7, 5]),
        (
            "made_long",
            vec![MADE, 2, 3, 0, 0xff, 0xff, 1, 0, 0, 3, 2, 3, 0, 0xff, 90, 5, 0, 1, 0, 2],
        ),
    ]
}

/// Choices of nobody in particular: a fixed sequence, so that the files are the same each time.
fn choices(seed: u64) -> Seeds {
    let names = ["some", "others", "more", "late", "long", "longer", "short", "shorter"];
    let lens = [600, 700, 800, 900, 2_000, 3_000, 100, 30];
    let mut state = seed;
    let mut byte = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    let seeds = names.into_iter().zip(lens);
    seeds.map(|(name, len)| (name, (0..len).map(|_| byte()).collect())).collect()
}

/// First byte, for whom it is shown, and the proof.
fn stake_proofs() -> Seeds {
    let read = |for_whom: u8, of: u16| {
        let proof = proofs(|known| StakeProof::new(known.nodes(of)));
        [&[READ, for_whom - 1], &proof.unwrap_or_default().encode()[..]].concat()
    };
    vec![
        ("read_largest", read(1, 1)),
        ("read_candidate", read(2, 2)),
        ("read_stranger", read(7, 7)),
        ("read_of_another", read(2, 3)),
        // For whom, how many proofs are put together and of whom, how many changes.
        ("made_whole", vec![MADE, 1, 0, 1, 0]),
        ("made_of_two", vec![MADE, 2, 1, 2, 3, 2, 1, 2, 0, 0, 1, 1]),
        ("made_spoilt", vec![MADE, 0, 0, 0, 1, 0, 0, 3, 9, 0]),
        ("made_cut", vec![MADE, 3, 2, 3, 4, 5, 2, 1, 0, 5, 7, 2, 3, 6]),
    ]
}

/// First byte: in what pieces they come.
fn requests() -> Seeds {
    let ask = |request: &str| [b"\0", request.replace('\n', "\r\n").as_bytes()].concat();
    let get = |path: &str| ask(&format!("GET {path} HTTP/1.1\nHost: localhost\n\n"));
    vec![
        ("health", get("/healthz")),
        ("ready", get("/readyz")),
        ("metrics", get("/metrics")),
        ("dashboard", get("/")),
        ("status", get("/api/v1/status")),
        ("validators", get("/api/v1/validators?limit=3&after=5Grw")),
        ("history", get("/api/v1/history?window=1h")),
        ("events", get("/api/v1/events")),
        ("several", [get("/healthz"), get("/readyz")[1..].to_vec()].concat()),
        ("in_pieces", [b"\x05", &get("/api/v1/mesh")[1..]].concat()),
        ("head", ask("HEAD /readyz HTTP/1.1\nHost: director.example.org\n\n")),
        ("old", ask("GET /healthz HTTP/1.0\n\n")),
        ("rebound", ask("GET /api/v1/status HTTP/1.1\nHost: evil.example\n\n")),
        ("body", ask("POST / HTTP/1.1\nHost: [::1]:9615\nContent-Length: 3\n\nabc")),
        (
            "chunks",
            ask("PUT /metrics HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n3\nabc\n0\n\n"),
        ),
        ("expects", ask("GET / HTTP/1.1\nHost: a\nExpect: 100-continue\nUpgrade: h2c\n\n")),
        ("garbage", b"\0\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03".to_vec()),
        ("long_header", ask(&format!("GET / HTTP/1.1\nHost: a\nX: {}\n\n", "x".repeat(3_000)))),
    ]
}

/// First byte: whose it is, and whether variables stand before it.
fn configurations() -> Seeds {
    // Without what is for people only.
    let bare = |text: &str| {
        let is_said = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
        text.lines().filter(is_said).collect::<Vec<_>>().join("\n")
    };
    let director = bare(include_str!("../../config/director.example.toml"));
    let validator = bare(include_str!("../../config/validator.example.toml"));
    let of = |kind: u8, text: &str| [&[kind], text.as_bytes()].concat();
    let variables =
        "CHAIN_URL=wss://node.example:9944\nLIMITS_LOG_MIB=8\nPOLICY_MIN_STAKE=\"9\"\n\n";
    vec![
        ("director", of(0, &director)),
        ("validator", of(1, &validator)),
        ("with_variables", of(2, &format!("{variables}{director}"))),
        (
            "least",
            of(
                0,
                "data_dir = 'd'\nchain.urls = ['ws://[::1]:9944']\nkeys.account = 'a'\nkeys.peer = 'p'\n\
            mesh.listen = ['/ip4/10.0.0.1/tcp/1']\npublic.listen = ['/ip4/0.0.0.0/udp/2/quic-v1']\n",
            ),
        ),
        (
            "largest_numbers",
            of(
                0,
                "data_dir = 'd'\nchain.url = 'ws://localhost:1'\nkeys.account = 'a'\n\
            keys.peer = 'p'\nmesh.listen = ['/ip4/10.0.0.1/tcp/1']\npublic.listen = ['/ip4/0.0.0.0/tcp/2']\n\
            [limits]\nmemory_mib = 1048576\nlog_mib = 1048576\nlog_seconds = 86400\nseen_messages = 9223372036854775807\n\
            bandwidth_mbit = 9223372036854775807\n[rates]\nnormal_bytes_per_s = 9223372036854775807\nburst_ms = 60000\n\
            [detector]\nhistory_checkpoints = 9223372036854775807\n[policy]\nmin_stake = '340282366920938463463374607431768211455'\n",
            ),
        ),
        ("no_toml", of(0, "[chain\nurls = ")),
        ("unknown_field", of(0, "[limits]\nmemory_gib = 1\n")),
    ]
}

/// First byte, in what pieces they come, and the lines.
fn lines() -> Seeds {
    let read = |lines: &str| [&[READ, 16], lines.as_bytes()].concat();
    let hash = "0x".to_owned() + &"ab".repeat(32);
    vec![
        ("read_status", read("{\"do\":\"status\",\"id\":7}\n")),
        (
            "read_vote",
            read(&format!("{{\"do\":\"vote\",\"checkpoint\":3,\"block_hash\":\"{hash}\"}}\n")),
        ),
        (
            "read_publish",
            read(
                "{\"do\":\"publish\",\"kind\":\"opaque\",\"topic\":\"a\",\"priority\":\"bulk\",\"payload_hex\":\"0x00ff\"}\n",
            ),
        ),
        (
            "read_base64",
            read(
                "{\"do\":\"publish\",\"kind\":\"certificate\",\"payload_base64\":\"AP8=\",\"id\":\"x\"}\n",
            ),
        ),
        (
            "read_subscribe",
            read(
                "{\"do\":\"subscribe\",\"kinds\":[\"opaque\",\"checkpoint-vote\"],\"topics\":[\"a\"],\"payload\":\"base64\"}\n",
            ),
        ),
        ("read_several", read("\n{\"do\":\"status\"}\n[]\nnot json\n{\"do\":1}")),
        ("read_too_long", read(&format!("{}\n{{\"do\":\"status\"}}\n", "x".repeat(2_500)))),
        ("read_no_text", [&[READ, 3], &b"{\"do\":\"\xff\xfe\"}\n\0\n"[..]].concat()),
        ("made_opaque", vec![MADE, 4, 1, 2, 3, 4, 9, 3, 2, b'a', b'b', 1, 3, 2, 5, 6]),
        ("made_certificate", vec![MADE, 3, 0xff, 0, 1, 7, 0, 0, 1, 2]),
        ("made_long_topic", vec![MADE, 0, 1, 2, 40, b'x', b'y']),
    ]
}
