//! Tracking a running process: a snapshot holds what is alive, whatever the other threads do meanwhile.

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use leakgate_probe::{Probe, TrackAlloc, task};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::alone::alone;
use super::client::Client;

/// A probe that tracks, and its client.
struct Tracked {
    client: Client,
    _probe: Probe,
    directory: TempDir,
}

impl Tracked {
    fn start(request: &str) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let socket = directory.path().join("probe.sock");
        let probe = Probe::builder().start(&socket).expect("the path is free");
        let mut client = Client::connect(&socket);
        assert_eq!(client.ask(request), json!({ "ok": true }));
        Self {
            client,
            _probe: probe,
            directory,
        }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("snapshot.json")
    }

    fn snapshot(&mut self) -> Value {
        let path = self.path();
        let answer = self
            .client
            .ask(&format!("track snapshot {}", path.display()));
        assert_eq!(answer["ok"], json!(true), "{answer}");
        read(&path)
    }
}

fn read(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).expect("the snapshot is written");
    serde_json::from_str(&text).expect("a snapshot is JSON")
}

/// The sum of a member over all program points.
fn sum(snapshot: &Value, key: &str) -> u64 {
    let points = snapshot["pps"].as_array().expect("program points");
    points
        .iter()
        .map(|point| point[key].as_u64().expect("a number"))
        .sum()
}

/// What the points hold whose own bytes are a multiple of `of`: the test's blocks have sizes that nobody else's have.
fn live_of(snapshot: &Value, bytes: u64) -> u64 {
    let points = snapshot["pps"].as_array().expect("program points").iter();
    let blocks = points.filter(|point| {
        let number = |key: &str| point[key].as_u64().expect("a number");
        number("tb") == bytes * number("tbk")
    });
    blocks
        .map(|point| point["ebk"].as_u64().expect("a number"))
        .sum()
}

#[inline(never)]
fn keep(blocks: usize, bytes: usize) -> Vec<Vec<u8>> {
    (0..blocks).map(|_| black_box(vec![1u8; bytes])).collect()
}

#[test]
fn a_snapshot_holds_exactly_what_is_alive_and_tracking_goes_on() {
    alone(
        "track::a_snapshot_holds_exactly_what_is_alive_and_tracking_goes_on",
        &[],
        || {
            let before = keep(10, 1009);
            let mut tracked = Tracked::start("track start exact 64");
            let first = keep(31, 1009);
            let snapshot = tracked.snapshot();
            assert_eq!(live_of(&snapshot, 1009), 31);
            assert_eq!(snapshot["dhatFileVersion"], json!(2));
            let second = keep(7, 1009);
            drop((before, keep(100, 1009)));
            assert_eq!(live_of(&tracked.snapshot(), 1009), 38);
            drop(first);
            let snapshot = tracked.snapshot();
            assert_eq!(live_of(&snapshot, 1009), 7);
            assert!(sum(&snapshot, "mb") >= 100 * 1009);
            drop(second);
            assert_eq!(live_of(&tracked.snapshot(), 1009), 0);
            let again = tracked.client.ask("track start exact 64");
            assert_eq!(again["error"], json!("wrong_state"));
            assert_eq!(tracked.client.ask("track stop"), json!({ "ok": true }));
            let path = tracked.path();
            let late = format!("track snapshot {}", path.display());
            assert_eq!(tracked.client.ask(&late)["error"], json!("wrong_state"));
        },
    );
}

/// The tasks under which a snapshot has blocks of so many bytes, and how many.
fn by_task(snapshot: &Value, bytes: u64) -> BTreeMap<String, u64> {
    let table = snapshot["ftbl"].as_array().expect("a table of frames");
    let mut tasks = BTreeMap::new();
    for point in snapshot["pps"].as_array().expect("program points") {
        let number = |key: &str| point[key].as_u64().expect("a number");
        if number("tb") != bytes * number("tbk") {
            continue;
        }
        let outermost = point["fs"].as_array().and_then(|frames| frames.last());
        let outermost = outermost.and_then(Value::as_u64).expect("a frame");
        let frame = table[usize::try_from(outermost).expect("small")].as_str();
        let frame = frame.expect("a text");
        let task = frame.strip_prefix("[task ").unwrap_or("");
        *tasks
            .entry(task.trim_end_matches(']').to_owned())
            .or_default() += number("ebk");
    }
    tasks
}

/// Polls a future once, as an executor does; it has to be ready.
fn polled<T>(future: impl Future<Output = T>) -> T {
    let mut context = Context::from_waker(Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        Poll::Ready(done) => done,
        Poll::Pending => panic!("it waits for nothing"),
    }
}

#[test]
fn one_line_in_two_tasks_is_two_sites_that_say_so() {
    alone(
        "track::one_line_in_two_tasks_is_two_sites_that_say_so",
        &[],
        || {
            let mut tracked = Tracked::start("track start exact 64");
            let mut kept = keep(2, 1033);
            for (name, blocks) in [("reader \"1\"", 3), ("writer", 5)] {
                kept.extend(polled(task::named(name, async {
                    // A task that polls another one is itself again afterwards.
                    let inner = polled(task::named("inner", async { keep(1, 1033) }));
                    inner
                        .into_iter()
                        .chain(keep(blocks - 1, 1033))
                        .collect::<Vec<_>>()
                })));
            }
            let panics = task::named("panics", async { panic!("in a task") });
            let caught = std::panic::catch_unwind(AssertUnwindSafe(|| polled(panics)));
            assert!(caught.is_err());
            kept.extend(keep(4, 1033));
            let expected = [("", 6), ("inner", 2), ("reader \"1\"", 2), ("writer", 4)];
            let expected = expected.map(|(task, blocks)| (task.to_owned(), blocks));
            assert_eq!(by_task(&tracked.snapshot(), 1033), BTreeMap::from(expected));
            drop(kept);
        },
    );
}

#[test]
fn a_new_start_knows_nothing_of_the_last_one() {
    alone(
        "track::a_new_start_knows_nothing_of_the_last_one",
        &[],
        || {
            let mut tracked = Tracked::start("track start exact 64");
            for _ in 0..20 {
                let kept = keep(3, 1013);
                assert_eq!(live_of(&tracked.snapshot(), 1013), 3);
                assert_eq!(tracked.client.ask("track stop")["ok"], json!(true));
                assert_eq!(
                    tracked.client.ask("track start exact 64")["ok"],
                    json!(true)
                );
                // Of the last table: it must not be taken off this one.
                drop(kept);
                assert_eq!(live_of(&tracked.snapshot(), 1013), 0);
            }
        },
    );
}

#[test]
fn a_snapshot_while_two_threads_allocate_is_consistent() {
    alone(
        "track::a_snapshot_while_two_threads_allocate_is_consistent",
        &[],
        || {
            let mut tracked = Tracked::start("track start exact 64");
            let over = AtomicBool::new(false);
            let allocate_busily = || {
                while !over.load(Ordering::Relaxed) {
                    drop(keep(8, 1019));
                }
            };
            let snapshots: Vec<Value> = std::thread::scope(|scope| {
                scope.spawn(allocate_busily);
                scope.spawn(allocate_busily);
                let snapshots = (0..50).map(|_| tracked.snapshot()).collect();
                over.store(true, Ordering::Relaxed);
                snapshots
            });
            for snapshot in &snapshots {
                assert!(live_of(snapshot, 1019) <= 2 * 8);
                assert!(sum(snapshot, "eb") <= sum(snapshot, "tb"));
            }
            let totals: Vec<u64> = snapshots
                .iter()
                .map(|snapshot| sum(snapshot, "tbk"))
                .collect();
            assert!(totals.is_sorted() && totals[0] < totals[49], "{totals:?}");
            assert_eq!(live_of(&tracked.snapshot(), 1019), 0);
        },
    );
}

#[test]
fn a_sample_estimates_what_is_alive() {
    alone("track::a_sample_estimates_what_is_alive", &[], || {
        let mut tracked = Tracked::start("track start sample 4096 64");
        let kept = keep(40_000, 1021);
        let live = sum(&tracked.snapshot(), "eb");
        // About 10,000 samples: a standard deviation of 1 %. The vector that holds the blocks is estimated too.
        let truth = 40_000 * (1021 + 24);
        let off = live as f64 / truth as f64 - 1.0;
        assert!(off.abs() < 0.1, "{live} estimated of {truth}");
        drop(kept);
        let left = sum(&tracked.snapshot(), "eb");
        assert!(left < truth / 100, "{left} of {truth} are left");
    });
}

#[test]
fn zeroed_memory_stays_untouched() {
    alone("track::zeroed_memory_stays_untouched", &[], || {
        let tracked = Tracked::start("track start exact 64");
        let before = resident_bytes();
        let zeroed = black_box(vec![0u8; 64 << 20]);
        let grown = resident_bytes().saturating_sub(before);
        assert!(grown < 1 << 20, "{grown} bytes became resident");
        assert_eq!(zeroed[zeroed.len() - 1], 0);
        drop(tracked);
    });
}

fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("proc is mounted");
    let pages: usize = statm
        .split(' ')
        .nth(1)
        .expect("a second field")
        .parse()
        .expect("a number");
    pages * rustix::param::page_size()
}

static TRACKED: TrackAlloc = TrackAlloc::new(System);

#[test]
#[expect(unsafe_code, reason = "calls the allocator's methods directly")]
fn blocks_of_every_alignment_keep_their_content() {
    for align in (0..13).map(|power| 1usize << power) {
        for size in [1usize, 7, 8, 24, 1000, 70_000] {
            let layout = Layout::from_size_align(size, align).expect("small");
            // SAFETY: not empty; used within its size, and freed with the layout of its last size.
            unsafe {
                let block = TRACKED.alloc(layout);
                assert!(!block.is_null() && block.addr().is_multiple_of(align));
                block.write_bytes(0x5a, size);
                let grown = TRACKED.realloc(block, layout, 3 * size);
                assert!(grown.addr().is_multiple_of(align));
                let bytes = std::slice::from_raw_parts(grown, size);
                assert!(bytes.iter().all(|byte| *byte == 0x5a));
                let layout = Layout::from_size_align(3 * size, align).expect("small");
                let shrunk = TRACKED.realloc(grown, layout, size);
                let bytes = std::slice::from_raw_parts(shrunk, size);
                assert!(bytes.iter().all(|byte| *byte == 0x5a));
                TRACKED.dealloc(shrunk, Layout::from_size_align(size, align).expect("small"));
                let zeroed = TRACKED.alloc_zeroed(layout);
                assert!(zeroed.addr().is_multiple_of(align));
                let bytes = std::slice::from_raw_parts(zeroed, 3 * size);
                assert!(bytes.iter().all(|byte| *byte == 0));
                TRACKED.dealloc(zeroed, layout);
            }
        }
    }
}

#[test]
#[expect(unsafe_code, reason = "calls the allocator's methods directly")]
fn a_block_without_room_for_its_label_is_refused() {
    let most = usize::try_from(isize::MAX).expect("not negative") & !63;
    let layout = Layout::from_size_align(most, 64).expect("just fits");
    // SAFETY: not empty; what is refused is neither used nor freed, and the small block is freed as it was.
    unsafe {
        assert!(TRACKED.alloc(layout).is_null());
        assert!(TRACKED.alloc_zeroed(layout).is_null());
        let small = Layout::from_size_align(64, 64).expect("small");
        let block = TRACKED.alloc(small);
        assert!(TRACKED.realloc(block, small, most).is_null());
        TRACKED.dealloc(block, small);
    }
}

/// Calls `allocate` with `frame` in the register that frame pointers are kept in, as code without them may leave it.
#[cfg(target_arch = "x86_64")]
#[inline(never)]
#[expect(unsafe_code, reason = "puts garbage into the frame pointer")]
fn with_frame_pointer(frame: usize, allocate: extern "C" fn()) {
    // SAFETY: the register is saved and restored around the call, the stack is aligned as the ABI wants it, below the red
    // zone of this function, and everything that a call may change is given up.
    unsafe {
        std::arch::asm!(
            "mov r12, rsp", "sub rsp, 256", "and rsp, -16", "push rbp", "push rbp",
            "mov rbp, r13", "call r14",
            "pop rbp", "pop rbp", "mov rsp, r12",
            in("r13") frame, in("r14") allocate, out("r12") _, clobber_abi("C"),
        );
    }
}

#[cfg(target_arch = "x86_64")]
#[test]
fn garbage_in_place_of_a_frame_ends_the_stack_and_nothing_else() {
    extern "C" fn allocate() {
        drop(black_box(vec![1u8; 1031]));
    }
    alone(
        "track::garbage_in_place_of_a_frame_ends_the_stack_and_nothing_else",
        &[],
        || {
            let mut tracked = Tracked::start("track start exact 64");
            let on_the_stack = [0usize; 64];
            let here = on_the_stack.as_ptr().addr();
            let mut frames = vec![
                0,
                1,
                8,
                0xdead_beef,
                usize::MAX,
                usize::MAX - 7,
                1 << 47,
                here + 1,
                here,
            ];
            frames.extend([
                here - (1 << 16),
                here + (1 << 30),
                allocate as extern "C" fn() as usize,
            ]);
            for frame in &frames {
                with_frame_pointer(*frame, allocate);
                std::thread::scope(|scope| {
                    scope.spawn(|| with_frame_pointer(*frame, allocate));
                });
            }
            black_box(on_the_stack);
            let snapshot = tracked.snapshot();
            let points = snapshot["pps"].as_array().expect("program points").iter();
            let counted: u64 = points
                .filter(|point| point["tb"].as_u64() == point["tbk"].as_u64().map(|n| n * 1031))
                .map(|point| point["tbk"].as_u64().expect("a number"))
                .sum();
            assert_eq!(counted, 2 * frames.len() as u64);
        },
    );
}
