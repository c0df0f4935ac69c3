use sessiond_protocol::RequestId;
use sessiond_screen::{Case, ScrollbackLimit, Size};

use super::*;
use crate::core::ClientId;
use crate::pattern::AWAITED_BYTES_MAX;

fn ticket(id: u64) -> Ticket {
    Ticket {
        client: ClientId(1),
        id: RequestId(id),
    }
}

fn text(text: &str) -> Pattern {
    Pattern::plain(text, Case::Sensitive, AWAITED_BYTES_MAX).unwrap()
}

struct Session {
    screen: Screen,
    lookout: Lookout,
    now: Instant,
}

impl Session {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            screen: Screen::new(Size::DEFAULT, ScrollbackLimit::default()),
            lookout: Lookout::new(now),
            now,
        }
    }

    fn watch(&mut self, id: u64, pattern: &str) {
        let (screen, now) = (&self.screen, self.now);
        self.lookout.watch(ticket(id), text(pattern), screen, now);
    }

    fn feed(&mut self, output: &[u8]) {
        self.lookout.feed(output, &mut self.screen, self.now);
    }

    fn found(&mut self) -> Vec<u64> {
        let found = self.lookout.take_sightings();
        found.iter().map(|found| found.ticket.id.0).collect()
    }
}

#[test]
fn what_is_shown_already_is_found_at_once_and_what_has_scrolled_away_is_not() {
    let mut session = Session::new();
    session.feed(b"old\r\n");
    session.feed("line\r\n".repeat(30).as_bytes());
    session.feed(b"new");
    session.watch(1, "new");
    session.watch(2, "old");
    assert_eq!(session.found(), [1]);
}

#[test]
fn the_screen_is_not_read_per_byte_and_the_last_of_them_is_not_forgotten() {
    let mut session = Session::new();
    session.watch(1, "ready");
    for byte in b"ready" {
        session.feed(&[*byte]);
    }
    assert!(session.found().is_empty());
    let due = session.lookout.due().unwrap();
    assert_eq!(due, session.now + PAUSE);
    session.lookout.look(&session.screen, due);
    assert_eq!(session.found(), [1]);
    assert_eq!(session.lookout.due(), None);
}

#[test]
fn what_scrolls_by_between_two_looks_is_found() {
    let mut session = Session::new();
    session.watch(1, "flash");
    session.feed(b"a flash in between\r\n");
    // Far more lines than the scrollback keeps, in one turn of reading.
    session.feed(&b"\n".repeat(32 << 10));
    assert_eq!(session.found(), [1]);
}

#[test]
fn a_wait_that_was_given_up_finds_nothing_and_nothing_is_kept() {
    let mut session = Session::new();
    session.watch(1, "x");
    session.watch(2, "x");
    session.lookout.unwatch(ticket(1));
    session.now += PAUSE;
    session.feed(b"x");
    assert_eq!(session.found(), [2]);
    assert_eq!(session.lookout.watches.capacity(), 0);
    assert_eq!(session.lookout.sightings.capacity(), 0);
}
