//! Seeds: what each keeps, exactly, and that nothing is sown where it was not asked for twice.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use leakgate_probe::{Gauge, PROBE_VARIABLE, Probe, SEED_VARIABLE};
use serde_json::{Value, json};

use super::alone::alone;
use super::client::Client;

/// Runs `body` in a process of its own whose probe is armed, as `leakgate` arms it.
fn armed(test: &str, body: impl FnOnce(&Path)) {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let socket = directory.path().join("probe.sock");
    let environment = [
        (PROBE_VARIABLE, socket.to_str().expect("UTF-8")),
        (SEED_VARIABLE, "1"),
    ];
    alone(test, &environment, || {
        let probe = Probe::builder()
            .start_from_env()
            .expect("the path is free")
            .expect("the variable is set");
        body(probe.path());
    });
}

/// A client that allocates nothing, so that what it reads is the probe's doing alone.
struct Exact {
    stream: UnixStream,
    answer: [u8; 4096],
    len: usize,
}

/// The live heap as the probe tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Live {
    blocks: i64,
    bytes: i64,
}

impl Exact {
    fn connect(socket: &Path) -> Self {
        let mut client = Self {
            stream: Client::connect(socket).into_stream(),
            answer: [0; 4096],
            len: 0,
        };
        // The thread's first question is its first use of the counters.
        client.live();
        client
    }

    /// Sends a request and waits for its answer.
    fn ask(&mut self, request: &[u8]) {
        self.stream.write_all(request).expect("the probe reads");
        self.stream.write_all(b"\n").expect("the probe reads");
        self.len = 0;
        while !self.answer[..self.len].ends_with(b"\n") {
            let read = self.stream.read(&mut self.answer[self.len..]);
            let read = read.expect("the probe answers");
            assert!(read > 0, "the probe went away");
            self.len += read;
        }
    }

    fn sow(&mut self, seed: &[u8]) {
        self.ask(seed);
        assert_eq!(&self.answer[..self.len], b"{\"ok\":true}\n");
    }

    fn live(&mut self) -> Live {
        self.ask(b"stats");
        let number = |key: &[u8]| {
            let answer = &self.answer[..self.len];
            let at = answer.windows(key.len()).position(|window| window == key);
            let digits = &answer[at.expect("a heap is counted") + key.len()..];
            let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
            digits.fold(0, |number, digit| number * 10 + i64::from(digit - b'0'))
        };
        Live {
            blocks: number(b"\"live_blocks\":"),
            bytes: number(b"\"live_bytes\":"),
        }
    }

    /// How much one seed adds to the live heap.
    fn added_by(&mut self, seed: &[u8]) -> (i64, i64) {
        let before = self.live();
        self.sow(seed);
        let after = self.live();
        (after.blocks - before.blocks, after.bytes - before.bytes)
    }
}

/// What the kernel says this process holds: descriptors, parked threads, zombies.
fn objects() -> (usize, usize, usize) {
    let entries =
        |path: &str| std::fs::read_dir(path).map_or(0, |entries| entries.flatten().count());
    let parked = std::fs::read_dir("/proc/self/task").expect("/proc is mounted");
    let parked = parked.flatten().filter(|task| {
        std::fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name == "leak-seed\n")
    });
    let ours = format!(") Z {} ", std::process::id());
    let zombies = std::fs::read_dir("/proc").expect("/proc is mounted");
    let zombies = zombies.flatten().filter(|process| {
        std::fs::read_to_string(process.path().join("stat")).is_ok_and(|stat| stat.contains(&ours))
    });
    (entries("/proc/self/fd"), parked.count(), zombies.count())
}

fn refusal(client: &mut Client, seed: &str) -> (String, String) {
    let answer = client.ask(seed);
    assert_eq!(answer["ok"], json!(false), "{seed}: {answer}");
    let text = |key: &str| answer[key].as_str().expect("text").to_owned();
    (text("error"), text("message"))
}

#[test]
fn a_process_that_is_not_armed_refuses_every_seed_and_says_why() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let socket = directory.path().join("probe.sock");
    let _probe = Probe::builder().start(&socket).expect("the path is free");
    let mut client = Client::connect(&socket);
    for seed in ["seed heap 16", "seed fd", "seed zombie", "seed length"] {
        let (word, message) = refusal(&mut client, seed);
        assert_eq!(word, "wrong_state");
        assert!(message.contains("LEAKGATE_SEED=1"), "{message}");
    }
    let (word, message) = refusal(&mut client, "seed rain");
    assert_eq!(word, "bad_request");
    assert!(message.contains("allowed: heap <bytes>"), "{message}");
    assert_eq!(client.ask("gauges")["gauges"], json!([]));
}

#[test]
fn a_value_other_than_1_does_not_arm() {
    let test = "seed::a_value_other_than_1_does_not_arm";
    let directory = tempfile::tempdir().expect("a temporary directory");
    let socket = directory.path().join("probe.sock");
    let environment = [
        (PROBE_VARIABLE, socket.to_str().expect("UTF-8")),
        (SEED_VARIABLE, "yes"),
    ];
    alone(test, &environment, || {
        let probe = Probe::builder().start_from_env().expect("the path is free");
        let probe = probe.expect("the variable is set");
        let (word, _) = refusal(&mut Client::connect(probe.path()), "seed fd");
        assert_eq!(word, "wrong_state");
    });
}

#[test]
fn a_heap_seed_is_one_block_of_its_bytes_and_nothing_else() {
    let test = "seed::a_heap_seed_is_one_block_of_its_bytes_and_nothing_else";
    armed(test, |socket| {
        let mut client = Exact::connect(socket);
        for _ in 0..3 {
            assert_eq!(client.added_by(b"seed heap 1"), (1, 1));
            assert_eq!(client.added_by(b"seed heap 16"), (1, 16));
            assert_eq!(client.added_by(b"seed heap 1048576"), (1, 1 << 20));
            assert_eq!(client.added_by(b"seed blocks 1000"), (1000, 16_000));
        }
    });
}

#[test]
fn what_is_not_a_heap_seed_adds_nothing_to_the_counted_heap() {
    let test = "seed::what_is_not_a_heap_seed_adds_nothing_to_the_counted_heap";
    armed(test, |socket| {
        let mut client = Exact::connect(socket);
        for seed in [
            &b"seed fd"[..],
            b"seed thread",
            b"seed zombie",
            b"seed file /tmp",
            b"seed length",
            b"seed capacity 64",
            b"seed resident 65536",
        ] {
            for _ in 0..5 {
                let name = String::from_utf8_lossy(seed);
                assert_eq!(client.added_by(seed), (0, 0), "{name}");
            }
        }
        for n in 0..5 {
            let path = format!("/tmp/leak-seed-{}-{n}", std::process::id());
            std::fs::remove_file(path).expect("each left its file");
        }
    });
}

#[test]
fn innocents_are_bounded_to_the_byte() {
    armed("seed::innocents_are_bounded_to_the_byte", |socket| {
        let mut client = Exact::connect(socket);
        let start = client.live();
        let step = [(); 3].map(|()| {
            client.sow(b"seed step 100");
            client.live().bytes - start.bytes
        });
        assert_eq!(step, [100; 3]);
        let mut expect = |seed: &[u8], held: &[i64]| {
            let before = client.live().bytes;
            for (call, held) in held.iter().enumerate() {
                client.sow(seed);
                assert_eq!(client.live().bytes - before, *held, "call {call}");
            }
            assert_eq!(client.live().bytes - before, held[held.len() - 1]);
        };
        expect(b"seed cache 64 3", &[64, 128, 192, 192, 192, 192, 192]);
        expect(b"seed sawtooth 10 4", &[10, 20, 30, 0, 10, 20, 30, 0]);
        let fills: Vec<i64> = (1..=40).map(|call| 8 * i64::from(call.min(8))).collect();
        expect(b"seed freelist 8", &fills);
    });
}

#[test]
fn descriptors_threads_and_zombies_are_there_one_by_one() {
    let test = "seed::descriptors_threads_and_zombies_are_there_one_by_one";
    armed(test, |socket| {
        let mut client = Exact::connect(socket);
        let (fds, threads, zombies) = objects();
        assert_eq!((threads, zombies), (0, 0));
        for n in 1..=5 {
            client.sow(b"seed fd");
            client.sow(b"seed thread");
            client.sow(b"seed zombie");
            assert_eq!(objects(), (fds + n, n, n));
        }
        // A daemon that reaps whatever child there is finds none of them, and still reaps its own.
        let child = std::process::Command::new("/bin/true").spawn();
        let child = i32::try_from(child.expect("it runs").id()).expect("a process id");
        let options = rustix::process::WaitOptions::empty();
        let (reaped, _) = rustix::process::wait(options)
            .expect("there is one child")
            .expect("it was waited for");
        assert_eq!(reaped.as_raw_pid(), child);
        assert!(rustix::process::wait(rustix::process::WaitOptions::NOHANG).is_err());
        assert_eq!(objects(), (fds + 5, 5, 5));
    });
}

#[test]
fn a_resident_seed_is_in_memory() {
    armed("seed::a_resident_seed_is_in_memory", |socket| {
        let mut client = Client::connect(socket);
        let resident = |client: &mut Client| {
            let stats = client.ask("stats");
            let bytes = stats.pointer("/memory/resident_bytes");
            bytes.and_then(Value::as_u64).expect("a number")
        };
        let before = resident(&mut client);
        for _ in 0..4 {
            assert_eq!(client.ask("seed resident 16777216"), json!({ "ok": true }));
        }
        assert!(resident(&mut client) - before >= 64 << 20);
    });
}

#[test]
fn gauges_of_seeds_are_listed_after_the_daemons_own() {
    static OWN: Gauge = Gauge::length("own");
    static GAUGES: &[&Gauge] = &[&OWN];
    let test = "seed::gauges_of_seeds_are_listed_after_the_daemons_own";
    let directory = tempfile::tempdir().expect("a temporary directory");
    let socket = directory.path().join("probe.sock");
    let environment = [
        (PROBE_VARIABLE, socket.to_str().expect("UTF-8")),
        (SEED_VARIABLE, "1"),
    ];
    alone(test, &environment, || {
        let probe = Probe::builder().gauges(GAUGES).start_from_env();
        let probe = probe.expect("the path is free").expect("it is set");
        let mut client = Client::connect(probe.path());
        for _ in 0..3 {
            client.ask("seed length");
            client.ask("seed capacity 3000");
        }
        let gauges = client.ask("gauges");
        let listed: Vec<_> = gauges["gauges"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|gauge| (&gauge["name"], &gauge["value"], &gauge["max"]))
            .collect();
        let text = |text: &str| json!(text);
        assert_eq!(
            listed,
            [
                (&text("own"), &json!(0), &Value::Null),
                (&text("leakgate.seed.length"), &json!(3), &Value::Null),
                (&text("leakgate.seed.capacity"), &json!(9000), &json!(4096)),
            ]
        );
    });
}

#[test]
fn seeds_end_at_their_bounds_with_an_error() {
    armed("seed::seeds_end_at_their_bounds_with_an_error", |socket| {
        let mut client = Client::connect(socket);
        for _ in 0..512 {
            assert_eq!(client.ask("seed zombie"), json!({ "ok": true }));
        }
        let (word, message) = refusal(&mut client, "seed zombie");
        assert_eq!(word, "too_large");
        assert!(message.contains("allowed: 512"), "{message}");
        for _ in 0..1024 {
            assert_eq!(client.ask("seed blocks 1024"), json!({ "ok": true }));
        }
        let (word, message) = refusal(&mut client, "seed heap 1");
        assert_eq!(
            (word.as_str(), message.contains("blocks")),
            ("too_large", true)
        );
        let (word, _) = refusal(&mut client, "seed file /nowhere/at/all");
        assert_eq!(word, "io");
    });
}
