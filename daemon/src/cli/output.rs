//! The one place that prints.

use std::error::Error;
use std::io::{self, Write};

use sessiond_protocol::{ScreenText, SessionInfo, SessionState};

use crate::causes::with_causes;

/// Prints a line. A reader that has gone away (`| head`) is not an error.
pub(super) fn line(text: &str) {
    let _ = writeln!(io::stdout().lock(), "{text}");
}

/// Writes terminal bytes as they are, at once.
///
/// # Errors
/// When standard output is gone.
pub(super) fn terminal_bytes(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}

/// Prints an error and what caused it, on standard error.
pub(super) fn error(error: &dyn Error) {
    let text = with_causes(error);
    let _ = writeln!(io::stderr().lock(), "sessiond: {text}");
}

/// Prints the sessions, one per line, under a heading.
pub(super) fn sessions(sessions: &[SessionInfo]) {
    if sessions.is_empty() {
        line("no sessions");
        return;
    }
    let heading = [
        "ID", "NAME", "STATE", "PID", "SIZE", "CLIENTS", "OUTPUT", "COMMAND",
    ]
    .map(str::to_owned);
    let rows: Vec<[String; 8]> = std::iter::once(heading)
        .chain(sessions.iter().map(cells))
        .collect();
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: [usize; 8] = std::array::from_fn(width);
    for row in &rows {
        let padded = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:<width$}"));
        line(padded.collect::<Vec<_>>().join("  ").trim_end());
    }
}

fn cells(session: &SessionInfo) -> [String; 8] {
    let state = match session.state {
        SessionState::Starting => "starting".to_owned(),
        SessionState::Running => "running".to_owned(),
        SessionState::Paused => "paused".to_owned(),
        SessionState::Exited { status } => status.to_string(),
    };
    [
        session.id.to_string(),
        session
            .name
            .as_ref()
            .map_or_else(|| "-".to_owned(), ToString::to_string),
        state,
        session
            .pid
            .map_or_else(|| "-".to_owned(), |pid| pid.to_string()),
        session.size.to_string(),
        session.clients.to_string(),
        session.output_bytes.to_string(),
        session.command.join(" ").escape_debug().to_string(),
    ]
}

/// Prints a screen: the scrollback that came with it, then its rows down to the last that shows something.
pub(super) fn screen(screen: &ScreenText) {
    let used = screen
        .rows
        .iter()
        .rposition(|row| !row.is_empty())
        .map_or(0, |last| last + 1);
    for row in screen.scrollback.iter().chain(&screen.rows[..used]) {
        line(row);
    }
}
