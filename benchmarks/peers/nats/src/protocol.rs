//! Writes and reads as much of the text protocol of NATS as a publisher and subscriber needs.

use anyhow::{Context, Result, bail};

/// The first line of a client. Verbose, the server would answer every message.
pub(crate) const CONNECT: &[u8] = b"CONNECT {\"verbose\":false,\"pedantic\":false,\"echo\":false,\
    \"headers\":false,\"lang\":\"rust\",\"version\":\"0\",\"protocol\":0}\r\nSUB votes 1\r\nPING\r\n";
pub(crate) const PONG: &[u8] = b"PONG\r\n";
/// Longer messages are a mistake, and so are longer lines (INFO is the longest).
const MAX_MESSAGE: usize = 16 << 20;
const MAX_LINE: usize = 64 << 10;

/// The command that publishes a payload.
pub(crate) fn publish(payload: &[u8]) -> Vec<u8> {
    let mut command = format!("PUB votes {}\r\n", payload.len()).into_bytes();
    command.reserve_exact(payload.len() + 2);
    command.extend(payload);
    command.extend(b"\r\n");
    command
}

/// What a server sends.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Operation<'a> {
    Message(&'a [u8]),
    Ping,
    Pong,
    /// INFO and +OK: of no interest.
    Other,
}

/// The first operation and its length; `None` when it is not complete.
pub(crate) fn next(bytes: &[u8]) -> Result<Option<(Operation<'_>, usize)>> {
    let Some(end) = bytes.iter().position(|&byte| byte == b'\n') else {
        if bytes.len() > MAX_LINE {
            bail!("a line of more than 64 KiB: is it nats-server?");
        }
        return Ok(None);
    };
    let line = bytes[..end].trim_ascii_end();
    let (operation, length) = match line {
        [b'M', b'S', b'G', b' ', header @ ..] => {
            // Subject, subscription, perhaps a reply subject, and the length.
            let digits = header.rsplit(|&byte| byte == b' ').next();
            let payload: usize = digits
                .and_then(|digits| str::from_utf8(digits).ok()?.parse().ok())
                .filter(|&length| length <= MAX_MESSAGE)
                .context("a MSG without a length: is it nats-server?")?;
            let start = end + 1;
            if bytes.len() < start + payload + 2 {
                return Ok(None);
            }
            (Operation::Message(&bytes[start..start + payload]), start + payload + 2)
        }
        b"PING" => (Operation::Ping, end + 1),
        b"PONG" => (Operation::Pong, end + 1),
        [b'-', ..] => bail!("nats-server says: {}", String::from_utf8_lossy(line)),
        _ => (Operation::Other, end + 1),
    };
    Ok(Some((operation, length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_a_server_sends_however_it_is_cut() {
        let stream =
            b"INFO {}\r\nMSG votes 1 3\r\na\nb\r\nPING\r\nMSG votes 1 reply 0\r\n\r\nPONG\r\n";
        let (mut at, mut operations) = (0, Vec::new());
        for end in 0..=stream.len() {
            while let Some((operation, length)) = next(&stream[at..end]).unwrap() {
                operations.push(operation);
                at += length;
            }
        }
        let message = Operation::Message;
        let expected =
            [Operation::Other, message(b"a\nb"), Operation::Ping, message(b""), Operation::Pong];
        assert_eq!((operations.as_slice(), at), (&expected[..], stream.len()));
        assert!(next(b"-ERR 'Authorization Violation'\r\n").is_err());
        assert!(next(b"MSG votes 1 x\r\n").is_err());
    }
}
