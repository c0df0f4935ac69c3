//! Arbitrary lines, and a file to which arbitrary things happen between two looks; what holds whatever they are.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sessiond_protocol::{SessionId, TranscriptFormat, TranscriptId, TranscriptKind};

use super::book::{Book, Origin};
use super::cursor::PRINT_BYTES;
use super::format::{self, Listener, Said};
use super::pass::Pass;
use super::store::{Budget, Store};
use super::tree::Progress;

/// Events that one line makes at most: the blocks of a message.
const EVENTS_MAX: usize = 256;

/// Bytes of a text that is kept.
const TEXT_BYTES_MAX: usize = 16 << 10;

/// So much that nothing is evicted.
const ROOMY: Budget = Budget {
    total: 256 << 20,
    transcript: 256 << 20,
};

/// So little that most is.
const TIGHT: Budget = Budget {
    total: 96 << 10,
    transcript: 64 << 10,
};

#[derive(Default)]
struct Counter {
    events: usize,
}

impl Listener for Counter {
    fn said(&mut self, said: Said<'_>) {
        self.events += 1;
        assert!(said.text.len() <= TEXT_BYTES_MAX, "more than is kept");
        assert!(said.text.len() as u64 <= said.bytes, "more than there is");
    }

    fn session(&mut self, _name: &str) {}
}

/// Reads `line` in every format.
///
/// # Panics
/// When more comes out of it than may.
pub(crate) fn line(line: &[u8]) {
    let _ = format::recognise(line);
    for format in [
        TranscriptFormat::Claude,
        TranscriptFormat::Codex,
        TranscriptFormat::Generic,
    ] {
        let mut counter = Counter::default();
        let _ = format::read(format, line, &mut counter);
        assert!(counter.events <= EVENTS_MAX, "more events than blocks");
    }
}

/// A file that is followed, and what is known of it.
struct World {
    path: PathBuf,
    /// What the file has; none: there is none.
    content: Option<Vec<u8>>,
    /// What it had up to where it was read, when it was looked at last.
    read: Vec<u8>,
    roomy: Book,
    tight: Book,
    changes: u64,
}

/// Plays `input` in `directory`, which is to be empty and is left so.
///
/// It is records with a zero byte between them. The first byte of a record says what happens, the rest is bytes of the file: `a`
/// they are added; `w` the file has them instead of its own; `r` another file with them takes its place; `t` so much of it is cut off
/// as the next byte is of 255; `d` it is removed. After each one the file is looked at, but for `A` to `D`.
///
/// # Panics
/// When following the file has come to something else than reading it at once, or when something else does not hold.
pub(crate) fn file(input: &[u8], directory: &Path) {
    let mut world = World::new(directory.join("a.jsonl"));
    for record in input.split(|byte| *byte == 0) {
        let Some((what, bytes)) = record.split_first() else {
            continue;
        };
        world.happen(what.to_ascii_lowercase(), bytes);
        if what.is_ascii_lowercase() && !world.look() {
            break;
        }
    }
    let _ = fs::remove_file(&world.path);
    world.end();
}

fn book(path: &Path, budget: Budget) -> Book {
    let mut book = Book::new(Store::new(budget), Default::default(), PathBuf::new());
    let origin = Origin::Asked(Some(SessionId(1)));
    book.watch(path, None, origin).expect("there is room");
    book
}

fn look(book: &mut Book) {
    let mut pass = Pass::default();
    while pass.step(book, super::now_ns()) == Progress::Halfway {}
}

/// What is known of the only transcript: its counts, and its events.
type Known = ((u64, u64, u64), Vec<(u64, TranscriptKind, String)>);

fn known(book: &Book) -> Option<(TranscriptId, Known)> {
    let (id, transcript) = book.files.after(None).next()?;
    let state = &transcript.state;
    let counts = (state.events, state.bad_lines, state.cursor.offset);
    let events = book.files.store.iter(id);
    let events = events.map(|kept| (kept.at, kept.said.kind, kept.said.text.to_owned()));
    Some((id, (counts, events.collect())))
}

impl World {
    fn new(path: PathBuf) -> Self {
        Self {
            roomy: book(&path, ROOMY),
            tight: book(&path, TIGHT),
            path,
            content: None,
            read: Vec::new(),
            changes: 0,
        }
    }

    fn happen(&mut self, what: u8, bytes: &[u8]) {
        self.change(what, bytes).expect("a file of ours");
    }

    fn change(&mut self, what: u8, bytes: &[u8]) -> std::io::Result<()> {
        let open = || {
            OpenOptions::new()
                .create(true)
                .append(true)
                .open(&self.path)
        };
        let file = match (what, &mut self.content) {
            (b'a', content) => {
                open()?.write_all(bytes)?;
                content.get_or_insert_default().extend_from_slice(bytes);
                open()?
            }
            (b'w', content) => {
                *content = Some(bytes.to_vec());
                File::create(&self.path)?.write_all(bytes)?;
                open()?
            }
            (b'r', content) => {
                *content = Some(bytes.to_vec());
                let other = self.path.with_extension("new");
                fs::write(&other, bytes)?;
                fs::rename(&other, &self.path)?;
                open()?
            }
            (b't', Some(content)) => {
                let part = bytes.first().copied().map_or(0, usize::from);
                content.truncate(content.len() - content.len() * part / 255);
                let file = open()?;
                file.set_len(content.len() as u64)?;
                file
            }
            (b'd', content @ Some(_)) => {
                *content = None;
                return fs::remove_file(&self.path);
            }
            _ => return Ok(()),
        };
        // A change in one tick of the file system's clock that leaves the length as it is shows in nothing: not here.
        self.changes += 1;
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(self.changes))
    }

    /// Looks, and compares with what somebody knows who reads the file for the first time. False when that cannot be compared any
    /// more: something was rewritten that the fingerprint of both ends does not show, as is documented.
    fn look(&mut self) -> bool {
        let is_hidden = self.content.as_ref().is_some_and(|content| {
            let read = self.read.len();
            let part = read.min(PRINT_BYTES);
            content.len() >= read
                && content[..read] != self.read
                && content[..part] == self.read[..part]
                && content[read - part..read] == self.read[read - part..]
        });
        look(&mut self.roomy);
        look(&mut self.tight);
        let store = &self.tight.files.store;
        let room = self.tight.files.store.budget().total;
        let one_segment = 128 << 10;
        assert!(store.bytes() <= room + one_segment, "{}", store.bytes());
        if is_hidden {
            return false;
        }
        let mut fresh = book(&self.path, ROOMY);
        look(&mut fresh);
        let followed = known(&self.roomy);
        let (followed, fresh) = (
            followed.map(|known| known.1),
            known(&fresh).map(|known| known.1),
        );
        assert_eq!(followed, fresh, "followed, and read at once");
        let offset = fresh.map_or(0, |((_, _, offset), _)| offset);
        self.read = match &self.content {
            Some(content) => content[..usize::try_from(offset).expect("a small file")].to_vec(),
            None => Vec::new(),
        };
        true
    }

    /// With the session's end nothing is held.
    fn end(self) {
        for mut book in [self.roomy, self.tight] {
            book.session_over(SessionId(1));
            assert!(book.is_empty() && book.files.len() == 0);
            assert_eq!(
                (book.files.store.bytes(), book.files.store.events()),
                (0, 0)
            );
        }
    }
}

/// A file of the system's that is read at a place: the pieces that `show` reads, at whatever place is asked for.
///
/// # Panics
/// When an answer is not what it should be.
pub(crate) fn pieces(input: &[u8], directory: &Path) {
    let Some(([at_high, at_low], content)) = input.split_first_chunk() else {
        return;
    };
    let path = directory.join("b.jsonl");
    fs::write(&path, content).expect("a file of ours");
    let file = File::open(&path).expect("just written");
    let (at, end) = (
        u64::from(u16::from_be_bytes([*at_high, *at_low])),
        content.len() as u64,
    );
    let mut byte = [0];
    let begins_line = at == 0
        || file
            .read_at(&mut byte, at - 1)
            .is_ok_and(|read| read == 1 && byte == *b"\n");
    let piece = super::disk::from(&file, TranscriptFormat::Generic, at, end);
    assert_eq!(piece.is_ok(), begins_line, "at {at} of {end}");
    if let Ok(piece) = piece {
        assert!(
            piece.end >= at && piece.end <= end.max(at),
            "{at} to {}",
            piece.end
        );
        assert!(
            piece
                .events
                .iter()
                .all(|kept| kept.at >= at && kept.at < piece.end)
        );
    }
    super::disk::last(&file, TranscriptFormat::Generic, end).expect("it can be read");
    fs::remove_file(&path).expect("ours");
}
