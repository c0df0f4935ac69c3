//! Throughput of the screen: bytes of output per second, 10,000 lines of history, fed in the 4 KiB that a PTY hands over.

use std::fmt::Write;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sessiond_screen::{Screen, ScrollbackLimit, Size};

/// What a read from a PTY returns on Linux.
const READ_BYTES: usize = 4096;
const STREAM_BYTES: usize = 4 * 1024 * 1024;

fn repeated(line: impl Fn(usize) -> String) -> Vec<u8> {
    let mut stream = String::with_capacity(STREAM_BYTES + 1024);
    let mut number = 0;
    while stream.len() < STREAM_BYTES {
        stream.push_str(&line(number));
        stream.push_str("\r\n");
        number += 1;
    }
    stream.into_bytes()
}

/// Lines of 100 columns of ASCII.
fn plain() -> Vec<u8> {
    let words = "the quick brown fox jumps over the lazy dog while counting to infinity and then back again to zero ";
    repeated(|number| format!("{}{}", &words[number % 90..], &words[..number % 90 + 1]))
}

/// Coloured listings in columns.
fn ls() -> Vec<u8> {
    repeated(|number| {
        let mut line = String::new();
        for (at, color) in ["01;34", "01;32", "0", "01;31", "38;5;208"]
            .into_iter()
            .enumerate()
        {
            _ = write!(line, "\x1b[{color}mname-{}\x1b[0m  ", number * 7 + at);
        }
        line
    })
}

/// CJK, emoji and combining marks.
fn utf8() -> Vec<u8> {
    repeated(|number| {
        format!("{number} 世界は広いので🙂 e\u{301}te\u{301} naïve Grüße 한국어 текст 🚀 漢字かな")
    })
}

fn feed(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("feed");
    group.sample_size(10);
    for (name, stream) in [("plain", plain()), ("ls", ls()), ("utf8", utf8())] {
        for (rows, columns) in [(24, 80), (50, 200)] {
            group.throughput(Throughput::BytesDecimal(stream.len() as u64));
            let size = Size::new(rows, columns).expect("a valid size");
            let limit = ScrollbackLimit {
                lines: 10_000,
                bytes: 64 * 1024 * 1024,
            };
            let mut screen = Screen::new(size, limit);
            group.bench_function(format!("{name}/{columns}x{rows}"), |bencher| {
                bencher.iter(|| {
                    for piece in stream.chunks(READ_BYTES) {
                        screen.feed(black_box(piece));
                    }
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, feed);
criterion_main!(benches);
