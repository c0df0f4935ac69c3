//! Attached clients across the processes of one session.

use sessiond_protocol::{
    AttachParams, CreateParams, Request, ResizeParams, RespawnParams, RespawnWhen, Size,
};

use super::world::{World, by_id, params};
use crate::core::*;

fn size(side: u16) -> Size {
    Size::new(side, side).unwrap()
}

impl World {
    fn attach(&mut self, client: ClientId, session: SessionId, side: Option<u16>, read_only: bool) {
        let id = self.ask(
            client,
            Request::Attach(AttachParams {
                size: side.map(size),
                read_only,
                ..AttachParams::new(session)
            }),
        );
        self.answers[&id].as_ref().unwrap();
    }

    fn resize(&mut self, client: ClientId, session: SessionId, side: u16) -> Option<ErrorCode> {
        let params = ResizeParams {
            session: session.into(),
            size: size(side),
        };
        let id = self.ask(client, Request::Resize(params));
        self.code(id)
    }

    /// Ends the process of a session that is respawned, and does not start the next one yet.
    fn rest(&mut self) -> (ClientId, ClientId, SessionId) {
        let (one, two) = (self.connect(1), self.connect(2));
        let respawn = Some(RespawnParams::new(RespawnWhen::Always));
        let session = self.run_with(
            one,
            CreateParams {
                respawn,
                ..params(None)
            },
        );
        self.attach(one, session, Some(10), false);
        self.attach(two, session, Some(20), false);
        self.end(session);
        assert_eq!(self.starting, []);
        (one, two, session)
    }

    /// Starts the next process; what it is told.
    fn go_on(&mut self, session: SessionId) -> (Vec<(ClientId, AttachOrder)>, Option<Size>) {
        self.start(session);
        self.attached_again.pop().unwrap()
    }
}

fn writer(side: u16, flow: Flow) -> AttachOrder {
    AttachOrder {
        access: Access::Full,
        size: Some(size(side)),
        flow,
        from: None,
    }
}

#[test]
fn the_next_process_is_told_what_every_client_said_to_the_last_one_in_the_order_of_their_use() {
    let mut world = World::new();
    let (one, two, three) = (world.connect(1), world.connect(2), world.connect(3));
    let session = world.run(one);
    world.attach(one, session, Some(10), false);
    world.attach(two, session, Some(20), false);
    world.attach(three, session, Some(30), true);
    world.ask(two, Request::Hold(by_id(session)));
    world.core.input_target(world.now(), one, session).unwrap();
    world.ask(three, Request::Restart(by_id(session)));
    world.end(session);
    let (orders, size) = world.go_on(session);
    let reader = AttachOrder {
        access: Access::ReadOnly,
        size: None,
        ..writer(30, Flow::Running)
    };
    let expected = vec![
        (two, writer(20, Flow::Stopped)),
        (three, reader),
        (one, writer(10, Flow::Running)),
    ];
    assert_eq!((orders, size), (expected, None));
}

#[test]
fn what_is_said_between_two_processes_is_said_to_the_next_one() {
    let mut world = World::new();
    let (one, two, session) = world.rest();
    assert_eq!(world.resize(one, session, 11), None);
    let held = world.ask(two, Request::Hold(by_id(session)));
    assert_eq!(world.answers[&held], Ok(Success::Held {}));
    world.pass(60);
    assert_eq!(world.orders.last().unwrap().size, size(11));
    assert_eq!(world.resize(two, session, 22), None); // while it starts
    let (orders, taken) = world.go_on(session);
    let expected = vec![
        (one, writer(11, Flow::Running)),
        (two, writer(22, Flow::Stopped)),
    ];
    assert_eq!((orders, taken), (expected, Some(size(22))));
}

#[test]
fn who_leaves_between_two_processes_gives_the_size_back() {
    let mut world = World::new();
    let (one, two, session) = world.rest();
    world.ask(two, Request::Detach(by_id(session)));
    world.pass(60);
    assert_eq!(world.orders.last().unwrap().size, size(10));
    let (orders, taken) = world.go_on(session);
    assert_eq!(
        (orders, taken),
        (vec![(one, writer(10, Flow::Running))], None)
    );
}

#[test]
fn between_two_processes_a_size_is_taken_from_nobody_else() {
    let mut world = World::new();
    let (.., session) = world.rest();
    let stranger = world.connect(3);
    assert_eq!(world.resize(stranger, session, 5), Some(ErrorCode::Exited));
    world.pass(60);
    // That of the last terminal.
    assert_eq!(world.orders.last().unwrap().size, Size::DEFAULT);
    assert_eq!(world.go_on(session).1, None);
}

#[test]
fn a_processs_counts_begin_after_those_of_the_last_one() {
    let mut world = World::new();
    let client = world.connect(1);
    let session = world.run(client);
    world.ask(client, Request::Restart(by_id(session)));
    world.end(session);
    let [first, second] = [&world.orders[0], &world.orders[1]].map(|order| order.origin);
    assert_eq!(first, Origin::default());
    // As `remains` says: five bytes on a screen of 24 rows.
    assert_eq!((second.output_bytes, second.screen.line), (5, 24));
    assert!(second.screen.revision > first.screen.revision + 1);
}
