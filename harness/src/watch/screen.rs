//! The screen: what a person sees of a watched process, as lines that fit the terminal.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::Seen;
use super::chart::{Axes, chart};
use crate::judge::Growth;
use crate::record::event::Sample;
use crate::units::{ByteDelta, Bytes};

/// Columns for the labels of the vertical axis.
const LABEL: usize = 9;
/// A terminal smaller than this gets the figures without the picture.
const CHART_COLUMNS_MIN: usize = 8;

/// The whole screen, at most `rows` lines that take at most `columns` columns each.
pub fn screen(seen: &Seen, columns: usize, rows: usize) -> Vec<String> {
    let mut head = vec![heading(seen, columns)];
    head.extend(resident(seen, columns));
    let foot = vec![
        counts(seen.sample.as_ref()),
        "Ctrl-C ends it and judges".to_owned(),
    ];
    let mut lines = head;
    // One line is the horizontal axis.
    let height = rows.saturating_sub(lines.len() + foot.len() + 1);
    let width = columns.saturating_sub(LABEL + 1);
    if height > 0 && width >= CHART_COLUMNS_MIN {
        lines.extend(picture(seen, width, height));
    }
    lines.extend(foot);
    lines.truncate(rows);
    lines.iter().map(|line| cut(line, columns)).collect()
}

/// One line for where there is no terminal.
pub fn line(seen: &Seen) -> String {
    let growth = match seen.growth() {
        Some(growth) => format!("{} ({})", per_hour(growth.per_second), interval(growth)),
        None => "-".to_owned(),
    };
    let elapsed = duration(seen.elapsed_ms);
    format!(
        "{elapsed:>12}  rss {}  {growth}  {}",
        Bytes(seen.resident()),
        counts(seen.sample.as_ref())
    )
}

fn heading(seen: &Seen, columns: usize) -> String {
    let right = duration(seen.elapsed_ms);
    let left = format!("process {}  {}", seen.pid, seen.command);
    let room = columns.saturating_sub(right.width() + 2);
    let left = cut(&left, room);
    let blanks = room.saturating_sub(left.width());
    format!("{left}{:blanks$}  {right}", "")
}

/// Resident memory and its growth; the interval gets a line of its own where it does not fit.
fn resident(seen: &Seen, columns: usize) -> Vec<String> {
    let level = format!("resident {}", Bytes(seen.resident()));
    let Some(growth) = seen.growth() else {
        return vec![format!("{level}  growth: not known yet")];
    };
    let first = format!("{level}  {}", per_hour(growth.per_second));
    let interval = interval(growth);
    let both = format!("{first}  ({interval})");
    if both.width() <= columns {
        vec![both]
    } else {
        vec![first, interval]
    }
}

fn picture(seen: &Seen, width: usize, height: usize) -> Vec<String> {
    let points = seen.history.points();
    let axes = Axes::around(points, seen.planned_ms);
    let mut lines: Vec<String> = chart(points, axes, width, height)
        .into_iter()
        .enumerate()
        .map(|(row, dots)| {
            let label = match row {
                0 => Bytes(axes.high).to_string(),
                row if row + 1 == height => Bytes(axes.low).to_string(),
                _ => String::new(),
            };
            format!("{label:>LABEL$} {dots}")
        })
        .collect();
    let right = duration(axes.span_ms);
    lines.push(format!("{:LABEL$} 0{right:>room$}", "", room = width - 1));
    lines
}

fn counts(sample: Option<&Sample>) -> String {
    let Some(sample) = sample else {
        return String::new();
    };
    let sum = |counts: &std::collections::BTreeMap<String, u32>| counts.values().sum::<u32>();
    let mut text = format!(
        "fds {}  threads {}  children {}",
        sum(&sample.fds),
        sum(&sample.threads),
        sample.children
    );
    if sample.zombies > 0 {
        text.push_str(&format!("  zombies {}", sample.zombies));
    }
    if let Some(heap) = &sample.heap {
        text.push_str(&format!("  live heap {}", heap.live_bytes));
    }
    text
}

/// `+1.2 MiB/h`.
fn per_hour(per_second: f64) -> String {
    format!("{}/h", ByteDelta(crate::judge::hourly(per_second)))
}

fn interval(growth: Growth) -> String {
    format!(
        "95 %: {} to {}",
        per_hour(growth.low),
        per_hour(growth.high)
    )
}

/// `12 s`, `8 min 05 s`, `3 h 20 min`.
fn duration(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// At most so many columns, the last of them dots where something was left out.
fn cut(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut cut = String::new();
    // The dots take one.
    let mut room = columns.saturating_sub(1);
    for character in text.chars() {
        let Some(left) = room.checked_sub(character.width().unwrap_or(0)) else {
            break;
        };
        room = left;
        cut.push(character);
    }
    if columns > 0 {
        cut.push('…');
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::History;

    #[test]
    fn wide_characters_take_two_columns_and_the_time_stands_at_the_right_edge() {
        let seen = Seen {
            pid: 7,
            command: "ファイル監視 --日本".to_owned(),
            elapsed_ms: 12_000,
            planned_ms: None,
            sample: None,
            history: History::default(),
        };
        for columns in 16..60 {
            let heading = heading(&seen, columns);
            assert_eq!(heading.width(), columns, "{heading}");
            assert!(heading.ends_with("  12 s"), "{heading}");
            let lines = screen(&seen, columns, 6);
            assert!(lines.iter().all(|line| line.width() <= columns));
        }
        assert_eq!(cut("日本", 4), "日本");
        assert_eq!(cut("日本語", 5), "日本…");
        assert_eq!(cut("日本語", 4), "日…");
        assert_eq!(cut("日本語", 0), "");
    }
}
