//! A snapshot rebuilds the screen, whatever the terminal showed before.

use proptest::prelude::*;
use sessiond_screen::Screen;

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

proptest! {
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
