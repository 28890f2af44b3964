#![allow(clippy::unwrap_used)]

use super::*;
use tokio::io::{AsyncReadExt, duplex, empty};

/// What a pipe between two processes holds, made small.
const PIPE: usize = 64;

fn line(bytes: usize) -> super::super::outlet::Line {
    "x".repeat(bytes).into()
}

#[tokio::test]
async fn lines_that_are_too_long_are_skipped() {
    let text = "one\n\ntoo long a line\nfour\nrest";
    let mut input = BufReader::with_capacity(3, text.as_bytes());
    let mut read = Vec::new();
    loop {
        match read_line(&mut input, 5).await.unwrap() {
            Read::End => break,
            line => read.push(line),
        }
    }
    let line = |text: &str| Read::Line(text.into());
    assert_eq!(read, [line("one"), line(""), Read::TooLong, line("four"), line("rest")]);
}

#[tokio::test]
async fn a_writer_ends_with_its_outlet() {
    let outlet = Outlet::new(1_000);
    outlet.say("one".into());
    outlet.message("two".into());
    outlet.close();
    let mut output = Vec::new();
    write(&mut output, outlet).await.unwrap();
    assert_eq!(output, b"one\ntwo\n");
}

#[tokio::test]
async fn a_validator_that_never_reads_hangs_nothing() {
    let (input, _silent) = duplex(PIPE);
    let (output, _unread) = duplex(PIPE);
    let (sender, _said) = mpsc::channel(16);
    let mut pipe = Pipe::start(input, output, 0, sender);
    // The writer is in a write that does not end; what comes meanwhile fills the queue.
    pipe.outlet.say(line(1024));
    while !pipe.outlet.is_too_slow() {
        pipe.outlet.say(line(100 * 1024));
        tokio::task::yield_now().await;
    }
    pipe.ended().await;
    assert!(matches!(pipe.finish().await, Err(StartError::NotRead)));
}

#[tokio::test]
async fn the_end_of_the_input_is_seen_though_answers_are_not_read() {
    let (input, validator) = duplex(PIPE);
    let (output, _unread) = duplex(PIPE);
    let (sender, _said) = mpsc::channel(16);
    let mut pipe = Pipe::start(input, output, 0, sender);
    // The writer takes the first one and does not get on with it; the second one leaves no room for an answer.
    pipe.outlet.say(line(BATCH));
    pipe.outlet.say(line(900 * 1024));
    drop(validator);
    pipe.ended().await;
}

#[tokio::test]
async fn the_last_lines_leave_before_the_end() {
    let (output, mut validator) = duplex(PIPE);
    let (sender, mut said) = mpsc::channel(16);
    let mut pipe = Pipe::start(empty(), output, 1_000, sender);
    let Said::Joined(outlet) = said.recv().await.unwrap() else { panic!("something else") };
    pipe.ended().await;
    outlet.say(line(1_000));
    let read = tokio::spawn(async move {
        let mut read = Vec::new();
        validator.read_to_end(&mut read).await.unwrap();
        read
    });
    assert!(pipe.finish().await.is_ok());
    assert_eq!(read.await.unwrap().len(), 1_001);
}
