//! `leakgate judge` and `leakgate report`: a recording read again, without a target.

use std::path::Path;

use super::{Failure, output};
use crate::causes::with_causes;
use crate::exit_code;
use crate::judge::{self, RunVerdict};
use crate::record::Recording;
use crate::report::{self, RunReport};

/// Judges a recording anew and writes its reports again.
pub(super) fn judge(run: &Path) -> Result<u8, Failure> {
    let (verdict, report) = read(run)?;
    report::store(&report, run).map_err(|error| Failure::internal(with_causes(&error)))?;
    output::report(&report)?;
    Ok(exit_code::of(verdict.exit_class()))
}

/// Prints what a recording says, and writes nothing.
pub(super) fn report(run: &Path) -> Result<u8, Failure> {
    output::report(&read(run)?.1)?;
    Ok(exit_code::PASS)
}

/// Reads and judges the recording in a run's directory.
pub(crate) fn read(run: &Path) -> Result<(RunVerdict, RunReport), Failure> {
    let recording = Recording::read(&run.join("events.jsonl"));
    let recording = recording.map_err(|error| Failure::usage(with_causes(&error)))?;
    let verdict = judge::judge(&recording.lines);
    let report = report::from(&verdict, &recording.lines);
    Ok((verdict, report))
}
