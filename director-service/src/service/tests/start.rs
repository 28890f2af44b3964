//! What is wrong with the machine is said in one line, with the remedy; a node that is away is
//! waited for.

use super::super::{Service, ServiceError, Stopper, bind, start};
use crate::{config::Config, keys::write_secret, store::tests::faulty::Disk};
use director_primitives::H256;
use std::{
    net::{SocketAddr, TcpListener},
    os::unix::fs::PermissionsExt,
    path::Path,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

/// A director's folder with keys and a configuration whose node does not exist.
pub(super) fn folder() -> (tempfile::TempDir, Config) {
    let dir = tempfile::tempdir().unwrap();
    write_secret(&dir.path().join("peer.key"), &"11".repeat(32)).unwrap();
    write_secret(&dir.path().join("account.key"), "//Alice").unwrap();
    let config = load(dir.path(), &closed_port().to_string());
    (dir, config)
}

fn load(dir: &Path, node: &str) -> Config {
    let path = dir.join("director.toml");
    let text = format!(
        "data_dir = \"data\"\n[chain]\nurl = \"ws://{node}\"\n\
         [keys]\naccount = \"account.key\"\npeer = \"peer.key\"\n\
         [mesh]\nlisten = [\"/ip4/127.0.0.1/tcp/0\"]\n[public]\nlisten = [\"/ip4/127.0.0.1/tcp/0\"]\n\
         [http]\nlisten = \"127.0.0.1:0\"\n"
    );
    std::fs::write(&path, text).unwrap();
    Config::load(&path).unwrap()
}

/// An address at which nobody listens.
fn closed_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

async fn refused(config: Config) -> String {
    let error = start(config).await.err().expect("the director must not start");
    let line = error.to_string();
    assert!(!line.contains('\n'), "more than one line: {line}");
    line
}

#[tokio::test]
async fn a_key_file_that_others_can_read() {
    let (_dir, config) = folder();
    let mode = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(&config.keys.peer, mode).unwrap();
    let line = refused(config.clone()).await;
    assert!(line.contains(&format!("chmod 600 {}", config.keys.peer.display())), "{line}");
}

#[tokio::test]
async fn a_missing_key_file() {
    let (_dir, config) = folder();
    std::fs::remove_file(&config.keys.account).unwrap();
    let line = refused(config).await;
    assert!(line.contains("director keys generate"), "{line}");
}

#[tokio::test]
async fn an_account_file_without_an_account_is_not_repeated() {
    let (_dir, config) = folder();
    std::fs::write(&config.keys.account, "my secret words").unwrap();
    let line = refused(config).await;
    assert!(line.contains("secret URI") && !line.contains("words"), "{line}");
}

#[tokio::test]
async fn a_busy_port_is_named_with_its_field() {
    let (_dir, config) = folder();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let address = format!("/ip4/127.0.0.1/tcp/{port}").parse().unwrap();

    let mut mesh = config.clone();
    mesh.mesh.listen = vec![address];
    let line = refused(mesh).await;
    assert!(line.contains(&port.to_string()) && line.contains("mesh.listen"), "{line}");

    let mut http = config;
    http.http.listen = taken.local_addr().unwrap();
    let line = refused(http).await;
    assert!(line.contains(&port.to_string()) && line.contains("http.listen"), "{line}");
}

#[tokio::test]
async fn a_store_that_another_director_has() {
    let (_dir, config) = folder();
    let first = start(config.clone()).await.unwrap();
    let line = refused(config).await;
    assert!(line.contains("in use by another process") && line.contains("data_dir"), "{line}");
    end(first).await;
}

#[tokio::test]
async fn a_director_that_starts_on_a_disk_that_hangs_can_be_stopped() {
    let disk = Disk::default();
    let store = disk.store();
    let (genesis, stopper) = (H256::repeat_byte(1), Stopper::new());
    disk.hang(true);
    let binding = bind(&store, genesis, &stopper);
    tokio::pin!(binding);
    assert!(futures::poll!(&mut binding).is_pending());
    stopper.stop();
    let bound = timeout(Duration::from_secs(30), binding).await.expect("it ends");
    assert!(matches!(bound, Ok(false)), "{bound:?}");
    // When the disk goes on the store is this chain's.
    disk.hang(false);
    assert!(matches!(bind(&store, genesis, &Stopper::new()).await, Ok(true)));
    let other = bind(&store, H256::repeat_byte(2), &Stopper::new()).await;
    assert!(matches!(other, Err(ServiceError::Store(_))), "{other:?}");
}

#[tokio::test]
async fn a_node_that_is_away_is_waited_for() {
    let (_dir, mut config) = folder();
    config.http.listen = closed_port();
    let http = config.http.listen;
    let url = config.chain.urls.clone();
    let service = start(config).await.unwrap();
    assert!(get(http, "/healthz").await.starts_with("HTTP/1.1 200"));
    let ready = get(http, "/readyz").await;
    assert!(ready.starts_with("HTTP/1.1 503"), "{ready}");
    assert!(ready.contains("no finalized block"), "{ready}");
    let status = get(http, "/api/v1/status").await;
    assert!(status.contains("\"ready\":false") && status.contains("5Grw"), "{status} {url:?}");
    end(service).await;
}

async fn end(service: Service) {
    service.stopper().stop();
    let ended = timeout(Duration::from_secs(30), service.wait()).await.expect("it ends");
    assert!(matches!(ended, Ok::<(), ServiceError>(())), "{ended:?}");
}

async fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[test]
fn operator_and_core_have_the_same_default_rates() {
    use crate::{config, director};
    assert_eq!(
        super::super::settings::rates(&config::Rates::default()),
        director::Rates::default()
    );
}

#[test]
fn operator_and_network_have_the_same_default_limits() {
    use crate::{
        config,
        network::{Limits, Side},
    };
    for side in [Side::Mesh, Side::Public] {
        let limits = super::super::settings::limits(side, &config::Limits::default());
        let fields = |limits: &Limits| {
            (limits.memory_bytes, limits.queue_bytes, limits.max_connections, limits.max_pending)
        };
        assert_eq!(fields(&limits), fields(&Limits::of(side)), "{side:?}");
    }
}

#[test]
fn the_operators_limits_reach_each_network() {
    use crate::{config, network::Side};
    const MIB: usize = 1024 * 1024;
    let operator = config::Limits {
        memory_mib: 100,
        mesh_memory_mib: 200,
        queue_mib: 3,
        max_connections: 7,
        ..config::Limits::default()
    };
    let public = super::super::settings::limits(Side::Public, &operator);
    assert_eq!(public.memory_bytes, 100 * MIB);
    assert_eq!(public.queue_bytes, [3, 3, 3, 6].map(|mib| mib * MIB));
    assert_eq!(public.max_connections, 7);
    let mesh = super::super::settings::limits(Side::Mesh, &operator);
    assert_eq!(mesh.memory_bytes, 200 * MIB);
    assert_eq!(mesh.queue_bytes, [12, 12, 12, 24].map(|mib| mib * MIB));
    assert_ne!(mesh.max_connections, 7, "that is for validators");
}

#[test]
fn what_strangers_may_do_reaches_the_public_network() {
    use crate::{config, network::Side};
    let operator = config::Limits {
        max_connections_per_address: 1,
        max_handshakes: 2,
        max_handshakes_per_address: 3,
        handshake_timeout_ms: 4,
        handshakes_per_s_per_address: 5,
        handshake_burst_per_address: 6,
        strangers_per_s: 7,
        strangers_burst: 8,
        first_message_ms: 9,
        candidate_kib_per_minute: 10,
        ..config::Limits::default()
    };
    let public = super::super::settings::limits(Side::Public, &operator);
    assert_eq!(
        (public.max_connections_per_ip, public.max_pending, public.max_pending_per_ip),
        (1, 2, 3)
    );
    assert_eq!((public.handshake_timeout_ms, public.first_message_ms), (4, 9));
    assert_eq!((public.handshakes_per_s_per_ip, public.handshake_burst_per_ip), (5, 6));
    assert_eq!((public.strangers_per_s, public.strangers_burst), (7, 8));
    assert_eq!(public.restricted_bytes, 10 * 1024);
}

#[test]
fn operator_and_network_let_strangers_do_the_same_by_default() {
    use crate::{
        config,
        network::{Limits, Side},
    };
    let public = super::super::settings::limits(Side::Public, &config::Limits::default());
    assert_eq!(format!("{public:?}"), format!("{:?}", Limits::of(Side::Public)));
}

#[test]
fn a_port_that_was_found_is_kept_and_a_host_is_not() {
    let parse = |all: &[&str]| -> Vec<crate::network::Multiaddr> {
        all.iter().map(|text| text.parse().unwrap()).collect()
    };
    let mut wanted = parse(&[
        "/ip4/0.0.0.0/tcp/0",
        "/ip4/0.0.0.0/udp/0/quic-v1",
        "/ip4/10.0.0.1/tcp/0",
        "/ip4/0.0.0.0/tcp/30400",
    ]);
    let found = parse(&[
        "/ip4/10.0.0.1/tcp/5",
        "/ip4/127.0.0.1/tcp/7",
        "/ip4/127.0.0.1/udp/8/quic-v1",
        "/ip4/127.0.0.1/tcp/30400",
    ]);
    super::super::round::keep_ports(&mut wanted[2..3], &found);
    super::super::round::keep_ports(&mut wanted, &found[1..]);
    let kept = parse(&[
        "/ip4/0.0.0.0/tcp/7",
        "/ip4/0.0.0.0/udp/8/quic-v1",
        "/ip4/10.0.0.1/tcp/5",
        "/ip4/0.0.0.0/tcp/30400",
    ]);
    assert_eq!(wanted, kept);
}
