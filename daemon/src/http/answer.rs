//! An answer: what a session's terminal shows after its input was sent, and when that is over. Without a clock of its own.
//!
//! The output is fed to a screen of its own, so that it is text as a person would read it: what was written over is gone, and
//! escape sequences are obeyed and not quoted.

use std::time::{Duration, Instant};

use serde::Serialize;
use sessiond_protocol::{ExitStatus, RequestId, Size};
use sessiond_screen::{Pattern, Screen, ScrollbackLimit};

use crate::core::{ClientId, Ticket};
use crate::session::{Lookout, screen_size};

/// Bytes of an answer's text: some ten pages. The end is kept, where the result is.
const TEXT_BYTES_MAX: usize = 128 << 10;

/// Lines of history behind it.
const LINES_MAX: usize = 10_000;

/// Rows of the screen at most, whatever the session's are: each can hold a kilobyte and more.
const ROWS_MAX: u16 = 200;

/// When an answer is over.
#[derive(Debug)]
pub(super) struct Rule {
    /// When there was no output for so long, after there was some.
    pub(super) quiet: Option<Duration>,
    /// When a row shows this.
    pub(super) pattern: Option<Pattern>,
    /// At the latest, counted from the request.
    pub(super) timeout: Duration,
}

/// Why it is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Ended {
    Quiet,
    Pattern,
    Timeout,
    /// The session has ended.
    Exited,
}

/// An answer.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    text: String,
    ended: Ended,
    /// How the session's process ended, where it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<ExitStatus>,
    /// Lines of text before what is here.
    cut_lines: u64,
    /// Bytes of output that came faster than they could be read.
    missed_bytes: u64,
}

/// An answer that is being read.
pub(super) struct Reader {
    screen: Screen,
    lookout: Lookout,
    quiet: Option<Duration>,
    until: Instant,
    /// When there was output last.
    heard: Option<Instant>,
    /// The terminal has taken all of the input.
    is_sent: bool,
    is_seen: bool,
    status: Option<ExitStatus>,
    missed_bytes: u64,
}

impl Reader {
    /// Begins to read, from a terminal of this size.
    pub(super) fn new(now: Instant, size: Size, rule: Rule, until: Instant) -> Self {
        let size = Size::new(size.rows().min(ROWS_MAX), size.columns()).unwrap_or(size);
        let limit = ScrollbackLimit {
            lines: LINES_MAX,
            bytes: TEXT_BYTES_MAX,
        };
        let screen = Screen::new(screen_size(size), limit);
        let mut lookout = Lookout::new(now);
        if let Some(pattern) = rule.pattern {
            let nobody = Ticket {
                client: ClientId(0),
                id: RequestId(0),
            };
            lookout.watch(nobody, pattern, &screen, now);
        }
        Self {
            screen,
            lookout,
            quiet: rule.quiet,
            until,
            heard: None,
            is_sent: false,
            is_seen: false,
            status: None,
            missed_bytes: 0,
        }
    }

    /// The terminal has put this out.
    pub(super) fn output(&mut self, now: Instant, bytes: &[u8]) {
        self.heard = Some(now);
        self.lookout.feed(bytes, &mut self.screen, now);
        self.screen.take_replies(); // the session's own screen answers what its program asks
    }

    /// So much of its output is lost.
    pub(super) fn missed(&mut self, now: Instant, bytes: u64) {
        self.heard = Some(now);
        self.missed_bytes += bytes;
    }

    /// The terminal has taken the input.
    pub(super) fn sent(&mut self) {
        self.is_sent = true;
    }

    /// The session has ended.
    pub(super) fn exited(&mut self, status: ExitStatus) {
        self.status = Some(status);
    }

    /// Whether it is over.
    pub(super) fn ended(&mut self, now: Instant) -> Option<Ended> {
        let is_over = self.status.is_some() || now >= self.until;
        if is_over || self.lookout.due().is_some_and(|due| due <= now) {
            self.lookout.look(&self.screen, now);
        }
        self.is_seen |= !self.lookout.take_sightings().is_empty();
        if self.is_seen && (self.is_sent || is_over) {
            return Some(Ended::Pattern);
        }
        if self.status.is_some() {
            return Some(Ended::Exited);
        }
        if self.quiet_at().is_some_and(|quiet| quiet <= now) {
            return Some(Ended::Quiet);
        }
        is_over.then_some(Ended::Timeout)
    }

    /// When it may be over without anything happening.
    pub(super) fn wake(&self) -> Instant {
        let due = self.lookout.due().into_iter().chain(self.quiet_at());
        due.fold(self.until, Instant::min)
    }

    fn quiet_at(&self) -> Option<Instant> {
        self.heard
            .filter(|_| self.is_sent)
            .zip(self.quiet)
            .map(|(heard, quiet)| heard + quiet)
    }

    /// What it has come to.
    pub(super) fn finish(self, ended: Ended) -> Answer {
        let mut lines = self.screen.scrollback_text(0..self.screen.scrollback_len());
        lines.append(&mut self.screen.text_rows());
        let used = lines
            .iter()
            .rposition(|line| !line.is_empty())
            .map_or(0, |last| last + 1);
        lines.truncate(used);
        let mut bytes = 0;
        let fitting = lines.iter().rev().take_while(|line| {
            bytes += line.len() + 1;
            bytes <= TEXT_BYTES_MAX
        });
        let cut = lines.len() - fitting.count();
        Answer {
            text: lines[cut..].join("\n"),
            ended,
            status: self.status,
            cut_lines: self.screen.first_line() + cut as u64,
            missed_bytes: self.missed_bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pattern::{self, AWAITED_BYTES_MAX};
    use sessiond_protocol::TextPattern;
    use sessiond_screen::Case;

    const SECOND: Duration = Duration::from_secs(1);

    fn rule(quiet: Option<Duration>, pattern: Option<&str>) -> Rule {
        let pattern = pattern.map(|text| {
            let pattern = TextPattern::Text(text.to_owned());
            pattern::read(&pattern, Case::Sensitive, AWAITED_BYTES_MAX).unwrap()
        });
        Rule {
            quiet,
            pattern,
            timeout: 60 * SECOND,
        }
    }

    fn reader(now: Instant, rule: Rule) -> Reader {
        let until = now + rule.timeout;
        Reader::new(now, Size::DEFAULT, rule, until)
    }

    #[test]
    fn quiet_counts_from_the_last_output_after_the_input() {
        let now = Instant::now();
        let mut reader = reader(now, rule(Some(SECOND), None));
        assert_eq!(
            (reader.ended(now + 10 * SECOND), reader.wake()),
            (None, now + 60 * SECOND)
        );
        reader.output(now, b"echo");
        assert_eq!(reader.ended(now + 5 * SECOND), None, "not sent yet");
        reader.sent();
        reader.output(now + 5 * SECOND, b"ed");
        assert_eq!(reader.wake(), now + 6 * SECOND);
        assert_eq!(reader.ended(now + 6 * SECOND), Some(Ended::Quiet));
        assert_eq!(reader.finish(Ended::Quiet).text, "echoed");
    }

    #[test]
    fn a_pattern_ends_it_and_quiet_does_not() {
        let now = Instant::now();
        let mut reader = reader(now, rule(None, Some("done")));
        reader.sent();
        reader.output(now, b"work\r\n");
        assert_eq!(reader.ended(now + 30 * SECOND), None);
        reader.output(now + 30 * SECOND, b"\x1b[1mdo\x1b[mne");
        assert_eq!(reader.ended(reader.wake()), Some(Ended::Pattern));
        assert_eq!(reader.finish(Ended::Pattern).text, "work\ndone");
    }

    #[test]
    fn it_ends_with_its_time_or_the_session() {
        let now = Instant::now();
        let mut late = reader(now, rule(None, Some("done")));
        assert_eq!(late.ended(now + 60 * SECOND), Some(Ended::Timeout));
        let mut ended = reader(now, rule(None, Some("done")));
        ended.output(now, b"bye");
        ended.exited(ExitStatus::Code(3));
        assert_eq!(ended.ended(now), Some(Ended::Exited));
        let answer = serde_json::to_string(&ended.finish(Ended::Exited)).unwrap();
        assert!(answer.contains(r#""status":{"code":3}"#), "{answer}");
        let mut both = reader(now, rule(None, Some("done")));
        both.output(now, b"done");
        both.exited(ExitStatus::Code(0));
        assert_eq!(both.ended(now), Some(Ended::Pattern));
    }

    #[test]
    fn text_is_what_a_person_reads_and_bounded() {
        let now = Instant::now();
        let mut progress = reader(now, rule(Some(SECOND), None));
        progress.output(now, b"10 %\r100 %\r\n\x1b[31mred\x1b[m\r\n\r\n");
        assert_eq!(progress.finish(Ended::Quiet).text, "100 %\nred");
        let mut long = reader(now, rule(Some(SECOND), None));
        for line in 0..100_000 {
            long.output(now, format!("{line} {}\r\n", "x".repeat(70)).as_bytes());
        }
        let answer = long.finish(Ended::Quiet);
        assert!(answer.text.len() <= TEXT_BYTES_MAX && answer.cut_lines > 90_000);
        assert!(answer.text.ends_with("x") && answer.text.contains("\n99999 x"));
    }
}
