//! A cycle followed step by step: what is opened must be there when it is used, and gone at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::model::Action;
use super::part::{Block, Branch, Part, Step};

/// Something that does not fit, and where.
pub(super) struct Wrong {
    pub(super) document: usize,
    pub(super) span: Range<usize>,
    pub(super) message: String,
}

/// What is wrong with a cycle of these parts.
pub(super) fn follow(parts: &[Part]) -> Vec<Wrong> {
    let mut state = State::default();
    let mut found = Vec::new();
    state.list(parts, &mut found);
    for (name, (session, opened)) in &state.sessions {
        if *session == Session::Running {
            let message = format!("session `{name}` is still open at the end of a cycle");
            found.push(at_session(opened, message));
        }
    }
    for (name, connected) in &state.clients {
        let message = format!("client `{name}` is still connected at the end of a cycle");
        found.push(at_client(connected, message));
    }
    found
}

/// What a session is doing at a point of a cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Session {
    /// Its child runs, as far as the scenario says.
    Running,
    /// Its child has ended by itself: it need not be closed.
    Exited,
}

/// What exists at a point of a cycle, and the step that made it.
#[derive(Clone, Default)]
struct State<'s> {
    sessions: BTreeMap<&'s str, (Session, &'s Step)>,
    clients: BTreeMap<&'s str, &'s Step>,
    attached: BTreeSet<(&'s str, &'s str)>,
    /// Every session that the cycle has opened: one that is gone can still be asked for.
    known: BTreeSet<&'s str>,
    /// What has been opened, closed, connected or disconnected.
    changed: BTreeMap<Name<'s>, &'s Step>,
    /// What has been made use of.
    used: BTreeMap<Name<'s>, &'s Step>,
}

/// Sessions and clients have names of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Name<'s> {
    Session(&'s str),
    Client(&'s str),
}

impl<'s> State<'s> {
    fn list(&mut self, parts: &'s [Part], found: &mut Vec<Wrong>) {
        for part in parts {
            match part {
                Part::Step(step) => self.step(step, found),
                Part::Repeat(block) => {
                    for round in &block.parts {
                        self.list(round, found);
                    }
                }
                Part::Group(block) => self.list(&block.parts, found),
                Part::Parallel(block) => self.parallel(block, found),
            }
        }
    }

    /// Follows each branch from here, as if it were alone, and puts together what they did.
    fn parallel(&mut self, block: &'s Block<Branch>, found: &mut Vec<Wrong>) {
        let begin = self.clone();
        let mut before: Vec<State<'s>> = Vec::new();
        for branch in &block.parts {
            let mut state = State {
                changed: BTreeMap::new(),
                used: BTreeMap::new(),
                ..begin.clone()
            };
            state.list(&branch.parts, found);
            for other in &before {
                found.extend(other.conflicts(&state));
            }
            self.merge(&begin, &state);
            before.push(state);
        }
    }

    /// What one branch opens or ends while another uses it.
    fn conflicts(&self, other: &State<'s>) -> Vec<Wrong> {
        let both = |changes: &State<'s>, uses: &State<'s>| -> Vec<Wrong> {
            let touched = uses.changed.iter().chain(&uses.used);
            touched
                .filter_map(|(name, step)| {
                    let change = changes.changed.get(name)?;
                    Some(conflict(*name, step, change))
                })
                .collect()
        };
        let mut found = both(self, other);
        if found.is_empty() {
            found = both(other, self);
        }
        found.truncate(1);
        found
    }

    /// Takes over what a branch that began at `begin` has done.
    fn merge(&mut self, begin: &State<'s>, branch: &State<'s>) {
        for name in branch.changed.keys().chain(branch.used.keys()) {
            match name {
                Name::Session(name) => match branch.sessions.get(name) {
                    Some(session)
                        if begin.sessions.get(name).map(|(s, _)| s) != Some(&session.0) =>
                    {
                        self.sessions.insert(name, *session);
                    }
                    Some(_) => {}
                    None => {
                        self.sessions.remove(name);
                    }
                },
                Name::Client(name) => match branch.clients.get(name) {
                    Some(step) => {
                        self.clients.insert(name, step);
                    }
                    None => {
                        self.clients.remove(name);
                    }
                },
            }
        }
        for pair in branch.attached.difference(&begin.attached) {
            self.attached.insert(*pair);
        }
        for pair in begin.attached.difference(&branch.attached) {
            self.attached.remove(pair);
        }
        self.known.extend(&branch.known);
        self.changed.extend(&branch.changed);
        self.used.extend(&branch.used);
    }

    fn step(&mut self, step: &'s Step, found: &mut Vec<Wrong>) {
        if step.expect_error.is_some() {
            // It changes nothing, and may be about what is gone; but what never was has no name.
            self.refused(step, found);
            return;
        }
        match &step.action {
            Action::Open { session, .. } => {
                self.known.insert(session);
                self.changed.insert(Name::Session(session), step);
                let before = self.sessions.insert(session, (Session::Running, step));
                if before.is_some_and(|(state, _)| state == Session::Running) {
                    let message = format!("session `{session}` is opened while it is there");
                    found.push(at_session(step, message));
                }
            }
            Action::Close { session } => {
                self.changed.insert(Name::Session(session), step);
                if self.sessions.remove(session.as_str()).is_none() {
                    found.push(at_session(step, not_open(session)));
                }
                self.attached.retain(|&(_, attached)| attached != session);
            }
            Action::Connect { client, .. } => {
                self.changed.insert(Name::Client(client), step);
                if self.clients.insert(client, step).is_some() {
                    let message = format!("client `{client}` is connected while it is there");
                    found.push(at_client(step, message));
                }
            }
            Action::Disconnect { client, .. } => {
                self.changed.insert(Name::Client(client), step);
                if self.clients.remove(client.as_str()).is_none() {
                    found.push(at_client(step, not_connected(client)));
                }
                self.attached.retain(|&(attached, _)| attached != client);
            }
            _ => self.use_what_is_there(step, found),
        }
    }

    fn refused(&mut self, step: &'s Step, found: &mut Vec<Wrong>) {
        if let Some(session) = step.action.session()
            && !matches!(step.action, Action::Open { .. })
            && !self.known.contains(session)
        {
            let message = format!("session `{session}` was never opened here");
            found.push(at_session(step, message));
        }
        if let Some(client) = step.action.client()
            && !self.clients.contains_key(client)
        {
            found.push(at_client(step, not_connected(client)));
        }
    }

    fn use_what_is_there(&mut self, step: &'s Step, found: &mut Vec<Wrong>) {
        let action = &step.action;
        if let Some(client) = action.client() {
            self.used.insert(Name::Client(client), step);
            if !self.clients.contains_key(client) {
                found.push(at_client(step, not_connected(client)));
            }
        }
        let Some(session) = action.session() else {
            return;
        };
        self.used.insert(Name::Session(session), step);
        let Some((state, _)) = self.sessions.get_mut(session) else {
            found.push(at_session(step, not_open(session)));
            return;
        };
        match action {
            Action::WaitExit { .. } => *state = Session::Exited,
            Action::Write { .. } | Action::Resize { .. } | Action::Kill { .. }
                if *state == Session::Exited =>
            {
                let message = format!("session `{session}` has already ended");
                found.push(at_session(step, message));
            }
            Action::Attach { client, .. } => {
                self.attached.insert((client, session));
            }
            Action::Detach { client, .. } if !self.attached.remove(&(client.as_str(), session)) => {
                let message = format!("client `{client}` is not attached to `{session}` here");
                found.push(at_client(step, message));
            }
            _ => {}
        }
    }
}

fn conflict(name: Name<'_>, step: &Step, change: &Step) -> Wrong {
    let (does, place) = (change.action.name(), &change.place);
    match name {
        Name::Session(session) => at_session(
            step,
            format!(
                "another branch does `{does}` with session `{session}` at the same time ({place})"
            ),
        ),
        Name::Client(client) => at_client(
            step,
            format!(
                "another branch does `{does}` with client `{client}` at the same time ({place})"
            ),
        ),
    }
}

fn at_session(step: &Step, message: String) -> Wrong {
    Wrong {
        document: step.place.document,
        span: step.spans.session.clone(),
        message,
    }
}

fn at_client(step: &Step, message: String) -> Wrong {
    Wrong {
        document: step.place.document,
        span: step.spans.client.clone(),
        message,
    }
}

fn not_open(session: &str) -> String {
    format!("session `{session}` is not open here")
}

fn not_connected(client: &str) -> String {
    format!("client `{client}` is not connected here")
}
