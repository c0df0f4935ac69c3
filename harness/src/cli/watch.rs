//! `leakgate watch`: judges a process that already runs, and shows it meanwhile.

use std::cell::Cell;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use super::recordings::Judged;
use super::{Failure, job, output, workspace};
use crate::causes::with_causes;
use crate::exit_code;
use crate::record::Recorder;
use crate::record::event::{Line, RunStarted};
use crate::sample::Sampler;
use crate::sample::probe::ProbeClient;
use crate::watch::{self, Found, Moment, Plan, Seen, screen};

#[derive(Clone, Debug, clap::Args)]
pub(super) struct WatchArguments {
    /// The process
    pid: u32,
    /// Between two looks; at least 250ms
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = every)]
    every: Duration,
    /// For how long [default: until Ctrl-C, or until the process ends]
    #[arg(long = "for", value_name = "TIME", value_parser = time)]
    duration: Option<Duration>,
    /// Where the run's directory is made
    #[arg(long, value_name = "DIR", default_value = "reports")]
    report_dir: PathBuf,
    /// The socket of its probe, where it links leakgate-probe and runs with LEAKGATE_PROBE
    #[arg(long, value_name = "SOCKET")]
    probe: Option<PathBuf>,
    /// Print the events of the recording as JSON lines, and nothing else
    #[arg(long)]
    json: bool,
}

fn every(text: &str) -> Result<Duration, String> {
    let every = time(text)?;
    match every >= watch::EVERY_MIN {
        true => Ok(every),
        false => Err(format!(
            "every look disturbs the process: at least {:?}",
            watch::EVERY_MIN
        )),
    }
}

fn time(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    match time <= watch::TIME_MAX {
        true => Ok(time),
        false => Err(format!(
            "at most {}",
            humantime::format_duration(watch::TIME_MAX)
        )),
    }
}

/// How standard output shows what is seen.
enum View {
    /// A picture that is drawn anew.
    Picture(AlternateScreen),
    /// A line per look.
    Lines,
    /// The events, as they are recorded.
    Events,
}

/// Watches, judges, stores and reports.
pub(super) fn watch(arguments: &WatchArguments) -> Result<u8, Failure> {
    let process = Found::find(arguments.pid).map_err(|e| Failure::usage(with_causes(&e)))?;
    let runtime = job::runtime()?;
    let probe = runtime.block_on(probe(arguments))?;
    let made = workspace::run_directory(&arguments.report_dir, &[]);
    let (run_id, directory) = made.map_err(Failure::usage)?;
    // What is watched was built elsewhere, from nobody knows what.
    let started = RunStarted {
        commit: None,
        ..job::started(&run_id, &directory, false, 0)
    };
    let plan = Plan {
        every: arguments.every,
        duration: arguments.duration,
    };
    let view = View::choose(arguments.json).map_err(Failure::internal)?;
    let closed = Cell::new(false);
    let mut observer = |line: &Line| {
        if matches!(view, View::Events) && print_event(line).is_err() {
            closed.set(true);
        }
    };
    let mut show = |seen: &Seen, moment| match closed.get() {
        true => Err(io::ErrorKind::BrokenPipe.into()),
        false => view.show(seen, moment),
    };
    let sampler = Sampler::of_found(arguments.pid, probe);
    let mut recorder = Recorder::create(&directory.join("events.jsonl"), &mut observer)
        .map_err(Failure::internal)?;
    let watched = watch::watch(process, plan, started, sampler, &mut recorder, &mut show);
    runtime.block_on(watched).map_err(Failure::internal)?;
    drop(recorder);
    // The terminal is given back before anything else is written to it.
    drop(view);
    let judged = Judged::read(&directory)?;
    judged.store(&directory)?;
    workspace::point_latest(&arguments.report_dir, &run_id).map_err(Failure::internal)?;
    if !arguments.json {
        output::report(&judged.report)?;
    }
    output::note(&format!(
        "report: {}",
        directory.join("report.html").display()
    ));
    Ok(exit_code::of(judged.verdict.exit_class()))
}

/// Connects to the probe and makes sure that it is this process's.
async fn probe(arguments: &WatchArguments) -> Result<Option<ProbeClient>, Failure> {
    let Some(socket) = &arguments.probe else {
        return Ok(None);
    };
    let place = socket.display();
    let client = ProbeClient::connect(socket).await;
    let client =
        client.map_err(|e| Failure::usage(format!("no probe at {place}: {}", with_causes(&e))))?;
    match client.hello().pid {
        pid if pid == arguments.pid => Ok(Some(client)),
        other => Err(Failure::usage(format!(
            "the probe at {place} is that of process {other}, not of {}",
            arguments.pid
        ))),
    }
}

fn print_event(line: &Line) -> io::Result<()> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    io::stdout().write_all(&text)
}

impl View {
    fn choose(json: bool) -> io::Result<Self> {
        Ok(match json {
            true => View::Events,
            false if io::stdout().is_terminal() => View::Picture(AlternateScreen::enter()?),
            false => View::Lines,
        })
    }

    fn show(&self, seen: &Seen, moment: Moment) -> io::Result<()> {
        match (self, moment) {
            (View::Picture(screen), _) => screen.draw(seen),
            (View::Lines, Moment::Looked) => writeln!(io::stdout(), "{}", screen::line(seen)),
            (View::Lines, Moment::Resized) | (View::Events, _) => Ok(()),
        }
    }
}

/// The terminal's second screen, without a cursor, for as long as this lives.
struct AlternateScreen;

impl AlternateScreen {
    fn enter() -> io::Result<Self> {
        let screen = AlternateScreen;
        screen.write("\x1b[?1049h\x1b[?25l\x1b[2J")?;
        Ok(screen)
    }

    /// Draws over what is there, in one piece (`?2026`: shown at once where the terminal knows how), so that nothing flickers.
    fn draw(&self, seen: &Seen) -> io::Result<()> {
        let (columns, rows) = match rustix::termios::tcgetwinsize(io::stdout()) {
            Ok(size) if size.ws_col > 0 => (size.ws_col, size.ws_row),
            _ => (80, 24),
        };
        let lines = screen::screen(seen, usize::from(columns), usize::from(rows));
        self.write(&frame(&lines, usize::from(rows)))
    }

    fn write(&self, text: &str) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        stdout.flush()
    }
}

impl Drop for AlternateScreen {
    fn drop(&mut self) {
        // A terminal that has gone needs nothing given back.
        let _ = self.write("\x1b[?25h\x1b[?1049l");
    }
}

/// The bytes that draw `lines` over what is there. A line is erased before it is written, never after: one that fills the
/// terminal's width leaves the cursor on its last character, and that would be erased.
fn frame(lines: &[String], rows: usize) -> String {
    let erased: Vec<String> = lines.iter().map(|line| format!("\x1b[K{line}")).collect();
    let below = match lines.len() < rows {
        true => "\r\n\x1b[J",
        false => "",
    };
    let text = erased.join("\r\n");
    format!("\x1b[?2026h\x1b[H{text}{below}\x1b[?2026l")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_erased_after_the_last_column_is_written() {
        let lines = ["ab".to_owned(), "cd".to_owned()];
        let drawn = "\x1b[?2026h\x1b[H\x1b[Kab\r\n\x1b[Kcd";
        assert_eq!(frame(&lines, 2), format!("{drawn}\x1b[?2026l"));
        assert_eq!(frame(&lines, 3), format!("{drawn}\r\n\x1b[J\x1b[?2026l"));
    }
}
