//! What the architecture says is absent, is absent.

use std::fs;
use std::path::{Path, PathBuf};

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every Rust source file under a directory of the workspace, with its text.
fn sources(directory: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut next = vec![workspace().join(directory)];
    while let Some(directory) = next.pop() {
        for entry in fs::read_dir(&directory)
            .expect("a directory of the workspace")
            .flatten()
        {
            let path = entry.path();
            // Unit tests may do what the code under test must not.
            if path.file_stem().is_some_and(|stem| stem == "tests") {
                continue;
            }
            if path.is_dir() {
                next.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a source file");
                found.push((path, text));
            }
        }
    }
    assert!(!found.is_empty(), "{directory} has sources");
    found
}

fn assert_absent(directory: &str, needles: &[&str]) {
    for (path, text) in sources(directory) {
        let production = text.split("#[cfg(test)]").next().unwrap_or(&text);
        for needle in needles {
            assert!(
                !production.contains(needle),
                "{} has `{needle}`",
                path.display()
            );
        }
    }
}

const IO_AND_CLOCKS: [&str; 7] = [
    "std::fs",
    "std::net",
    "std::process",
    "std::time::Instant",
    "SystemTime",
    "tokio",
    "rustix",
];

#[test]
fn the_wire_types_the_screen_and_the_statistics_do_no_io_and_read_no_clock() {
    for directory in [
        "daemon/protocol/src",
        "daemon/screen/src",
        "harness/stats/src",
    ] {
        assert_absent(directory, &IO_AND_CLOCKS);
    }
}

#[test]
fn the_core_of_the_daemon_has_no_clock_and_does_not_wait() {
    assert_absent(
        "daemon/src/core",
        &[
            "Instant::now",
            "SystemTime::now",
            ".await",
            "std::fs",
            "tokio::net",
        ],
    );
}

#[test]
fn the_judge_and_the_statistics_see_only_a_recording() {
    assert_absent("harness/src/judge", &IO_AND_CLOCKS);
    assert_absent(
        "harness/src/judge",
        &["crate::target", "crate::drive", "crate::sample"],
    );
}

#[test]
fn leakgate_does_not_link_sessiond() {
    let manifest =
        fs::read_to_string(workspace().join("harness/Cargo.toml")).expect("the manifest");
    let linked = manifest
        .lines()
        .any(|line| line.split(['.', ' ', '=']).next() == Some("sessiond"));
    assert!(!linked, "harness/Cargo.toml depends on sessiond");
}

/// Other versions of vte may have it: junit.xml is written by a crate that strips escape sequences with an older one.
#[test]
fn vte_is_built_without_std_so_that_an_unterminated_sequence_is_not_kept() {
    let direct = tree(&[
        "--package",
        "sessiond-screen",
        "--depth",
        "1",
        "--prefix",
        "none",
    ]);
    let version = direct.lines().find_map(|line| line.strip_prefix("vte v"));
    let ours = format!("vte@{}", version.expect("the screen is built on vte"));
    let tree = tree(&["--workspace", "--edges", "features", "--invert", &ours]);
    assert!(tree.contains("sessiond-screen"), "{tree}");
    assert!(!tree.contains("vte feature \"std\""), "{tree}");
}

/// What `cargo tree` prints.
fn tree(arguments: &[&str]) -> String {
    let output = std::process::Command::new(env!("CARGO"))
        .current_dir(workspace())
        .args(["tree", "--offline"])
        .args(arguments)
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("text")
}
