//! The one place of the command line that writes to the terminal.
//!
//! Standard output may be a pipe whose reader has seen enough (`| head`): then the rest is not written, and nothing else
//! changes, least of all the exit code.

use std::io::{self, IsTerminal, Write};

use super::Failure;
use crate::compare::{self, Comparison};
use crate::exit_code;
use crate::report::repeat::RepeatReport;
use crate::report::triage::Triage;
use crate::report::{self, RunReport};
use crate::style::{Colour, Style};
use crate::trend::Trend;

/// How standard output may look.
pub(super) fn style() -> Style {
    let colour = match io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        true => Colour::Always,
        false => Colour::Never,
    };
    let width =
        rustix::termios::tcgetwinsize(io::stdout()).map_or(Style::PLAIN.width, |size| size.ws_col);
    Style {
        colour,
        width: width.max(Style::MIN_WIDTH),
    }
}

/// How messages on standard error may look.
pub(super) fn complaint_colour() -> Colour {
    match io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        true => Colour::Always,
        false => Colour::Never,
    }
}

/// Prints a run's report; in a GitHub workflow also what marks the lines of the diff.
pub(super) fn report(report: &RunReport) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let annotated = std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true");
    let wrote = report::terminal::write(report, style(), &mut out).and_then(|()| match annotated {
        true => report::annotations::write(report, &mut out),
        false => Ok(()),
    });
    written(wrote)
}

/// Prints where to look first.
pub(super) fn triage(triage: &Triage<'_>, explain: bool) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    written(match explain {
        true => triage.explain(&mut out),
        false => triage.write(style(), &mut out),
    })
}

/// Prints what repeated runs come to.
pub(super) fn repeat_report(report: &RepeatReport) -> Result<(), Failure> {
    written(report::repeat::write(
        report,
        style(),
        &mut io::stdout().lock(),
    ))
}

/// Prints what two binaries come to, side by side.
pub(super) fn comparison(comparison: &Comparison) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    written(compare::terminal::write(comparison, style(), &mut out))
}

/// Prints what the runs of a store show.
pub(super) fn trend(trend: &Trend) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    written(crate::trend::terminal::write(trend, style(), &mut out))
}

/// Prints a document of JSON.
pub(super) fn json(document: &serde_json::Value) -> Result<u8, Failure> {
    written(writeln!(io::stdout(), "{document:#}"))?;
    Ok(exit_code::PASS)
}

/// Prints lines of text.
pub(crate) fn text(text: &str) -> Result<u8, Failure> {
    written(writeln!(io::stdout(), "{}", text.trim_end()))?;
    Ok(exit_code::PASS)
}

/// What became of writing to standard output: that nobody reads it any more is no failure.
fn written(outcome: io::Result<()>) -> Result<(), Failure> {
    match outcome {
        Err(error) if !is_gone(&error) => Err(Failure::internal(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// A pipe's reader is gone, or a socket's with bytes left that it did not read.
fn is_gone(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset
    )
}

/// Tells on standard error what is being done; a closed standard error silences it.
pub(crate) fn note(message: &str) {
    let _ = writeln!(io::stderr(), "{message}");
}

/// Tells on standard error what went wrong.
pub(super) fn complain(message: &str) {
    let prefix = if message.starts_with("error") || message.starts_with('\u{1b}') {
        ""
    } else {
        "error: "
    };
    let _ = writeln!(io::stderr(), "{prefix}{}", message.trim_end());
}

/// Reads an amount of bytes: `10MiB`, `1MB`, `512`.
pub(super) fn bytes(text: &str) -> Result<u64, String> {
    text.parse::<bytesize::ByteSize>().map(|size| size.as_u64())
}
