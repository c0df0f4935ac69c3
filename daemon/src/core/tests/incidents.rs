//! What is counted and told: each once, and nothing else.

use sessiond_protocol::{
    CreateParams, ExitStatus, Request, RespawnParams, RespawnWhen, SessionParams, SessionState,
    Stats,
};

use super::world::*;
use crate::core::*;

const CRASH: ExitStatus = ExitStatus::Signal(11);

fn lasting(seconds: u64) -> CreateParams {
    CreateParams {
        ttl: Some(ttl(seconds)),
        ..params(None)
    }
}

fn stats(world: &mut World, client: ClientId) -> Stats {
    let asked = world.ask(client, Request::Stats);
    match &world.answers[&asked] {
        Ok(Success::Stats { stats }) => *stats,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_session_that_expires_is_counted_when_nothing_of_it_is_left() {
    let mut world = World::new();
    let client = world.connect(1);
    let session = world.run_with(client, lasting(60));
    let closed = world.run(client);
    world.pass(60);
    assert_eq!(stats(&mut world, client), Stats::default());
    world.end(session);
    world.ask(
        client,
        Request::Close(SessionParams {
            session: closed.into(),
        }),
    );
    world.end(closed);
    let expected = Stats {
        sessions_expired: 1,
        ..Stats::default()
    };
    assert_eq!(stats(&mut world, client), expected);
    assert_eq!(world.told, [(session, Incident::Expired)]);
}

#[test]
fn an_end_that_took_a_kill_is_counted_whatever_its_reason() {
    let mut world = World::new();
    let client = world.connect(1);
    for by in [EndedBy::Itself, EndedBy::Daemon] {
        let session = world.run(client);
        let end = |leaving| End {
            status: CRASH,
            by,
            leaving,
        };
        world.end_as(session, end(Leaving::Killed));
        assert_eq!(world.told.pop(), Some((session, Incident::Killed)));
        let session = world.run(client);
        world.end_as(session, end(Leaving::Willing));
    }
    assert_eq!(world.told, []);
    assert_eq!(stats(&mut world, client).sessions_killed, 2);
}

#[test]
fn a_breaker_that_opens_is_counted_with_its_reason() {
    let mut world = World::new();
    let client = world.connect(1);
    let respawn = RespawnParams {
        total: Some(1),
        ..RespawnParams::new(RespawnWhen::OnFailure)
    };
    let session = world.run_with(
        client,
        CreateParams {
            respawn: Some(respawn),
            ..params(None)
        },
    );
    world.end_with(session, CRASH);
    assert_eq!(world.told, []);
    world.pass(60);
    world.start(session);
    world.end_with(session, CRASH);
    assert_eq!(stats(&mut world, client).breakers_opened, 1);
    let Some(SessionState::Failed { reason, .. }) = world.state(session) else {
        panic!("{:?}", world.state(session))
    };
    assert_eq!(world.told, [(session, Incident::BreakerOpened(reason))]);
}

#[test]
fn a_session_whose_time_is_over_while_its_rest_is_ended_leaves_what_any_other_leaves() {
    let mut world = World::new();
    let client = world.connect(1);
    let session = world.run_with(client, lasting(60));
    // Its process has ended at 59 s, and something that it left behind takes longer.
    world.pass(60);
    assert!(world.ending.contains(&session));
    world.end_by(session, ExitStatus::Code(3), EndedBy::Itself);
    let status = ExitStatus::Code(3);
    assert_eq!(world.state(session), Some(SessionState::Exited { status }));
    assert_eq!(stats(&mut world, client), Stats::default());
    world.check();
}
