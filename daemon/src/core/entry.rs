//! One session as the core knows it: everything that is kept for it hangs off this entry.

use std::collections::BTreeMap;
use std::time::Instant;

use leakgate_probe::Held;
use sessiond_protocol::{
    Cursor, ErrorCode, ExitStatus, Failure, ScreenText, SessionId, SessionInfo, SessionName,
    SessionRef, SessionState, Size,
};
use sessiond_screen::FinalScreen;

use super::waits::Waiter;
use super::{Access, ClientId, Effect, Flow, LiveSession, Plane, Ticket};
use crate::gauges::{SESSIONS, TOMBSTONE_BYTES, TOMBSTONES, WAITERS};

/// A request that waits for a session's start or close.
#[derive(Debug)]
struct Pending {
    ticket: Ticket,
    _counted: Held,
}

impl Pending {
    fn new(ticket: Ticket) -> Self {
        Self {
            ticket,
            _counted: WAITERS.hold(1),
        }
    }
}

/// Bytes kept of a session's command: it is shown to people, in every line of a list, and outlives the session. An
/// agent's prompt in an argument is far longer.
const COMMAND_BYTES_MAX: usize = 256;

/// A command as it is shown: whole arguments, and at the bound a cut one with an ellipsis.
fn shortened(command: Vec<String>) -> Vec<String> {
    let mut left = COMMAND_BYTES_MAX;
    let mut kept = Vec::new();
    for mut argument in command {
        if left == 0 || argument.len() > left {
            argument.truncate(argument.floor_char_boundary(left));
            argument.push('…');
            argument.shrink_to_fit();
            kept.push(argument);
            break;
        }
        // An argument costs its place, too, so that many empty ones are not free.
        left = left.saturating_sub(argument.len().max(1));
        kept.push(argument);
    }
    kept.shrink_to_fit();
    kept
}

/// What is left of a session that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Remains {
    pub(crate) size: Size,
    pub(crate) cursor: Cursor,
    pub(crate) output_bytes: u64,
    pub(crate) screen: FinalScreen,
}

/// An exited session that can still be read.
#[derive(Debug)]
pub(super) struct Tombstone {
    status: ExitStatus,
    remains: Remains,
    expires: Instant,
    _accounted: Held,
}

impl Tombstone {
    pub(super) fn new(status: ExitStatus, remains: Remains, expires: Instant) -> Self {
        let accounted = TOMBSTONE_BYTES.hold(remains.screen.retained_bytes());
        Self {
            status,
            remains,
            expires,
            _accounted: accounted,
        }
    }

    /// The last screen, row by row.
    pub(super) fn text(&self) -> &str {
        self.remains.screen.text()
    }
}

/// Where a session is in its life, and what exists of it there.
#[derive(Debug)]
pub(super) enum Life<S> {
    Starting { size: Size, closing: bool },
    Running { pid: u32, handle: S },
    Exited(Tombstone),
}

/// A session.
#[derive(Debug)]
pub(super) struct Entry<S> {
    pub(super) life: Life<S>,
    pub(super) name: Option<SessionName>,
    command: Vec<String>,
    created_unix_ms: u64,
    creator: Option<Pending>,
    attached: BTreeMap<ClientId, Access>,
    pub(super) waiters: Vec<Waiter>,
    closers: Vec<Pending>,
    counted: Held,
}

impl<S: LiveSession> Entry<S> {
    pub(super) fn new(
        name: Option<SessionName>,
        command: Vec<String>,
        size: Size,
        created_unix_ms: u64,
        creator: Ticket,
    ) -> Self {
        Self {
            life: Life::Starting {
                size,
                closing: false,
            },
            name,
            command: shortened(command),
            created_unix_ms,
            creator: Some(Pending::new(creator)),
            attached: BTreeMap::new(),
            waiters: Vec::new(),
            closers: Vec::new(),
            counted: SESSIONS.hold(1),
        }
    }

    /// Counts this entry as the tombstone that it has become.
    pub(super) fn recount(&mut self) {
        self.counted = TOMBSTONES.hold(1);
    }

    pub(super) fn info(&self, id: SessionId) -> SessionInfo {
        let (pid, state, size, output_bytes, title) = match &self.life {
            Life::Starting { size, .. } => (None, SessionState::Starting, *size, 0, String::new()),
            Life::Running { pid, handle } => {
                let facts = handle.facts();
                let state = match facts.flow {
                    Flow::Running => SessionState::Running,
                    Flow::Stopped => SessionState::Paused,
                };
                (
                    Some(*pid),
                    state,
                    facts.size,
                    facts.output_bytes,
                    facts.title,
                )
            }
            Life::Exited(Tombstone {
                status, remains, ..
            }) => {
                let state = SessionState::Exited { status: *status };
                (
                    None,
                    state,
                    remains.size,
                    remains.output_bytes,
                    remains.screen.title().to_owned(),
                )
            }
        };
        SessionInfo {
            id,
            name: self.name.clone(),
            command: self.command.clone(),
            pid,
            size,
            state,
            clients: self.attached.len(),
            created_unix_ms: self.created_unix_ms,
            output_bytes,
            title,
        }
    }

    /// The screen, live or final.
    pub(super) fn screen(&self, scrollback: usize) -> Result<ScreenText, Failure> {
        match &self.life {
            Life::Starting { .. } => Err(still_starting()),
            Life::Running { handle, .. } => Ok(handle.screen(scrollback)),
            Life::Exited(Tombstone { remains, .. }) => Ok(ScreenText {
                size: remains.size,
                rows: remains.screen.text().lines().map(str::to_owned).collect(),
                scrollback: Vec::new(),
                scrollback_lines: 0,
                cursor: remains.cursor,
                title: remains.screen.title().to_owned(),
                alternate: false,
            }),
        }
    }

    pub(super) fn running(&self) -> Result<&S, Failure> {
        match &self.life {
            Life::Starting { .. } => Err(still_starting()),
            Life::Running { handle, .. } => Ok(handle),
            Life::Exited(_) => Err(Failure::new(
                ErrorCode::Exited,
                "the session's process has ended",
            )),
        }
    }

    pub(super) const fn exit_status(&self) -> Option<ExitStatus> {
        match &self.life {
            Life::Exited(tombstone) => Some(tombstone.status),
            Life::Starting { .. } | Life::Running { .. } => None,
        }
    }

    /// What ends a session that has not ended; doing it twice is the same as once.
    pub(super) fn end<P: Plane<Session = S>>(&mut self) -> Option<Effect<P>> {
        match &mut self.life {
            Life::Starting { closing, .. } => {
                *closing = true;
                None
            }
            Life::Running { handle, .. } => Some(Effect::End {
                session: handle.clone(),
            }),
            Life::Exited(_) => None,
        }
    }

    pub(super) fn attach(&mut self, client: ClientId, access: Access) {
        self.attached.insert(client, access);
    }

    pub(super) fn detach(&mut self, client: ClientId) -> bool {
        self.attached.remove(&client).is_some()
    }

    pub(super) fn is_attached(&self, client: ClientId) -> bool {
        self.attached.contains_key(&client)
    }

    /// Refuses what changes a session to a client that only looks at it.
    pub(super) fn writable_by(&self, client: ClientId) -> Result<(), Failure> {
        if self.attached.get(&client) == Some(&Access::ReadOnly) {
            let message = "this connection is attached to read only";
            return Err(Failure::new(ErrorCode::ReadOnly, message));
        }
        Ok(())
    }

    /// How many clients are attached.
    pub(super) fn clients(&self) -> usize {
        self.attached.len()
    }

    pub(super) fn add_closer(&mut self, ticket: Ticket) {
        self.closers.push(Pending::new(ticket));
    }

    /// Takes a client out; says what has to be told to the session.
    pub(super) fn forget_client<P: Plane<Session = S>>(
        &mut self,
        client: ClientId,
    ) -> Vec<Effect<P>> {
        let mut effects = self.forget_waits_of(client);
        // A closer that is gone still wants the session closed: only a natural end leaves a tombstone.
        if self.detach(client)
            && let Ok(session) = self.running().cloned()
        {
            effects.push(Effect::Detach { session, client });
        }
        effects
    }

    pub(super) fn take_creator(&mut self) -> Option<Ticket> {
        self.creator.take().map(|pending| pending.ticket)
    }

    pub(super) fn take_attached(&mut self) -> impl Iterator<Item = ClientId> + use<S> {
        std::mem::take(&mut self.attached).into_keys()
    }

    pub(super) fn take_waiters(&mut self) -> Vec<Waiter> {
        std::mem::take(&mut self.waiters)
    }

    pub(super) fn take_closers(&mut self) -> Vec<Ticket> {
        std::mem::take(&mut self.closers)
            .into_iter()
            .map(|pending| pending.ticket)
            .collect()
    }

    /// When an exited session can no longer be read.
    pub(super) const fn expires(&self) -> Option<Instant> {
        match &self.life {
            Life::Exited(tombstone) => Some(tombstone.expires),
            Life::Starting { .. } | Life::Running { .. } => None,
        }
    }

    pub(super) fn has_expired(&self, now: Instant) -> bool {
        self.expires().is_some_and(|expires| expires <= now)
    }

    pub(super) fn next_wake(&self) -> Option<Instant> {
        self.waiters
            .iter()
            .filter_map(Waiter::next_wake)
            .chain(self.expires())
            .min()
    }
}

pub(super) fn not_found(session: &SessionRef) -> Failure {
    Failure::new(ErrorCode::NotFound, format!("no session {session}"))
}

fn still_starting() -> Failure {
    Failure::new(ErrorCode::Busy, "the session is still starting")
}

#[cfg(test)]
mod tests {
    use super::shortened;

    #[test]
    fn a_long_command_is_cut_at_a_character_and_a_short_one_is_left() {
        let short = vec!["sh".to_owned(), "-c".to_owned(), "date".to_owned()];
        assert_eq!(shortened(short.clone()), short);
        let long = shortened(vec![
            "agent".to_owned(),
            "é".repeat(100_000),
            "never".to_owned(),
        ]);
        assert_eq!(long.len(), 2);
        assert!(
            long[1].ends_with("é…") && long[1].len() <= 256,
            "{}",
            long[1].len()
        );
        assert!(shortened(vec![String::new(); 100_000]).len() <= 300);
    }
}
