use sessiond_protocol::encode_output;

use super::*;

const SESSION: SessionId = SessionId(1);

fn output(bytes: usize) -> Bytes {
    encode_output(SESSION, &vec![b'x'; bytes])
}

fn fill(outbox: &Outbox) -> usize {
    let frame = output(16 << 10);
    std::iter::from_fn(|| outbox.push_output(&frame).then_some(())).count()
}

/// Writes everything queued, as the connection would.
fn drain(outbox: &Outbox) -> usize {
    let mut frames = 0;
    while let Some(frame) = { outbox.lock().pop() } {
        outbox.wrote(frame.len());
        frames += 1;
    }
    frames
}

#[test]
fn output_that_nobody_reads_is_bounded_in_bytes_and_in_frames() {
    let outbox = Outbox::default();
    assert_eq!(fill(&outbox), OUTPUT_BYTES_MAX / (16 << 10) - 1);
    let outbox = Outbox::default();
    let tiny = output(1);
    let taken = std::iter::from_fn(|| outbox.push_output(&tiny).then_some(())).count();
    assert_eq!(taken, OUTPUT_FRAMES_MAX);
}

#[test]
fn a_client_that_is_behind_is_called_once_when_it_has_room_again() {
    let outbox = Outbox::default();
    let session = Arc::new(Notify::new());
    fill(&outbox);
    assert!(!outbox.push_snapshot(SESSION, b"screen", Urgency::WhenRoomy));
    outbox.call_when_roomy(&session);
    outbox.call_when_roomy(&session);
    assert_eq!(outbox.lock().behind.len(), 1);
    drain(&outbox);
    assert!(outbox.lock().behind.is_empty());
    assert!(outbox.push_snapshot(SESSION, b"screen", Urgency::WhenRoomy));
    assert_eq!(drain(&outbox), 1);
}

#[test]
fn the_last_screen_of_a_session_goes_behind_a_full_queue_and_only_once() {
    let outbox = Outbox::default();
    fill(&outbox);
    let screen = vec![b'x'; 32 << 10];
    assert!(outbox.push_snapshot(SESSION, &screen, Urgency::Last));
    assert!(!outbox.push_snapshot(SESSION, &screen, Urgency::Last));
}

#[test]
fn the_largest_snapshot_on_top_of_what_leaves_room_for_it_stays_below_the_bound() {
    let outbox = Outbox::default();
    assert!(outbox.push_output(&output(ROOMY_BYTES - 64)));
    let screen = vec![b'x'; SNAPSHOT_BYTES_MAX];
    assert!(outbox.push_snapshot(SESSION, &screen, Urgency::WhenRoomy));
    assert!(outbox.lock().bytes <= OUTPUT_BYTES_MAX);
}

#[test]
fn replies_are_taken_when_output_is_not() {
    let outbox = Outbox::default();
    let frames = fill(&outbox);
    outbox.begin_request().unwrap();
    outbox.reply(RequestId(1), Ok(Success::Pong {}));
    assert_eq!(drain(&outbox), frames + 1);
}

#[test]
fn the_sixty_fifth_unanswered_request_is_refused() {
    let outbox = Outbox::default();
    for _ in 0..REQUESTS_IN_FLIGHT_MAX {
        outbox.begin_request().unwrap();
    }
    assert_eq!(outbox.begin_request().unwrap_err().code, ErrorCode::Busy);
    outbox.reply(RequestId(1), Ok(Success::Pong {}));
    assert!(outbox.begin_request().is_ok());
}

#[test]
fn a_closed_queue_holds_nothing_and_takes_nothing() {
    let outbox = Outbox::default();
    fill(&outbox);
    outbox.close();
    assert!(outbox.push_output(&output(1)));
    outbox.notify(&Notice::Exited {
        session: SESSION,
        status: sessiond_protocol::ExitStatus::Code(0),
    });
    assert_eq!(drain(&outbox), 0);
    assert_eq!(outbox.lock().frames.capacity(), 0);
}
