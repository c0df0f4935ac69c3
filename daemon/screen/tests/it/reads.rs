//! What can be asked of a screen: what changed, and where something stands.

use std::collections::BTreeMap;

use proptest::prelude::*;
use sessiond_screen::{Case, Line, PATTERN_BYTES_MAX, Pattern, Screen};

use crate::streams::{LIMIT, any_size, any_stream, screen};

/// Bytes that a compiled pattern may take: as a search has them.
const PATTERN_MEMORY: usize = 1 << 20;

/// Somebody who follows a screen by what changed alone.
#[derive(Default)]
struct Reader {
    lines: BTreeMap<u64, Line>,
    revision: u64,
}

impl Reader {
    fn catch_up(&mut self, screen: &Screen) {
        for index in screen.changed_rows(self.revision) {
            self.lines
                .insert(screen.top_line() + index as u64, screen.row(index));
        }
        self.revision = screen.revision();
        let below = screen.top_line() + u64::from(screen.size().rows());
        self.lines.split_off(&below);
    }

    fn row(&self, screen: &Screen, index: usize) -> Line {
        let line = screen.top_line() + index as u64;
        self.lines.get(&line).cloned().unwrap_or_default()
    }
}

proptest! {
    #[test]
    fn whoever_is_told_what_changed_knows_all_that_is_shown(
        first in any_size(),
        steps in prop::collection::vec((any_stream(), prop::option::weighted(0.2, any_size())), 1..12),
    ) {
        let mut screen = Screen::new(first, LIMIT);
        let mut reader = Reader::default();
        for (bytes, size) in steps {
            screen.feed(&bytes);
            if let Some(size) = size {
                screen.resize(size);
            }
            reader.catch_up(&screen);
            for index in 0..usize::from(screen.size().rows()) {
                prop_assert_eq!(reader.row(&screen, index), screen.row(index));
            }
            prop_assert_eq!(screen.changed_rows(screen.revision()).count(), 0);
        }
    }
}

#[test]
fn output_that_scrolls_changes_only_the_lines_that_it_writes() {
    let mut screen = screen(24, 80, "line\r\n".repeat(100));
    let before = screen.revision();
    screen.feed(b"one\r\ntwo\r\n$ ");
    let changed: Vec<usize> = screen.changed_rows(before).collect();
    assert_eq!(changed, [21, 22, 23]);
    assert_eq!(screen.changed_rows(0).count(), 24);
    assert_eq!(screen.changed_rows(u64::MAX).count(), 24);
}

#[test]
fn bells_and_modes_are_told() {
    let screen = screen(3, 9, "\x07\x07\x1b]0;title\x07\x1b[?2004h\x1b[?25l\x1b=");
    assert_eq!(screen.bells(), 2);
    let names: Vec<_> = screen.mode_names().collect();
    assert_eq!(names, ["autowrap", "bracketed-paste", "application-keypad"]);
}

fn plain(text: &str) -> Pattern {
    Pattern::plain(text, Case::Sensitive, PATTERN_MEMORY).expect("a short text")
}

#[test]
fn text_is_found_across_wrapped_rows_and_by_its_stable_line() {
    let mut screen = screen(2, 10, "");
    for number in 0..80 {
        screen.feed(format!("世 n{number}\r\n").as_bytes());
    }
    screen.feed(b"12345678needle");
    assert_eq!((screen.first_line(), screen.top_line()), (30, 80));
    let found = screen.search(&plain("needle"), 0, 10);
    assert_eq!(found.matches.len(), 1);
    let place = &found.matches[0];
    assert_eq!((place.line, place.column), (80, 8));
    assert_eq!((&*place.found, &*place.text), ("needle", "12345678ne"));
    let found = screen.search(&plain("n42"), 0, 10);
    assert_eq!((found.matches[0].line, found.matches[0].column), (42, 3));
    assert_eq!(screen.search(&plain("n42"), 43, 10).matches, []);
}

#[test]
fn a_search_stops_at_its_limit_and_says_where_to_go_on() {
    let screen = screen(5, 20, "some word\r\n".repeat(30));
    let pattern = Pattern::regex("^SOME", Case::Ignored, PATTERN_MEMORY).expect("valid");
    let (mut from, mut count) = (0, 0);
    loop {
        let found = screen.search(&pattern, from, 7);
        count += found.matches.len();
        match found.next {
            Some(next) => from = next,
            None => break,
        }
    }
    assert_eq!(count, 30);
}

#[test]
fn patterns_that_would_take_too_much_are_refused() {
    for bad in [
        "",
        "(",
        "(((((a{100}){100}){100}){100}){100})",
        &"x".repeat(PATTERN_BYTES_MAX + 1),
        &"(".repeat(200),
    ] {
        let error = Pattern::regex(bad, Case::Sensitive, PATTERN_MEMORY)
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("no pattern"), "{error}");
    }
    assert!(Pattern::plain("(a+", Case::Sensitive, PATTERN_MEMORY).is_ok());
    assert!(Pattern::regex("a{1000}", Case::Sensitive, PATTERN_MEMORY).is_ok());
    assert!(Pattern::regex("a{1000}", Case::Sensitive, 1 << 10).is_err());
}

#[test]
fn a_large_history_is_searched_in_bounded_pieces() {
    let limit = sessiond_screen::ScrollbackLimit {
        lines: 100_000,
        bytes: 20 << 20,
    };
    let mut screen = Screen::new(sessiond_screen::Size::DEFAULT, limit);
    (0..40_000).for_each(|_| {
        screen.feed(b"a line that is neither long nor short, as they are in logs\r\n")
    });
    screen.cool();
    screen.compact(usize::MAX);
    let pattern = Pattern::regex("(a+)+$", Case::Sensitive, PATTERN_MEMORY).expect("valid");
    let (mut from, mut asked) = (0, 0);
    while let Some(next) = screen.search(&pattern, from, 10).next {
        assert!(next > from);
        (from, asked) = (next, asked + 1);
    }
    assert!((2..5).contains(&asked), "{asked}");
}

#[test]
fn a_screen_that_follows_another_shares_no_revision_and_no_line_with_it() {
    let size = sessiond_screen::Size::DEFAULT;
    let mut screen = Screen::new(size, LIMIT);
    (0..100).for_each(|number| screen.feed(format!("{number}\r\n").as_bytes()));
    let (last, shown_to) = (screen.revision(), screen.top_line() + 24);
    let mut next = Screen::continuing(size, LIMIT, screen.next_origin());
    assert_eq!((next.first_line(), next.top_line()), (shown_to, shown_to));
    assert_eq!(next.changed_rows(last).count(), 24);
    (0..30).for_each(|number| next.feed(format!("{number}\r\n").as_bytes()));
    assert_eq!(next.first_line(), shown_to);
    assert_eq!(next.top_line(), shown_to + 7);
    // The same holds of what is kept of it.
    let restored = screen.shed().restored(size);
    assert_eq!(restored.top_line() + 24, shown_to);
    assert_eq!(restored.changed_rows(last).count(), 24);
    let origin = restored.next_origin();
    assert!(origin.revision > restored.revision() && origin.line >= shown_to);
}
