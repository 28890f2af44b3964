//! What a peer may send before it is read is counted and bounded, and a long path is used all the same.

use super::{PATIENCE, Peer, ingress::Waiting, key};
use crate::network::{
    DownReason, Multiaddr, Payload, Side, Socket,
    frame::{Decoder, Kind, header},
    link::lock,
    pass::Pass,
    tap::Tap,
};
use director_primitives::Priority::{Bulk, Normal};
use futures::{AsyncReadExt, executor::block_on, io::Cursor};
use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::mpsc,
    time::sleep_until,
};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// A frame of yamux.
fn yamux(kind: u8, len: u32, body: &[u8]) -> Vec<u8> {
    let mut frame = vec![0, kind, 0, 0, 0, 0, 0, 1];
    frame.extend(len.to_be_bytes());
    frame.extend(body);
    frame
}

fn tap(bytes: Vec<u8>) -> (Arc<Pass>, Tap<Cursor<Vec<u8>>>) {
    let pass = Arc::<Pass>::default();
    (pass.clone(), Tap::new(Cursor::new(bytes), pass))
}

#[test]
fn what_comes_for_streams_is_unread_until_it_is_read() {
    // Data, a window update whose length is a credit, a ping, and the half of a frame.
    let parts =
        [yamux(0, 5, b"hello"), yamux(1, 1 << 30, b""), yamux(2, 7, b""), yamux(0, 9, b"wor")];
    let bytes = parts.concat();
    for chunk in [1, 5, 12, 13, 100] {
        let (pass, mut tap) = tap(bytes.clone());
        let mut buffer = vec![0; chunk];
        while block_on(tap.read(&mut buffer)).unwrap() > 0 {}
        assert_eq!(pass.unread.memory(), 8 + 2 * 64);
        pass.unread.read(7);
        assert_eq!(pass.unread.memory(), 1 + 2 * 64);
        pass.unread.read(1);
        assert_eq!(pass.unread.memory(), 0);
    }
}

#[test]
fn a_frame_of_yamux_that_is_longer_than_ours_is_refused() {
    let (_, mut longest) = tap(yamux(0, 64 * 1024, b""));
    assert_eq!(block_on(longest.read(&mut [0; 100])).unwrap(), 12);
    let (_, mut longer) = tap(yamux(0, 64 * 1024 + 1, b""));
    assert!(block_on(longer.read(&mut [0; 100])).is_err());
}

#[test]
fn a_part_of_a_frame_takes_memory_until_the_rest_comes() {
    let (mut decoder, mut frames) = (Decoder::default(), Vec::new());
    let kind = Kind::Envelope(Bulk);
    decoder.push(&[&header(kind, 1_000, true)[..], &[1; 1_000]].concat(), &mut frames).unwrap();
    decoder.push(&[&header(kind, 1_000, true)[..], &[1; 500]].concat(), &mut frames).unwrap();
    assert!(decoder.memory() >= 1_500);
    decoder
        .push(&[&[1; 500][..], &header(kind, 1, false)[..], &[1]].concat(), &mut frames)
        .unwrap();
    assert_eq!((decoder.memory(), frames.len()), (0, 1));
}

#[test]
fn parts_and_what_is_unread_count_when_memory_runs_out() {
    let waiting = Waiting::with(3, |limits| limits.memory_bytes = 1_000);
    let [one, two, three] = &waiting.links[..] else { panic!("three") };
    lock(&waiting.hub.gate).allow([2, 3, 4].map(key).into());
    for link in &waiting.links {
        lock(&waiting.hub.gate).admit(link, tokio::time::Instant::now()).unwrap();
    }
    one.hold(400);
    two.hold(100);
    two.hold(500);
    waiting.hub.govern();
    assert_eq!(waiting.hub.stats().waiting_bytes, 900);
    three.hold(200);
    waiting.hub.govern();
    assert_eq!(two.closed.get(), Some(&DownReason::Shed));
    assert!(!one.is_closed() && !three.is_closed());
    assert_eq!(waiting.hub.stats().waiting_bytes, 600);
    // Its task does not know yet.
    two.hold(700);
    one.hold(0);
    assert_eq!(waiting.hub.stats().waiting_bytes, 200);
}

/// Where a path begins that takes so long in each direction and lets through whatever comes.
async fn long_path(to: SocketAddr, delay: Duration) -> Multiaddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let from = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let far = TcpStream::connect(to).await.unwrap();
            near.set_nodelay(true).unwrap();
            far.set_nodelay(true).unwrap();
            let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
            pass_on(near_in, far_out, delay);
            pass_on(far_in, near_out, delay);
        }
    });
    format!("/ip4/127.0.0.1/tcp/{}", from.port()).parse().unwrap()
}

fn pass_on(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, delay: Duration) {
    let (sender, mut under_way) = mpsc::channel(4_096);
    tokio::spawn(async move {
        let mut buffer = vec![0; 64 * KIB];
        while let Ok(len @ 1..) = from.read(&mut buffer).await {
            let at = tokio::time::Instant::now() + delay;
            if sender.send((at, buffer[..len].to_vec())).await.is_err() {
                break;
            }
        }
    });
    tokio::spawn(async move {
        while let Some((at, bytes)) = under_way.recv().await {
            sleep_until(at).await;
            if to.write_all(&bytes).await.is_err() {
                break;
            }
        }
    });
}

/// Over 50 ms the window that yamux begins with carries 5 MiB/s at most, so this shows that it grows;
/// and then the director stops, and as much waits of the validator as may.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_window_grows_with_the_path_and_no_further_than_it_may() {
    const WINDOW: usize = 2 * MIB;
    const FRAME: usize = 256 * KIB;
    let director = Peer::start(Side::Public, 1, |config| {
        config.limits.window_bytes = WINDOW;
        config.limits.ping_interval_ms = 20;
    });
    let mut director = director.await;
    director.handle.allow([key(2)]);
    let validator =
        Peer::start(Side::Client, 2, |config| config.limits.queue_bytes = [256 * MIB; 4]);
    let mut validator = validator.await;
    let at = Socket::of(&director.handle.listening()[0]).unwrap().address();
    let path = long_path(at, Duration::from_millis(25)).await;
    validator.handle.allow([key(1)]);
    validator.handle.maintain(key(1), vec![path]);
    assert_eq!((director.up().await, validator.up().await), (key(2), key(1)));

    let send = |count: usize| {
        for _ in 0..count {
            let frame = Payload::Envelope([7; FRAME][..].into());
            validator.handle.send(&key(1), Normal, frame);
        }
    };
    send(160);
    let begun = Instant::now();
    director.frames(160).await;
    let per_s = 40.0 / begun.elapsed().as_secs_f64();
    println!("over 50 ms: {per_s:.1} MiB/s");
    assert!(per_s > 6.0, "{per_s:.1} MiB/s");

    send(160);
    let (mut before, mut unchanged) = (0, 0);
    let begun = Instant::now();
    while unchanged < 100 {
        assert!(begun.elapsed() < PATIENCE, "it does not come to rest");
        tokio::time::sleep(Duration::from_millis(5)).await;
        let waits = director.handle.stats().waiting_bytes as usize;
        unchanged = if waits == before && waits > 0 { unchanged + 1 } else { 0 };
        before = waits;
    }
    println!("unread: {} KiB", before / KIB);
    let (frames, part) = (MIB / 2 + FRAME, 2 * FRAME);
    assert!(before > frames + MIB / 2, "{before}: the window has not grown");
    assert!(before < frames + part + WINDOW + 64 * KIB, "{before}");
    director.frames(160).await;
    director.stats_when(|stats| stats.waiting_bytes == 0).await;
}
