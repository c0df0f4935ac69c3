//! What each session's agent has said last. Pure.
//!
//! One entry for each session at most, and none for a session that has ended for good: so it is bounded as sessions are.

use std::collections::BTreeMap;

use leakgate_probe::Held;
use sessiond_protocol::{AgentState, SessionId, SessionName, StatusChange, StatusInfo};

use super::file::Said;
use crate::gauges::{STATUS_BYTES, STATUSES};

/// Where something was said.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Source {
    pub(super) profile: SessionName,
    /// The file's name in the profile's directory.
    pub(super) file: Box<str>,
}

/// A session's status.
#[derive(Debug)]
struct Status {
    source: Source,
    name: Option<SessionName>,
    state: AgentState,
    text: String,
    time_unix_ms: u64,
    since_unix_ms: u64,
    written_unix_ms: u64,
    _counted: Held,
    accounted: Held,
}

/// All statuses.
#[derive(Debug, Default)]
pub(super) struct Board {
    statuses: BTreeMap<SessionId, Box<Status>>,
}

impl Status {
    fn bytes(&self) -> usize {
        let name = self.name.as_ref().map_or(0, |name| name.as_str().len());
        let source = self.source.profile.as_str().len() + self.source.file.len();
        size_of::<Self>() + self.text.len() + name + source
    }

    /// Whether another file, written then, says nothing newer. Of two files of the same age it is always the same one, in
    /// whichever order they are read.
    fn outlives(&self, source: &Source, written_unix_ms: u64) -> bool {
        self.source != *source && (self.written_unix_ms, &self.source) > (written_unix_ms, source)
    }

    /// The end of it.
    fn gone(self, session: SessionId) -> StatusChange {
        StatusChange {
            session,
            name: self.name,
            profile: self.source.profile,
            from: Some(self.state),
            to: None,
            text: String::new(),
            time_unix_ms: self.time_unix_ms,
        }
    }
}

impl Board {
    /// Takes what a file says of a session; returns what has changed by that.
    pub(super) fn set(
        &mut self,
        session: SessionId,
        name: Option<SessionName>,
        source: Source,
        said: Said,
    ) -> Vec<StatusChange> {
        // What the file has said of another session holds no longer.
        let mut changes: Vec<_> = match self.of(&source) {
            Some(other) if other != session => self.drop_session(other).into_iter().collect(),
            _ => Vec::new(),
        };
        let before = self.statuses.get(&session);
        if before.is_some_and(|before| before.outlives(&source, said.written_unix_ms)) {
            return changes;
        }
        let is_news = before.is_none_or(|before| {
            before.state != said.state
                || before.text != said.text
                || before.source.profile != source.profile
        });
        let from = before.map(|before| before.state);
        let since_unix_ms = before
            .filter(|before| before.state == said.state)
            .map_or(said.time_unix_ms, |before| before.since_unix_ms);
        if is_news {
            changes.push(StatusChange {
                session,
                name: name.clone(),
                profile: source.profile.clone(),
                from,
                to: Some(said.state),
                text: said.text.clone(),
                time_unix_ms: said.time_unix_ms,
            });
        }
        let mut status = Box::new(Status {
            source,
            name,
            state: said.state,
            text: said.text,
            time_unix_ms: said.time_unix_ms,
            since_unix_ms,
            written_unix_ms: said.written_unix_ms,
            _counted: STATUSES.hold(1),
            accounted: STATUS_BYTES.hold(0),
        });
        let bytes = status.bytes();
        status.accounted.resize(bytes);
        self.statuses.insert(session, status);
        changes
    }

    /// The session that this file has said something of last.
    fn of(&self, source: &Source) -> Option<SessionId> {
        let mut statuses = self.statuses.iter();
        let found = statuses.find(|(_, status)| status.source == *source);
        found.map(|(session, _)| *session)
    }

    /// The session is gone.
    pub(super) fn drop_session(&mut self, session: SessionId) -> Option<StatusChange> {
        let status = self.statuses.remove(&session)?;
        Some(status.gone(session))
    }

    /// The file is gone, or says nothing of any session.
    pub(super) fn drop_file(&mut self, source: &Source) -> Option<StatusChange> {
        self.drop_session(self.of(source)?)
    }

    /// Everything that was said in a profile.
    pub(super) fn drop_profile(&mut self, profile: &SessionName) -> Vec<StatusChange> {
        let of_it = self.files_of(profile).into_iter();
        of_it
            .filter_map(|(session, _)| self.drop_session(session))
            .collect()
    }

    /// The files of a profile that something holds of.
    pub(super) fn files_of(&self, profile: &SessionName) -> Vec<(SessionId, Box<str>)> {
        let statuses = self.statuses.iter();
        statuses
            .filter(|(_, status)| status.source.profile == *profile)
            .map(|(session, status)| (*session, status.source.file.clone()))
            .collect()
    }

    /// How many are from a profile.
    pub(super) fn count_of(&self, profile: &SessionName) -> usize {
        let statuses = self.statuses.values();
        statuses
            .filter(|status| status.source.profile == *profile)
            .count()
    }

    pub(super) fn list(&self) -> Vec<StatusInfo> {
        let statuses = self.statuses.iter();
        let statuses = statuses.map(|(session, status)| (session, &**status));
        let info = |(session, status): (&SessionId, &Status)| StatusInfo {
            session: *session,
            profile: status.source.profile.clone(),
            state: status.state,
            text: status.text.clone(),
            time_unix_ms: status.time_unix_ms,
            since_unix_ms: status.since_unix_ms,
        };
        statuses.map(info).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: SessionId = SessionId(1);
    const TWO: SessionId = SessionId(2);

    fn source(profile: &str, file: &str) -> Source {
        Source {
            profile: profile.parse().unwrap(),
            file: file.into(),
        }
    }

    fn set(
        board: &mut Board,
        session: SessionId,
        file: &str,
        said: (AgentState, u64),
    ) -> Vec<StatusChange> {
        let said = Said {
            state: said.0,
            text: "t".to_owned(),
            time_unix_ms: said.1,
            written_unix_ms: said.1,
        };
        board.set(session, None, source("p", file), said)
    }

    fn states(
        changes: &[StatusChange],
    ) -> Vec<(SessionId, Option<AgentState>, Option<AgentState>)> {
        let states = |change: &StatusChange| (change.session, change.from, change.to);
        changes.iter().map(states).collect()
    }

    #[test]
    fn only_news_is_a_change_and_a_state_has_a_beginning() {
        use AgentState::{Running, Waiting};
        let mut board = Board::default();
        let changes = set(&mut board, ONE, "a", (Running, 5));
        assert_eq!(states(&changes), [(ONE, None, Some(Running))]);
        assert_eq!(set(&mut board, ONE, "a", (Running, 6)), []);
        let info = &board.list()[0];
        assert_eq!((info.since_unix_ms, info.time_unix_ms), (5, 6));
        let changes = set(&mut board, ONE, "a", (Waiting, 7));
        assert_eq!(states(&changes), [(ONE, Some(Running), Some(Waiting))]);
        assert_eq!(board.list()[0].since_unix_ms, 7);
    }

    #[test]
    fn a_file_that_names_another_session_says_nothing_of_the_first_any_more() {
        let mut board = Board::default();
        set(&mut board, ONE, "a", (AgentState::Idle, 1));
        let changes = set(&mut board, TWO, "a", (AgentState::Idle, 1));
        let idle = Some(AgentState::Idle);
        assert_eq!(states(&changes), [(ONE, idle, None), (TWO, None, idle)]);
        assert_eq!(board.list().len(), 1);
    }

    #[test]
    fn of_two_files_about_a_session_the_one_written_last_holds_in_whichever_order_they_are_read() {
        let mut board = Board::default();
        for _ in 0..2 {
            set(&mut board, ONE, "a", (AgentState::Idle, 2));
            assert_eq!(set(&mut board, ONE, "b", (AgentState::Running, 1)), []);
        }
        set(&mut board, ONE, "c", (AgentState::Error, 2));
        assert_eq!(set(&mut board, ONE, "a", (AgentState::Idle, 2)), []);
        assert_eq!(board.list()[0].state, AgentState::Error);
        set(&mut board, ONE, "c", (AgentState::Error, 0));
        set(&mut board, ONE, "a", (AgentState::Idle, 1));
        assert_eq!(board.list()[0].state, AgentState::Idle);
    }

    #[test]
    fn what_another_file_has_said_since_stays_when_the_first_goes() {
        let mut board = Board::default();
        set(&mut board, ONE, "a", (AgentState::Idle, 1));
        set(&mut board, ONE, "b", (AgentState::Running, 2));
        assert_eq!(board.drop_file(&source("p", "a")), None);
        assert_eq!(board.drop_file(&source("other", "b")), None);
        assert!(board.drop_file(&source("p", "b")).is_some());
        assert_eq!(board.list(), []);
        set(&mut board, ONE, "a", (AgentState::Idle, 1));
        set(&mut board, TWO, "b", (AgentState::Idle, 1));
        assert_eq!(board.drop_profile(&"p".parse().unwrap()).len(), 2);
    }
}
