//! `leakgate judge` and `leakgate report`: a recording read again, without a target.

use std::path::Path;

use super::{Failure, output};
use crate::causes::with_causes;
use crate::exit_code;
use crate::judge::{self, RunVerdict};
use crate::record::Recording;
use crate::record::event::Line;
use crate::report::{self, Curves, RunReport};

/// A recording that was read and judged.
pub(crate) struct Judged {
    pub(crate) verdict: RunVerdict,
    pub(crate) report: RunReport,
    pub(crate) curves: Vec<Curves>,
}

impl Judged {
    /// Reads and judges the recording in a run's directory.
    pub(crate) fn read(run: &Path) -> Result<Judged, Failure> {
        let recording = Recording::read(&run.join("events.jsonl"));
        let recording = recording.map_err(|error| Failure::usage(with_causes(&error)))?;
        Ok(Self::of(&recording.lines))
    }

    /// Judges a recording.
    pub(crate) fn of(lines: &[Line]) -> Judged {
        let verdict = judge::judge(lines);
        Judged {
            report: report::from(&verdict, lines),
            curves: report::curves(lines),
            verdict,
        }
    }

    /// Writes its reports into a run's directory.
    pub(crate) fn store(&self, run: &Path) -> Result<(), Failure> {
        report::store(&self.report, &self.curves, run)
            .map_err(|error| Failure::internal(with_causes(&error)))
    }
}

/// Judges a recording anew and writes its reports again.
pub(super) fn judge(run: &Path) -> Result<u8, Failure> {
    let judged = Judged::read(run)?;
    judged.store(run)?;
    output::report(&judged.report)?;
    Ok(exit_code::of(judged.verdict.exit_class()))
}

/// Prints what a recording says, and writes nothing.
pub(super) fn report(run: &Path) -> Result<u8, Failure> {
    output::report(&Judged::read(run)?.report)?;
    Ok(exit_code::PASS)
}
