//! Output of real programs, recorded through a PTY, ends in the screen that is expected of it, however it is cut.
//!
//! `UPDATE_STREAMS=1 cargo test -p sessiond-screen recorded` writes the expected screens; fixtures/oracle holds them against other
//! emulators.

use std::fs;
use std::path::{Path, PathBuf};

use sessiond_screen::{Screen, ScrollbackLimit, Size};

/// Where the recordings are.
const STREAMS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/streams");

fn recordings() -> Vec<PathBuf> {
    let entries = fs::read_dir(STREAMS).expect("the recordings");
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "bin"))
        .collect();
    paths.sort();
    assert!(paths.len() >= 5, "{paths:?}");
    paths
}

fn fed_in_pieces(bytes: &[u8], length: usize) -> Screen {
    let mut screen = Screen::new(Size::DEFAULT, ScrollbackLimit::default());
    bytes.chunks(length).for_each(|piece| screen.feed(piece));
    screen
}

/// What a screen shows, as the expected screens are written.
fn shown(screen: &Screen) -> String {
    let text = screen.text_rows().join("\n");
    format!("{}\n", text.trim_end())
}

fn expected(path: &Path) -> String {
    let path = path.with_extension("txt");
    if std::env::var_os("UPDATE_STREAMS").is_some() {
        let bytes = fs::read(path.with_extension("bin")).expect("a recording");
        fs::write(&path, shown(&fed_in_pieces(&bytes, 4096))).expect("the expected screen");
    }
    fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; UPDATE_STREAMS=1 writes it", path.display()))
}

#[test]
fn a_recording_ends_in_its_expected_screen_however_it_is_cut() {
    for path in recordings() {
        let (bytes, expected) = (fs::read(&path).expect("a recording"), expected(&path));
        let whole = fed_in_pieces(&bytes, bytes.len());
        for length in [1, 2, 3, 7, 64, 4096, bytes.len()] {
            let screen = fed_in_pieces(&bytes, length);
            assert_eq!(shown(&screen), expected, "{} by {length}", path.display());
            assert!(
                screen.shows_same_as(&whole),
                "{} by {length}",
                path.display()
            );
        }
    }
}

#[test]
fn a_recording_goes_on_from_a_snapshot_taken_anywhere() {
    for path in recordings() {
        let bytes = fs::read(&path).expect("a recording");
        let whole = fed_in_pieces(&bytes, bytes.len());
        // A prime, so that all kinds of places are hit.
        for cut in (0..bytes.len()).step_by(101) {
            let mut copy = Screen::new(Size::DEFAULT, ScrollbackLimit::default());
            copy.feed(&fed_in_pieces(&bytes[..cut], 4096).snapshot());
            copy.feed(&bytes[cut..]);
            assert!(
                copy.shows_same_as(&whole),
                "{} cut at {cut}",
                path.display()
            );
        }
    }
}
