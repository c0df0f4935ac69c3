//! Input that never ends, and histories that are full.

use sessiond_screen::{FINAL_TEXT_BYTES_MAX, SEQUENCE_BYTES_MAX, Screen, ScrollbackLimit, Size};

use crate::streams::{LIMIT, screen, shown};

const MIB: usize = 1024 * 1024;

#[test]
fn twenty_mib_of_an_unfinished_sequence_retain_a_few_hundred_bytes() {
    let chunk = vec![b'1'; 64 * 1024];
    for start in [
        "\x1b]0;",
        "\x1b]52;c;",
        "\x1b]8;;https://",
        "\x1b]8;id=",
        "\x1bP",
        "\x1bPq",
        "\x1b_G",
        "\x1bX",
        "\x1b^",
        "\x1b[",
        "\x1b[?",
    ] {
        let mut screen = screen(24, 80, start);
        for _ in 0..20 * MIB / chunk.len() {
            screen.feed(&chunk);
        }
        assert!(
            screen.retained_bytes() <= 2 * SEQUENCE_BYTES_MAX,
            "{start:?}: {}",
            screen.retained_bytes()
        );
        let mut copy = Screen::new(screen.size(), LIMIT);
        copy.feed(&screen.snapshot());
        assert!(copy.shows_same_as(&screen), "{start:?}");
        screen.feed(b"\x1b\\\x1b[mback");
        assert_eq!(shown(&screen), ["back"], "{start:?}");
    }
}

#[test]
fn twenty_mib_without_a_line_end_stay_within_the_limits() {
    let limit = ScrollbackLimit::default();
    let mut screen = Screen::new(Size::DEFAULT, limit);
    for _ in 0..20 * MIB / 4096 {
        screen.feed(&[b'x'; 4096]);
    }
    assert_eq!(screen.scrollback_len(), limit.lines);
    assert!(
        screen
            .scrollback(0..limit.lines)
            .all(|line| line.is_wrapped() && line.text().len() == 80)
    );
    assert!(screen.retained_bytes() < limit.bytes);
}

#[test]
fn the_byte_limit_holds_before_the_line_limit() {
    let limit = ScrollbackLimit {
        lines: 10_000,
        bytes: 16 * 1024,
    };
    let mut screen = Screen::new(Size::DEFAULT, limit);
    (0..20_000).for_each(|number| screen.feed(format!("line {number}\r\n").as_bytes()));
    assert!(
        (1000..10_000).contains(&screen.scrollback_len()),
        "{}",
        screen.scrollback_len()
    );
    assert_eq!(
        screen.scrollback_text(screen.scrollback_len() - 1..usize::MAX),
        ["line 19976"]
    );
    assert!(screen.retained_bytes() < limit.bytes + 24 * 80 * 12);
}

#[test]
fn a_cleared_screen_holds_nothing() {
    let mut screen = Screen::new(Size::DEFAULT, ScrollbackLimit { lines: 0, bytes: 0 });
    for _ in 0..100 {
        screen.feed("\x1b[1;44mtext 世界 e\u{301}\r\n".as_bytes());
    }
    assert!(screen.retained_bytes() > 0);
    screen.feed(b"\x1b[m\x1b[H\x1b[2J");
    assert!(
        screen.retained_bytes() <= 24 * 128,
        "{}",
        screen.retained_bytes()
    );
}

#[test]
fn what_is_shed_is_the_text_in_exactly_its_bytes() {
    let last = screen(5, 20, "\x1b]2;build\x07one\r\n\r\n  three  ").shed();
    assert_eq!(
        (last.text(), last.title(), last.retained_bytes()),
        ("one\n\n  three", "build", 17)
    );
    assert_eq!(screen(5, 20, "").shed().retained_bytes(), 0);
    let wall = "世".repeat(500 * 1000);
    let bounded = screen(1000, 1000, wall).shed();
    assert!((FINAL_TEXT_BYTES_MAX - 2000..=FINAL_TEXT_BYTES_MAX).contains(&bounded.text().len()));
}
