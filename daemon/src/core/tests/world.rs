//! The core with the least daemon around it: effects are noted, starts and ends happen when the test says.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

use sessiond_protocol::{
    ArchiveId, ArchiveInfo, CreateParams, Cursor, ExitStatus, Notice, Read, ReadReply, Request,
    RequestId, RunParams, ScreenState, ScreenText, SessionName, SessionParams, SessionRef,
    SessionState, Size, Ttl, WaitParams,
};
use sessiond_screen::{Screen, ScrollbackLimit};

use crate::core::*;

/// Sessions and clients are numbers here.
#[derive(Debug)]
pub(super) struct Paper;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PaperSession {
    id: SessionId,
    started: Instant,
}

impl Plane for Paper {
    type Session = PaperSession;
    type Client = ClientId;
}

thread_local! {
    /// Clients of this test that say nothing, and whether they were asked to; the others always answer.
    pub(super) static SILENT: RefCell<BTreeMap<ClientId, bool>> = const { RefCell::new(BTreeMap::new()) };
    /// When sessions of this test put out something, where that was after their start.
    pub(super) static LAST_OUTPUT: Cell<Option<Instant>> = const { Cell::new(None) };
}

impl LiveClient for ClientId {
    fn pulse(&self) -> Pulse {
        SILENT.with_borrow_mut(|silent| match silent.get_mut(self) {
            None => Pulse::Heard,
            Some(true) => Pulse::Gone,
            Some(asked) => {
                *asked = true;
                Pulse::Asked
            }
        })
    }
}

impl LiveSession for PaperSession {
    fn quiet_since(&self) -> Instant {
        LAST_OUTPUT.get().unwrap_or(self.started)
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

    fn state(&self) -> ScreenState {
        let blank = Screen::new(sessiond_screen::Size::DEFAULT, ScrollbackLimit::default());
        crate::session::state_of(&blank, None)
    }

    fn read(&self, _what: &Read) -> Result<ReadReply, Failure> {
        Ok(ReadReply::Redraw {
            size: Size::DEFAULT,
            sequences: "live".to_owned(),
        })
    }

    fn screen(&self, _scrollback: usize) -> ScreenText {
        ScreenText {
            size: Size::DEFAULT,
            rows: vec!["live".to_owned()],
            scrollback: vec![],
            scrollback_lines: 0,
            cursor: cursor(0),
            title: String::new(),
            alternate: false,
        }
    }
}

const fn cursor(column: u16) -> Cursor {
    Cursor {
        row: 0,
        column,
        visible: true,
    }
}

fn remains() -> Remains {
    let mut screen = Screen::new(sessiond_screen::Size::DEFAULT, ScrollbackLimit::default());
    screen.feed(b"final");
    Remains {
        size: Size::DEFAULT,
        cursor: cursor(5),
        output_bytes: 5,
        bells: 0,
        last_output_unix_ms: None,
        screen: screen.shed(),
        output: Some(Output {
            text: "final".to_owned(),
            cut_bytes: 0,
        }),
        text: Some("all of it".to_owned()),
    }
}

/// Who is attached to a session's next process and how, and which size that takes.
pub(super) type Again = (Vec<(ClientId, AttachOrder)>, Option<Size>);

pub(super) struct World {
    pub(super) core: Core<Paper>,
    start: Instant,
    pub(super) seconds: u64,
    /// What whoever runs the daemon was told.
    pub(super) told: Vec<(SessionId, Incident)>,
    /// Sessions that have ended for good, in that order.
    pub(super) over: Vec<SessionId>,
    last_request: u64,
    pub(super) unanswered: BTreeSet<(ClientId, RequestId)>,
    pub(super) answers: BTreeMap<RequestId, Result<Success, Failure>>,
    pub(super) connected: BTreeSet<ClientId>,
    /// Who sits in a numbered seat; a client that comes back is a new one, as in the daemon.
    seats: BTreeMap<u64, ClientId>,
    last_client: u64,
    pub(super) starting: Vec<SessionId>,
    /// All that was ever to be started.
    pub(super) orders: Vec<StartOrder>,
    pub(super) running: BTreeSet<SessionId>,
    pub(super) ending: BTreeSet<SessionId>,
    /// Under which name each of those was started, or was renamed to.
    names: BTreeMap<SessionId, SessionName>,
    /// Whom a session's output goes to.
    attached: BTreeSet<(SessionId, ClientId)>,
    /// Who has been told that he is attached, and not yet that this is over.
    pub(super) audience: BTreeSet<(SessionId, ClientId)>,
    detaching: BTreeMap<RequestId, SessionId>,
    /// What new processes of sessions were told of who is attached, and which size they take.
    pub(super) attached_again: Vec<Again>,
    /// Which text is looked for on which running session's screen, by request.
    pub(super) watched: BTreeSet<(SessionId, ClientId, RequestId)>,
    pub(super) notices: Vec<(ClientId, Notice)>,
    /// Who was cut off.
    pub(super) hung_up: Vec<ClientId>,
    pub(super) signals: usize,
    /// Archives that are being written, or read.
    pub(super) writes: Vec<ArchiveInfo>,
    pub(super) reads: Vec<ArchiveId>,
    /// Those on the disk.
    pub(super) files: BTreeSet<ArchiveId>,
    pub(super) stops: usize,
}

impl World {
    pub(super) fn new() -> Self {
        Self::with(Settings::default())
    }

    pub(super) fn with(settings: Settings) -> Self {
        Self {
            core: Core::new(settings),
            start: Instant::now(),
            told: Vec::new(),
            over: Vec::new(),
            seconds: 0,
            last_request: 0,
            unanswered: BTreeSet::new(),
            answers: BTreeMap::new(),
            connected: BTreeSet::new(),
            seats: BTreeMap::new(),
            last_client: 0,
            starting: Vec::new(),
            orders: Vec::new(),
            running: BTreeSet::new(),
            ending: BTreeSet::new(),
            names: BTreeMap::new(),
            attached: BTreeSet::new(),
            audience: BTreeSet::new(),
            detaching: BTreeMap::new(),
            attached_again: Vec::new(),
            watched: BTreeSet::new(),
            notices: Vec::new(),
            hung_up: Vec::new(),
            signals: 0,
            writes: Vec::new(),
            reads: Vec::new(),
            files: BTreeSet::new(),
            stops: 0,
        }
    }

    pub(super) fn now(&self) -> Now {
        Now {
            instant: self.start + Duration::from_secs(self.seconds),
            unix_ms: self.seconds * 1000,
        }
    }

    pub(super) fn handle(&mut self, event: Event<Paper>) {
        for effect in self.core.handle(self.now(), event) {
            self.perform(effect);
        }
    }

    fn perform(&mut self, effect: Effect<Paper>) {
        match effect {
            Effect::Reply { client, id, result } => self.answer(client, id, result),
            Effect::Notify { client, notice } => self.notified(client, notice),
            Effect::Refuse { client, .. } => assert!(self.connected.remove(&client)),
            Effect::Start { session, order } => self.begin_start(session, order),
            Effect::End { session } => {
                let runs = self.running.contains(&session.id);
                assert!(runs, "the end of what does not run");
                self.ending.insert(session.id);
            }
            Effect::Signal {
                session,
                client,
                id,
                ..
            } => {
                assert!(self.running.contains(&session));
                self.signals += 1;
                self.answer(client, id, Ok(Success::Signalled {}));
            }
            Effect::Attach {
                session, client, ..
            } => {
                assert!(self.running.contains(&session.id));
                self.attached.insert((session.id, client));
                self.audience.insert((session.id, client));
            }
            Effect::AttachAgain {
                session,
                clients,
                size,
            } => {
                let orders = clients
                    .into_iter()
                    .map(|(client, _, order)| (client, order));
                self.attach_again(session.id, (orders.collect(), size));
            }
            Effect::Detach { session, client } => {
                assert!(self.attached.remove(&(session.id, client)));
            }
            Effect::Watch {
                session, ticket, ..
            } => assert!(self.watched.insert((session.id, ticket.client, ticket.id))),
            Effect::Unwatch { session, ticket } => {
                let watched = (session.id, ticket.client, ticket.id);
                assert!(self.watched.remove(&watched), "nobody looks for that");
            }
            Effect::KeepText { session } => assert!(self.running.contains(&session.id)),
            Effect::WriteArchive { manuscript } => self.writes.push(manuscript.info),
            Effect::ReadArchive { archive } => self.reads.push(archive),
            Effect::RemoveArchive { archive } => assert!(self.files.remove(&archive), "no file"),
            Effect::HangUp { client, .. } => self.hung_up.push(client),
            Effect::Hold {
                session, client, ..
            } => {
                let attached = self.attached.contains(&(session.id, client));
                assert!(attached, "held for a client that gets nothing");
            }
            Effect::Resize { session, .. } | Effect::SetFlow { session, .. } => {
                assert!(self.running.contains(&session.id));
            }
            Effect::Tell { session, incident } => self.told.push((session, incident)),
            Effect::Over { session } => self.over.push(session),
            Effect::ShutdownBegan { .. }
            | Effect::Mcp { .. }
            | Effect::Http { .. }
            | Effect::Transcripts { .. }
            | Effect::Status(_) => {}
            Effect::Stop => self.stops += 1,
        }
    }

    fn begin_start(&mut self, session: SessionId, order: StartOrder) {
        self.starting.push(session);
        self.orders.push(order);
        let entry = self.core.sessions.get(session).unwrap();
        if let Some(name) = entry.name.clone() {
            self.names.insert(session, name);
        }
    }

    fn notified(&mut self, client: ClientId, notice: Notice) {
        let (Notice::Exited { session, .. } | Notice::Respawning { session, .. }) = notice else {
            panic!("{notice:?}");
        };
        let knows = self.audience.contains(&(session, client));
        assert!(knows, "a notice to somebody not attached");
        if matches!(notice, Notice::Exited { .. }) {
            self.audience.remove(&(session, client));
        }
        self.notices.push((client, notice));
    }

    fn attach_again(&mut self, session: SessionId, again: Again) {
        for (client, _) in &again.0 {
            assert!(self.connected.contains(client));
            self.attached.insert((session, *client));
        }
        self.attached_again.push(again);
    }

    fn answer(&mut self, client: ClientId, id: RequestId, result: Result<Success, Failure>) {
        let waited_for = self.unanswered.remove(&(client, id));
        assert!(waited_for, "an answer to nothing or a second one");
        match &result {
            Ok(Success::Detached {}) => {
                let session = self.detaching[&id];
                self.audience.remove(&(session, client));
            }
            Ok(Success::Renamed { session })
                if self.running.contains(&session.id) || self.starting.contains(&session.id) =>
            {
                match session.name.clone() {
                    Some(name) => self.names.insert(session.id, name),
                    None => self.names.remove(&session.id),
                };
            }
            _ => {}
        }
        self.answers.insert(id, result);
    }

    pub(super) fn connect(&mut self, seat: u64) -> ClientId {
        let seated = self.seats.get(&seat);
        if let Some(client) = seated.filter(|client| self.connected.contains(client)) {
            return *client;
        }
        self.last_client += 1;
        let client = ClientId(self.last_client);
        self.seats.insert(seat, client);
        self.connected.insert(client);
        let handle = client;
        self.handle(Event::Connected { client, handle });
        client
    }

    pub(super) fn seated(&self, seat: u64) -> ClientId {
        self.seats.get(&seat).copied().unwrap_or(ClientId(0))
    }

    pub(super) fn disconnect(&mut self, client: ClientId) {
        if self.connected.remove(&client) {
            self.unanswered.retain(|(of, _)| *of != client);
            self.audience.retain(|(_, of)| *of != client);
            self.handle(Event::Disconnected { client });
        }
    }

    pub(super) fn ask(&mut self, client: ClientId, request: Request) -> RequestId {
        self.last_request += 1;
        let id = RequestId(self.last_request);
        if let Request::Detach(SessionParams {
            session: SessionRef::Id(session),
        }) = &request
        {
            self.detaching.insert(id, *session);
        }
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

    /// A session that starts runs.
    pub(super) fn start(&mut self, session: SessionId) {
        self.starting.retain(|starting| *starting != session);
        self.running.insert(session);
        let started = self.now().instant;
        self.handle(Event::Started {
            session,
            pid: 7,
            handle: PaperSession {
                id: session,
                started,
            },
        });
    }

    /// A session that starts cannot be started.
    pub(super) fn fail(&mut self, session: SessionId) {
        self.starting.retain(|starting| *starting != session);
        self.names.remove(&session);
        let failure = Failure::new(ErrorCode::SpawnFailed, "as the test wants");
        self.handle(Event::StartFailed { session, failure });
    }

    /// A running session's process ends.
    pub(super) fn end(&mut self, session: SessionId) {
        self.end_with(session, ExitStatus::Code(0));
    }

    pub(super) fn end_with(&mut self, session: SessionId, status: ExitStatus) {
        let by = if self.ending.contains(&session) {
            EndedBy::Daemon
        } else {
            EndedBy::Itself
        };
        self.end_by(session, status, by);
    }

    pub(super) fn end_by(&mut self, session: SessionId, status: ExitStatus, by: EndedBy) {
        let leaving = Leaving::Willing;
        self.end_as(
            session,
            End {
                status,
                by,
                leaving,
            },
        );
    }

    pub(super) fn end_as(&mut self, session: SessionId, end: End) {
        self.running.remove(&session);
        self.ending.remove(&session);
        self.names.remove(&session);
        self.attached.retain(|(of, _)| *of != session);
        self.watched.retain(|(of, ..)| *of != session);
        self.handle(Event::Ended {
            session,
            end,
            remains: remains(),
        });
    }

    /// An archive is on the disk.
    pub(super) fn written(&mut self) {
        if !self.writes.is_empty() {
            let info = self.writes.remove(0);
            self.files.insert(info.id);
            let result = Ok(());
            self.handle(Event::ArchiveWritten { info, result });
        }
    }

    /// An archive was read.
    pub(super) fn read(&mut self) {
        if !self.reads.is_empty() {
            let archive = self.reads.remove(0);
            let result = Ok(Reading {
                params: params(None),
                text: "all of it".to_owned(),
            });
            self.handle(Event::ArchiveRead { archive, result });
        }
    }

    /// Lets time go by.
    pub(super) fn pass(&mut self, seconds: u64) {
        self.seconds += seconds;
        self.handle(Event::Woke);
    }

    /// Asks for a session; the session when it starts at once, or the request.
    pub(super) fn create_with(
        &mut self,
        client: ClientId,
        params: CreateParams,
    ) -> Result<SessionId, RequestId> {
        let known = self.starting.len();
        let id = self.ask(client, Request::Create(params));
        self.starting.get(known).copied().ok_or(id)
    }

    pub(super) fn create(
        &mut self,
        client: ClientId,
        name: Option<&str>,
    ) -> Result<SessionId, RequestId> {
        self.create_with(client, params(name))
    }

    /// A session that runs.
    pub(super) fn run(&mut self, client: ClientId) -> SessionId {
        self.run_with(client, params(None))
    }

    pub(super) fn run_with(&mut self, client: ClientId, params: CreateParams) -> SessionId {
        let session = self.create_with(client, params).unwrap();
        self.start(session);
        session
    }

    pub(super) fn code(&self, id: RequestId) -> Option<ErrorCode> {
        let answer = self.answers.get(&id)?.as_ref();
        answer.err().map(|failure| failure.code)
    }

    pub(super) fn state(&self, session: SessionId) -> Option<SessionState> {
        let entry = self.core.sessions.get(session)?;
        Some(entry.state(self.now()))
    }

    /// What must hold after every event.
    pub(super) fn check(&self) {
        let core = &self.core;
        assert!(core.sessions.is_filed_right());
        let of = |holds: fn(&Life<PaperSession>) -> bool| -> BTreeSet<SessionId> {
            let sessions = core.sessions.iter();
            let held = sessions.filter(|(_, entry)| holds(&entry.life));
            held.map(|(id, _)| id).collect()
        };
        assert_eq!(
            of(|life| matches!(life, Life::Running { .. })),
            self.running
        );
        let starting: BTreeSet<SessionId> = self.starting.iter().copied().collect();
        assert_eq!(of(|life| matches!(life, Life::Starting { .. })), starting);
        assert!(starting.len() <= STARTS_MAX);
        assert!(core.sessions.ended() <= TOMBSTONES_MAX);
        assert!(core.clients.ids().eq(self.connected.iter()));
        let files = core.archives.ids();
        assert!(
            files.eq(self.files.iter()),
            "archives and their files differ"
        );
        let waits_for_another =
            of(|life| matches!(life, Life::Queued { turn: None, .. })).into_iter();
        let mut heirs: Vec<SessionId> = core
            .sessions
            .iter()
            .filter_map(|(_, entry)| entry.heir)
            .collect();
        heirs.sort_unstable();
        assert!(
            waits_for_another.eq(heirs),
            "who waits for another's end is the heir of one"
        );
        let names: BTreeSet<_> = self.names.values().collect();
        assert_eq!(names.len(), self.names.len(), "two children of one name");
        let now = self.now().instant;
        let wake = core.next_wake();
        assert!(
            wake.is_none_or(|wake| wake > now),
            "it wants to be woken for the past"
        );
    }
}

pub(super) fn params(name: Option<&str>) -> CreateParams {
    CreateParams {
        name: name.map(|name| name.parse().unwrap()),
        command: vec!["sh".into()],
        ..CreateParams::default()
    }
}

pub(super) fn run_params(timeout_ms: Option<u64>) -> Request {
    Request::Run(RunParams {
        session: params(None),
        timeout_ms,
    })
}

pub(super) fn ttl(seconds: u64) -> Ttl {
    Ttl::try_from(Duration::from_secs(seconds)).unwrap()
}

pub(super) fn by_id(session: SessionId) -> SessionParams {
    SessionParams {
        session: SessionRef::Id(session),
    }
}

pub(super) fn wait(session: SessionId, timeout_ms: Option<u64>) -> Request {
    Request::Wait(WaitParams {
        session: session.into(),
        timeout_ms,
    })
}
