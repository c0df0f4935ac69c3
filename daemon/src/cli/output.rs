//! The one place that prints.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, Write};

use sessiond_protocol::{AgentState, ScreenText, SessionId, SessionInfo, SessionState};

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

/// Prints a remark beside the output, on standard error.
pub(super) fn note(text: &str) {
    let _ = writeln!(io::stderr().lock(), "sessiond: {text}");
}

/// Prints what a program wrote to its terminal: as it is to a terminal, and with lines that end as in a file to
/// anything else.
pub(super) fn program(text: &str) {
    let mut stdout = io::stdout().lock();
    let _ = if io::IsTerminal::is_terminal(&stdout) {
        stdout.write_all(text.as_bytes())
    } else {
        stdout.write_all(text.replace("\r\n", "\n").as_bytes())
    };
    let _ = stdout.flush();
}

/// Prints the sessions, one per line, under a heading. What their agents are doing has a column where any of them says so.
pub(super) fn sessions(sessions: &[SessionInfo], agents: &BTreeMap<SessionId, AgentState>) {
    if sessions.is_empty() {
        line("no sessions");
        return;
    }
    let heading = [
        "ID", "NAME", "STATE", "PID", "SIZE", "CLIENTS", "OUTPUT", "LEFT", "COMMAND",
    ]
    .map(str::to_owned);
    if !sessions
        .iter()
        .any(|session| agents.contains_key(&session.id))
    {
        return table(std::iter::once(heading).chain(sessions.iter().map(cells)));
    }
    let rows = sessions.iter().map(|session| {
        let agent = agents.get(&session.id);
        let agent = agent.map_or("-", |state| super::status::word(Some(*state)));
        with_agent(cells(session), agent)
    });
    table(std::iter::once(with_agent(heading, "AGENT")).chain(rows));
}

/// A row with a cell more, behind the session's own state.
fn with_agent(row: [String; 9], agent: &str) -> [String; 10] {
    let [id, name, state, rest @ ..] = row;
    let [pid, size, clients, output, left, command] = rest;
    let agent = agent.to_owned();
    [
        id, name, state, agent, pid, size, clients, output, left, command,
    ]
}

/// Prints rows, in columns as wide as what is in them.
pub(super) fn table<const COLUMNS: usize>(rows: impl Iterator<Item = [String; COLUMNS]>) {
    let rows: Vec<[String; COLUMNS]> = rows.collect();
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: [usize; COLUMNS] = std::array::from_fn(width);
    for row in &rows {
        let padded = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:<width$}"));
        line(padded.collect::<Vec<_>>().join("  ").trim_end());
    }
}

/// A time in its two largest units: `23h 59m`, `4m 10s`, `8s`.
pub(super) fn time(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m {}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h {}m", seconds / 3600, seconds / 60 % 60),
        _ => format!("{}d {}h", seconds / 86_400, seconds / 3600 % 24),
    }
}

fn cells(session: &SessionInfo) -> [String; 9] {
    let state = match &session.state {
        SessionState::Queued => "queued".to_owned(),
        SessionState::Starting => "starting".to_owned(),
        SessionState::Running => "running".to_owned(),
        SessionState::Paused => "paused".to_owned(),
        SessionState::Closing => "closing".to_owned(),
        SessionState::Respawning { in_ms, .. } => {
            format!("respawns in {}", time(in_ms.next_multiple_of(1000)))
        }
        SessionState::Exited { status } => status.to_string(),
        SessionState::Failed { status, .. } => format!("failed, {status}"),
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
        session.expires_in_ms.map_or_else(|| "-".to_owned(), time),
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
