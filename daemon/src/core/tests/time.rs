//! What the passing of time does: sessions that nobody uses end, processes are started again, and not for ever.

use sessiond_protocol::{
    AttachParams, CreateParams, EndReason, ExitStatus, Request, RespawnParams, RespawnWhen,
    ScreenParams, SessionInfo, SessionState,
};

use super::world::*;
use crate::core::*;

fn lasting(seconds: u64) -> CreateParams {
    CreateParams {
        ttl: Some(ttl(seconds)),
        ..params(None)
    }
}

fn respawned(params: CreateParams) -> CreateParams {
    CreateParams {
        respawn: Some(RespawnParams::new(RespawnWhen::OnFailure)),
        ..params
    }
}

fn attach(session: SessionId) -> Request {
    Request::Attach(AttachParams::new(session))
}

fn info(world: &World, session: SessionId) -> SessionInfo {
    let entry = world.core.sessions.get(session).unwrap();
    entry.info(session, world.now())
}

const CRASH: ExitStatus = ExitStatus::Signal(11);

#[test]
fn a_session_that_nobody_uses_ends_and_leaves_nothing() {
    let mut world = World::with(Settings {
        ttl: ttl(60),
        ..Settings::default()
    });
    let client = world.connect(1);
    let (default, longer) = (world.run(client), world.run_with(client, lasting(120)));
    world.pass(59);
    assert_eq!(info(&world, default).expires_in_ms, Some(1000));
    assert!(world.ending.is_empty());
    world.pass(1);
    assert!(world.ending.iter().eq([&default]));
    assert_eq!(world.state(default), Some(SessionState::Closing));
    world.pass(60);
    assert!(
        world.ending.contains(&longer),
        "one that takes its time delays no other"
    );
    world.end(longer);
    world.end_with(default, ExitStatus::Signal(9));
    assert_eq!(world.core.sessions.len(), 0);
    world.disconnect(client);
    assert_eq!(world.core.next_wake(), None);
}

#[test]
fn every_use_renews_and_a_look_at_the_list_is_none() {
    let mut world = World::new();
    let client = world.connect(1);
    let session = world.run_with(client, lasting(60));
    let size = sessiond_protocol::Size::DEFAULT;
    let screen = Request::Screen(ScreenParams {
        session: session.into(),
        scrollback: 0,
    });
    let resize = Request::Resize(sessiond_protocol::ResizeParams {
        session: session.into(),
        size,
    });
    for request in [screen, resize, wait(session, Some(0))] {
        world.pass(50);
        world.ask(client, request);
    }
    world.pass(50);
    world
        .core
        .input_target(world.now(), client, session)
        .unwrap();
    world.pass(50);
    assert!(world.ending.is_empty());
    world.ask(client, Request::List);
    world.ask(client, Request::Get(by_id(session)));
    world.pass(10);
    assert!(world.ending.contains(&session));
}

#[test]
fn a_session_with_a_client_or_a_waiter_or_a_run_is_not_idle() {
    let mut world = World::with(Settings {
        ttl: ttl(60),
        ..Settings::default()
    });
    let (client, other) = (world.connect(1), world.connect(2));
    let session = world.run(client);
    world.ask(other, attach(session));
    world.ask(client, wait(session, Some(100_000)));
    world.ask(client, run_params(None));
    let run = world.starting[0];
    world.start(run);
    assert_eq!(info(&world, session).expires_in_ms, None);
    world.pass(99);
    world.disconnect(other);
    world.pass(1); // and the waiter's time is over
    assert_eq!(info(&world, session).expires_in_ms, Some(60_000));
    world.pass(59);
    assert!(world.ending.is_empty());
    world.pass(1);
    assert!(world.ending.iter().eq([&session]));
    // Whoever comes while it ends is told why it ended.
    let late = world.connect(3);
    world.ask(late, attach(session));
    world.end(session);
    let (to, notice) = &world.notices[0];
    assert_eq!(*to, late);
    assert!(matches!(
        notice,
        sessiond_protocol::Notice::Exited {
            reason: EndReason::Expired,
            ..
        }
    ));
    assert_eq!(world.state(run), Some(SessionState::Running));
}

#[test]
fn whoever_asks_before_the_sweep_meets_no_session_whose_time_is_over() {
    let mut world = World::new();
    let client = world.connect(1);
    let named = |seconds| CreateParams {
        name: Some("build".parse().unwrap()),
        if_exists: sessiond_protocol::IfExists::Get,
        ..lasting(seconds)
    };
    let old = world.run_with(client, named(60));
    world.seconds += 61; // nothing has woken the core
    let id = world.create_with(client, named(60)).unwrap_err();
    assert!(world.ending.contains(&old) && world.starting.is_empty());
    world.end(old);
    world.start(world.starting[0]);
    assert!(matches!(
        &world.answers[&id],
        Ok(Success::Created { session, created: true }) if session.id != old
    ));
}

#[test]
fn a_crash_is_followed_by_the_next_process_after_longer_and_longer_waits() {
    let mut world = World::new();
    let (client, watcher) = (world.connect(1), world.connect(2));
    let session = world.run_with(client, respawned(params(None)));
    world.ask(watcher, attach(session));
    for wait in [1, 2, 4, 8, 16] {
        world.end_with(session, CRASH);
        let state = world.state(session);
        let in_ms = wait * 1000;
        assert_eq!(
            state,
            Some(SessionState::Respawning {
                status: CRASH,
                in_ms
            })
        );
        world.pass(wait - 1);
        assert!(world.starting.is_empty());
        world.pass(1);
        assert_eq!(world.starting, [session]);
        world.start(session);
        world.check();
    }
    assert_eq!(info(&world, session).starts, 6);
    world.end_with(session, CRASH);
    let Some(SessionState::Failed { reason, status }) = world.state(session) else {
        panic!("{:?}", world.state(session))
    };
    assert_eq!(
        (status, &*reason),
        (CRASH, "it was respawned 5 times within 60s")
    );
    assert_eq!(world.notices.len(), 6);
    // A restart closes the breaker.
    world.ask(client, Request::Restart(by_id(session)));
    world.start(session);
    world.end_with(session, CRASH);
    assert!(matches!(
        world.state(session),
        Some(SessionState::Respawning { in_ms: 1000, .. })
    ));
    world.check();
}

#[test]
fn an_end_that_was_wanted_or_that_is_no_failure_is_followed_by_nothing() {
    let mut world = World::new();
    let client = world.connect(1);
    let done = world.run_with(client, respawned(params(None)));
    world.end(done);
    let status = ExitStatus::Code(0);
    assert_eq!(world.state(done), Some(SessionState::Exited { status }));
    let closed = world.run_with(client, respawned(params(None)));
    world.ask(client, Request::Close(by_id(closed)));
    world.end_with(closed, CRASH);
    assert_eq!(world.state(closed), None);
    let resting = world.run_with(client, respawned(params(None)));
    world.end_with(resting, CRASH);
    let close = world.ask(client, Request::Close(by_id(resting)));
    let status = Some(CRASH);
    assert_eq!(world.answers[&close], Ok(Success::Closed { status }));
    world.pass(100);
    assert!(world.starting.is_empty());
}

#[test]
fn a_respawn_that_cannot_be_started_is_tried_again_and_then_given_up() {
    let mut world = World::new();
    let client = world.connect(1);
    let session = world.run_with(client, respawned(params(None)));
    let waits = world.ask(client, wait(session, None));
    world.end_with(session, CRASH);
    let mut tries = 0;
    while matches!(world.state(session), Some(SessionState::Respawning { .. })) {
        world.pass(1);
        if world.starting.contains(&session) {
            world.fail(session);
            tries += 1;
        }
        world.check();
    }
    assert_eq!(tries, 5);
    let Some(SessionState::Failed { reason, .. }) = world.state(session) else {
        panic!("{:?}", world.state(session))
    };
    assert!(
        reason.contains("it cannot be started: as the test wants"),
        "{reason}"
    );
    assert_eq!(world.answers[&waits], Ok(Success::Exited { status: CRASH }));
}

#[test]
fn a_respawned_session_that_nobody_uses_expires_too() {
    let mut world = World::new();
    let client = world.connect(1);
    let session = world.run_with(client, respawned(lasting(60)));
    let mut ends_at = 20;
    while world.state(session).is_some() && world.seconds < 600 {
        world.pass(1);
        if world.starting.contains(&session) {
            world.start(session);
            ends_at = world.seconds + 20;
        } else if world.ending.contains(&session) || world.seconds == ends_at {
            world.end_with(session, CRASH);
        }
        world.check();
    }
    assert_eq!(world.seconds, 60);
}

#[test]
fn a_respawn_is_a_use_only_where_somebody_waits_for_it() {
    for waits in [false, true] {
        let mut world = World::new();
        let client = world.connect(1);
        let named = CreateParams {
            name: Some("build".parse().unwrap()),
            if_exists: sessiond_protocol::IfExists::Get,
            ..lasting(60)
        };
        let session = world.run_with(client, respawned(named.clone()));
        world.pass(50);
        world.end_with(session, CRASH);
        if waits {
            world.ask(client, Request::Create(named));
        }
        world.pass(20); // its start takes longer than it has to live
        world.start(session);
        assert_eq!(world.ending.contains(&session), !waits);
    }
}
