use proptest::prelude::*;
use sessiond_protocol::encode_output;

use super::*;

const SESSION: SessionId = SessionId(1);

fn resync(screen: &[u8], dropped_bytes: u64) -> Resync<'_> {
    Resync {
        session: SESSION,
        offset: 0,
        dropped_bytes,
        screen,
    }
}

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
    assert!(!outbox.push_snapshot(&resync(b"screen", 0), Urgency::WhenRoomy));
    outbox.call_when_roomy(&session);
    outbox.call_when_roomy(&session);
    assert_eq!(outbox.lock().behind.len(), 1);
    drain(&outbox);
    assert!(outbox.lock().behind.is_empty());
    assert!(outbox.push_snapshot(&resync(b"screen", 0), Urgency::WhenRoomy));
    assert_eq!(drain(&outbox), 1);
}

#[test]
fn the_last_screen_of_a_session_goes_behind_a_full_queue_and_only_once() {
    let outbox = Outbox::default();
    fill(&outbox);
    let screen = vec![b'x'; 32 << 10];
    assert!(outbox.push_snapshot(&resync(&screen, 0), Urgency::Last));
    assert!(!outbox.push_snapshot(&resync(&screen, 0), Urgency::Last));
}

#[test]
fn the_largest_snapshot_on_top_of_what_leaves_room_for_it_stays_below_the_bound() {
    let outbox = Outbox::default();
    assert!(outbox.push_output(&output(ROOMY_BYTES - 64)));
    let screen = vec![b'x'; SNAPSHOT_BYTES_MAX];
    assert!(outbox.push_snapshot(&resync(&screen, u64::MAX), Urgency::WhenRoomy));
    assert!(outbox.lock().bytes <= OUTPUT_BYTES_MAX);
}

#[test]
fn a_client_that_missed_output_is_told_how_much_before_the_screen_that_stands_for_it() {
    let outbox = Outbox::default();
    assert!(outbox.push_snapshot(&resync(b"screen", 4711), Urgency::WhenRoomy));
    let notice = outbox.lock().pop().unwrap();
    let notice = String::from_utf8_lossy(&notice[5..]).into_owned();
    let told = r#"{"notice":"resynced","params":{"session":1,"dropped_bytes":4711}}"#;
    assert_eq!(notice, told);
    assert_eq!(outbox.lock().frames.len(), 1);
}

#[derive(Debug, Clone)]
enum Put {
    Output(usize),
    Snapshot(usize),
    Write,
}

fn put() -> impl Strategy<Value = Put> {
    prop_oneof![
        (1usize..40_000).prop_map(Put::Output),
        (1..=SNAPSHOT_BYTES_MAX).prop_map(Put::Snapshot),
        Just(Put::Write),
    ]
}

proptest! {
    #[test]
    fn what_a_client_can_make_the_daemon_queue_is_bounded(
        puts in proptest::collection::vec(put(), 0..200),
    ) {
        let outbox = Outbox::default();
        for put in puts {
            match put {
                Put::Output(bytes) => {
                    let _ = outbox.push_output(&output(bytes));
                }
                Put::Snapshot(bytes) => {
                    let screen = vec![b'x'; bytes];
                    let _ = outbox.push_snapshot(&resync(&screen, 1), Urgency::WhenRoomy);
                }
                Put::Write => {
                    let frame = { outbox.lock().pop() };
                    if let Some(frame) = frame {
                        outbox.wrote(frame.len());
                    }
                }
            }
            let queue = outbox.lock();
            let held: usize = queue.frames.iter().map(|queued| queued.frame.len()).sum();
            prop_assert_eq!(held, queue.bytes);
            prop_assert!(queue.bytes <= OUTPUT_BYTES_MAX);
            prop_assert!(queue.frames.len() <= OUTPUT_FRAMES_MAX + 2);
        }
        drain(&outbox);
        prop_assert_eq!(outbox.queued_bytes(), 0);
    }
}

#[test]
fn a_silent_client_is_asked_once_and_then_gone_unless_it_is_heard() {
    let outbox = Arc::new(Outbox::default());
    outbox.heard();
    assert_eq!(outbox.pulse(), Pulse::Heard);
    assert_eq!(outbox.pulse(), Pulse::Asked);
    let ping = outbox.lock().take_ping().unwrap();
    assert_eq!(ping, encode_control(&Notice::Ping {}));
    assert_eq!(outbox.lock().take_ping(), None);
    outbox.wrote(ping.len());
    outbox.heard();
    assert_eq!(outbox.pulse(), Pulse::Heard);
    assert_eq!(outbox.pulse(), Pulse::Asked);
    assert_eq!(outbox.pulse(), Pulse::Gone);
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
        reason: sessiond_protocol::EndReason::Exited,
        session: SESSION,
        status: sessiond_protocol::ExitStatus::Code(0),
    });
    assert_eq!(drain(&outbox), 0);
    assert_eq!(outbox.lock().frames.capacity(), 0);
}
