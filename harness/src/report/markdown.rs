//! The report as Markdown: a GitHub step summary or a comment.

use std::io::{self, Write};

use super::RunReport;

/// Writes the whole report.
///
/// # Errors
/// Those of `out`.
pub fn write(report: &RunReport, out: &mut dyn Write) -> io::Result<()> {
    let _ = (report, out);
    unimplemented!("follows")
}
