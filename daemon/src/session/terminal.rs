//! A session's screen, the clients that its output goes to, and the input that waits for it.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use leakgate_probe::Held;
use sessiond_protocol::{
    CreateParams, Cursor, Failure, Read, ReadReply, ScreenState, ScreenText, SessionId, Size,
    encode_output,
};
use sessiond_screen::{Screen, ScrollbackLimit};
use tokio::sync::Notify;

use super::audience::{Audience, Beginning};
use super::capture::Capture;
use super::input::InputQueue;
use super::lookout::Lookout;
use super::read::{LINES_ANSWER_BYTES_MAX, read};
use super::replay::Replay;
use crate::archives::TEXT_BYTES_MAX;
use crate::core::{Access, AttachOrder, ClientId, Facts, Flow, Origin, Remains};
use crate::fanout::{Outbox, Urgency};
use crate::gauges::SCREEN_BYTES;
use crate::history_budget::{HistoryBudget, Share};

/// Bytes of scrollback text in one answer: half a frame, which leaves the other half for the screen and for JSON's
/// escapes.
const SCROLLBACK_ANSWER_BYTES_MAX: usize = LINES_ANSWER_BYTES_MAX;

/// How finely the history's budget tells sessions apart by their last output.
const MINUTE_MS: u64 = 60_000;

/// Pieces of the history that are compressed before others have their turn: a quarter of a millisecond.
const COMPACTED_AT_ONCE: usize = 8;

/// How long a piece of the history must have been left alone, and kept, to be compressed: longer than output pauses that
/// goes on. Heavy output replaces the whole history in far less, and costs no compression.
const COLD_AFTER: Duration = Duration::from_secs(1);

/// What was done about the history that is cold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compacted {
    /// There was none.
    Nothing,
    /// A little was compressed, which has freed this many bytes. There may be more to do.
    Freed(usize),
}

/// Everything about a session that output, input and requests change.
#[derive(Debug)]
pub(crate) struct Terminal {
    screen: Screen,
    audience: Audience,
    input: InputQueue,
    replay: Replay,
    lookout: Lookout,
    flow: Flow,
    /// When it last put something out; when it was made where it never has.
    quiet_since: Instant,
    /// When the history was last told that a while has passed.
    aged: Instant,
    /// Whether all of its text is wanted at its end.
    keep_text: bool,
    /// Its raw end, where somebody waits for it.
    capture: Option<Capture>,
    last_output_unix_ms: Option<u64>,
    /// What the history may take, as it was asked for.
    limit: ScrollbackLimit,
    /// Its part of what all sessions may keep.
    share: Option<Share>,
    accounted: Held,
}

impl Terminal {
    /// A blank terminal whose counts begin at `origin`.
    pub(crate) fn new(size: Size, params: &CreateParams, origin: Origin) -> Self {
        let limit = scrollback_limit(params);
        let screen = Screen::continuing(screen_size(size), limit, origin.screen);
        let accounted = SCREEN_BYTES.hold(screen.retained_bytes());
        let now = Instant::now();
        Self {
            screen,
            audience: Audience::default(),
            input: InputQueue::default(),
            replay: Replay::new(origin.output_bytes),
            lookout: Lookout::new(now),
            flow: Flow::Running,
            quiet_since: now,
            aged: now,
            keep_text: false,
            capture: None,
            last_output_unix_ms: None,
            limit,
            share: None,
            accounted,
        }
    }

    /// Takes part in what all sessions may keep of their history; `poke` wakes whoever calls [`Terminal::take_up_grant`].
    pub(crate) fn join(&mut self, budget: &Arc<HistoryBudget>, poke: Arc<Notify>) {
        self.share = Some(budget.join(self.limit.bytes, unix_ms() / MINUTE_MS, poke));
        self.take_up_grant();
    }

    /// Keeps as much history as is granted now.
    pub(crate) fn take_up_grant(&mut self) {
        if let Some(share) = &self.share {
            self.screen.set_scrollback_limit(ScrollbackLimit {
                bytes: share.granted(),
                ..self.limit
            });
            self.accounted.resize(self.screen.retained_bytes());
        }
    }

    /// Keeps the end of the raw output from now on.
    pub(crate) fn keep_output(&mut self) {
        self.capture = Some(Capture::new());
    }

    /// Hands over all of its text at its end.
    pub(crate) const fn keep_text(&mut self) {
        self.keep_text = true;
    }

    /// Puts text into the scrollback, and leaves the screen empty.
    pub(crate) fn show_first(&mut self, text: &str) {
        for line in text.lines() {
            // An archive is what a screen once showed; whatever else is in its file must not reach a terminal.
            let shown: String = line
                .chars()
                .filter(|character| !character.is_control())
                .collect();
            self.screen.feed(shown.as_bytes());
            self.screen.feed(b"\r\n");
        }
        let rows = usize::from(self.screen.size().rows());
        self.screen
            .feed("\n".repeat(rows.saturating_sub(1)).as_bytes());
        self.screen.feed(b"\x1b[H");
        self.accounted.resize(self.screen.retained_bytes());
    }

    /// The end of the scrollback and the screen, without the empty rows at its end.
    fn whole_text(&self) -> String {
        let mut lines = self.screen.scrollback_text(0..self.screen.scrollback_len());
        lines.extend(self.screen.text_rows());
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        let mut bytes = 0;
        let fits = |line: &&String| {
            bytes += line.len() + 1;
            bytes <= TEXT_BYTES_MAX
        };
        let count = lines.iter().rev().take_while(fits).count();
        lines.drain(..lines.len() - count);
        lines.join("\n")
    }

    /// Shows output on the screen; [`Self::take_output`] follows with all that was shown.
    pub(crate) fn show(&mut self, output: &[u8]) {
        self.quiet_since = Instant::now();
        if self.quiet_since >= self.aged + COLD_AFTER {
            self.aged = self.quiet_since;
            self.screen.age();
        }
        self.lookout
            .feed(output, &mut self.screen, self.quiet_since);
    }

    /// Takes output that the screen has seen: to every client that keeps up, and the screen's answers back to the program.
    pub(crate) fn take_output(&mut self, session: SessionId, output: &[u8], poke: &Arc<Notify>) {
        self.replay.push(output);
        let now = unix_ms();
        self.last_output_unix_ms = Some(now);
        if let Some(share) = &mut self.share {
            share.touch(now / MINUTE_MS);
        }
        self.accounted.resize(self.screen.retained_bytes());
        if let Some(capture) = &mut self.capture {
            capture.take(output);
        }
        if let Some(reply) = self.screen.take_replies() {
            self.input.push_reply(reply);
        }
        if !self.audience.is_empty() {
            let frame = encode_output(session, output);
            self.audience.send(&frame, output.len(), poke);
        }
    }

    /// Adds a client, once: it is to get a snapshot, or what it has not seen yet, and after that all output.
    pub(crate) fn attach(
        &mut self,
        session: SessionId,
        client: ClientId,
        outbox: Arc<Outbox>,
        order: AttachOrder,
    ) {
        let missing = order.from.and_then(|from| self.replay.since(from));
        let beginning = match missing {
            None => Beginning::Snapshot,
            Some(bytes) if bytes.is_empty() => Beginning::Here,
            Some(bytes) => Beginning::Output(encode_output(session, &bytes)),
        };
        let size = order.size.filter(|_| order.access == Access::Full);
        self.audience
            .attach(client, outbox, size, order.flow, beginning);
    }

    /// Sends the screen to every client that is behind and has room, and waits for room for the others.
    pub(crate) fn send_snapshots(&mut self, session: SessionId, poke: &Arc<Notify>) {
        self.catch_up(session, Urgency::WhenRoomy);
        self.audience.wait_for_room(poke);
    }

    fn catch_up(&mut self, session: SessionId, urgency: Urgency) {
        let offset = self.replay.total();
        self.audience
            .catch_up(session, offset, urgency, || self.screen.snapshot());
    }

    /// Bytes that its screen and history hold.
    pub(crate) fn retained_bytes(&self) -> usize {
        self.screen.retained_bytes()
    }

    /// Ends the terminal: whoever is behind gets the last screen, whoever waits for input to be taken an answer.
    /// Returns what can still be read.
    pub(crate) fn finish(&mut self, session: SessionId) -> Remains {
        self.lookout.look(&self.screen, self.quiet_since);
        self.catch_up(session, Urgency::Last);
        self.share = None;
        self.audience.clear();
        self.input.fail_all();
        let text = self.keep_text.then(|| self.whole_text());
        let (size, cursor) = (self.facts().size, cursor(&self.screen));
        let screen = std::mem::replace(&mut self.screen, empty_screen(Origin::default().screen));
        self.accounted.resize(0);
        Remains {
            size,
            cursor,
            output_bytes: self.replay.total(),
            bells: screen.bells(),
            last_output_unix_ms: self.last_output_unix_ms,
            screen: screen.shed(),
            output: self.capture.take().map(Capture::finish),
            text,
        }
    }

    /// Ends the terminal as [`Terminal::finish`] does, with a blank screen in place of one that cannot be relied on.
    pub(crate) fn abandon(&mut self) -> Remains {
        self.share = None;
        self.audience.clear();
        self.input.fail_all();
        let origin = self.screen.next_origin();
        self.screen = empty_screen(origin);
        self.accounted.resize(0);
        Remains {
            size: Size::DEFAULT,
            cursor: cursor(&self.screen),
            output_bytes: self.replay.total(),
            bells: 0,
            last_output_unix_ms: self.last_output_unix_ms,
            screen: empty_screen(origin).shed(),
            output: None,
            text: None,
        }
    }

    pub(crate) const fn input(&mut self) -> &mut InputQueue {
        &mut self.input
    }

    pub(crate) const fn audience(&mut self) -> &mut Audience {
        &mut self.audience
    }

    pub(crate) const fn replay(&self) -> &Replay {
        &self.replay
    }

    /// Who looks for what, and the screen where they look.
    pub(crate) const fn lookout(&mut self) -> (&mut Lookout, &Screen) {
        (&mut self.lookout, &self.screen)
    }

    pub(crate) const fn flow(&self) -> Flow {
        self.flow
    }

    pub(crate) fn set_flow(&mut self, flow: Flow) {
        if flow != self.flow
            && let Some(share) = &self.share
        {
            share.set_paused(flow == Flow::Stopped);
        }
        self.flow = flow;
    }

    pub(crate) const fn quiet_since(&self) -> Instant {
        self.quiet_since
    }

    /// The size that the clients want; none where it has that already, or they want none.
    pub(crate) fn unsettled_size(&self) -> Option<Size> {
        self.audience.size().filter(|size| *size != self.size())
    }

    fn size(&self) -> Size {
        let size = self.screen.size();
        Size::new(size.rows(), size.columns())
            .expect("the wire and the screen have the same bounds")
    }

    pub(crate) fn resize(&mut self, size: Size) {
        self.screen.resize(screen_size(size));
        self.accounted.resize(self.screen.retained_bytes());
    }

    pub(crate) fn facts(&self) -> Facts {
        Facts {
            size: self.size(),
            flow: self.flow,
            output_bytes: self.replay.total(),
            title: self.screen.title().to_owned(),
        }
    }

    /// When the terminal is next to be attended to though nothing comes: to look for what is waited for, or to compress the
    /// history that the last output has left. Never, once both are done.
    pub(crate) fn due(&self) -> Option<Instant> {
        [self.lookout.due(), self.cools_at()]
            .into_iter()
            .flatten()
            .min()
    }

    fn cools_at(&self) -> Option<Instant> {
        self.screen.is_warm().then(|| self.quiet_since + COLD_AFTER)
    }

    /// Does what is due by `now`, all but the compression itself ([`Terminal::compact`]).
    pub(crate) fn attend(&mut self, now: Instant) {
        if self.lookout.due().is_some_and(|due| due <= now) {
            self.lookout.look(&self.screen, now);
        }
        if self.cools_at().is_some_and(|due| due <= now) {
            self.screen.cool();
        }
    }

    /// Compresses a little of the history that is cold.
    pub(crate) fn compact(&mut self) -> Compacted {
        if !self.screen.is_cold() {
            return Compacted::Nothing;
        }
        let before = self.screen.retained_bytes();
        self.screen.compact(COMPACTED_AT_ONCE);
        let after = self.screen.retained_bytes();
        self.accounted.resize(after);
        Compacted::Freed(before.saturating_sub(after))
    }

    pub(crate) fn state(&self) -> ScreenState {
        state_of(&self.screen, self.last_output_unix_ms)
    }

    /// Reads what can be read beside the text.
    pub(crate) fn read(&self, what: &Read) -> Result<ReadReply, Failure> {
        read(&self.screen, self.state(), what)
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

/// What a screen is like, its text aside.
pub(crate) fn state_of(screen: &Screen, last_output_unix_ms: Option<u64>) -> ScreenState {
    let size = screen.size();
    ScreenState {
        size: Size::new(size.rows(), size.columns())
            .expect("the wire and the screen have the same bounds"),
        cursor: cursor(screen),
        title: screen.title().to_owned(),
        alternate: screen.is_alternate(),
        modes: screen.mode_names().map(str::to_owned).collect(),
        bells: screen.bells(),
        revision: screen.revision(),
        first_line: screen.first_line(),
        top_line: screen.top_line(),
        last_output_unix_ms,
    }
}

fn empty_screen(origin: sessiond_screen::Origin) -> Screen {
    let limit = ScrollbackLimit { lines: 0, bytes: 0 };
    Screen::continuing(sessiond_screen::Size::DEFAULT, limit, origin)
}

fn cursor(screen: &Screen) -> Cursor {
    let cursor = screen.cursor();
    Cursor {
        row: cursor.row,
        column: cursor.column,
        visible: cursor.visible,
    }
}

pub(crate) fn screen_size(size: Size) -> sessiond_screen::Size {
    sessiond_screen::Size::new(size.rows(), size.columns())
        .expect("the wire and the screen have the same bounds")
}

fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
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
