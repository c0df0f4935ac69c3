//! A session's screen, the clients that its output goes to, and the input that waits for it.

use std::sync::Arc;

use leakgate_probe::Held;
use sessiond_protocol::{
    CreateParams, Cursor, MAX_FRAME_BYTES, ScreenText, SessionId, Size, encode_output,
};
use sessiond_screen::{Screen, ScrollbackLimit};
use tokio::sync::Notify;

use super::input::InputQueue;
use crate::core::{ClientId, Facts, Remains};
use crate::fanout::{Outbox, Urgency};
use crate::gauges::{SCREEN_BYTES, SUBSCRIBERS};

/// Bytes of scrollback text in one answer: half a frame, which leaves the other half for the screen and for JSON's
/// escapes.
const SCROLLBACK_ANSWER_BYTES_MAX: usize = MAX_FRAME_BYTES / 2;

/// Everything about a session that output, input and requests change.
#[derive(Debug)]
pub(crate) struct Terminal {
    screen: Screen,
    subscribers: Vec<Subscriber>,
    input: InputQueue,
    output_bytes: u64,
    accounted: Held,
}

/// A client that the output goes to.
#[derive(Debug)]
struct Subscriber {
    client: ClientId,
    outbox: Arc<Outbox>,
    /// It missed output (or has seen none yet) and is to get a snapshot.
    behind: bool,
    _counted: Held,
}

impl Terminal {
    pub(crate) fn new(size: Size, params: &CreateParams) -> Self {
        let screen = Screen::new(screen_size(size), scrollback_limit(params));
        let accounted = SCREEN_BYTES.hold(screen.retained_bytes());
        Self {
            screen,
            subscribers: Vec::new(),
            input: InputQueue::default(),
            output_bytes: 0,
            accounted,
        }
    }

    /// Takes output: to the screen, to every client that keeps up, and the screen's answers back to the program.
    pub(crate) fn take_output(&mut self, session: SessionId, output: &[u8], poke: &Arc<Notify>) {
        self.screen.feed(output);
        self.output_bytes += output.len() as u64;
        self.accounted.resize(self.screen.retained_bytes());
        if let Some(reply) = self.screen.take_replies() {
            self.input.push_reply(reply);
        }
        if self.subscribers.is_empty() {
            return;
        }
        let frame = encode_output(session, output);
        for subscriber in &mut self.subscribers {
            if !subscriber.behind && !subscriber.outbox.push_output(&frame) {
                subscriber.behind = true;
                subscriber.outbox.call_when_roomy(poke);
            }
        }
    }

    /// Adds a client, once: it is to get a snapshot, and after that all output.
    pub(crate) fn attach(&mut self, client: ClientId, outbox: Arc<Outbox>) {
        self.detach(client);
        self.subscribers.push(Subscriber {
            client,
            outbox,
            behind: true,
            _counted: SUBSCRIBERS.hold(1),
        });
    }

    pub(crate) fn detach(&mut self, client: ClientId) {
        self.subscribers
            .retain(|subscriber| subscriber.client != client);
        self.subscribers.shrink_to_fit();
    }

    /// Sends the screen to every client that is behind and has room, and waits for room for the others.
    pub(crate) fn send_snapshots(&mut self, session: SessionId, poke: &Arc<Notify>) {
        self.catch_up(session, Urgency::WhenRoomy);
        for subscriber in self
            .subscribers
            .iter()
            .filter(|subscriber| subscriber.behind)
        {
            subscriber.outbox.call_when_roomy(poke);
        }
    }

    fn catch_up(&mut self, session: SessionId, urgency: Urgency) {
        let mut screen = None;
        for subscriber in self
            .subscribers
            .iter_mut()
            .filter(|subscriber| subscriber.behind)
        {
            let screen = screen.get_or_insert_with(|| self.screen.snapshot());
            subscriber.behind = !subscriber.outbox.push_snapshot(session, screen, urgency);
        }
    }

    /// Ends the terminal: whoever is behind gets the last screen, whoever waits for input to be taken an answer.
    /// Returns what can still be read.
    pub(crate) fn finish(&mut self, session: SessionId) -> Remains {
        self.catch_up(session, Urgency::Last);
        self.subscribers = Vec::new();
        self.input.fail_all();
        let (size, cursor) = (self.facts().size, cursor(&self.screen));
        let screen = std::mem::replace(&mut self.screen, empty_screen());
        self.accounted.resize(0);
        Remains {
            size,
            cursor,
            output_bytes: self.output_bytes,
            screen: screen.shed(),
        }
    }

    /// Ends the terminal as [`Terminal::finish`] does, with a blank screen in place of one that cannot be relied on.
    pub(crate) fn abandon(&mut self) -> Remains {
        self.subscribers = Vec::new();
        self.input.fail_all();
        self.screen = empty_screen();
        self.accounted.resize(0);
        Remains {
            size: Size::DEFAULT,
            cursor: cursor(&self.screen),
            output_bytes: self.output_bytes,
            screen: empty_screen().shed(),
        }
    }

    pub(crate) const fn input(&mut self) -> &mut InputQueue {
        &mut self.input
    }

    pub(crate) fn resize(&mut self, size: Size) {
        self.screen.resize(screen_size(size));
        self.accounted.resize(self.screen.retained_bytes());
    }

    pub(crate) fn facts(&self) -> Facts {
        let size = self.screen.size();
        Facts {
            size: Size::new(size.rows(), size.columns())
                .expect("the wire and the screen have the same bounds"),
            output_bytes: self.output_bytes,
            title: self.screen.title().to_owned(),
        }
    }

    pub(crate) fn text(&self, scrollback: usize) -> ScreenText {
        let kept = self.screen.scrollback_len();
        let facts = self.facts();
        ScreenText {
            size: facts.size,
            rows: self.screen.text_rows(),
            scrollback: last_fitting(
                self.screen
                    .scrollback_text(kept.saturating_sub(scrollback)..kept),
            ),
            scrollback_lines: kept,
            cursor: cursor(&self.screen),
            title: facts.title,
            alternate: self.screen.is_alternate(),
        }
    }
}

/// As many of the last lines as fit an answer.
fn last_fitting(mut lines: Vec<String>) -> Vec<String> {
    let mut bytes = 0;
    let fits = |line: &&String| {
        // Two quotes and a comma; a quote or backslash in the text takes two bytes.
        bytes += 3
            + line.len()
            + line
                .bytes()
                .filter(|byte| matches!(byte, b'"' | b'\\'))
                .count();
        bytes <= SCROLLBACK_ANSWER_BYTES_MAX
    };
    let count = lines.iter().rev().take_while(fits).count();
    lines.drain(..lines.len() - count);
    lines
}

fn empty_screen() -> Screen {
    Screen::new(
        sessiond_screen::Size::DEFAULT,
        ScrollbackLimit { lines: 0, bytes: 0 },
    )
}

fn cursor(screen: &Screen) -> Cursor {
    let cursor = screen.cursor();
    Cursor {
        row: cursor.row,
        column: cursor.column,
        visible: cursor.visible,
    }
}

fn screen_size(size: Size) -> sessiond_screen::Size {
    sessiond_screen::Size::new(size.rows(), size.columns())
        .expect("the wire and the screen have the same bounds")
}

/// What the client wants, up to a bound that one session may not go beyond.
fn scrollback_limit(params: &CreateParams) -> ScrollbackLimit {
    let default = ScrollbackLimit::default();
    let lines = params
        .scrollback_lines
        .map_or(default.lines, |lines| lines as usize);
    let bytes = params.scrollback_bytes.map_or(default.bytes, |bytes| {
        usize::try_from(bytes).unwrap_or(usize::MAX)
    });
    ScrollbackLimit {
        lines: lines.min(SCROLLBACK_LINES_MAX),
        bytes: bytes.min(SCROLLBACK_BYTES_MAX),
    }
}

/// The most lines that a client may ask for: ten times the default.
const SCROLLBACK_LINES_MAX: usize = 100_000;
/// The most bytes that a client may ask for: ten times the default, about what those lines take.
const SCROLLBACK_BYTES_MAX: usize = 20 << 20;

#[cfg(test)]
mod tests;
