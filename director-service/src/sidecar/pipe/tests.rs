#![allow(clippy::unwrap_used)]

use super::*;
use tokio::io::BufReader;

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
