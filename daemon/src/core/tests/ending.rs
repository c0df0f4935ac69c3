//! How sessions end, and what can be read of them afterwards.

use sessiond_protocol::{
    AttachParams, EndReason, ExitStatus, Notice, Request, ScreenParams, TranscriptsRequest,
};

use super::super::waiting::WAITERS_PER_SESSION_MAX;
use super::world::*;
use crate::core::*;

#[test]
fn an_exited_session_is_read_until_it_is_closed_or_too_old() {
    let mut world = World::new();
    let client = world.connect(1);
    let (first, second) = (world.run(client), world.run(client));
    world.end(first);
    world.end(second);
    let read = world.ask(
        client,
        Request::Screen(ScreenParams {
            session: first.into(),
            scrollback: 0,
        }),
    );
    let Ok(Success::Screen { screen }) = &world.answers[&read] else {
        panic!("no screen")
    };
    assert_eq!(screen.rows, ["final"]);
    let status = ExitStatus::Code(0);
    let waited = world.ask(client, wait(first, None));
    assert_eq!(world.answers[&waited], Ok(Success::Exited { status }));
    let closed = world.ask(client, Request::Close(by_id(first)));
    let status = Some(status);
    assert_eq!(world.answers[&closed], Ok(Success::Closed { status }));
    let gone = world.ask(client, Request::Get(by_id(first)));
    assert_eq!(world.code(gone), Some(ErrorCode::NotFound));
    world.pass(TOMBSTONE_AGE_MAX.as_secs());
    let gone = world.ask(client, Request::Get(by_id(second)));
    assert_eq!(world.code(gone), Some(ErrorCode::NotFound));
}

#[test]
fn what_hangs_off_a_session_is_over_with_its_last_process_and_not_with_its_record() {
    let mut world = World::new();
    let client = world.connect(1);
    let (exited, closed) = (world.run(client), world.run(client));
    world.ask(client, Request::Restart(by_id(closed)));
    world.end(closed);
    world.start(closed);
    assert_eq!(world.over, [], "another process follows");
    let watch = |session: SessionId| {
        Request::Transcripts(TranscriptsRequest::Watch {
            path: "/a".to_owned(),
            format: None,
            session: Some(session.into()),
        })
    };
    let is_live = |world: &World, session: SessionId| world.core.live(&session.into()).is_some();
    world.end(exited);
    assert_eq!(world.over, [exited]);
    let refused = world.ask(client, watch(exited));
    assert_eq!(world.code(refused), Some(ErrorCode::Exited));
    world.ask(client, Request::Close(by_id(closed)));
    let refused = world.ask(client, watch(closed));
    assert_eq!(world.code(refused), Some(ErrorCode::Exited));
    assert!(is_live(&world, closed));
    world.end(closed);
    assert!(!is_live(&world, exited));
    assert!(!is_live(&world, closed));
    assert_eq!(world.over, [exited, closed]);
}

#[test]
fn of_more_exited_sessions_than_are_kept_the_first_goes_first() {
    let mut world = World::new();
    let client = world.connect(1);
    let sessions: Vec<SessionId> = (0..=TOMBSTONES_MAX).map(|_| world.run(client)).collect();
    // Not in the order in which they were created, and a second apart.
    for session in sessions.iter().rev() {
        world.seconds += 1;
        world.end(*session);
    }
    assert_eq!(world.core.sessions.len(), TOMBSTONES_MAX);
    assert_eq!(world.state(*sessions.last().unwrap()), None);
}

#[test]
fn a_session_closed_while_it_starts_is_created_and_then_closed() {
    let mut world = World::new();
    let client = world.connect(1);
    let session = world.create(client, None).unwrap();
    let close = world.ask(client, Request::Close(by_id(session)));
    world.start(session);
    assert!(world.ending.contains(&session) && !world.answers.contains_key(&close));
    world.end(session);
    assert!(matches!(world.answers[&close], Ok(Success::Closed { .. })));
    assert_eq!(world.core.sessions.len(), 0);
}

#[test]
fn everybody_attached_is_told_of_the_end_and_a_client_that_left_is_not() {
    let mut world = World::new();
    let clients = [world.connect(1), world.connect(2), world.connect(3)];
    let session = world.run(clients[0]);
    for client in clients {
        let attach = Request::Attach(AttachParams::new(session));
        world.ask(client, attach.clone());
        world.ask(client, attach); // once more changes nothing
    }
    world.disconnect(clients[2]);
    world.end(session);
    let told = Notice::Exited {
        session,
        status: ExitStatus::Code(0),
        reason: EndReason::Exited,
    };
    let expected = [(clients[0], told.clone()), (clients[1], told)];
    assert_eq!(world.notices, expected);
}

#[test]
fn close_all_is_answered_when_the_last_is_gone() {
    let mut world = World::new();
    let client = world.connect(1);
    let (first, second, exited) = (world.run(client), world.run(client), world.run(client));
    let starting = world.create(client, None).unwrap();
    world.end(exited);
    let all = world.ask(client, Request::CloseAll);
    world.start(starting);
    for session in [first, second, starting] {
        assert!(!world.answers.contains_key(&all));
        world.end(session);
    }
    assert_eq!(world.answers[&all], Ok(Success::ClosedAll { sessions: 4 }));
    let none = world.ask(client, Request::CloseAll);
    assert_eq!(world.answers[&none], Ok(Success::ClosedAll { sessions: 0 }));
}

#[test]
fn a_run_is_answered_with_its_output_and_nothing_of_it_stays() {
    let mut world = World::new();
    let client = world.connect(1);
    let ran = world.ask(client, run_params(None));
    let session = world.starting[0];
    world.start(session);
    world.end_with(session, ExitStatus::Code(3));
    let Ok(Success::Ran { run }) = &world.answers[&ran] else {
        panic!("{:?}", world.answers[&ran])
    };
    assert_eq!((run.status, &*run.output), (ExitStatus::Code(3), "final"));
    assert_eq!(world.core.sessions.len(), 0);
}

#[test]
fn a_run_ends_with_its_time_or_with_its_client() {
    let mut world = World::new();
    let (client, other) = (world.connect(1), world.connect(2));
    let ran = world.ask(client, run_params(Some(5000)));
    let session = world.starting[0];
    world.start(session);
    world.pass(5);
    assert!(world.ending.contains(&session));
    world.end_with(session, ExitStatus::Signal(1));
    assert!(matches!(&world.answers[&ran], Ok(Success::Ran { run }) if run.timed_out));
    world.ask(other, run_params(None));
    let session = world.starting[0];
    world.start(session);
    world.disconnect(other);
    assert!(world.ending.contains(&session));
    world.end(session);
    assert_eq!(world.core.sessions.len(), 0);
}

#[test]
fn a_run_whose_time_is_over_before_its_turn_is_timed_out() {
    let mut world = World::new();
    let client = world.connect(1);
    for _ in 0..STARTS_MAX {
        world.create(client, None).unwrap();
    }
    let ran = world.ask(client, run_params(Some(5000)));
    world.pass(5);
    assert_eq!(world.code(ran), Some(ErrorCode::Timeout));
    assert_eq!(world.core.sessions.len(), STARTS_MAX);
}

#[test]
fn whoever_leaves_waits_no_longer_for_the_end_that_he_asked_for() {
    let mut world = World::new();
    let (client, stays) = (world.connect(1), world.connect(2));
    let (first, second) = (world.run(client), world.run(client));
    let kept = world.ask(stays, Request::Close(by_id(first)));
    world.ask(client, Request::Close(by_id(first)));
    world.ask(client, Request::CloseAll);
    world.disconnect(client);
    let closers = |session| {
        let entry = world.core.sessions.get(session).unwrap();
        entry.calls.closers.len()
    };
    assert_eq!((closers(first), closers(second)), (1, 0));
    world.end(first);
    world.end(second);
    assert!(matches!(world.answers[&kept], Ok(Success::Closed { .. })));
    assert_eq!(world.core.sessions.len(), 0);
}

#[test]
fn more_than_so_many_do_not_wait_for_one_end() {
    let mut world = World::new();
    let client = world.connect(1);
    let (session, other) = (world.run(client), world.run(client));
    let close = Request::Close(by_id(session));
    let asked: Vec<_> = (0..WAITERS_PER_SESSION_MAX)
        .map(|_| world.ask(client, close.clone()))
        .collect();
    for request in [close, Request::CloseAll] {
        let refused = world.ask(client, request);
        assert_eq!(world.code(refused), Some(ErrorCode::Limit));
    }
    assert!(
        !world.ending.contains(&other),
        "what is refused does nothing"
    );
    world.end(session);
    assert!(asked.iter().all(|id| world.answers[id].is_ok()));
}

#[test]
fn a_run_that_ended_by_itself_in_time_is_not_timed_out_by_what_it_left_behind() {
    let mut world = World::new();
    let client = world.connect(1);
    for (by, timed_out) in [(EndedBy::Itself, false), (EndedBy::Daemon, true)] {
        let ran = world.ask(client, run_params(Some(5000)));
        let session = world.starting[0];
        world.start(session);
        world.pass(5);
        world.end_by(session, ExitStatus::Code(0), by);
        let Ok(Success::Ran { run }) = &world.answers[&ran] else {
            panic!("{:?}", world.answers[&ran])
        };
        assert_eq!(run.timed_out, timed_out, "{by:?}");
    }
    assert_eq!(world.core.sessions.len(), 0);
}

#[test]
fn a_client_has_so_many_runs_under_way_and_no_more_and_the_others_have_their_own() {
    let mut world = World::new();
    let (greedy, other) = (world.connect(1), world.connect(2));
    let runs: Vec<_> = (0..RUNS_PER_CLIENT_MAX)
        .map(|_| world.ask(greedy, run_params(None)))
        .collect();
    let beyond = world.ask(greedy, run_params(None));
    assert_eq!(world.code(beyond), Some(ErrorCode::Limit));
    let of_other = world.ask(other, run_params(None));
    assert_eq!(world.code(of_other), None);
    let session = world.starting[0];
    world.start(session);
    world.end(session);
    assert!(world.answers[&runs[0]].is_ok());
    let next = world.ask(greedy, run_params(None));
    assert_eq!(world.code(next), None);
}
