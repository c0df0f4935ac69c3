//! Any sequence of events: the core keeps its promises.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use sessiond_protocol::{
    AttachParams, CreateParams, Cursor, ErrorCode, Request, RequestId, ScreenParams, ScreenText,
    SessionParams, SessionRef, Size, WaitParams,
};
use sessiond_screen::{Screen, ScrollbackLimit};

use super::*;

/// Sessions and clients are numbers here.
#[derive(Debug)]
struct Paper;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct PaperSession(SessionId);

impl Plane for Paper {
    type Session = PaperSession;
    type Client = ClientId;
}

/// A client of the core's tests always answers.
impl LiveClient for ClientId {
    fn pulse(&self) -> Pulse {
        Pulse::Heard
    }
}

impl LiveSession for PaperSession {
    fn quiet_since(&self) -> Instant {
        Instant::now()
    }

    fn replays_from(&self, offset: u64) -> bool {
        offset == 1
    }

    fn facts(&self) -> Facts {
        Facts {
            size: Size::DEFAULT,
            flow: Flow::Running,
            output_bytes: 1,
            title: String::new(),
        }
    }

    fn screen(&self, _scrollback: usize) -> ScreenText {
        let cursor = Cursor {
            row: 0,
            column: 0,
            visible: true,
        };
        let (title, rows) = (String::new(), vec!["live".to_owned()]);
        ScreenText {
            size: Size::DEFAULT,
            rows,
            scrollback: vec![],
            scrollback_lines: 0,
            cursor,
            title,
            alternate: false,
        }
    }
}

fn remains() -> Remains {
    let mut screen = Screen::new(sessiond_screen::Size::DEFAULT, ScrollbackLimit::default());
    screen.feed(b"final");
    let cursor = Cursor {
        row: 0,
        column: 5,
        visible: true,
    };
    Remains {
        size: Size::DEFAULT,
        cursor,
        output_bytes: 5,
        screen: screen.shed(),
    }
}

/// The core with the least daemon around it: effects are noted, starts and ends happen when the test says.
struct World {
    core: Core<Paper>,
    start: Instant,
    seconds: u64,
    last_request: u64,
    unanswered: BTreeSet<(ClientId, RequestId)>,
    answers: BTreeMap<RequestId, Result<Success, Failure>>,
    connected: BTreeSet<ClientId>,
    /// Who sits in a numbered seat; a client that comes back is a new one, as in the daemon.
    seats: BTreeMap<u64, ClientId>,
    last_client: u64,
    starting: Vec<SessionId>,
    running: BTreeSet<SessionId>,
    ending: BTreeSet<SessionId>,
    attached: BTreeSet<(SessionId, ClientId)>,
    notices: usize,
    stops: usize,
}

impl World {
    fn new() -> Self {
        Self {
            core: Core::new(Settings::default()),
            start: Instant::now(),
            seconds: 0,
            last_request: 0,
            unanswered: BTreeSet::new(),
            answers: BTreeMap::new(),
            connected: BTreeSet::new(),
            seats: BTreeMap::new(),
            last_client: 0,
            starting: Vec::new(),
            running: BTreeSet::new(),
            ending: BTreeSet::new(),
            attached: BTreeSet::new(),
            notices: 0,
            stops: 0,
        }
    }

    fn handle(&mut self, event: Event<Paper>) {
        let instant = self.start + Duration::from_secs(self.seconds);
        for effect in self.core.handle(
            Now {
                instant,
                unix_ms: self.seconds * 1000,
            },
            event,
        ) {
            self.perform(effect);
        }
    }

    fn perform(&mut self, effect: Effect<Paper>) {
        match effect {
            Effect::Reply { client, id, result } => {
                assert!(
                    self.unanswered.remove(&(client, id)),
                    "an answer to nothing or a second one"
                );
                self.answers.insert(id, result);
            }
            Effect::Notify {
                client,
                notice: Notice::Exited { session, .. },
            } => {
                assert!(
                    self.attached.contains(&(session, client)),
                    "a notice to somebody not attached"
                );
                self.notices += 1;
            }
            Effect::Refuse { client, .. } => assert!(self.connected.remove(&client)),
            Effect::Start { session, .. } => self.starting.push(session),
            Effect::End { session } => {
                assert!(
                    self.running.contains(&session.0),
                    "the end of what does not run"
                );
                self.ending.insert(session.0);
            }
            Effect::Attach {
                session, client, ..
            } => {
                self.attached.insert((session.0, client));
            }
            Effect::Detach { session, client } => {
                assert!(self.attached.remove(&(session.0, client)));
            }
            Effect::Resize { .. }
            | Effect::Hold { .. }
            | Effect::SetFlow { .. }
            | Effect::Watch { .. }
            | Effect::Unwatch { .. }
            | Effect::ShutdownBegan { .. } => {}
            Effect::HangUp { .. } => panic!("nobody is silent here"),
            Effect::Notify { notice, .. } => panic!("{notice:?}"),
            Effect::Stop => self.stops += 1,
        }
    }

    fn connect(&mut self, seat: u64) -> ClientId {
        if let Some(client) = self
            .seats
            .get(&seat)
            .filter(|client| self.connected.contains(client))
        {
            return *client;
        }
        self.last_client += 1;
        let client = ClientId(self.last_client);
        self.seats.insert(seat, client);
        self.connected.insert(client);
        self.handle(Event::Connected {
            client,
            handle: client,
        });
        client
    }

    fn seated(&self, seat: u64) -> ClientId {
        self.seats.get(&seat).copied().unwrap_or(ClientId(0))
    }

    fn disconnect(&mut self, client: ClientId) {
        if self.connected.remove(&client) {
            self.unanswered.retain(|(of, _)| *of != client);
            self.handle(Event::Disconnected { client });
        }
    }

    fn ask(&mut self, client: ClientId, request: Request) -> RequestId {
        self.last_request += 1;
        let id = RequestId(self.last_request);
        if self.connected.contains(&client) {
            self.unanswered.insert((client, id));
            self.handle(Event::Asked {
                client,
                id,
                request,
            });
        }
        id
    }

    fn start(&mut self, session: SessionId) {
        self.starting.retain(|starting| *starting != session);
        self.running.insert(session);
        self.handle(Event::Started {
            session,
            pid: 7,
            handle: PaperSession(session),
        });
    }

    fn end(&mut self, session: SessionId) {
        let status = ExitStatus::Code(0);
        self.running.remove(&session);
        self.ending.remove(&session);
        self.handle(Event::Ended {
            session,
            status,
            remains: remains(),
        });
        self.attached.retain(|(of, _)| *of != session);
    }

    fn create(&mut self, client: ClientId, name: Option<&str>) -> Result<SessionId, RequestId> {
        let name = name.map(|name| name.parse().unwrap());
        let known = self.starting.len();
        let params = CreateParams {
            name,
            command: vec!["sh".into()],
            ..CreateParams::default()
        };
        let id = self.ask(client, Request::Create(params));
        self.starting.get(known).copied().ok_or(id)
    }

    fn run(&mut self, client: ClientId) -> SessionId {
        let session = self.create(client, None).unwrap();
        self.start(session);
        session
    }

    fn code(&self, id: RequestId) -> Option<ErrorCode> {
        self.answers
            .get(&id)?
            .as_ref()
            .err()
            .map(|failure| failure.code)
    }
}

fn by_id(session: SessionId) -> SessionParams {
    SessionParams {
        session: SessionRef::Id(session),
    }
}

fn wait(session: SessionId, timeout_ms: Option<u64>) -> Request {
    Request::Wait(WaitParams {
        session: session.into(),
        timeout_ms,
    })
}

/// One thing that happens, with small numbers for whom and what.
#[derive(Debug, Clone)]
enum Step {
    Connect(u64),
    Disconnect(u64),
    Ask(u64, Ask),
    Start(usize),
    FailStart(usize),
    End(usize),
    Pass(u64),
    Shutdown,
}

#[derive(Debug, Clone)]
enum Ask {
    Create(Option<u8>),
    Attach(u64),
    Detach(u64),
    Close(u64),
    Wait(u64, Option<u64>),
    Get(u64),
    Screen(u64),
    List,
}

fn ask() -> impl Strategy<Value = Ask> {
    prop_oneof![
        4 => proptest::option::of(0u8..3).prop_map(Ask::Create),
        2 => (1u64..8).prop_map(Ask::Attach),
        1 => (1u64..8).prop_map(Ask::Detach),
        1 => (1u64..8).prop_map(Ask::Close),
        1 => (1u64..8, proptest::option::of(0u64..5000)).prop_map(|(session, timeout)| Ask::Wait(session, timeout)),
        1 => (1u64..8).prop_map(Ask::Get),
        1 => (1u64..8).prop_map(Ask::Screen),
        1 => Just(Ask::List),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0u64..4).prop_map(Step::Connect),
        1 => (0u64..4).prop_map(Step::Disconnect),
        12 => (0u64..4, ask()).prop_map(|(client, ask)| Step::Ask(client, ask)),
        4 => (0usize..4).prop_map(Step::Start),
        1 => (0usize..4).prop_map(Step::FailStart),
        3 => (0usize..4).prop_map(Step::End),
        1 => (0u64..400).prop_map(Step::Pass),
        1 => Just(Step::Shutdown),
    ]
}

impl World {
    fn step(&mut self, step: Step) {
        match step {
            Step::Connect(client) => drop(self.connect(client)),
            Step::Disconnect(seat) => self.disconnect(self.seated(seat)),
            Step::Ask(seat, ask) => drop(self.ask(self.seated(seat), request(ask))),
            Step::Start(index) => {
                if let Some(session) = self.starting.get(index).copied() {
                    self.start(session);
                }
            }
            Step::FailStart(index) => {
                if index < self.starting.len() {
                    let session = self.starting.remove(index);
                    let failure = Failure::new(ErrorCode::SpawnFailed, "as the test wants");
                    self.handle(Event::StartFailed { session, failure });
                }
            }
            Step::End(index) => {
                if let Some(session) = self.running.iter().nth(index).copied() {
                    self.end(session);
                }
            }
            Step::Pass(seconds) => {
                self.seconds += seconds;
                self.handle(Event::Woke);
                let now = self.start + Duration::from_secs(self.seconds);
                assert!(
                    self.core.next_wake().is_none_or(|wake| wake > now),
                    "it wants to be woken for the past"
                );
            }
            Step::Shutdown => self.handle(Event::ShutdownRequested),
        }
        self.check();
    }

    fn check(&self) {
        let of = |life: fn(&Life<PaperSession>) -> bool| {
            self.core
                .sessions
                .iter()
                .filter(move |(_, entry)| life(&entry.life))
                .map(|(id, _)| *id)
        };
        let running: BTreeSet<SessionId> =
            of(|life| matches!(life, Life::Running { .. })).collect();
        assert_eq!(running, self.running);
        assert_eq!(
            of(|life| matches!(life, Life::Starting { .. })).count(),
            self.starting.len()
        );
        assert!(of(|life| matches!(life, Life::Exited(_))).count() <= TOMBSTONES_MAX);
        assert!(self.core.clients.ids().eq(self.connected.iter()));
        let names: Vec<_> = self
            .core
            .sessions
            .values()
            .filter_map(|entry| entry.name.clone())
            .collect();
        assert_eq!(
            names.iter().collect::<BTreeSet<_>>().len(),
            names.len(),
            "two sessions of one name"
        );
    }
}

fn request(ask: Ask) -> Request {
    match ask {
        Ask::Create(name) => Request::Create(CreateParams {
            name: name.map(|name| format!("n{name}").parse().unwrap()),
            command: vec!["sh".into()],
            ..CreateParams::default()
        }),
        Ask::Attach(session) => Request::Attach(AttachParams::new(SessionId(session))),
        Ask::Detach(session) => Request::Detach(by_id(SessionId(session))),
        Ask::Close(session) => Request::Close(by_id(SessionId(session))),
        Ask::Wait(session, timeout) => wait(SessionId(session), timeout),
        Ask::Get(session) => Request::Get(by_id(SessionId(session))),
        Ask::Screen(session) => Request::Screen(ScreenParams {
            session: SessionId(session).into(),
            scrollback: 0,
        }),
        Ask::List => Request::List,
    }
}

proptest! {
    #[test]
    fn any_sequence_of_events_ends_with_every_request_answered_and_nothing_kept(
        steps in proptest::collection::vec(step(), 0..80),
    ) {
        let mut world = World::new();
        for step in steps {
            world.step(step);
        }
        world.handle(Event::ShutdownRequested);
        while let Some(session) = world.starting.first().copied() {
            world.start(session);
        }
        prop_assert_eq!(&world.ending, &world.running, "shutdown ends what runs");
        while let Some(session) = world.running.first().copied() {
            world.end(session);
        }
        prop_assert_eq!(world.stops, 1);
        prop_assert!(world.unanswered.is_empty(), "{:?}", world.unanswered);
        prop_assert!(world.core.sessions.is_empty());
        while let Some(client) = world.connected.first().copied() {
            world.disconnect(client);
        }
        prop_assert_eq!(world.core.clients.len(), 0);
        prop_assert_eq!(world.core.next_wake(), None);
    }
}

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
    let waited = world.ask(client, wait(first, None));
    assert_eq!(
        world.answers[&waited],
        Ok(Success::Exited {
            status: ExitStatus::Code(0)
        })
    );
    let closed = world.ask(client, Request::Close(by_id(first)));
    assert_eq!(
        world.answers[&closed],
        Ok(Success::Closed {
            status: Some(ExitStatus::Code(0))
        })
    );
    let gone = world.ask(client, Request::Get(by_id(first)));
    assert_eq!(world.code(gone), Some(ErrorCode::NotFound));
    world.step(Step::Pass(TOMBSTONE_AGE_MAX.as_secs()));
    let gone = world.ask(client, Request::Get(by_id(second)));
    assert_eq!(world.code(gone), Some(ErrorCode::NotFound));
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
    let first_to_exit = sessions.last().unwrap();
    assert!(!world.core.sessions.contains_key(first_to_exit));
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
    assert!(world.core.sessions.is_empty());
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
    assert_eq!(world.notices, 2);
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
fn the_session_beyond_the_limit_is_refused() {
    let mut world = World::new();
    let client = world.connect(1);
    for _ in 0..SESSIONS_MAX {
        world.create(client, None).unwrap();
    }
    let refused = world.create(client, None).unwrap_err();
    assert_eq!(world.code(refused), Some(ErrorCode::Limit));
}
