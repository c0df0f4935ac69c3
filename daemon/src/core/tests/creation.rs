//! What is started: new sessions and old ones, each once, in their turn, within the limits.

use sessiond_protocol::{
    AttachParams, CreateParams, ExitStatus, IfExists, Notice, RenameParams, Request, RequestId,
    RunParams, SessionState,
};

use super::super::waiting::WAITERS_PER_SESSION_MAX;
use super::world::*;
use crate::core::*;

fn get(name: &str) -> CreateParams {
    CreateParams {
        if_exists: IfExists::Get,
        ..params(Some(name))
    }
}

/// The session that a get-or-create was answered with, and whether it is new.
fn got(world: &World, id: RequestId) -> (SessionId, bool) {
    match &world.answers[&id] {
        Ok(Success::Created { session, created }) => (session.id, *created),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_client_beyond_the_limit_is_refused() {
    let mut world = World::new();
    let clients_max = world.core.settings.clients_max as u64;
    for client in 0..clients_max {
        world.connect(client);
    }
    let one_more = world.connect(clients_max);
    assert!(!world.connected.contains(&one_more));
}

#[test]
fn the_session_beyond_the_limit_is_refused_and_the_starts_take_turns() {
    let mut world = World::with(Settings {
        sessions_max: 40,
        ..Settings::default()
    });
    let client = world.connect(1);
    let asked: Vec<RequestId> = (0..40)
        .map(|_| world.ask(client, Request::Create(params(None))))
        .collect();
    assert_eq!(world.starting.len(), STARTS_MAX);
    assert_eq!(world.state(SessionId(17)), Some(SessionState::Queued));
    let refused = world.create(client, None).unwrap_err();
    assert_eq!(world.code(refused), Some(ErrorCode::Limit));
    let mut order = Vec::new();
    while let Some(session) = world.starting.first().copied() {
        order.push(session.0);
        world.start(session);
        world.check();
    }
    assert!(order.into_iter().eq(1..=40));
    assert!(asked.iter().all(|id| got(&world, *id).1));
}

#[test]
fn two_that_want_one_name_get_one_session() {
    let mut world = World::new();
    let (first, second) = (world.connect(1), world.connect(2));
    let new = world.ask(first, Request::Create(get("build")));
    let same = world.ask(second, Request::Create(get("build")));
    let [session] = world.starting[..] else {
        panic!("{:?}", world.starting)
    };
    world.start(session);
    let later = world.ask(second, Request::Create(get("build")));
    assert_eq!(got(&world, new), (session, true));
    assert_eq!(got(&world, same), (session, false));
    assert_eq!(got(&world, later), (session, false));
    world.end(session);
    let again = world.create_with(first, get("build")).unwrap();
    assert!(again > session, "an exited session gives its name up");
}

#[test]
fn two_that_want_one_name_hear_of_one_failure() {
    let mut world = World::new();
    let client = world.connect(1);
    let asked = [0, 1].map(|_| world.ask(client, Request::Create(get("build"))));
    world.fail(world.starting[0]);
    assert!(
        asked
            .iter()
            .all(|id| world.code(*id) == Some(ErrorCode::SpawnFailed))
    );
    assert_eq!(world.core.sessions.len(), 0);
}

#[test]
fn a_session_that_is_being_ended_is_replaced_when_it_has_ended() {
    let mut world = World::with(Settings {
        sessions_max: 1,
        ..Settings::default()
    });
    let client = world.connect(1);
    let old = world.run_with(client, params(Some("build")));
    world.ask(client, Request::Close(by_id(old)));
    let refused = world.ask(client, Request::Create(params(Some("build"))));
    assert_eq!(world.code(refused), Some(ErrorCode::NameTaken));
    let new = world.ask(client, Request::Create(get("build")));
    let same = world.ask(client, Request::Create(get("build")));
    assert!(world.starting.is_empty(), "one child of a name");
    world.end(old);
    let session = world.starting[0];
    world.start(session);
    assert_eq!(got(&world, new), (session, true));
    assert_eq!(got(&world, same), (session, false));
    world.check();
}

#[test]
fn a_replacement_that_is_closed_before_it_started_leaves_the_name_taken() {
    let mut world = World::new();
    let client = world.connect(1);
    let old = world.run_with(client, params(Some("build")));
    world.ask(client, Request::Close(by_id(old)));
    let new = world.ask(client, Request::Create(get("build")));
    world.ask(client, Request::Close(by_id(SessionId(old.0 + 1))));
    assert_eq!(world.code(new), Some(ErrorCode::NotFound));
    let third = world.ask(client, Request::Create(get("build")));
    assert!(world.starting.is_empty() && !world.answers.contains_key(&third));
    world.end(old);
    world.start(world.starting[0]);
    assert!(got(&world, third).1);
}

#[test]
fn a_restart_ends_the_process_and_starts_another_for_the_same_clients() {
    let mut world = World::new();
    let (client, watcher) = (world.connect(1), world.connect(2));
    let session = world.run_with(client, params(Some("build")));
    let attach = Request::Attach(AttachParams::new(session));
    world.ask(watcher, attach);
    let waits = world.ask(watcher, wait(session, None));
    let restart = world.ask(client, Request::Restart(by_id(session)));
    assert!(world.ending.contains(&session));
    world.end_with(session, ExitStatus::Signal(1));
    assert_eq!(world.starting, [session]);
    world.start(session);
    let Ok(Success::Restarted { session: info }) = &world.answers[&restart] else {
        panic!("{:?}", world.answers[&restart])
    };
    assert_eq!((info.id, info.starts, info.clients), (session, 2, 1));
    assert!(matches!(
        world.notices[..],
        [(_, Notice::Respawning { in_ms: 0, .. })]
    ));
    assert!(!world.answers.contains_key(&waits), "it has not ended yet");
    world.end(session);
    assert!(world.answers.contains_key(&waits));
    // And from what is left of it.
    let restart = world.ask(client, Request::Restart(by_id(session)));
    world.start(world.starting[0]);
    assert!(world.answers[&restart].is_ok());
    world.check();
}

#[test]
fn a_restart_that_cannot_be_started_leaves_the_reason() {
    let mut world = World::new();
    let client = world.connect(1);
    let session = world.run(client);
    let restart = world.ask(client, Request::Restart(by_id(session)));
    world.end(session);
    world.fail(session);
    assert_eq!(world.code(restart), Some(ErrorCode::SpawnFailed));
    let Some(SessionState::Failed { reason, .. }) = world.state(session) else {
        panic!("{:?}", world.state(session))
    };
    assert_eq!(reason, "it cannot be started: as the test wants");
}

#[test]
fn what_starts_or_is_too_large_or_is_closed_cannot_be_restarted() {
    let mut world = World::new();
    let client = world.connect(1);
    let starting = world.create(client, None).unwrap();
    let large = CreateParams {
        command: vec!["agent".to_owned(), "x".repeat(100_000)],
        ..CreateParams::default()
    };
    let large = world.run_with(client, large);
    let closed = world.run(client);
    world.ask(client, Request::Close(by_id(closed)));
    for (session, code) in [
        (starting, ErrorCode::Busy),
        (large, ErrorCode::TooLarge),
        (closed, ErrorCode::Exited),
        (SessionId(99), ErrorCode::NotFound),
    ] {
        let refused = world.ask(client, Request::Restart(by_id(session)));
        assert_eq!(world.code(refused), Some(code));
    }
}

#[test]
fn a_name_goes_with_a_rename_and_only_where_it_is_free() {
    let mut world = World::new();
    let client = world.connect(1);
    let (one, two) = (
        world.run_with(client, params(Some("one"))),
        world.run_with(client, params(Some("two"))),
    );
    let rename = |session: SessionId, name: Option<&str>| {
        Request::Rename(RenameParams {
            session: session.into(),
            name: name.map(|name| name.parse().unwrap()),
        })
    };
    let taken = world.ask(client, rename(one, Some("two")));
    assert_eq!(world.code(taken), Some(ErrorCode::NameTaken));
    let same = world.ask(client, rename(one, Some("one")));
    assert!(world.answers[&same].is_ok());
    world.end(two);
    let freed = world.ask(client, rename(one, Some("two")));
    assert!(world.answers[&freed].is_ok());
    assert_eq!(
        world.state(two),
        None,
        "an exited session gives its name up"
    );
    world.ask(client, rename(one, None));
    assert!(world.create(client, Some("two")).is_ok());
    world.check();
}

#[test]
fn more_that_wait_for_one_session_than_may_are_refused() {
    let mut world = World::new();
    let client = world.connect(1);
    let session = world.run(client);
    for _ in 0..WAITERS_PER_SESSION_MAX {
        world.ask(client, wait(session, None));
    }
    let refused = world.ask(client, wait(session, None));
    assert_eq!(world.code(refused), Some(ErrorCode::Limit));
    world.end(session);
    assert!(world.unanswered.is_empty());
}

#[test]
fn a_shutdown_answers_those_whose_turn_never_came() {
    let mut world = World::new();
    let client = world.connect(1);
    for _ in 0..=STARTS_MAX {
        world.ask(client, Request::Create(params(None)));
    }
    let queued = SessionId(STARTS_MAX as u64 + 1);
    assert_eq!(world.state(queued), Some(SessionState::Queued));
    world.handle(Event::ShutdownRequested);
    assert_eq!(world.state(queued), None);
    assert_eq!(world.unanswered.len(), STARTS_MAX);
}

#[test]
fn a_session_that_is_being_ended_is_not_renamed_and_has_one_heir() {
    let mut world = World::new();
    let (one, two) = (world.connect(1), world.connect(2));
    let old = world.run_with(one, params(Some("build")));
    world.ask(one, Request::Close(by_id(old)));
    let heir = world.ask(one, Request::Create(get("build")));
    let rename = Request::Rename(RenameParams {
        session: old.into(),
        name: Some("other".parse().unwrap()),
    });
    let renamed = world.ask(two, rename);
    assert_eq!(world.code(renamed), Some(ErrorCode::Exited));
    world.ask(two, Request::Create(get("other")));
    world.check();
    world.end(old);
    while let Some(session) = world.starting.first().copied() {
        world.start(session);
    }
    assert!(got(&world, heir).1);
    assert!(world.unanswered.is_empty());
}

#[test]
fn a_refused_session_leaves_the_exited_one_of_its_name_alone() {
    let mut world = World::with(Settings {
        sessions_max: 1,
        ..Settings::default()
    });
    let client = world.connect(1);
    let exited = world.run_with(client, params(Some("build")));
    world.end(exited);
    let running = world.run(client);
    let run = Request::Run(RunParams {
        session: params(Some("build")),
        timeout_ms: None,
    });
    for request in [
        Request::Create(params(Some("build"))),
        Request::Create(get("build")),
        run,
    ] {
        let refused = world.ask(client, request);
        assert_eq!(world.code(refused), Some(ErrorCode::Limit));
        let status = ExitStatus::Code(0);
        assert_eq!(world.state(exited), Some(SessionState::Exited { status }));
    }
    world.end(running);
    world.run_with(client, params(Some("build")));
    assert_eq!(world.state(exited), None);
}
