//! Messages on a byte stream: how one is written, and where one that came ends.

use super::received::{RECEIVED_MAX, Received, excerpt, find};
use crate::config::Framing;
use crate::scenario::{Framed, Payload};

/// A header that is longer is none.
const HEADER_MAX: usize = 8 * 1024;

/// A message as it goes out: its text, or a header and so many bytes `x`, and what ends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// Bytes that are held.
    pub(super) head: Vec<u8>,
    /// Bytes `x` that follow.
    pub(super) fill: u64,
    /// What ends it.
    pub(super) tail: &'static [u8],
}

impl Message {
    /// A message of this payload.
    pub(super) fn new(payload: &Payload, framed: Framed, framing: Framing) -> Message {
        let (body, fill) = match payload {
            Payload::Text(text) => (text.as_bytes(), 0),
            Payload::Exact(bytes) => (bytes.as_slice(), 0),
            Payload::Fill(bytes) => (&[][..], bytes.0),
        };
        let (mut head, tail): (Vec<u8>, &'static [u8]) = match (framed, framing) {
            (Framed::Raw, _) | (_, Framing::Raw) => (Vec::new(), b""),
            (Framed::Whole, Framing::Lines | Framing::JsonRpcLines) => (Vec::new(), b"\n"),
            (Framed::Whole, Framing::JsonRpcHeaders) => {
                let length = body.len() as u64 + fill;
                (format!("Content-Length: {length}\r\n\r\n").into(), b"")
            }
        };
        head.extend_from_slice(body);
        Message { head, fill, tail }
    }

    /// Bytes in all.
    pub(super) fn length(&self) -> u64 {
        self.head.len() as u64 + self.fill + self.tail.len() as u64
    }
}

/// Takes the next whole message, without its frame; none when more has to come.
///
/// Where the framing has no messages, a line is one.
///
/// # Errors
/// What came cannot be the beginning of a message, in words.
pub(super) fn next_message(
    framing: Framing,
    received: &mut Received,
) -> Result<Option<Vec<u8>>, String> {
    match framing {
        Framing::Raw | Framing::Lines | Framing::JsonRpcLines => {
            let Some(end) = received.find(b"\n") else {
                return Ok(None);
            };
            let mut line = received.take(end + 1);
            line.pop();
            line.pop_if(|last| *last == b'\r');
            Ok(Some(line))
        }
        Framing::JsonRpcHeaders => with_header(received),
    }
}

fn with_header(received: &mut Received) -> Result<Option<Vec<u8>>, String> {
    const END: &[u8] = b"\r\n\r\n";
    let Some(end) = find(
        &received.bytes()[..received.bytes().len().min(HEADER_MAX)],
        END,
    ) else {
        return match received.bytes().len() < HEADER_MAX {
            true => Ok(None),
            false => Err(format!("no header: {}", excerpt(received.bytes()))),
        };
    };
    let header = String::from_utf8_lossy(&received.bytes()[..end]).into_owned();
    let length = header.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim()
            .eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse::<usize>().ok())?
    });
    let Some(length) = length else {
        let text = excerpt(header.as_bytes());
        return Err(format!("a header without a `Content-Length`: {text}"));
    };
    if length > RECEIVED_MAX {
        return Err(format!(
            "a message of {length} bytes; at most {RECEIVED_MAX} are read as one"
        ));
    }
    let whole = end + END.len() + length;
    if received.bytes().len() < whole {
        return Ok(None);
    }
    Ok(Some(received.take(whole).split_off(end + END.len())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Bytes;

    fn received(bytes: &[u8]) -> Received {
        let mut received = Received::default();
        received.room().extend_from_slice(bytes);
        received
    }

    fn sent(payload: &Payload, framed: Framed, framing: Framing) -> Vec<u8> {
        let message = Message::new(payload, framed, framing);
        let fill = vec![b'x'; usize::try_from(message.fill).unwrap()];
        let bytes = [&message.head, fill.as_slice(), message.tail].concat();
        assert_eq!(bytes.len() as u64, message.length());
        bytes
    }

    #[test]
    fn a_message_has_the_frame_of_its_framing_and_a_raw_one_has_none() {
        let text = Payload::Text("{}".to_owned());
        let fill = Payload::Fill(Bytes(3));
        assert_eq!(sent(&text, Framed::Whole, Framing::Raw), b"{}");
        assert_eq!(sent(&fill, Framed::Whole, Framing::Lines), b"xxx\n");
        assert_eq!(sent(&fill, Framed::Raw, Framing::Lines), b"xxx");
        let header = b"Content-Length: 3\r\n\r\nxxx";
        assert_eq!(sent(&fill, Framed::Whole, Framing::JsonRpcHeaders), header);
    }

    #[test]
    fn lines_are_taken_one_by_one_however_they_end() {
        let mut received = received(b"one\r\ntwo\nthr");
        let mut next = || next_message(Framing::Lines, &mut received);
        assert_eq!(next(), Ok(Some(b"one".to_vec())));
        assert_eq!(next(), Ok(Some(b"two".to_vec())));
        assert_eq!(next(), Ok(None));
        assert_eq!(received.bytes(), b"thr");
    }

    #[test]
    fn a_message_behind_a_header_is_taken_when_it_is_whole() {
        let bytes = b"content-length: 4\r\nContent-Type: x\r\n\r\nbodyContent";
        for end in 0..41 {
            let mut part = received(&bytes[..end]);
            assert_eq!(next_message(Framing::JsonRpcHeaders, &mut part), Ok(None));
        }
        let mut whole = received(bytes);
        let taken = next_message(Framing::JsonRpcHeaders, &mut whole);
        assert_eq!(taken, Ok(Some(b"body".to_vec())));
        assert_eq!(whole.bytes(), b"Content");
    }

    #[test]
    fn what_cannot_become_a_message_is_refused() {
        for wrong in [
            "Content-Type: x\r\n\r\n".to_owned(),
            "Content-Length: -1\r\n\r\n".to_owned(),
            "Content-Length: 2000000\r\n\r\n".to_owned(),
            "x".repeat(HEADER_MAX),
        ] {
            let mut received = received(wrong.as_bytes());
            assert!(next_message(Framing::JsonRpcHeaders, &mut received).is_err());
        }
    }
}
