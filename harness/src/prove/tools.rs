//! The tools that people use today, on the same bugs: what each says of a run of the scenario that catches one.
//!
//! Each is read as its users read it. Where a program that leaks nothing has a figure above 0 in a tool's report, a bug
//! is found when its figure stands out from those of the tree without it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::proof::{Proof, Trial};
use crate::causes::with_causes;
use crate::cli::Failure;
use crate::cli::job::Job;
use crate::config::Target;
use crate::judge::ExitClass;
use crate::record::Recording;
use crate::record::event::Event;
use crate::target::{find_program, missing_program};
use crate::units::{ByteDelta, Bytes, milliseconds};

/// The difference that a test of resident memory commonly allows.
const RESIDENT_BYTES: i64 = 15 * 1000 * 1000;
/// Blocks at the end of two clean runs differ by less than this.
const STANDS_OUT: f64 = 1.1;
/// Under memcheck everything takes up to fifty times as long.
const PATIENCE: Duration = Duration::from_secs(120);
/// Its script.
const HEAPTRACK: &str = "heaptrack";

/// A tool that people use today.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum,
)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Tool {
    /// Resident memory at the end against that at the start, and a limit of 15 MB.
    #[value(name = "rss-15mb")]
    Resident,
    /// valgrind's memcheck: blocks that nothing points to at the end.
    Memcheck,
    /// heaptrack: blocks that were not freed by the end.
    Heaptrack,
}

/// What a tool said of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Said {
    /// The tool.
    pub tool: Tool,
    /// Its figure: bytes for `resident`, blocks for the others; absent where it gave none.
    pub amount: Option<i64>,
    /// Whether that is a leak to its users; absent where there is no figure.
    pub found: Option<bool>,
    /// The figure in words, or why there is none.
    pub words: String,
    /// How long the run took, milliseconds.
    pub duration_ms: u64,
}

impl Tool {
    /// What it is called in tables.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Tool::Resident => "rss-15mb",
            Tool::Memcheck => "memcheck",
            Tool::Heaptrack => "heaptrack",
        }
    }

    /// The program that is not installed, where one is missing.
    pub(super) fn missing(self) -> Option<&'static str> {
        let programs: &[&'static str] = match self {
            Tool::Resident => &[],
            Tool::Memcheck => &["valgrind"],
            Tool::Heaptrack => &[HEAPTRACK],
        };
        let missing =
            |program: &&&'static str| missing_program(&[(**program).to_owned()]).is_some();
        let missing = programs.iter().find(missing).copied();
        missing.or_else(|| (self == Tool::Heaptrack && heaptrack().is_none()).then_some(HEAPTRACK))
    }

    /// Lets it look at a run of a scenario on a tree that is built. None when that was interrupted.
    pub(super) fn look(self, mut job: Job) -> Result<Option<Said>, Failure> {
        let began = Instant::now();
        fs::create_dir_all(&job.reports).map_err(Failure::internal)?;
        let reports = job.reports.canonicalize().map_err(Failure::internal)?;
        let report = reports.join("report");
        // Resident memory is given the cycles to grow in; the others count blocks, of which one is enough.
        job.quick = self != Tool::Resident;
        for scenario in &mut job.scenarios {
            scenario.deadline += PATIENCE;
            if let Some(target) = job.config.targets.get_mut(&scenario.target) {
                self.wrap(target, &report);
            }
        }
        let done = job.execute()?;
        if done.verdict.exit_class() == ExitClass::Interrupted {
            return Ok(None);
        }
        let read = match self {
            Tool::Resident => resident(&done.directory),
            Tool::Memcheck => memcheck_blocks(&report),
            Tool::Heaptrack => heaptrack_blocks(&report),
        };
        Ok(Some(Said {
            tool: self,
            amount: read.as_ref().ok().copied(),
            found: None,
            words: read.map_or_else(|why| why, |amount| self.words(amount)),
            duration_ms: milliseconds(began.elapsed()),
        }))
    }

    /// Makes the target run under it and write its report to `report`.
    fn wrap(self, target: &mut Target, report: &Path) {
        let report = report.display();
        let before = match self {
            Tool::Resident => return,
            Tool::Memcheck => vec![
                "valgrind".to_owned(),
                "--leak-check=full".to_owned(),
                "--child-silent-after-fork=yes".to_owned(),
                format!("--log-file={report}"),
            ],
            Tool::Heaptrack => {
                let Some(installed) = heaptrack() else { return };
                vec![
                    "env".to_owned(),
                    format!("LD_PRELOAD={}", installed.recorder.display()),
                    format!("DUMP_HEAPTRACK_OUTPUT={report}"),
                ]
            }
        };
        target.process.command.splice(0..0, before);
        target.ready.wait_at_least(PATIENCE);
        target.stop.within = PATIENCE;
    }

    /// Whether its users would see a leak in `amount`, where the tree without the bug has `clean`.
    fn finds(self, amount: i64, clean: i64) -> bool {
        match self {
            Tool::Resident => amount > RESIDENT_BYTES,
            Tool::Memcheck => amount > clean,
            // Counts of blocks: far below what an f64 holds exactly.
            Tool::Heaptrack => amount as f64 > clean as f64 * STANDS_OUT,
        }
    }

    /// What a program without a leak has: blocks that live as long as it does are usual to heaptrack.
    const fn usual(self, amount: i64) -> i64 {
        match self {
            Tool::Resident | Tool::Memcheck => 0,
            Tool::Heaptrack => amount,
        }
    }

    /// Its figure, as words.
    fn words(self, amount: i64) -> String {
        match self {
            Tool::Resident => ByteDelta(amount).to_string(),
            Tool::Memcheck => format!("{amount} lost"),
            Tool::Heaptrack => format!("{amount} not freed"),
        }
    }
}

/// Says of each figure whether its users would see a leak in it; on the tree without a bug that is a false alarm.
pub(super) fn settle(proof: &mut Proof) {
    let amount = |trial: &Trial, tool| {
        let said = trial.tools.iter().find(|said| said.tool == tool);
        said.and_then(|said| said.amount)
    };
    for proven in &mut proof.fixtures {
        let clean = proof
            .clean
            .iter()
            .find(|trial| trial.catcher == proven.catcher);
        for said in proven.trials.iter_mut().flat_map(|trial| &mut trial.tools) {
            let without = clean.and_then(|trial| amount(trial, said.tool));
            said.found = said
                .amount
                .zip(without)
                .map(|(with, without)| said.tool.finds(with, without));
        }
    }
    for said in proof.clean.iter_mut().flat_map(|trial| &mut trial.tools) {
        said.found = said
            .amount
            .map(|amount| said.tool.finds(amount, said.tool.usual(amount)));
    }
}

/// What resident memory of the daemon gained from its start to the end of a run's load.
fn resident(run: &Path) -> Result<i64, String> {
    let recording = Recording::read(&run.join("events.jsonl"));
    let recording = recording.map_err(|error| with_causes(&error))?;
    let samples = recording.lines.iter().filter_map(|line| match &line.event {
        Event::Sample(sample) => Some(sample.memory.rss),
        _ => None,
    });
    let resident: Vec<Bytes> = samples.collect();
    let (Some(first), Some(last)) = (resident.first(), resident.last()) else {
        return Err("nothing was measured".to_owned());
    };
    Ok(last.since(*first).0)
}

/// Blocks `definitely lost` in memcheck's report: what it calls an error by default, and what nothing points to.
fn memcheck_blocks(report: &Path) -> Result<i64, String> {
    let text = fs::read_to_string(report).map_err(|error| no_report(&error))?;
    memcheck_lost(&text).ok_or_else(|| NO_FIGURE.to_owned())
}

fn memcheck_lost(report: &str) -> Option<i64> {
    if report.contains("All heap blocks were freed") {
        return Some(0);
    }
    let mut lines = report.lines().rev();
    let line = lines.find(|line| line.contains("definitely lost: "))?;
    number(line.rsplit_once(" in ")?.1)
}

/// Leaked allocations of heaptrack's recording.
fn heaptrack_blocks(recording: &Path) -> Result<i64, String> {
    let text = interpreted(recording).map_err(|error| no_report(&error))?;
    heaptrack_leaked(&text).ok_or_else(|| NO_FIGURE.to_owned())
}

fn heaptrack_leaked(report: &str) -> Option<i64> {
    let line = report
        .lines()
        .find(|line| line.contains("leaked allocations:"))?;
    number(line.rsplit_once(':')?.1)
}

const NO_FIGURE: &str = "its report has no such figure";

fn no_report(error: &io::Error) -> String {
    format!("no report: {}", with_causes(error))
}

/// The number that `text` begins with; thousands may be set apart by commas.
fn number(text: &str) -> Option<i64> {
    let digits = text.split_whitespace().next()?;
    digits.replace(',', "").parse().ok()
}

/// What heaptrack's own script starts.
struct Installed {
    recorder: PathBuf,
    interpreter: PathBuf,
}

/// Where heaptrack's parts lie: as seen from its script, which cannot be used itself, since it stays between the daemon
/// and the signals that are sent to it.
fn heaptrack() -> Option<Installed> {
    let script = find_program(HEAPTRACK)?.canonicalize().ok()?;
    let parts = script.parent()?.parent()?.join("lib/heaptrack");
    let installed = Installed {
        recorder: parts.join("libheaptrack_preload.so"),
        interpreter: parts.join("libexec/heaptrack_interpret"),
    };
    (installed.recorder.is_file() && installed.interpreter.is_file()).then_some(installed)
}

/// What heaptrack's interpreter says of a recording.
fn interpreted(recording: &Path) -> io::Result<String> {
    let installed = heaptrack().ok_or(io::ErrorKind::NotFound)?;
    let said = Command::new(installed.interpreter)
        .stdin(fs::File::open(recording)?)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()?;
    match said.status.success() {
        true => Ok(String::from_utf8_lossy(&said.stderr).into_owned()),
        false => Err(io::Error::other(format!(
            "heaptrack_interpret ended with {}",
            said.status
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_read_as_the_tools_write_them() {
        let memcheck = "==1== LEAK SUMMARY:\n==1==    definitely lost: 12,288 bytes in 1,024 blocks\n\
                        ==1==      possibly lost: 936 bytes in 7 blocks\n";
        assert_eq!(memcheck_lost(memcheck), Some(1024));
        let nothing = "==1== All heap blocks were freed -- no leaks are possible\n";
        assert_eq!(memcheck_lost(nothing), Some(0));
        assert_eq!(
            memcheck_lost("==1== Memcheck, a memory error detector\n"),
            None
        );
        let heaptrack = "\tallocations:          \t1400\n\tleaked allocations:   \t109\n";
        assert_eq!(heaptrack_leaked(heaptrack), Some(109));
        assert_eq!(heaptrack_leaked("total memory leaked: 66.78K\n"), None);
    }

    #[test]
    fn a_bug_is_found_when_its_figure_stands_out() {
        assert!(!Tool::Resident.finds(RESIDENT_BYTES, 0));
        assert!(Tool::Resident.finds(RESIDENT_BYTES + 1, 0));
        assert!(!Tool::Memcheck.finds(3, 3) && Tool::Memcheck.finds(4, 3));
        assert!(!Tool::Heaptrack.finds(110, 100) && Tool::Heaptrack.finds(111, 100));
    }
}
