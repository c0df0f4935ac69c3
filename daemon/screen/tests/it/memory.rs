//! What the screen says it holds, against what it has allocated.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use sessiond_screen::{Screen, ScrollbackLimit, Size};

thread_local! {
    /// Bytes and calls of this thread: tests run beside each other.
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static CALLS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

fn count(bytes: usize, sign: isize) {
    // A thread that is ending has no counters any more, and no screen either.
    _ = LIVE.try_with(|live| {
        live.set(live.get() + sign * isize::try_from(bytes).expect("a layout fits"))
    });
}

#[expect(
    unsafe_code,
    reason = "a global allocator is an unsafe trait; it only counts"
)]
// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 1);
        _ = CALLS.try_with(|calls| calls.set(calls.get() + 1));
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(layout.size(), -1);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Bytes that are live on this thread.
fn live() -> usize {
    usize::try_from(LIVE.get()).unwrap_or(0)
}

/// Feeds a screen and returns (bytes it says it holds, bytes it holds).
fn measured(size: Size, limit: ScrollbackLimit, feed: impl Fn(&mut Screen)) -> (usize, usize) {
    let before = live();
    let mut screen = Screen::new(size, limit);
    assert_eq!(live(), before, "a new screen allocates nothing");
    feed(&mut screen);
    let both = (screen.retained_bytes(), live() - before);
    drop(screen);
    assert_eq!(live(), before, "everything is freed with the screen");
    both
}

fn lines(screen: &mut Screen, count: usize, line: &str) {
    (0..count).for_each(|_| screen.feed(line.as_bytes()));
}

const COLOURED: &str = "\x1b[0m\x1b[01;34mdrwxr-xr-x\x1b[0m 2 root root  4096 \x1b[01;32mscript-of-some-length.sh\x1b[0m \
                        \x1b[31mand an archive.tar.gz\x1b[0m here\r\n";

#[test]
fn retained_bytes_are_what_the_allocator_says() {
    let size = Size::DEFAULT;
    let limit = ScrollbackLimit::default();
    type Feed = fn(&mut Screen);
    let feeds: [(&str, Feed); 8] = [
        ("a prompt", |screen| screen.feed(b"user@host:~$ ")),
        ("coloured history", |screen| lines(screen, 12_000, COLOURED)),
        ("plain history", |screen| {
            lines(screen, 300, "some plain text\r\n")
        }),
        ("marks everywhere", |screen| {
            lines(screen, 5000, "e\u{301}a\u{308}\u{301} 世界\u{fe0f} ")
        }),
        ("alternate buffer", |screen| {
            lines(screen, 30, COLOURED);
            screen.feed(b"\x1b[?1049h");
            lines(screen, 30, COLOURED);
        }),
        ("titles and answers", |screen| {
            screen.feed(b"\x1b]2;a title\x07\x1b[6n\x1b[6n")
        }),
        ("new sizes", |screen| {
            for side in [10, 200, 3, 90] {
                screen.resize(Size::new(side, side).expect("valid"));
                lines(screen, 100, COLOURED);
            }
        }),
        ("backgrounds", |screen| {
            lines(screen, 300, "\x1b[4;44m\x1b[K wide\x1b[2;9r\x1b[S\x1b[2J\n")
        }),
    ];
    for (name, feed) in feeds {
        let (said, held) = measured(size, limit, feed);
        assert_eq!(said, held, "{name}");
    }
}

#[test]
fn a_coloured_line_of_history_costs_no_more_than_110_bytes() {
    let visible = "\x1b[01;34mdrwxr-xr-x\x1b[0m  2 root root  4096 Nov 21 06:40 \x1b[01;32mthis-name-fills-linexx-up-to-80-cols-\x1b[0m\r\n";
    let (said, _) = measured(Size::DEFAULT, ScrollbackLimit::default(), |screen| {
        lines(screen, 10_100, visible);
        assert_eq!(
            (
                screen.scrollback_len(),
                screen.scrollback_text(0..1)[0].len()
            ),
            (10_000, 80)
        );
    });
    assert!(said / 10_000 <= 110, "{said} bytes for 10,000 lines");
}

/// The same, after a pause, in which it is compressed: a listing whose names, sizes and times differ from line to line.
#[test]
fn a_coloured_line_of_history_costs_less_than_half_of_that_after_a_pause() {
    let (said, held) = measured(Size::DEFAULT, ScrollbackLimit::default(), |screen| {
        for number in 0..10_100_u64 {
            let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            screen.feed(format!("\x1b[01;34mdrwxr-xr-x\x1b[0m  2 root root {:5} Nov 21 {:02}:{:02} \x1b[01;32mfile-{mixed:016x}-of-a-listing-\x1b[0m\r\n", mixed % 99_999, mixed % 24, mixed % 60).as_bytes());
        }
        screen.cool();
        screen.compact(usize::MAX);
        assert_eq!(
            (
                screen.scrollback_len(),
                screen.scrollback_text(0..1)[0].len()
            ),
            (10_000, 78)
        );
    });
    assert_eq!(said, held);
    assert!(held / 10_000 <= 55, "{} bytes per line", held / 10_000);
}

#[test]
fn an_idle_prompt_costs_less_than_a_kilobyte() {
    let (_, held) = measured(Size::DEFAULT, ScrollbackLimit::default(), |screen| {
        screen.feed(b"\x1b]0;user@host: ~\x07\x1b[01;32muser@host\x1b[0m:\x1b[01;34m~\x1b[0m$ ");
    });
    assert!(
        held < 1024 && size_of::<Screen>() < 2048,
        "{held} + {}",
        size_of::<Screen>()
    );
}

#[test]
fn output_into_a_full_history_allocates_next_to_nothing() {
    let mut screen = Screen::new(Size::DEFAULT, ScrollbackLimit::default());
    lines(&mut screen, 30_000, COLOURED);
    let (before, bytes) = (CALLS.get(), live());
    lines(&mut screen, 20_000, COLOURED);
    assert!(
        CALLS.get() - before <= 4,
        "{} allocations",
        CALLS.get() - before
    );
    assert!(live().abs_diff(bytes) <= 64 * 1024);
}

#[test]
fn a_hundred_thousand_links_cost_what_their_text_costs() {
    let of = |link: fn(usize) -> String| {
        measured(Size::DEFAULT, ScrollbackLimit::default(), |screen| {
            (0..100_000).for_each(|number| screen.feed(link(number).as_bytes()));
            assert!(screen.take_replies().is_none());
        })
    };
    let plain = of(|number| format!("link {number}\r\n"));
    let linked = of(|number| {
        format!(
            "\x1b]8;id={number};https://example.com/{number}\x1b\\link {number}\x1b]8;;\x1b\\\r\n"
        )
    });
    // The buffer for sequences is there from the first one on.
    assert!(
        linked.0 <= plain.0 + 64 && linked.1 <= plain.1 + 64,
        "{linked:?} {plain:?}"
    );
}
