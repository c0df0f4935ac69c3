//! What is left of a process that has ended: its status and its final screen.

use std::time::Instant;

use leakgate_probe::Held;
use sessiond_protocol::{
    Cursor, ExitStatus, Failure, Read, ReadReply, ScreenState, ScreenText, Size,
};
use sessiond_screen::{FinalScreen, Screen};

use super::Origin;
use crate::gauges::TOMBSTONE_BYTES;
use crate::session::{read, screen_size, state_of};

/// What is left of a session's process, as its task hands it over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Remains {
    pub(crate) size: Size,
    pub(crate) cursor: Cursor,
    pub(crate) output_bytes: u64,
    pub(crate) bells: u64,
    pub(crate) last_output_unix_ms: Option<u64>,
    pub(crate) screen: FinalScreen,
    /// The end of its raw output, where the order asked for it.
    pub(crate) output: Option<Output>,
    /// All of its text, where that was asked for.
    pub(crate) text: Option<String>,
}

impl Remains {
    /// What its terminal was like, as far as that was kept.
    pub(super) fn state(&self) -> ScreenState {
        ScreenState {
            cursor: self.cursor,
            bells: self.bells,
            ..state_of(&self.restored(), self.last_output_unix_ms)
        }
    }

    /// Reads the final screen as a live one is read.
    pub(super) fn read(&self, what: &Read) -> Result<ReadReply, Failure> {
        read(&self.restored(), self.state(), what)
    }

    /// Where the next process's counts begin.
    pub(super) fn next_origin(&self) -> Origin {
        Origin {
            output_bytes: self.output_bytes,
            screen: self.restored().next_origin(),
        }
    }

    fn restored(&self) -> Screen {
        self.screen.restored(screen_size(self.size))
    }
}

/// The end of what a process put out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Output {
    pub(crate) text: String,
    /// Bytes before that.
    pub(crate) cut_bytes: u64,
}

/// A process that has ended, as it can still be read.
#[derive(Debug)]
pub(super) struct Past {
    pub(super) status: ExitStatus,
    pub(super) remains: Remains,
    _accounted: Held,
}

impl Past {
    pub(super) fn new(status: ExitStatus, remains: Remains) -> Self {
        let accounted = TOMBSTONE_BYTES.hold(remains.screen.retained_bytes());
        Self {
            status,
            remains,
            _accounted: accounted,
        }
    }

    /// The final screen, without the empty rows at its end.
    pub(super) fn text(&self) -> String {
        self.remains.screen.text().trim_end_matches('\n').to_owned()
    }

    pub(super) fn screen(&self) -> ScreenText {
        let remains = &self.remains;
        ScreenText {
            size: remains.size,
            rows: remains.screen.text().lines().map(str::to_owned).collect(),
            scrollback: Vec::new(),
            scrollback_lines: 0,
            cursor: remains.cursor,
            title: remains.screen.title().to_owned(),
            alternate: false,
        }
    }
}

/// A session that has ended by itself and can still be read.
#[derive(Debug)]
pub(super) struct Tombstone {
    pub(super) past: Past,
    /// Why it is not respawned any more, where it was to be.
    pub(super) failure: Option<String>,
    pub(super) expires: Instant,
}
