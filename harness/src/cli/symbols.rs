//! `leakgate symbols`: names for a snapshot of the probe's tracker that was taken by hand, and what it holds.

use std::fmt::Write as _;
use std::path::PathBuf;

use comfy_table::{CellAlignment, Table, presets};

use super::{Failure, output, workspace};
use crate::causes::with_causes;
use crate::profile::{self, Alive, Profile, Sources};
use crate::report::text;
use crate::units::Bytes;

#[derive(Clone, Debug, clap::Args)]
pub(super) struct SymbolsArguments {
    /// The snapshot, which is rewritten
    #[arg(value_name = "FILE")]
    snapshot: PathBuf,
    /// Lines shown, those that hold most
    #[arg(long, value_name = "N", default_value_t = 10)]
    top: usize,
}

/// Names what the snapshot holds, in place, and shows the lines that hold most.
pub(super) fn symbols(arguments: &SymbolsArguments) -> Result<u8, Failure> {
    let path = &arguments.snapshot;
    profile::resolve(path).map_err(|error| Failure::usage(with_causes(&error)))?;
    let sources = Sources::under(&workspace::root());
    let read = Profile::read(path, &sources);
    let read = read.map_err(|error| Failure::usage(with_causes(&error)))?;
    output::text(&told(&read.alive(), arguments.top))?;
    output::note(&format!(
        "{} has its names and opens in dhat's viewer",
        path.display()
    ));
    Ok(crate::exit_code::PASS)
}

fn told(alive: &[Alive], top: usize) -> String {
    let bytes = alive.iter().map(|line| line.bytes).sum();
    let blocks: u64 = alive.iter().map(|line| line.blocks).sum();
    let mut told = format!(
        "{} in {blocks} blocks are alive, allocated at {} lines\n",
        Bytes(bytes),
        alive.len()
    );
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["bytes", "blocks", ""]);
    for line in alive.iter().take(top) {
        let place = text::place(&line.file, line.line);
        let tasks = text::in_tasks(&line.tasks);
        table.add_row([
            Bytes(line.bytes).to_string(),
            line.blocks.to_string(),
            format!(
                "{} ({place}){}{tasks}",
                line.function,
                text::whose(line.owner)
            ),
        ]);
    }
    for column in table.column_iter_mut().take(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for line in table.lines() {
        let _ = writeln!(told, " {}", line.trim_end());
    }
    told
}
