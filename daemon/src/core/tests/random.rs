//! Any sequence of events: the core keeps its promises.

use std::collections::BTreeSet;

use proptest::prelude::*;
use sessiond_protocol::{
    ArchiveId, ArchiveParams, AttachParams, CancelParams, CreateParams, ExitStatus, IfExists,
    KillParams, RenameParams, Request, RequestId, ResizeParams, RespawnParams, RespawnWhen,
    ScheduleId, ScheduleParams, ScreenParams, SignalName, Size, TextPattern, UnscheduleParams,
    WaitIdleParams, WaitTextParams, When,
};

use super::world::*;
use crate::core::*;

/// The longest time to live that a session is given here.
const SECONDS_TO_LIVE_MAX: u64 = 600;

/// One thing that happens, with small numbers for whom and what.
#[derive(Debug, Clone)]
enum Step {
    Connect(u64),
    Disconnect(u64),
    Ask(u64, Ask),
    Start(usize),
    FailStart(usize),
    End(usize, i32),
    Pass(u64),
    /// Exactly until the core wants to be woken.
    PassToWake,
    Written,
    Read,
    Shutdown,
}

#[derive(Debug, Clone)]
enum Ask {
    Create(CreateParams),
    Run(Option<u64>),
    Restart(u64),
    Rename(u64, Option<u8>),
    Kill(u64),
    Attach(u64),
    Detach(u64),
    Hold(u64),
    Release(u64),
    Resize(u64),
    Close(u64),
    CloseAll,
    Wait(u64, Option<u64>),
    WaitText(u64, Option<u64>),
    WaitIdle(u64, u64),
    Cancel(u64),
    Schedule(Option<u8>, u64),
    Unschedule(u64),
    Archive(u64),
    Restore(u64),
    Forget(u64),
    Get(u64),
    Screen(u64),
    List,
}

fn name(number: u8) -> sessiond_protocol::SessionName {
    format!("n{number}").parse().unwrap()
}

fn create() -> impl Strategy<Value = CreateParams> {
    let respawn = proptest::option::weighted(0.3, (any::<bool>(), 1u32..4)).prop_map(|respawn| {
        respawn.map(|(always, burst)| RespawnParams {
            burst,
            ..RespawnParams::new(if always {
                RespawnWhen::Always
            } else {
                RespawnWhen::OnFailure
            })
        })
    });
    let named = proptest::option::of((0u8..3, any::<bool>()));
    (
        named,
        respawn,
        proptest::option::of(1u64..=SECONDS_TO_LIVE_MAX),
    )
        .prop_map(|(named, respawn, seconds)| {
            let get = named.is_some_and(|(_, get)| get);
            CreateParams {
                name: named.map(|(number, _)| name(number)),
                if_exists: if get { IfExists::Get } else { IfExists::Refuse },
                respawn,
                ttl: seconds.map(ttl),
                ..params(None)
            }
        })
}

fn ask() -> impl Strategy<Value = Ask> {
    let session = || 1u64..8;
    let timeout = || proptest::option::of(0u64..5000);
    prop_oneof![
        6 => create().prop_map(Ask::Create),
        2 => timeout().prop_map(Ask::Run),
        2 => session().prop_map(Ask::Restart),
        1 => (session(), proptest::option::of(0u8..3)).prop_map(|(session, name)| Ask::Rename(session, name)),
        1 => session().prop_map(Ask::Kill),
        2 => session().prop_map(Ask::Attach),
        1 => session().prop_map(Ask::Detach),
        1 => session().prop_map(Ask::Hold),
        1 => session().prop_map(Ask::Release),
        1 => session().prop_map(Ask::Resize),
        2 => session().prop_map(Ask::Close),
        1 => Just(Ask::CloseAll),
        1 => (session(), timeout()).prop_map(|(session, timeout)| Ask::Wait(session, timeout)),
        1 => (session(), timeout()).prop_map(|(session, timeout)| Ask::WaitText(session, timeout)),
        1 => (session(), 0u64..20_000).prop_map(|(session, quiet)| Ask::WaitIdle(session, quiet)),
        1 => (0u64..40).prop_map(Ask::Cancel),
        2 => (proptest::option::of(0u8..3), 1u64..200).prop_map(|(name, every)| Ask::Schedule(name, every)),
        1 => (0u64..4).prop_map(Ask::Unschedule),
        2 => session().prop_map(Ask::Archive),
        1 => (1u64..4).prop_map(Ask::Restore),
        1 => (1u64..4).prop_map(Ask::Forget),
        1 => session().prop_map(Ask::Get),
        1 => session().prop_map(Ask::Screen),
        1 => Just(Ask::List),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0u64..4).prop_map(Step::Connect),
        2 => (0u64..4).prop_map(Step::Disconnect),
        24 => (0u64..4, ask()).prop_map(|(client, ask)| Step::Ask(client, ask)),
        10 => (0usize..4).prop_map(Step::Start),
        3 => (0usize..4).prop_map(Step::FailStart),
        8 => (0usize..4, 0i32..2).prop_map(|(index, code)| Step::End(index, code)),
        3 => (0u64..400).prop_map(Step::Pass),
        3 => Just(Step::PassToWake),
        4 => Just(Step::Written),
        2 => Just(Step::Read),
        1 => Just(Step::Shutdown),
    ]
}

fn request(ask: Ask) -> Request {
    match ask {
        Ask::Create(params) => Request::Create(params),
        Ask::Run(timeout) => run_params(timeout),
        Ask::Restart(session) => Request::Restart(by_id(SessionId(session))),
        Ask::Rename(session, number) => Request::Rename(RenameParams {
            session: SessionId(session).into(),
            name: number.map(name),
        }),
        Ask::Kill(session) => Request::Kill(KillParams {
            session: SessionId(session).into(),
            signal: SignalName::Int,
        }),
        Ask::Attach(session) => Request::Attach(AttachParams::new(SessionId(session))),
        Ask::WaitText(session, timeout_ms) => Request::WaitText(WaitTextParams {
            session: SessionId(session).into(),
            pattern: TextPattern::Text("x".to_owned()),
            timeout_ms,
        }),
        Ask::WaitIdle(session, quiet_ms) => Request::WaitIdle(WaitIdleParams {
            session: SessionId(session).into(),
            quiet_ms,
            timeout_ms: None,
        }),
        Ask::Schedule(number, seconds) => Request::Schedule(ScheduleParams {
            when: if seconds % 4 == 0 {
                When::AtUnixMs(seconds * 5000)
            } else {
                When::EveryMs(seconds * 1000)
            },
            session: CreateParams {
                name: number.map(name),
                ..params(None)
            },
        }),
        Ask::Unschedule(id) => Request::Unschedule(UnscheduleParams {
            schedule: ScheduleId(id),
        }),
        Ask::Archive(session) => Request::Archive(by_id(SessionId(session))),
        Ask::Restore(id) => Request::Restore(ArchiveParams {
            archive: ArchiveId(id),
        }),
        Ask::Forget(id) => Request::Forget(ArchiveParams {
            archive: ArchiveId(id),
        }),
        Ask::Cancel(id) => Request::Cancel(CancelParams {
            request: RequestId(id),
        }),
        Ask::Detach(session) => Request::Detach(by_id(SessionId(session))),
        Ask::Hold(session) => Request::Hold(by_id(SessionId(session))),
        Ask::Release(session) => Request::Release(by_id(SessionId(session))),
        Ask::Resize(session) => Request::Resize(ResizeParams {
            session: SessionId(session).into(),
            size: Size::DEFAULT,
        }),
        Ask::Close(session) => Request::Close(by_id(SessionId(session))),
        Ask::CloseAll => Request::CloseAll,
        Ask::Wait(session, timeout) => wait(SessionId(session), timeout),
        Ask::Get(session) => Request::Get(by_id(SessionId(session))),
        Ask::Screen(session) => Request::Screen(ScreenParams {
            session: SessionId(session).into(),
            scrollback: 0,
        }),
        Ask::List => Request::List,
    }
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
                if let Some(session) = self.starting.get(index).copied() {
                    self.fail(session);
                }
            }
            Step::End(index, code) => {
                if let Some(session) = self.running.iter().nth(index).copied() {
                    self.end_with(session, ExitStatus::Code(code));
                }
            }
            Step::Pass(seconds) => self.pass(seconds),
            Step::PassToWake => {
                if let Some(wake) = self.core.next_wake() {
                    let wait = wait_until(self, wake);
                    self.pass(wait);
                }
            }
            Step::Written => self.written(),
            Step::Read => self.read(),
            Step::Shutdown => self.handle(Event::ShutdownRequested),
        }
        self.check();
    }
}

/// How often a process ends below: seldom enough for its respawns to go on for ever.
const PROCESS_SECONDS: u64 = 70;

impl World {
    /// Sessions that have not ended.
    fn live(&self) -> BTreeSet<SessionId> {
        let sessions = self.core.sessions.iter();
        let live = sessions.filter(|(_, entry)| !matches!(entry.life, Life::Ended(_)));
        live.map(|(id, _)| id).collect()
    }

    /// Lets so much time go by with nobody there: starts succeed, ends happen, and processes end now and then.
    fn leave_alone(&mut self, seconds: u64) {
        const STEP: u64 = 10;
        for step in 1..=seconds / STEP {
            self.pass(STEP);
            for session in std::mem::take(&mut self.starting) {
                self.start(session);
            }
            let crashes = step % (PROCESS_SECONDS / STEP) == 0;
            let ends = if crashes { &self.running } else { &self.ending };
            for session in ends.clone() {
                self.end_with(session, ExitStatus::Code(1));
            }
            self.check();
        }
    }
}

/// Whole seconds until then.
fn wait_until(world: &World, wake: Instant) -> u64 {
    let wait = wake - world.now().instant;
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

proptest! {
    #[test]
    fn what_nobody_uses_is_gone_by_its_time(steps in proptest::collection::vec(step(), 0..60)) {
        let mut world = World::with(Settings { sessions_max: 6, ttl: ttl(300), ..Settings::default() });
        for step in steps {
            world.step(step);
        }
        while let Some(client) = world.connected.first().copied() {
            world.disconnect(client);
        }
        let unused = world.live();
        world.leave_alone(SECONDS_TO_LIVE_MAX + 30); // for an end and a start
        let left: Vec<_> = world.live().intersection(&unused).copied().collect();
        prop_assert!(left.is_empty(), "they outlive their time: {:?}", left);
    }

    #[test]
    fn any_sequence_of_events_ends_with_every_request_answered_and_nothing_kept(
        steps in proptest::collection::vec(step(), 0..120),
    ) {
        let mut world = World::with(Settings { sessions_max: 6, ttl: ttl(300), ..Settings::default() });
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
        while !world.writes.is_empty() || !world.reads.is_empty() {
            world.written();
            world.read();
        }
        world.check();
        prop_assert_eq!(world.stops, 1);
        prop_assert!(world.unanswered.is_empty(), "{:?}", world.unanswered);
        prop_assert!(world.audience.is_empty(), "attached to nothing: {:?}", world.audience);
        prop_assert_eq!(world.core.sessions.len(), 0);
        prop_assert!(world.core.sessions.is_filed_right());
        while let Some(client) = world.connected.first().copied() {
            world.disconnect(client);
        }
        prop_assert_eq!(world.core.clients.len(), 0);
        world.pass(8 * 24 * 3600);
        prop_assert!(world.files.is_empty(), "too old: {:?}", world.files);
        prop_assert_eq!(world.core.next_wake(), None);
    }
}
