//! One frame of a stack: what a profile says, without what changes from build to build.

/// A frame, cleaned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// The function's path, without its hash.
    pub function: String,
    /// Its source file; empty where the build has no line tables.
    pub file: String,
    /// The line in it.
    pub line: u32,
}

/// Functions that allocate for others: the runtime, collections, the allocator and its probe.
const CARRIERS: [&str; 12] = [
    "alloc::",
    "core::",
    "std::",
    "hashbrown::",
    "dhat::",
    "leakgate_probe::",
    "bytes::",
    "tokio::",
    "tokio_util::",
    "__rust",
    "__rustc",
    "rust_begin",
];

/// The probe's own allocators and what polls a named task, when the probe is one of the workspace's own crates.
const PROBE: [&str; 4] = [
    "probe/src/dhat_alloc.rs",
    "probe/src/track.rs",
    "probe/src/track/task.rs",
    "probe/src/counting.rs",
];

impl Frame {
    /// Reads `0x55d0: crate::function::h0123456789abcdef (path/file.rs:12:3)`.
    pub(super) fn parse(text: &str) -> Self {
        let text = match text.split_once(": ") {
            Some((address, rest)) if address.starts_with("0x") => rest,
            _ => text,
        };
        let (function, place) = match text.rsplit_once(" (") {
            Some((function, place)) => (function, place.trim_end_matches(')')),
            None => (text, ""),
        };
        let mut parts = place.rsplitn(3, ':');
        let (_column, line, file) = (parts.next(), parts.next(), parts.next());
        let line = line.and_then(|line| line.parse().ok());
        let (file, line) = match (file, line) {
            (Some(file), Some(line)) => (file.to_owned(), line),
            _ => (String::new(), 0),
        };
        Self {
            function: without_hash(function).to_owned(),
            file,
            line,
        }
    }

    /// The task that it stands for, which the probe's tracker puts outermost: `[task NAME]`.
    pub(super) fn task(text: &str) -> Option<&str> {
        text.strip_prefix("[task ")?.strip_suffix(']')
    }

    /// Whether it only carries out an allocation that its caller asked for, by its function.
    ///
    /// Inlined functions have lost their path: for them the file decides, where the sources are known.
    pub(super) fn is_carrier(&self) -> bool {
        carries(&self.function) || is_profiler(&self.file)
    }

    /// As it stands in a stack.
    pub(super) fn describe(&self) -> String {
        match self.file.as_str() {
            "" => self.function.clone(),
            file => format!("{} ({file}:{})", self.function, self.line),
        }
    }
}

/// Whether a frame, as it stands in a recorded stack, only carries out what its caller asked for.
pub fn is_carrier(frame: &str) -> bool {
    let file = frame.rsplit_once(" (").map_or("", |(_, place)| place);
    let file = file.rsplit_once(':').map_or("", |(file, _)| file);
    carries(frame) || is_profiler(file)
}

fn carries(function: &str) -> bool {
    let name = function.trim_start_matches(['<', '&', '*']);
    CARRIERS.iter().any(|prefix| name.starts_with(prefix))
}

/// Whether a file is one of the probe's allocators, or dhat's under them.
fn is_profiler(file: &str) -> bool {
    let is_dhat = || {
        file.rsplit('/')
            .nth(2)
            .is_some_and(|name| name.starts_with("dhat-"))
    };
    PROBE.iter().any(|own| file.ends_with(own)) || is_dhat()
}

/// `a::b::h0123456789abcdef` without its hash.
fn without_hash(function: &str) -> &str {
    match function.rsplit_once("::h") {
        Some((path, hash)) if hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit()) => {
            path
        }
        _ => function,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_and_hash_are_stripped() {
        let frame = Frame::parse(
            "0x55d06: sessiond::core::Core::handle::h0011223344556677 (src/core/mod.rs:40:9)",
        );
        assert_eq!(
            frame.describe(),
            "sessiond::core::Core::handle (src/core/mod.rs:40)"
        );
    }

    #[test]
    fn a_recorded_frame_is_told_apart_by_its_text() {
        assert!(is_carrier(
            "<alloc::vec::Vec<T,A> as core::clone::Clone>::clone"
        ));
        assert!(is_carrier("alloc (harness/probe/src/dhat_alloc.rs:30)"));
        assert!(is_carrier("alloc (dhat-0.3.3/src/lib.rs:1176)"));
        assert!(!is_carrier(
            "sessiond::core::Core::handle (src/core/mod.rs:40)"
        ));
    }

    #[test]
    fn a_frame_without_line_tables_keeps_its_function() {
        let frame = Frame::parse("0x1: malloc (???:0:0)");
        assert_eq!((frame.function.as_str(), frame.line), ("malloc", 0));
    }

    #[test]
    fn collections_carry_and_the_user_does_not() {
        let carrier = |function: &str| Frame::parse(function).is_carrier();
        assert!(carrier(
            "<alloc::vec::Vec<T,A> as core::clone::Clone>::clone"
        ));
        assert!(carrier("tokio::runtime::task::core::Core<T,S>::poll"));
        assert!(!carrier("sessiond::core::Core::handle"));
        assert!(!carrier(
            "<sessiond::core::Core as sessiond::Handle>::handle"
        ));
    }
}
