//! Round trips, by the pings that are sent anyway.

use super::{PATIENCE, Peer, key};
use crate::network::{pass::Pass, tap::Tap};
use futures::{AsyncReadExt, AsyncWriteExt, io::Cursor};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep, timeout};

const QUESTION: u16 = 1;
const ANSWER: u16 = 2;

/// A frame of yamux.
fn frame(kind: u8, flags: u16, value: u32, body: &[u8]) -> Vec<u8> {
    let mut frame = vec![0, kind];
    frame.extend(flags.to_be_bytes());
    frame.extend([0, 0, 0, 1]);
    frame.extend(value.to_be_bytes());
    frame.extend(body);
    frame
}

fn data(body: &[u8]) -> Vec<u8> {
    frame(0, 0, body.len() as u32, body)
}

fn ping(flags: u16, number: u32) -> Vec<u8> {
    frame(2, flags, number, &[])
}

/// A tap, and how many bytes go or come at once.
struct Line {
    tap: Tap<Cursor<Vec<u8>>>,
    pass: Arc<Pass>,
    piece: usize,
}

impl Line {
    fn new(piece: usize) -> Self {
        let pass = Arc::<Pass>::default();
        Self { tap: Tap::new(Cursor::default(), pass.clone()), pass, piece }
    }

    /// Writes this, a piece at a time.
    async fn write(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(self.piece) {
            self.tap.write_all(piece).await.unwrap();
        }
    }

    /// Has this come from the peer.
    async fn read(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        let cursor = self.tap.socket_mut();
        cursor.get_mut().clear();
        cursor.get_mut().extend(bytes);
        cursor.set_position(0);
        let mut buffer = vec![0; self.piece];
        while self.tap.read(&mut buffer).await? > 0 {}
        self.tap.socket_mut().set_position(0);
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_our_ping_is_a_round_trip_however_it_is_cut() {
    for piece in [1, 5, 12, 1_000] {
        let mut line = Line::new(piece);
        line.write(&[data(&[7; 40]), ping(QUESTION, 9), data(&ping(QUESTION, 5))].concat()).await;
        let went = Instant::now();
        // What looks like a ping within data is none, nor is a question of the peer or an answer to something else.
        sleep(Duration::from_millis(30)).await;
        let noise = [data(&ping(ANSWER, 9)), ping(QUESTION, 9), ping(ANSWER, 5)].concat();
        line.read(&noise).await.unwrap();
        assert_eq!(line.pass.round_trip.get(), None);
        sleep(Duration::from_millis(12)).await;
        line.read(&[data(b"vote"), ping(ANSWER, 9)].concat()).await.unwrap();
        let took = Duration::from_micros(went.elapsed().as_micros() as u64);
        assert!(took >= Duration::from_millis(42));
        assert_eq!(line.pass.round_trip.get(), Some(took));
        // Once: the next needs a question of its own.
        sleep(Duration::from_millis(100)).await;
        line.read(&ping(ANSWER, 9)).await.unwrap();
        assert_eq!(line.pass.round_trip.get(), Some(took));
        let unread = 12 + 4;
        assert!(line.pass.unread.memory() >= unread, "data is counted all the same");
    }
}

#[tokio::test]
async fn a_frame_that_is_too_long_ends_the_connection() {
    let mut line = Line::new(1_000);
    line.read(&frame(0, 0, 64 * 1024, &[])).await.unwrap();
    let mut line = Line::new(1_000);
    assert!(line.read(&frame(0, 0, 64 * 1024 + 1, &[])).await.is_err());
}

#[tokio::test]
async fn both_ends_of_a_connection_learn_how_far_the_other_is() {
    let mut director = Peer::director(1, &[key(2)]).await;
    let mut validator = Peer::validator(2, &director).await;
    director.up().await;
    validator.up().await;
    for end in [&director, &validator] {
        let measured = async {
            loop {
                let peers = end.handle.peers();
                assert_eq!(peers.len(), 1);
                if let Some(took) = peers[0].round_trip {
                    return took;
                }
                // Nothing tells of it.
                sleep(Duration::from_millis(5)).await;
            }
        };
        let took = timeout(PATIENCE, measured).await.expect("yamux pings a new connection");
        assert!(took > Duration::ZERO && took < PATIENCE, "{took:?}");
    }
}
