//! Owns writing a table down while it is in use: dhat's JSON (`dhatFileVersion` 2), with addresses in place of symbols
//! and, in a member of its own, what it takes to find those.
//!
//! The outermost frame of a stack is the task in which it was, `[task NAME]`, where there is one: so the viewer's tree begins
//! with the tasks.
//!
//! What differs from dhat's own files: lifetimes are not measured (`tl` is 0); "at t-gmax" is the highest moment that a
//! snapshot saw; a site's maximum is the sum of its threads' own where several threads allocate at it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::atomic::Ordering;

use super::modules::{self, Module};
use super::site::Counts;
use super::table::Table;
use crate::protocol::answer::Escaped;
use crate::protocol::track::Mode;

/// The version of the member `track`.
const VERSION: u32 = 1;

/// What a snapshot says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) sites: u64,
    /// Recorded blocks since the start whose site found no place in the table.
    pub(crate) overflowed_blocks: u64,
}

/// Writes what `table` has counted up to now to a new file at `path`.
pub(super) fn write(table: &Table, path: &Path) -> io::Result<Written> {
    let mut out = BufWriter::new(File::create(path)?);
    let points: Vec<(u32, Counts)> = table
        .numbers()
        .map(|number| (number, table.site(number).counts()))
        .filter(|(_, counts)| counts.total_blocks > 0)
        .collect();
    let ended_us = u64::try_from(table.began.elapsed().as_micros()).unwrap_or(u64::MAX);
    note_high(table, &points, ended_us);
    let overflowed_blocks = table.overflowed_blocks();
    let frames = frame_table(table, &points);
    write!(
        out,
        "{{\"dhatFileVersion\":2,\"mode\":\"rust-heap\",\"verb\":\"Allocated\",\"bklt\":true,\"bkacc\":false,\
         \"tu\":\"µs\",\"Mtu\":\"s\",\"tuth\":10,\"cmd\":\"{}\",\"pid\":{},\"tg\":{},\"te\":{ended_us},\n\"track\":",
        escaped(&command_line()),
        std::process::id(),
        table.high_at_us.load(Ordering::Relaxed),
    )?;
    write_origin(&mut out, table, overflowed_blocks)?;
    write_points(&mut out, table, &points, &frames)?;
    out.write_all(b",\n\"ftbl\":[\"[root]\"")?;
    for frame in frames.keys() {
        match frame {
            Frame::Rest => out.write_all(b",\n\"[sites beyond the table]\"")?,
            Frame::Address(address) => write!(out, ",\n\"{address:#x}\"")?,
            Frame::Task(name) => write!(out, ",\n\"[task {}]\"", escaped(name))?,
        }
    }
    out.write_all(b"]}\n")?;
    out.flush()?;
    Ok(Written {
        sites: points.len() as u64,
        overflowed_blocks,
    })
}

/// Keeps what is alive at this moment as "t-gmax", if no snapshot has seen more.
fn note_high(table: &Table, points: &[(u32, Counts)], now_us: u64) {
    let live_bytes = points.iter().map(|(_, counts)| counts.live_bytes).sum();
    if live_bytes < table.high_bytes.load(Ordering::Relaxed) {
        return;
    }
    table.high_bytes.store(live_bytes, Ordering::Relaxed);
    table.high_at_us.store(now_us, Ordering::Relaxed);
    for (number, counts) in points {
        let site = table.site(*number);
        site.high_bytes.store(counts.live_bytes, Ordering::Relaxed);
        site.high_blocks
            .store(counts.live_blocks, Ordering::Relaxed);
    }
}

/// One entry of a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Frame {
    /// In place of the stacks of all sites that are beyond the table.
    Rest,
    /// Where a function returns to.
    Address(usize),
    /// The task that was polled.
    Task(&'static str),
}

/// The place in `ftbl` of every frame; `[root]` is 0.
fn frame_table(table: &Table, points: &[(u32, Counts)]) -> BTreeMap<Frame, usize> {
    let mut frames: BTreeMap<Frame, usize> = BTreeMap::new();
    for (number, _) in points {
        frames.extend(stack(table, *number).map(|frame| (frame, 0)));
    }
    for (place, index) in frames.values_mut().zip(1..) {
        *place = index;
    }
    frames
}

/// The frames of a site, innermost first.
fn stack(table: &Table, number: u32) -> impl Iterator<Item = Frame> {
    let rest = (number == 0).then_some(Frame::Rest);
    let addresses = table.frames(number).map(Frame::Address);
    rest.into_iter()
        .chain(addresses)
        .chain(table.task(number).map(Frame::Task))
}

fn write_points(
    out: &mut impl Write,
    table: &Table,
    points: &[(u32, Counts)],
    frames: &BTreeMap<Frame, usize>,
) -> io::Result<()> {
    let parts = table.mode.parts();
    let blocks = |counted: u64| (counted + parts / 2) / parts;
    out.write_all(b",\n\"pps\":[")?;
    for (index, (number, counts)) in points.iter().enumerate() {
        let site = table.site(*number);
        write!(
            out,
            "{}\n{{\"tb\":{},\"tbk\":{},\"tl\":0,\"mb\":{},\"mbk\":{},\"gb\":{},\"gbk\":{},\"eb\":{},\"ebk\":{},\"fs\":[",
            if index == 0 { "" } else { "," },
            counts.total_bytes,
            blocks(counts.total_blocks),
            counts.max_bytes,
            blocks(counts.max_blocks),
            site.high_bytes.load(Ordering::Relaxed),
            blocks(site.high_blocks.load(Ordering::Relaxed)),
            counts.live_bytes,
            blocks(counts.live_blocks),
        )?;
        for (index, frame) in stack(table, *number).enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(out, "{comma}{}", frames.get(&frame).unwrap_or(&0))?;
        }
        out.write_all(b"]}")?;
    }
    out.write_all(b"]")
}

/// Where the figures come from, and where the addresses lie.
fn write_origin(out: &mut impl Write, table: &Table, overflowed_blocks: u64) -> io::Result<()> {
    let (mode, interval_bytes) = match table.mode {
        Mode::Exact => ("exact", 0),
        Mode::Sample { interval_bytes } => ("sample", interval_bytes),
    };
    write!(
        out,
        "{{\"version\":{VERSION},\"mode\":\"{mode}\",\"interval_bytes\":{interval_bytes},\"frames\":{},\
         \"overflowed_blocks\":{overflowed_blocks},\"modules\":[",
        table.frames_max,
    )?;
    for (index, module) in modules::loaded().iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let Module {
            path,
            base,
            start,
            end,
            build_id,
        } = module;
        let path = escaped(&path.to_string_lossy());
        write!(
            out,
            "{comma}\n{{\"path\":\"{path}\",\"base\":\"{base:#x}\",\"start\":\"{start:#x}\",\"end\":\"{end:#x}\",\
             \"build_id\":\"{build_id}\"}}",
        )?;
    }
    out.write_all(b"]}")
}

fn command_line() -> String {
    let words: Vec<_> = std::env::args_os().collect();
    words.join(" ".as_ref()).to_string_lossy().into_owned()
}

fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    // A string takes all that is written to it.
    let _ = Escaped(&mut escaped).write_str(text);
    escaped
}
