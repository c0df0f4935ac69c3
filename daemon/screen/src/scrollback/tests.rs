//! Both limits hold in allocated bytes, and what is kept reads back as it was.

use super::*;
use crate::glyph::Glyph;
use crate::style::{Color, Style};

fn row(text: &str) -> Row {
    let mut row = Row::default();
    row.write_ascii(0, text.as_bytes(), Style::DEFAULT, 200);
    row
}

fn texts(scrollback: &Scrollback, range: Range<usize>) -> Vec<&str> {
    scrollback.lines(range).map(|line| line.text()).collect()
}

#[test]
fn the_line_limit_drops_the_oldest_lines_and_ranges_start_at_the_oldest() {
    let mut scrollback = Scrollback::new(ScrollbackLimit {
        lines: 1000,
        bytes: 1 << 20,
    });
    for number in 0..5000 {
        scrollback.push(&row(&format!("line {number}")));
    }
    assert_eq!(scrollback.len(), 1000);
    assert_eq!(texts(&scrollback, 0..2), ["line 4000", "line 4001"]);
    assert_eq!(
        texts(&scrollback, 998..usize::MAX),
        ["line 4998", "line 4999"]
    );
    assert_eq!(texts(&scrollback, 1000..1001), [""; 0]);
    assert_eq!(scrollback.lines(0..1000).count(), 1000);
}

#[test]
fn the_byte_limit_holds_for_any_mix_of_lines() {
    for bytes in [1, 100, 600, 5000, 70_000, 300_000] {
        let mut scrollback = Scrollback::new(ScrollbackLimit {
            lines: usize::MAX,
            bytes,
        });
        for number in 0..3000 {
            scrollback.push(&row(&"x".repeat(number % 200)));
            assert!(
                scrollback.block_bytes <= bytes,
                "{} of {bytes}",
                scrollback.block_bytes
            );
        }
        let capacities: usize = scrollback
            .blocks
            .iter()
            .map(|block| block.bytes.capacity())
            .sum();
        assert_eq!(
            scrollback.block_bytes,
            capacities + scrollback.spare.as_ref().map_or(0, Vec::capacity)
        );
        assert_eq!(scrollback.len(), scrollback.lines(0..usize::MAX).count());
        assert!(
            bytes < 5000 || scrollback.len() * 110 > bytes / 2,
            "{} lines in {bytes}",
            scrollback.len()
        );
    }
}

#[test]
fn a_zero_in_either_limit_keeps_nothing_and_allocates_nothing() {
    for (lines, bytes) in [(0, 1 << 20), (1000, 0)] {
        let mut scrollback = Scrollback::new(ScrollbackLimit { lines, bytes });
        scrollback.push(&row("text"));
        assert_eq!((scrollback.len(), scrollback.retained_bytes()), (0, 0));
    }
}

#[test]
fn styles_wide_characters_and_marks_read_back() {
    let mut red = Style::DEFAULT;
    red.set_foreground(Color::Rgb(200, 1, 2));
    let mut row = Row::default();
    row.write_ascii(0, b"ab", Style::DEFAULT, 80);
    row.write(2, Glyph::wide('世'), red, 80);
    row.write_ascii(4, b"e", red, 80);
    row.mark(4, '\u{301}', 80);
    row.write_ascii(5, b"z ", Style::DEFAULT, 80);
    row.set_wrapped(true);
    let mut scrollback = Scrollback::new(ScrollbackLimit::default());
    scrollback.push(&row);
    let line = scrollback.lines(0..1).next().unwrap();
    assert_eq!((line.text(), line.is_wrapped()), ("ab世e\u{301}z", true));
    let runs: Vec<_> = line.runs().collect();
    assert_eq!(
        runs,
        [(0..2, Style::DEFAULT), (2..8, red), (8..9, Style::DEFAULT)][..runs.len()]
    );
    assert!(runs.len() >= 2);
}

#[test]
fn clearing_gives_every_byte_back() {
    let mut scrollback = Scrollback::new(ScrollbackLimit::default());
    (0..20_000).for_each(|_| scrollback.push(&row("some text")));
    assert!(scrollback.retained_bytes() > 100_000);
    scrollback.clear();
    assert_eq!((scrollback.len(), scrollback.retained_bytes()), (0, 0));
}
