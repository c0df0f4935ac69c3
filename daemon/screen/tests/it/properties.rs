//! What holds for any bytes in any pieces.

use proptest::prelude::*;
use sessiond_screen::{Screen, Size};

use crate::streams::{LIMIT, any_size, any_stream};

/// Feeds bytes in pieces of the given lengths, round and round.
fn feed_in_pieces(screen: &mut Screen, mut bytes: &[u8], lengths: &[usize]) {
    for length in lengths.iter().cycle() {
        if bytes.is_empty() {
            return;
        }
        let (piece, rest) = bytes.split_at((*length).min(bytes.len()));
        screen.feed(piece);
        bytes = rest;
    }
}

/// The most that a screen of this size may hold: its cells in both buffers, its history, a title and answers.
fn bound(size: Size) -> usize {
    let cells = usize::from(size.rows()) * usize::from(size.columns());
    let per_row = 128 + 64;
    2 * (cells * (12 + 32) + usize::from(size.rows()) * per_row) + LIMIT.bytes + 8 * 1024
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same_screen(
        size in any_size(),
        bytes in any_stream(),
        lengths in prop::collection::vec(1..9_usize, 1..6),
    ) {
        let mut whole = Screen::new(size, LIMIT);
        whole.feed(&bytes);
        let mut pieces = Screen::new(size, LIMIT);
        feed_in_pieces(&mut pieces, &bytes, &lengths);
        prop_assert!(whole.shows_same_as(&pieces), "{:?} / {:?}", whole.text_rows(), pieces.text_rows());
        prop_assert_eq!(whole.scrollback_text(0..99), pieces.scrollback_text(0..99));
        prop_assert_eq!(whole.take_replies(), pieces.take_replies());
    }

    #[test]
    fn any_bytes_and_sizes_leave_the_cursor_inside_and_the_memory_bounded(
        steps in prop::collection::vec((any_size(), prop_oneof![any_stream(), prop::collection::vec(any::<u8>(), 0..200)]), 1..6),
    ) {
        let mut screen = Screen::new(Size::DEFAULT, LIMIT);
        let mut largest = bound(Size::DEFAULT);
        for (size, bytes) in steps {
            screen.feed(&bytes);
            screen.resize(size);
            screen.feed(&bytes);
            largest = largest.max(bound(size));
            let cursor = screen.cursor();
            prop_assert!(cursor.row < size.rows() && cursor.column < size.columns());
            let rows = screen.text_rows();
            prop_assert_eq!(rows.len(), usize::from(size.rows()));
            prop_assert!(rows.iter().all(|row| row.chars().all(|character| !character.is_control())));
            prop_assert!(screen.retained_bytes() <= largest, "{} of {}", screen.retained_bytes(), largest);
            prop_assert!(screen.scrollback_len() <= LIMIT.lines);
            prop_assert_eq!(screen.scrollback(0..usize::MAX).count(), screen.scrollback_len());
            let mut copy = Screen::new(size, LIMIT);
            copy.feed(&screen.snapshot());
            prop_assert!(copy.shows_same_as(&screen), "{:?}", String::from_utf8_lossy(&screen.snapshot()));
        }
    }
}
