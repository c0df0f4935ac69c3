//! Waits for text and for quiet: how each of them ends, and that nothing of it is left.

use sessiond_protocol::{
    CancelParams, Request, RequestId, TextPattern, WaitIdleParams, WaitTextParams,
};

use super::world::{LAST_OUTPUT, World};
use crate::core::*;

fn wait_text(session: SessionId, timeout_ms: Option<u64>) -> Request {
    Request::WaitText(WaitTextParams {
        session: session.into(),
        pattern: TextPattern::Text("fin".to_owned()),
        timeout_ms,
    })
}

fn wait_idle(session: SessionId, seconds: u64, timeout_ms: Option<u64>) -> Request {
    Request::WaitIdle(WaitIdleParams {
        session: session.into(),
        quiet_ms: seconds * 1000,
        timeout_ms,
    })
}

fn cancel(request: RequestId) -> Request {
    Request::Cancel(CancelParams { request })
}

fn sighted(world: &mut World, session: SessionId, client: ClientId, id: RequestId) {
    let ticket = Ticket { client, id };
    let row = "fin".to_owned();
    world.watched.remove(&(session, client, id));
    world.handle(Event::Sighted {
        session,
        sighting: Sighting { ticket, row },
    });
}

#[test]
fn quiet_is_counted_from_the_last_output_and_looked_at_only_when_it_could_be_over() {
    let mut world = World::new();
    let client = world.connect(1);
    let session = world.run(client);
    let start = world.now().instant;
    let wait = world.ask(client, wait_idle(session, 10, None));
    assert_eq!(
        world.core.next_wake(),
        Some(start + Duration::from_secs(10))
    );
    LAST_OUTPUT.set(Some(start + Duration::from_secs(7)));
    world.pass(10);
    assert!(!world.answers.contains_key(&wait));
    assert_eq!(
        world.core.next_wake(),
        Some(start + Duration::from_secs(17))
    );
    world.pass(7);
    assert_eq!(world.answers[&wait], Ok(Success::Idle {}));
    // It has been quiet for long enough when the next one asks.
    let wait = world.ask(client, wait_idle(session, 10, None));
    assert_eq!(world.answers[&wait], Ok(Success::Idle {}));
}

#[test]
fn a_wait_that_is_too_late_is_told_so_and_looked_for_no_more() {
    let mut world = World::new();
    let client = world.connect(1);
    let session = world.run(client);
    let text = world.ask(client, wait_text(session, Some(5000)));
    let idle = world.ask(client, wait_idle(session, 60, Some(5000)));
    assert_eq!(world.watched.len(), 1);
    world.pass(5);
    for wait in [text, idle] {
        assert_eq!(world.code(wait), Some(ErrorCode::Timeout));
    }
    assert!(world.watched.is_empty());
    sighted(&mut world, session, client, text); // on its way when it was given up
}

#[test]
fn text_is_answered_once_and_a_cancel_that_comes_later_finds_nothing() {
    let mut world = World::new();
    let client = world.connect(1);
    let session = world.run(client);
    let wait = world.ask(client, wait_text(session, None));
    sighted(&mut world, session, client, wait);
    assert!(matches!(world.answers[&wait], Ok(Success::Seen { .. })));
    let late = world.ask(client, cancel(wait));
    assert_eq!(
        world.answers[&late],
        Ok(Success::Withdrawn { waited: false })
    );
}

#[test]
fn a_client_cancels_its_own_waits_only() {
    let mut world = World::new();
    let (one, two) = (world.connect(1), world.connect(2));
    let session = world.run(one);
    let wait = world.ask(one, wait_text(session, None));
    let other = world.ask(two, cancel(wait));
    assert_eq!(
        world.answers[&other],
        Ok(Success::Withdrawn { waited: false })
    );
    let own = world.ask(one, cancel(wait));
    assert_eq!(world.answers[&own], Ok(Success::Withdrawn { waited: true }));
    assert_eq!(world.code(wait), Some(ErrorCode::Cancelled));
    assert!(world.watched.is_empty());
}

#[test]
fn a_client_that_leaves_takes_its_waits_along_and_nobody_elses() {
    let mut world = World::new();
    let (one, two) = (world.connect(1), world.connect(2));
    let session = world.run(one);
    world.ask(one, wait_text(session, None));
    world.ask(one, wait_idle(session, 60, None));
    let kept = world.ask(two, wait_text(session, None));
    world.disconnect(one);
    assert_eq!(world.watched.len(), 1);
    world.end(session);
    assert_eq!(world.code(kept), Some(ErrorCode::Exited));
}

#[test]
fn the_end_of_a_session_is_quiet_and_its_last_screen_is_looked_at() {
    let mut world = World::new();
    let client = world.connect(1);
    let session = world.run(client);
    let idle = world.ask(client, wait_idle(session, 60, None));
    world.end(session);
    assert_eq!(world.answers[&idle], Ok(Success::Idle {}));
    let found = world.ask(client, wait_text(session, None));
    let row = "final".to_owned();
    assert_eq!(world.answers[&found], Ok(Success::Seen { row }));
}
