//! Screens and byte streams that the tests share.

use proptest::prelude::*;
use sessiond_screen::{Screen, ScrollbackLimit, Size};

/// A small history, so that eviction happens within a test.
pub(crate) const LIMIT: ScrollbackLimit = ScrollbackLimit {
    lines: 50,
    bytes: 16 * 1024,
};

/// A screen that was fed some text.
pub(crate) fn screen(rows: u16, columns: u16, bytes: impl AsRef<[u8]>) -> Screen {
    let size = Size::new(rows, columns).expect("tests use valid sizes");
    let mut screen = Screen::new(size, LIMIT);
    screen.feed(bytes.as_ref());
    screen
}

/// The rows that are shown, blank ones at the end left out.
pub(crate) fn shown(screen: &Screen) -> Vec<String> {
    let mut rows = screen.text_rows();
    while rows.last().is_some_and(String::is_empty) {
        rows.pop();
    }
    rows
}

/// Row and column of the cursor.
pub(crate) fn at(screen: &Screen) -> (u16, u16) {
    (screen.cursor().row, screen.cursor().column)
}

/// Sizes from the smallest to some that programs meet.
pub(crate) fn any_size() -> impl Strategy<Value = Size> {
    let side = prop_oneof![3 => 1..12_u16, 1 => 12..90_u16];
    (side.clone(), side)
        .prop_map(|(rows, columns)| Size::new(rows, columns).expect("within the range"))
}

/// Output as programs write it, mixed with what they should not write.
pub(crate) fn any_stream() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any_piece(), 0..40).prop_map(|pieces| pieces.concat())
}

fn any_piece() -> impl Strategy<Value = Vec<u8>> {
    let bytes = |text: &str| text.as_bytes().to_vec();
    prop_oneof![
        6 => "[ -~]{0,40}".prop_map(String::into_bytes),
        3 => "[a-zé世界語🙂\u{301}\u{200d}\u{fe0f}가\u{85}│]{0,20}".prop_map(String::into_bytes),
        4 => prop::sample::select(vec!["\r\n", "\n", "\r", "\t", "\u{8}", "\x0e", "\x0f", "\x0b"]).prop_map(bytes),
        8 => any_csi(),
        3 => prop::sample::select(FIXED.to_vec()).prop_map(bytes),
        2 => "\x1b\\][0-9]{1,2};[a-z;é]{0,20}(\x07|\x1b\\\\)".prop_map(String::into_bytes),
        1 => "\x1b[PX^_][ -~]{0,20}(\x1b\\\\|\x18)?".prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..12),
    ]
}

fn any_csi() -> impl Strategy<Value = Vec<u8>> {
    let number = prop_oneof![6 => 0..12_u16, 1 => Just(80), 1 => any::<u16>()];
    let separator = prop_oneof![8 => Just(";"), 1 => Just(":")];
    let letters: Vec<char> = "@ABCDEFGHIJKLMPSTXZ`abcdefghlmnrsuq".chars().collect();
    let action = prop_oneof![3 => prop::sample::select(letters), 2 => Just('m')];
    let parts = prop::collection::vec((number, separator), 0..4);
    (
        prop::sample::select(vec!["", "", "", "?", ">", "!"]),
        parts,
        action,
    )
        .prop_map(|(prefix, parts, action)| {
            let numbers: String = parts
                .iter()
                .map(|(number, separator)| format!("{number}{separator}"))
                .collect();
            format!(
                "\x1b[{prefix}{}{action}",
                numbers.trim_end_matches([';', ':'])
            )
            .into_bytes()
        })
}

/// Sequences that a random number would seldom hit.
const FIXED: [&str; 36] = [
    "\x1b[?1049h",
    "\x1b[?1049l",
    "\x1b[?47h",
    "\x1b[?1047l",
    "\x1b[?1048h",
    "\x1b[?1048l",
    "\x1b[?6h",
    "\x1b[?6l",
    "\x1b[?7l",
    "\x1b[?7h",
    "\x1b[4h",
    "\x1b[4l",
    "\x1b[20h",
    "\x1b[?25l",
    "\x1b[?2004h",
    "\x1b[?1002h",
    "\x1b[?1006h",
    "\x1b[?1004h",
    "\x1b[38;2;1;2;3m",
    "\x1b[48;5;200m",
    "\x1b[1;4;7m",
    "\x1b[44m",
    "\x1b[m",
    "\x1b7",
    "\x1b8",
    "\x1bD",
    "\x1bM",
    "\x1bE",
    "\x1bH",
    "\x1b(0",
    "\x1b)0",
    "\x1b(B",
    "\x1b#8",
    "\x1b=",
    "\x1b[2 q",
    "\x1b[3g",
];
