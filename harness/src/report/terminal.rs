//! The report as a person at a terminal reads it.

use std::io::{self, Write};

use super::{RunReport, ScenarioReport};
use crate::style::Style;

/// Writes the whole report.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &RunReport, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let _ = (report, style, out);
    unimplemented!("follows")
}

/// Writes one scenario: its verdict, then its gates.
///
/// # Errors
/// Those of `out`.
pub fn write_scenario(
    scenario: &ScenarioReport,
    style: Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let _ = (scenario, style, out);
    unimplemented!("follows")
}
