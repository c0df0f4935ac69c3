//! Waits for text: who looks for what on one session's screen, and when it is worth looking.
//!
//! The screen is not read per byte of output but after a stretch of it, or [`PAUSE`] after the last look, whichever comes
//! first; each look reads the screen's rows and the lines that left it since. So the cost is bounded per byte and per second,
//! and nothing that scrolls by is missed as long as the scrollback keeps two stretches: 8192 lines at most.

use std::time::{Duration, Instant};

use leakgate_probe::Held;
use sessiond_screen::{Pattern, Screen};

use crate::core::{Sighting, Ticket};
use crate::gauges::WATCHES;

/// Output after which one looks at once, on a screen of usual size.
const STRETCH_BYTES: usize = 4 << 10;

/// Cells that a look reads for each byte of a stretch at most: a larger screen has longer stretches.
const CELLS_PER_BYTE: usize = 8;

/// The least time between two looks at less output than that: a hundred looks a second cost less than 1 % of a core.
const PAUSE: Duration = Duration::from_millis(10);

/// The waits for text of one session; the core bounds how many.
#[derive(Debug)]
pub(crate) struct Lookout {
    watches: Vec<Watch>,
    /// What was found and not yet reported.
    sightings: Vec<Sighting>,
    /// Output since the last look.
    unseen_bytes: usize,
    /// Lines that had left the screen by then.
    lines_seen: u64,
    looked: Instant,
}

#[derive(Debug)]
struct Watch {
    ticket: Ticket,
    pattern: Pattern,
    _counted: Held,
}

impl Lookout {
    pub(crate) const fn new(now: Instant) -> Self {
        Self {
            watches: Vec::new(),
            sightings: Vec::new(),
            unseen_bytes: 0,
            lines_seen: 0,
            looked: now,
        }
    }

    /// Begins to look for something, on the screen as it is and from now on.
    pub(crate) fn watch(
        &mut self,
        ticket: Ticket,
        pattern: Pattern,
        screen: &Screen,
        now: Instant,
    ) {
        self.look(screen, now); // what has scrolled by until now is for the others only
        self.watches.push(Watch {
            ticket,
            pattern,
            _counted: WATCHES.hold(1),
        });
        self.look(screen, now);
    }

    /// Gives up a wait.
    pub(crate) fn unwatch(&mut self, ticket: Ticket) {
        self.watches.retain(|watch| watch.ticket != ticket);
        self.watches.shrink_to_fit();
    }

    /// Feeds output to the screen, and looks at it when that is due.
    pub(crate) fn feed(&mut self, output: &[u8], screen: &mut Screen, now: Instant) {
        if self.watches.is_empty() {
            return screen.feed(output);
        }
        let size = screen.size();
        let cells = usize::from(size.rows()) * usize::from(size.columns());
        let stretch = STRETCH_BYTES.max(cells / CELLS_PER_BYTE);
        for piece in output.chunks(stretch) {
            screen.feed(piece);
            self.unseen_bytes += piece.len();
            if self.unseen_bytes >= stretch || now >= self.looked + PAUSE {
                self.look(screen, now);
            }
        }
    }

    /// When the next look is due; never while there is nothing new or nobody waits.
    pub(crate) fn due(&self) -> Option<Instant> {
        (self.unseen_bytes > 0 && !self.watches.is_empty()).then(|| self.looked + PAUSE)
    }

    /// Looks for everything that is waited for.
    pub(crate) fn look(&mut self, screen: &Screen, now: Instant) {
        let lines = screen.top_line();
        let new = usize::try_from(lines.saturating_sub(self.lines_seen)).unwrap_or(usize::MAX);
        self.unseen_bytes = 0;
        self.lines_seen = lines;
        self.looked = now;
        if self.watches.is_empty() {
            return;
        }
        let kept = screen.scrollback_len();
        let mut rows = screen.scrollback_text(kept.saturating_sub(new)..kept);
        rows.append(&mut screen.text_rows());
        let sightings = &mut self.sightings;
        self.watches.retain(|watch| {
            let Some(row) = rows.iter().find(|row| watch.pattern.is_in(row)) else {
                return true;
            };
            sightings.push(Sighting {
                ticket: watch.ticket,
                row: row.clone(),
            });
            false
        });
        self.watches.shrink_to_fit();
    }

    /// What was found since this was asked last.
    pub(crate) fn take_sightings(&mut self) -> Vec<Sighting> {
        std::mem::take(&mut self.sightings)
    }
}

#[cfg(test)]
mod tests;
