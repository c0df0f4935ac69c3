//! A snapshot rebuilds the screen, whatever the terminal showed before.

use proptest::prelude::*;
use sessiond_screen::{SIDE_MAX, SNAPSHOT_BYTES_MAX, Screen, Size};

use crate::streams::{LIMIT, any_size, any_stream, at, screen, shown};

/// What a fresh screen becomes when it is fed the snapshot of another one.
fn rebuilt(screen: &Screen) -> Screen {
    let mut fresh = Screen::new(screen.size(), LIMIT);
    fresh.feed(&screen.snapshot());
    fresh
}

#[test]
fn modes_margins_tabs_and_title_are_rebuilt() {
    for bytes in [
        "\x1b[?1h\x1b=\x1b[?2004h\x1b[?1003h\x1b[?1006h\x1b[?1004h\x1b[?25l\x1b[5 q",
        "\x1b[2;4r\x1b[?6h\x1b[2;3Hx",
        "\x1b[3g\x1b[4G\x1bH\x1b]2;title; é\x07",
        "abcdefghijklmnopqrstuv\x1b7\x1b[H\x1b[1;31m",
        "\x1b(0\x1b)0\x0eq\x1b[4h\x1b[20h\x1b[?7l",
        "primary\x1b[?1049h\x1b[44malt\x1b7\x1b[2;2H",
        "世界世界世",
    ] {
        let original = screen(5, 10, bytes);
        assert!(rebuilt(&original).shows_same_as(&original), "{bytes:?}");
    }
}

#[test]
fn a_rebuilt_screen_goes_on_like_the_original() {
    let mut original = screen(3, 10, "abcdefghij");
    let mut copy = rebuilt(&original);
    for screen in [&mut original, &mut copy] {
        screen.feed(b"k\x1b[Al");
    }
    assert_eq!((shown(&copy), at(&copy)), (shown(&original), at(&original)));
    assert_eq!(
        shown(&copy),
        ["albcdefghi".replace("lbcdefghi", "lcdefghij"), "k".into()]
    );
}

/// A screen of the largest size, every cell of which looks different from the one before.
fn largest(text: &str) -> Screen {
    let size = Size::new(SIDE_MAX, SIDE_MAX).expect("the largest size");
    let mut screen = Screen::new(size, LIMIT);
    for row in 0..SIDE_MAX {
        screen.feed(format!("\x1b[{};1H", row + 1).as_bytes());
        for column in 0..SIDE_MAX {
            screen.feed(format!("\x1b[38;2;{};{};7m{text}", column % 256, row % 256).as_bytes());
        }
    }
    screen
}

#[test]
fn a_snapshot_of_the_largest_screen_stays_within_its_bound_and_shows_what_is_around_the_cursor() {
    let mut original = largest("x");
    original.feed(b"\x1b[m\x1b[600;1H\x1b[2Khere");
    let snapshot = original.snapshot();
    assert!(
        (SNAPSHOT_BYTES_MAX / 2..=SNAPSHOT_BYTES_MAX).contains(&snapshot.len()),
        "{}",
        snapshot.len()
    );
    let copy = rebuilt(&original);
    assert_eq!(copy.cursor(), original.cursor());
    let (rows, expected) = (copy.text_rows(), original.text_rows());
    assert_eq!(rows[570..630], expected[570..630]);
    assert_eq!(rows[0], "");
}

#[test]
fn a_picture_with_an_alternate_buffer_over_it_stays_within_the_bound() {
    let mut screen = largest("e\u{301}\u{302}\u{303}");
    assert!(screen.snapshot().len() <= SNAPSHOT_BYTES_MAX);
    screen.feed("\x1b[?1049h\x1b[3g".as_bytes());
    for column in 1..=SIDE_MAX {
        screen.feed(format!("\x1b[1;{column}H\x1bH").as_bytes());
    }
    let long_title = "t".repeat(400);
    screen.feed(format!("\x1b[Hone line\x1b]2;{long_title}\x07\x1b]2;{long_title}").as_bytes());
    assert!(screen.snapshot().len() <= SNAPSHOT_BYTES_MAX);
    assert_eq!(rebuilt(&screen).text_rows()[0], "one line");
}

proptest! {
    #[test]
    fn a_stream_may_be_cut_anywhere_and_go_on_from_a_snapshot(
        size in any_size(),
        bytes in any_stream(),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut whole = Screen::new(size, LIMIT);
        whole.feed(&bytes);
        let (before, after) = bytes.split_at(cut.index(bytes.len() + 1));
        let mut original = Screen::new(size, LIMIT);
        original.feed(before);
        let mut copy = rebuilt(&original);
        prop_assert!(copy.shows_same_as(&original), "{:?}", String::from_utf8_lossy(&original.snapshot()));
        copy.feed(after);
        prop_assert!(copy.shows_same_as(&whole), "{:?}", String::from_utf8_lossy(&original.snapshot()));
    }

    #[test]
    fn a_snapshot_ends_whatever_a_terminal_was_inside_of(
        size in any_size(),
        bytes in any_stream(),
        start in prop::sample::select(vec![&b"\x1b"[..], b"\x1b[", b"\x1b[1;2", b"\x1b]0;t", b"\x1bPq#0", b"\x1b_Gx", b"\x1b(", b"\xe4\xb8"]),
    ) {
        let mut original = Screen::new(size, LIMIT);
        original.feed(&bytes);
        let mut inside = Screen::new(size, LIMIT);
        inside.feed(start);
        inside.feed(&original.snapshot());
        prop_assert!(inside.shows_same_as(&original));
    }

    #[test]
    fn any_screen_is_rebuilt_on_a_fresh_terminal(size in any_size(), bytes in any_stream()) {
        let mut original = Screen::new(size, LIMIT);
        original.feed(&bytes);
        prop_assert!(rebuilt(&original).shows_same_as(&original), "{:?}", String::from_utf8_lossy(&original.snapshot()));
    }

    #[test]
    fn any_screen_is_rebuilt_on_a_terminal_in_use(size in any_size(), first in any_stream(), second in any_stream()) {
        let mut original = Screen::new(size, LIMIT);
        original.feed(&first);
        let mut used = Screen::new(size, LIMIT);
        used.feed(&second);
        used.feed(&original.snapshot());
        prop_assert!(used.shows_same_as(&original), "{:?}", String::from_utf8_lossy(&original.snapshot()));
    }
}
