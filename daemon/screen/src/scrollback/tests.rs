//! Both limits hold in allocated bytes, and what is kept reads back as it was.

use proptest::prelude::*;

use super::*;
use crate::glyph::Glyph;
use crate::style::{Color, Style};

fn row(text: &str) -> Row {
    let mut row = Row::default();
    row.write_ascii(0, text.as_bytes(), Style::DEFAULT, 200);
    row
}

fn texts(scrollback: &Scrollback, range: Range<usize>) -> Vec<String> {
    scrollback.lines(range).map(Line::into_text).collect()
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
        let capacities: usize = scrollback.blocks.iter().map(Block::capacity).sum();
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

#[test]
fn full_blocks_are_compressed_and_read_back() {
    let mut scrollback = Scrollback::new(ScrollbackLimit::default());
    (0..10_000)
        .for_each(|number| scrollback.push(&row(&format!("line {number} of a long listing"))));
    let (before, plain) = (texts(&scrollback, 0..10_000), scrollback.retained_bytes());
    assert!(scrollback.is_warm() && !scrollback.is_cold());
    scrollback.cool();
    while scrollback.is_cold() {
        scrollback.compact(3);
    }
    assert!(!scrollback.is_warm());
    assert!(scrollback.retained_bytes() < plain / 2);
    assert_eq!(texts(&scrollback, 0..10_000), before);
    scrollback.push(&row("one more"));
    assert_eq!(scrollback.first(), 1);
    assert_eq!(texts(&scrollback, 0..1), before[1..2]);
}

#[test]
fn only_blocks_that_outlive_a_while_of_output_are_compressed() {
    let mut scrollback = Scrollback::new(ScrollbackLimit::default());
    let push = |scrollback: &mut Scrollback, lines: usize| {
        (0..lines).for_each(|_| scrollback.push(&row("one of many lines, all alike")));
    };
    push(&mut scrollback, 5000);
    scrollback.age();
    assert!(!scrollback.is_cold());
    let (warm, full) = (scrollback.retained_bytes(), scrollback.full());
    // A whole history later nothing is left of what was there.
    push(&mut scrollback, 15_000);
    scrollback.age();
    assert!(!scrollback.is_cold());
    // A few lines later nearly everything is.
    let full_then = scrollback.full();
    push(&mut scrollback, 10);
    scrollback.age();
    scrollback.compact(usize::MAX);
    assert!(scrollback.packed.abs_diff(full_then) <= 1 && full_then > full);
    assert!(scrollback.retained_bytes() < warm);
}

#[test]
fn a_history_that_is_short_of_bytes_compresses_before_it_forgets() {
    let limit = ScrollbackLimit {
        lines: usize::MAX,
        bytes: 128 * 1024,
    };
    let mut scrollback = Scrollback::new(limit);
    (0..20_000)
        .for_each(|number| scrollback.push(&row(&format!("{number:0>6} {}", "x".repeat(40)))));
    assert!(
        scrollback.len() * 48 > 3 * limit.bytes,
        "{} lines",
        scrollback.len()
    );
    assert_eq!(scrollback.first(), 20_000 - scrollback.len() as u64);
    assert!(texts(&scrollback, 0..1)[0].starts_with(&format!("{:0>6}", scrollback.first())));
}

/// What can be done to a history.
#[derive(Clone, Debug)]
enum Step {
    Push(usize, usize),
    Age,
    Cool,
    Compact(usize),
    Limit(usize, usize),
    Clear,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (1..400_usize, 0..180_usize).prop_map(|(count, length)| Step::Push(count, length)),
        2 => Just(Step::Age),
        2 => Just(Step::Cool),
        3 => (0..4_usize).prop_map(Step::Compact),
        2 => (0..600_usize, prop_oneof![0..3000_usize, 3000..300_000_usize]).prop_map(|(lines, bytes)| Step::Limit(lines, bytes)),
        1 => Just(Step::Clear),
    ]
}

proptest! {
    #[test]
    fn whatever_is_kept_are_the_last_lines_under_their_own_numbers(steps in prop::collection::vec(any_step(), 1..20)) {
        let mut limit = ScrollbackLimit { lines: 500, bytes: 64 * 1024 };
        let mut scrollback = Scrollback::new(limit);
        let mut all = Vec::new();
        for step in steps {
            match step {
                Step::Push(count, length) => for _ in 0..count {
                    let text = format!("{}{}", all.len(), "-".repeat(length));
                    scrollback.push(&row(&text));
                    all.push(text);
                },
                Step::Age => scrollback.age(),
                Step::Cool => scrollback.cool(),
                Step::Compact(blocks) => scrollback.compact(blocks),
                Step::Limit(lines, bytes) => {
                    limit = ScrollbackLimit { lines, bytes };
                    scrollback.set_limit(limit);
                }
                Step::Clear => scrollback.clear(),
            }
            prop_assert!(scrollback.len() <= limit.lines && scrollback.block_bytes <= limit.bytes);
            let held: usize = scrollback.blocks.iter().map(Block::capacity).sum();
            prop_assert_eq!(scrollback.block_bytes, held + scrollback.spare.as_ref().map_or(0, Vec::capacity));
            let first = usize::try_from(scrollback.first()).unwrap();
            prop_assert_eq!(first + scrollback.len(), all.len());
            prop_assert_eq!(texts(&scrollback, 0..usize::MAX), &all[first..]);
            let middle = scrollback.len() / 2;
            prop_assert_eq!(texts(&scrollback, middle..middle + 3), &all[first + middle..(first + middle + 3).min(all.len())]);
        }
    }
}
