//! What is fuzzed: each function takes arbitrary bytes and panics when something does not hold that holds for all bytes.
//!
//! The package in `fuzz/` gives them to libFuzzer, the tests here bytes that are like those in `fuzz/seeds`. Nothing else is to be
//! reached from outside for that. docs/fuzzing.md says how it is run, and what the bytes mean.

use std::path::Path;

use sessiond_protocol::{Decoded, FrameDecoder, FrameError, parse_client_hello, parse_request};
use sessiond_screen::{Screen, ScrollbackLimit, Size};

/// Bytes of a frame: few, so that larger ones are common.
const FRAME_BYTES_MAX: usize = 200;

const SCROLLBACK: ScrollbackLimit = ScrollbackLimit {
    lines: 20,
    bytes: 8 << 10,
};

/// What clients of a shared MCP server and the server say to each other.
///
/// # Panics
/// When something of one client reaches another, or is held beyond its bound.
pub fn mcp(input: &[u8]) {
    crate::mcp::fuzzed::run(input);
}

/// What a client of the HTTP interface says on its connection, with a token that is `a-token-that-is-known`.
///
/// # Panics
/// When something else than HTTP is answered, or a body's share is not given back.
pub fn http(input: &[u8]) {
    crate::http::fuzzed::run(input);
}

/// A line of a transcript, in every format.
///
/// # Panics
/// When more comes out of it than may.
pub fn transcript_line(input: &[u8]) {
    crate::transcripts::fuzzed::line(input);
}

/// What happens to a transcript's file while it is followed. `directory` is to be empty.
///
/// # Panics
/// When following it has come to something else than reading it at once.
pub fn transcript_file(input: &[u8], directory: &Path) {
    crate::transcripts::fuzzed::file(input, directory);
}

/// A transcript's file that is read from some place on. `directory` is to be empty.
///
/// # Panics
/// When an answer is not what it should be.
pub fn transcript_pieces(input: &[u8], directory: &Path) {
    crate::transcripts::fuzzed::pieces(input, directory);
}

/// Frames, in pieces as long as the first byte says, and what they say.
///
/// # Panics
/// When the pieces make a difference, or more is held than has come.
pub fn frames(input: &[u8]) {
    let Some((piece, stream)) = input.split_first() else {
        return;
    };
    let (whole, pieces) = (
        decode(stream, stream.len()),
        decode(stream, usize::from(*piece)),
    );
    assert_eq!(whole, pieces, "in pieces of {piece}");
    for decoded in whole.0 {
        let Decoded::Frame(sessiond_protocol::Frame::Control(json)) = decoded else {
            continue;
        };
        let _ = parse_client_hello(&json);
        if let Ok((id, request)) = parse_request(&json) {
            let again = serde_json::to_vec(&Asked {
                id,
                request: &request,
            });
            let again = parse_request(&again.expect("it is JSON")).ok();
            assert_eq!(again, Some((id, request)), "read and written");
        }
        let _ = sessiond_protocol::ServerMessage::parse(&json);
    }
}

/// A request as a client writes it.
#[derive(serde::Serialize)]
struct Asked<'a> {
    id: sessiond_protocol::RequestId,
    #[serde(flatten)]
    request: &'a sessiond_protocol::Request,
}

fn decode(stream: &[u8], piece: usize) -> (Vec<Decoded>, Option<FrameError>) {
    let mut decoder = FrameDecoder::new(FRAME_BYTES_MAX);
    let mut found = Vec::new();
    for mut piece in stream.chunks(piece.max(1)) {
        loop {
            match decoder.decode(&mut piece) {
                Ok(Some(decoded)) => found.push(decoded),
                Ok(None) => break,
                Err(error) => return (found, Some(error)),
            }
        }
        assert!(decoder.held_bytes() <= FRAME_BYTES_MAX, "held");
    }
    (found, None)
}

/// Output of a program on a terminal whose size the first two bytes say, in pieces as long as the third says.
///
/// # Panics
/// When the pieces make a difference, a snapshot shows something else, or more is held than a screen of that size may hold.
pub fn screen(input: &[u8]) {
    let Some(([rows, columns, piece], output)) = input.split_first_chunk() else {
        return;
    };
    let side = |byte: u8| u16::from(byte % 64) + 1;
    let size = Size::new(side(*rows), side(*columns)).expect("small sides");
    let (mut whole, mut pieces) = (Screen::new(size, SCROLLBACK), Screen::new(size, SCROLLBACK));
    whole.feed(output);
    for piece in output.chunks(usize::from(*piece).max(1)) {
        pieces.feed(piece);
        let cursor = pieces.cursor();
        assert!(cursor.row < size.rows() && cursor.column < size.columns());
        assert!(pieces.retained_bytes() <= screen_bytes_max(size), "held");
        pieces.take_replies();
    }
    assert!(whole.shows_same_as(&pieces), "in pieces of {piece}");
    let mut copy = Screen::new(size, SCROLLBACK);
    copy.feed(&whole.snapshot());
    assert!(copy.shows_same_as(&whole), "rebuilt");
}

/// The cells of a screen in both buffers, its history, a title and answers.
fn screen_bytes_max(size: Size) -> usize {
    let cells = usize::from(size.rows()) * usize::from(size.columns());
    2 * (cells * (12 + 32) + usize::from(size.rows()) * 192) + SCROLLBACK.bytes + 8 * 1024
}

#[cfg(test)]
mod tests {
    use std::fs;

    use proptest::prelude::*;
    use proptest::test_runner::TestRunner;

    use super::*;

    /// A seed that some bytes are put into, taken out of and exchanged in; and another behind it.
    fn like(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
        let bytes = prop_oneof![
            prop::sample::select(&b"\0\n\"\\{}[]:,123s-!*>awrtd\x1b;m"[..])
                .prop_map(|byte| vec![byte]),
            prop::collection::vec(any::<u8>(), 0..4),
        ];
        let edit = (any::<prop::sample::Index>(), 0..6_usize, bytes);
        let seed = prop::sample::select(seeds);
        (
            seed.clone(),
            prop::option::of(seed),
            prop::collection::vec(edit, 0..6),
        )
            .prop_map(|(mut input, more, edits)| {
                if let Some(more) = more {
                    input.push(0);
                    input.extend(more);
                }
                for (at, out, bytes) in edits {
                    let at = at.index(input.len() + 1);
                    let end = (at + out).min(input.len());
                    input.splice(at..end, bytes);
                }
                input
            })
    }

    /// Every seed of a target, as often changed as there are `cases`.
    fn smoke(target: &str, cases: u32, run: impl Fn(&[u8])) {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds");
        let files = fs::read_dir(directory.join(target)).unwrap();
        let seeds: Vec<_> = files
            .map(|file| fs::read(file.unwrap().path()).unwrap())
            .collect();
        assert!(!seeds.is_empty());
        seeds.iter().for_each(|seed| run(seed));
        let mut runner = TestRunner::new(ProptestConfig::with_cases(cases));
        let tried = runner.run(&like(seeds), |input| {
            run(&input);
            Ok(())
        });
        if let Err(failed) = tried {
            panic!("{failed}");
        }
    }

    #[test]
    fn nothing_of_one_client_of_a_shared_server_reaches_another() {
        smoke("mcp", 4000, mcp);
    }

    #[test]
    fn whatever_is_said_on_a_connection_of_http_it_comes_to_an_end() {
        smoke("http", 1000, http);
    }

    #[test]
    fn no_line_of_a_transcript_makes_more_of_itself_than_it_is() {
        smoke("transcript_line", 2000, transcript_line);
    }

    #[test]
    fn a_file_that_is_followed_is_known_as_one_that_is_read_at_once() {
        let directory = tempfile::tempdir().unwrap();
        smoke("transcript_file", 400, |input| {
            transcript_file(input, directory.path())
        });
    }

    #[test]
    fn a_file_is_read_from_where_a_line_begins() {
        let directory = tempfile::tempdir().unwrap();
        smoke("transcript_pieces", 400, |input| {
            transcript_pieces(input, directory.path())
        });
    }

    #[test]
    fn frames_are_the_same_in_any_pieces() {
        smoke("frames", 2000, frames);
    }

    #[test]
    fn a_screen_is_the_same_in_any_pieces() {
        smoke("screen", 1000, screen);
    }
}
