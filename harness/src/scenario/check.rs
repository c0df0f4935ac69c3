//! What shows only when a scenario's steps are followed, cycle by cycle: that a cycle ends where it began.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::model::{Action, Cycles, Warmup, When};
use super::steps::Placed;
use crate::source::Problems;

/// What a session is doing at a point of a cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Session {
    /// Its child runs, as far as the scenario says.
    Running,
    /// Its child has ended by itself: it need not be closed.
    Exited,
}

/// What exists at a point of a cycle, and the step (by number) that made it.
#[derive(Default)]
struct State<'s> {
    sessions: BTreeMap<&'s str, (Session, usize)>,
    clients: BTreeMap<&'s str, usize>,
    attached: BTreeSet<(&'s str, &'s str)>,
}

/// Follows the steps through every cycle that can run, and notes each problem once, with the first cycle that has it.
pub(super) fn cycle_ends_where_it_began(steps: &[Placed], cycles: Cycles, problems: &mut Problems) {
    let warmup = match cycles.warmup {
        Warmup::Auto => Warmup::AUTO_MAX,
        Warmup::Fixed(cycles) => cycles,
    };
    listed_cycles_run(steps, cycles, problems);
    let mut patterns: BTreeSet<Vec<bool>> = BTreeSet::new();
    let mut noted: BTreeSet<(usize, String)> = BTreeSet::new();
    let phases = [(false, warmup), (true, cycles.max)];
    for (measured, count) in phases {
        for cycle in 1..=count {
            let runs: Vec<bool> = steps
                .iter()
                .map(|placed| placed.step.when.includes(cycle, measured))
                .collect();
            // Few patterns exist among many cycles: each is followed once.
            if !patterns.insert(runs.clone()) {
                continue;
            }
            let phase = if measured { "cycle" } else { "warm-up cycle" };
            for (span, message) in follow(steps, &runs) {
                if noted.insert((span.start, message.clone())) {
                    problems.add(span, message, format!("in {phase} {cycle}"));
                }
            }
        }
    }
}

/// `only` and `except` name measured cycles that can run.
fn listed_cycles_run(steps: &[Placed], cycles: Cycles, problems: &mut Problems) {
    for placed in steps {
        let (When::Only(listed) | When::Except(listed)) = &placed.step.when else {
            continue;
        };
        if let Some(beyond) = listed.iter().find(|&&cycle| cycle > cycles.max) {
            problems.add(
                placed.when_span.clone(),
                format!("there is no measured cycle {beyond}"),
                format!("there are {}", cycles.max),
            );
        }
    }
}

/// The problems of one cycle in which the steps marked in `runs` run.
fn follow(steps: &[Placed], runs: &[bool]) -> Vec<(Range<usize>, String)> {
    let mut state = State::default();
    let mut found = Vec::new();
    for (number, placed) in steps.iter().enumerate() {
        if runs[number] {
            state.take(number, placed, &mut found);
        }
    }
    for (name, &(session, opened)) in &state.sessions {
        if session == Session::Running {
            found.push((
                steps[opened].session_span.clone(),
                format!("session `{name}` is still open at the end of a cycle"),
            ));
        }
    }
    for (name, &connected) in &state.clients {
        found.push((
            steps[connected].client_span.clone(),
            format!("client `{name}` is still connected at the end of a cycle"),
        ));
    }
    found
}

impl<'s> State<'s> {
    fn take(&mut self, number: usize, placed: &'s Placed, found: &mut Vec<(Range<usize>, String)>) {
        let mut wrong = |span: &Range<usize>, message: String| found.push((span.clone(), message));
        match &placed.step.action {
            Action::Open { session, .. } => {
                let opened = (Session::Running, number);
                if self.sessions.insert(session, opened).is_some() {
                    let message = format!("session `{session}` is opened while it is there");
                    wrong(&placed.session_span, message);
                }
            }
            Action::Write { session, .. } | Action::Resize { session, .. } => {
                match self.sessions.get(session.as_str()) {
                    Some((Session::Running, _)) => {}
                    Some((Session::Exited, _)) => wrong(
                        &placed.session_span,
                        format!("session `{session}` has already ended"),
                    ),
                    None => wrong(&placed.session_span, not_open(session)),
                }
            }
            Action::WaitExit { session, .. } => match self.sessions.get_mut(session.as_str()) {
                Some((state, _)) => *state = Session::Exited,
                None => wrong(&placed.session_span, not_open(session)),
            },
            Action::WaitOutput { session, .. } | Action::Screen { session, .. } => {
                if !self.sessions.contains_key(session.as_str()) {
                    wrong(&placed.session_span, not_open(session));
                }
            }
            Action::Close { session } => {
                if self.sessions.remove(session.as_str()).is_none() {
                    wrong(&placed.session_span, not_open(session));
                }
                self.attached
                    .retain(|&(_, attached)| attached != session.as_str());
            }
            Action::Idle { .. } => {}
            Action::Connect { .. }
            | Action::Attach { .. }
            | Action::Detach { .. }
            | Action::Disconnect { .. }
            | Action::SendRaw { .. }
            | Action::Exchange { .. } => self.take_client(number, placed, &mut wrong),
        }
    }

    fn take_client(
        &mut self,
        number: usize,
        placed: &'s Placed,
        wrong: &mut dyn FnMut(&Range<usize>, String),
    ) {
        match &placed.step.action {
            Action::Connect { client, .. } => {
                let before = self.clients.insert(client, number);
                if before.is_some() {
                    let message = format!("client `{client}` is connected while it is there");
                    wrong(&placed.client_span, message);
                }
            }
            Action::Attach { client, session } | Action::Detach { client, session } => {
                self.must_be_connected(client, placed, wrong);
                if !self.sessions.contains_key(session.as_str()) {
                    wrong(&placed.session_span, not_open(session));
                    return;
                }
                let pair = (client.as_str(), session.as_str());
                if matches!(placed.step.action, Action::Attach { .. }) {
                    self.attached.insert(pair);
                } else if !self.attached.remove(&pair) {
                    let message = format!("client `{client}` is not attached to `{session}` here");
                    wrong(&placed.client_span, message);
                }
            }
            Action::Disconnect { client, .. } => {
                if self.clients.remove(client.as_str()).is_none() {
                    wrong(&placed.client_span, not_connected(client));
                }
                self.attached
                    .retain(|&(attached, _)| attached != client.as_str());
            }
            Action::SendRaw { client, .. }
            | Action::Exchange {
                client: Some(client),
                ..
            } => {
                self.must_be_connected(client, placed, wrong);
            }
            _ => {}
        }
    }

    fn must_be_connected(
        &self,
        client: &str,
        placed: &Placed,
        wrong: &mut dyn FnMut(&Range<usize>, String),
    ) {
        if !self.clients.contains_key(client) {
            wrong(&placed.client_span, not_connected(client));
        }
    }
}

fn not_open(session: &str) -> String {
    format!("session `{session}` is not open here")
}

fn not_connected(client: &str) -> String {
    format!("client `{client}` is not connected here")
}
