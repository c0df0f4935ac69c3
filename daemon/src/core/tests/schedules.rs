//! Sessions that start at their time, one at a time.

use sessiond_protocol::{
    CreateParams, Request, RequestId, ScheduleId, ScheduleInfo, ScheduleParams, SessionState,
    UnscheduleParams, When,
};

use super::super::schedules::SCHEDULES_MAX;
use super::world::*;
use crate::core::*;

fn schedule(when: When, session: CreateParams) -> Request {
    Request::Schedule(ScheduleParams { when, session })
}

fn made(world: &World, id: RequestId) -> ScheduleId {
    match &world.answers[&id] {
        Ok(Success::Scheduled { schedule }) => schedule.id,
        other => panic!("{other:?}"),
    }
}

fn listed(world: &mut World, client: ClientId) -> Vec<ScheduleInfo> {
    let id = world.ask(client, Request::Schedules);
    match &world.answers[&id] {
        Ok(Success::Schedules { schedules }) => schedules.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_schedule_starts_a_session_each_time_unless_the_last_one_is_there_still() {
    let mut world = World::new();
    let client = world.connect(1);
    world.ask(client, schedule(When::EveryMs(60_000), params(None)));
    world.pass(59);
    assert!(world.starting.is_empty());
    world.pass(1);
    let first = world.starting[0];
    world.start(first);
    world.pass(60);
    assert!(world.starting.is_empty(), "the first one runs");
    world.end(first);
    assert!(matches!(
        world.state(first),
        Some(SessionState::Exited { .. })
    ));
    world.pass(60);
    let second = world.starting[0];
    assert_eq!(
        world.state(first),
        None,
        "one record of a schedule is enough"
    );
    world.fail(second);
    world.pass(150); // two are due, one is started
    assert_eq!(world.starting.len(), 1);
    let [info] = &listed(&mut world, client)[..] else {
        panic!("one schedule")
    };
    let counts = (info.started, info.skipped, info.failed, info.next_in_ms);
    assert_eq!(counts, (3, 1, 1, 30_000));
    world.check();
}

#[test]
fn a_schedule_leaves_a_session_alone_that_has_its_name() {
    let mut world = World::new();
    let client = world.connect(1);
    let id = world.ask(
        client,
        schedule(When::EveryMs(1000), params(Some("nightly"))),
    );
    let theirs = world.run_with(client, params(Some("nightly")));
    world.pass(1);
    assert_eq!(listed(&mut world, client)[0].skipped, 1);
    world.end(theirs);
    world.pass(1);
    assert_eq!(world.starting.len(), 1);
    let schedule = made(&world, id);
    let taken = world.ask(client, Request::Unschedule(UnscheduleParams { schedule }));
    assert_eq!(world.answers[&taken], Ok(Success::Unscheduled {}));
    world.start(world.starting[0]);
    world.pass(100);
    assert!(world.starting.is_empty() && world.running.len() == 1);
    let again = world.ask(client, Request::Unschedule(UnscheduleParams { schedule }));
    assert_eq!(world.code(again), Some(ErrorCode::NotFound));
}

#[test]
fn a_start_that_is_refused_leaves_the_last_session_to_be_read() {
    let mut world = World::with(Settings {
        sessions_max: 1,
        ..Settings::default()
    });
    let client = world.connect(1);
    world.ask(
        client,
        schedule(When::EveryMs(60_000), params(Some("nightly"))),
    );
    world.pass(60);
    let first = world.starting[0];
    world.start(first);
    world.end(first);
    let other = world.run(client);
    world.pass(60);
    assert_eq!(listed(&mut world, client)[0].failed, 1);
    assert!(world.state(first).is_some());
    world.end(other);
    world.pass(60);
    assert_eq!((world.state(first), world.starting.len()), (None, 1));
}

#[test]
fn what_is_to_start_once_starts_once() {
    let mut world = World::new();
    let client = world.connect(1);
    world.pass(100);
    world.ask(client, schedule(When::AtUnixMs(160_000), params(None)));
    world.pass(60);
    assert_eq!(world.starting.len(), 1);
    assert_eq!(listed(&mut world, client), []);
    world.pass(1000);
    assert_eq!(world.starting.len(), 1);
}

#[test]
fn times_that_are_past_or_far_or_too_often_are_refused_and_so_is_one_too_many() {
    let mut world = World::new();
    let client = world.connect(1);
    world.pass(100);
    for when in [
        When::EveryMs(0),
        When::EveryMs(999),
        When::EveryMs(u64::MAX),
        When::AtUnixMs(99_999),
        When::AtUnixMs(u64::MAX),
    ] {
        let refused = world.ask(client, schedule(when, params(None)));
        assert_eq!(world.code(refused), Some(ErrorCode::BadRequest), "{when:?}");
    }
    for _ in 0..SCHEDULES_MAX {
        let id = world.ask(client, schedule(When::EveryMs(60_000), params(None)));
        made(&world, id);
    }
    let refused = world.ask(client, schedule(When::EveryMs(60_000), params(None)));
    assert_eq!(world.code(refused), Some(ErrorCode::Limit));
    world.handle(Event::ShutdownRequested);
    world.disconnect(client);
    assert_eq!(world.core.schedules.len(), 0);
    assert_eq!(world.core.next_wake(), None);
}
