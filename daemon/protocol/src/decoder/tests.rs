use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::frame::{encode_control, encode_input, encode_output, encode_snapshot};
use crate::limits::MAX_FRAME_BYTES;

const SMALL_LIMIT: usize = 4096;

fn decode_all(decoder: &mut FrameDecoder, mut input: &[u8]) -> Result<Vec<Decoded>, FrameError> {
    let mut found = Vec::new();
    while let Some(decoded) = decoder.decode(&mut input)? {
        found.push(decoded);
    }
    assert!(input.is_empty(), "the decoder takes all it is given");
    Ok(found)
}

fn header_bytes(declared: u32, kind: u8) -> Vec<u8> {
    let mut bytes = declared.to_be_bytes().to_vec();
    bytes.push(kind);
    bytes
}

/// A stretch of the stream and what it must decode to.
fn piece() -> impl Strategy<Value = (Bytes, Decoded)> {
    let payload = || proptest::collection::vec(any::<u8>(), 0..2000);
    prop_oneof![
        payload().prop_map(|bytes| {
            let mut frame = header_bytes(u32::try_from(bytes.len()).unwrap(), 1);
            frame.extend_from_slice(&bytes);
            (
                Bytes::from(frame),
                Decoded::Frame(Frame::Control(Bytes::from(bytes))),
            )
        }),
        (any::<u64>(), payload()).prop_map(|(id, bytes)| {
            let session = SessionId(id);
            (
                encode_output(session, &bytes),
                Decoded::Frame(Frame::Output {
                    session,
                    bytes: bytes.into(),
                }),
            )
        }),
        (any::<u64>(), any::<u64>(), payload()).prop_map(|(id, offset, bytes)| {
            let session = SessionId(id);
            (
                encode_snapshot(session, offset, &bytes),
                Decoded::Frame(Frame::Snapshot {
                    session,
                    offset,
                    bytes: bytes.into(),
                }),
            )
        }),
        (any::<u64>(), any::<u64>(), payload()).prop_map(|(request, session, bytes)| {
            let (request, session) = (RequestId(request), SessionId(session));
            let frame = encode_input(request, session, &bytes);
            (
                frame,
                Decoded::Frame(Frame::Input {
                    request,
                    session,
                    bytes: bytes.into(),
                }),
            )
        }),
        (SMALL_LIMIT + 1..SMALL_LIMIT * 3).prop_map(|declared| {
            let mut frame = header_bytes(u32::try_from(declared).unwrap(), 2);
            frame.resize(HEADER_BYTES + declared, 0xff);
            (Bytes::from(frame), Decoded::Oversized { declared })
        }),
    ]
}

proptest! {
    #[test]
    fn any_chunking_of_a_stream_yields_the_same_frames(
        pieces in proptest::collection::vec(piece(), 0..8),
        cuts in proptest::collection::vec(1usize..3000, 1..64),
    ) {
        let stream: Vec<u8> = pieces.iter().flat_map(|(bytes, _)| bytes.to_vec()).collect();
        let expected: Vec<Decoded> = pieces.into_iter().map(|(_, decoded)| decoded).collect();
        let mut decoder = FrameDecoder::new(SMALL_LIMIT);
        let (mut found, mut rest, mut cuts) = (Vec::new(), &stream[..], cuts.into_iter().cycle());
        while !rest.is_empty() {
            let (chunk, tail) = rest.split_at(cuts.next().unwrap().min(rest.len()));
            rest = tail;
            found.extend(decode_all(&mut decoder, chunk).unwrap());
            prop_assert!(decoder.held_bytes() <= SMALL_LIMIT);
        }
        prop_assert_eq!(found, expected);
        prop_assert!(decoder.is_between_frames());
        prop_assert_eq!(decoder.held_bytes(), 0);
    }

    #[test]
    fn arbitrary_bytes_never_panic_and_hold_no_more_than_twice_what_arrived(
        chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..600), 0..20),
    ) {
        let mut decoder = FrameDecoder::new(MAX_FRAME_BYTES);
        let mut arrived = 0;
        for chunk in chunks {
            arrived += chunk.len();
            let failed = decode_all_lossy(&mut decoder, &chunk);
            prop_assert!(decoder.held_bytes() <= FIRST_PAYLOAD_BYTES.max(2 * arrived));
            if failed { break; }
        }
    }
}

fn decode_all_lossy(decoder: &mut FrameDecoder, mut input: &[u8]) -> bool {
    loop {
        match decoder.decode(&mut input) {
            Ok(Some(_)) => {}
            Ok(None) => return false,
            Err(_) => return true,
        }
    }
}

#[test]
fn a_header_that_declares_16_mib_allocates_nothing() {
    let mut decoder = FrameDecoder::new(MAX_FRAME_BYTES);
    let declared = 16 << 20;
    let found = decode_all(&mut decoder, &header_bytes(declared, 1)).unwrap();
    assert_eq!(
        found,
        [Decoded::Oversized {
            declared: declared as usize
        }]
    );
    assert_eq!(decoder.held_bytes(), 0);
}

#[test]
fn a_header_at_the_limit_allocates_only_what_arrives() {
    let mut decoder = FrameDecoder::new(MAX_FRAME_BYTES);
    let limit = u32::try_from(MAX_FRAME_BYTES).unwrap();
    assert_eq!(
        decode_all(&mut decoder, &header_bytes(limit, 1)).unwrap(),
        []
    );
    assert_eq!(decoder.held_bytes(), 0);
    decode_all(&mut decoder, &[0; 100]).unwrap();
    assert_eq!(decoder.held_bytes(), FIRST_PAYLOAD_BYTES);
}

#[test]
fn a_frame_beyond_sixteen_limits_ends_the_stream_for_good() {
    let mut decoder = FrameDecoder::new(SMALL_LIMIT);
    let declared = SMALL_LIMIT * FATAL_FRAME_FACTOR + 1;
    let header = header_bytes(u32::try_from(declared).unwrap(), 1);
    let error = FrameError::TooLarge {
        declared,
        limit: SMALL_LIMIT * FATAL_FRAME_FACTOR,
    };
    assert_eq!(decode_all(&mut decoder, &header), Err(error));
    assert_eq!(decode_all(&mut decoder, b"more"), Err(error));
}

#[test]
fn an_unknown_kind_ends_the_stream() {
    let mut decoder = FrameDecoder::new(SMALL_LIMIT);
    assert_eq!(
        decode_all(&mut decoder, &header_bytes(1, 9)),
        Err(FrameError::UnknownKind(9))
    );
}

#[test]
fn a_payload_without_room_for_its_ids_ends_the_stream() {
    let mut decoder = FrameDecoder::new(SMALL_LIMIT);
    assert_eq!(
        decode_all(&mut decoder, &header_bytes(15, 4)),
        Err(FrameError::TooShort {
            kind: 4,
            length: 15
        })
    );
}

#[test]
fn the_frame_after_a_skipped_one_is_read() {
    let mut decoder = FrameDecoder::new(8);
    let mut stream = header_bytes(9, 1);
    stream.extend_from_slice(&[b'x'; 9]);
    stream.extend_from_slice(&encode_control(&1));
    let found = decode_all(&mut decoder, &stream).unwrap();
    let expected = Decoded::Frame(Frame::Control(Bytes::from_static(b"1")));
    assert_eq!(found, [Decoded::Oversized { declared: 9 }, expected]);
}
