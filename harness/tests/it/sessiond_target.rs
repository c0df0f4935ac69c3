//! The real daemon, driven over its socket and measured through its probe, in the test profile.

use crate::bench::{Workspace, gate, programs};

const SCENARIO: &str = r#"
question = "Does anything stay of sessions, clients and refused frames?"
target   = "sessiond"
[cycles]
warmup  = 4
measure = 12
[[step]]
do = "open"
session = "s"
command = ["{emit}", "--bytes", "300KiB", "--content", "sgr"]
[[step]]
do = "wait_exit"
session = "s"
[[step]]
do = "wait_output"
session = "s"
at_least = "300KiB"
[[step]]
do = "close"
session = "s"
[[step]]
do = "open"
session = "shell"
command = ["cat"]
[[step]]
do = "connect"
client = "c"
count = 3
[[step]]
do = "attach"
client = "c"
session = "shell"
[[step]]
do = "send_raw"
client = "c"
declare = "2MiB"
send = "2MiB"
expect = { error = "too_large" }
[[step]]
do = "write"
session = "shell"
text = "hello\n"
[[step]]
do = "wait_output"
session = "shell"
at_least = "7B"
[[step]]
do = "screen"
session = "shell"
contains = "hello"
[[step]]
do = "disconnect"
client = "c"
how = "drop"
[[step]]
do = "close"
session = "shell"
[gates]
heap = { per_cycle = "0B", total = "15MB" }
rss = { total = "15MB" }
peak = { heap = "2MiB" }
fds = 0
threads = 0
children = 0
zombies = 0
gauges = 0
disk = 0
churn = { idle = "0B/s" }
"#;

/// The repository's own targets, with sessiond as the tests have built it.
pub(crate) fn targets() -> String {
    let bin = &programs().sessiond;
    format!(
        r#"
[target.sessiond]
driver  = "sessiond"
command = ["{}", "serve", "--socket", "{{run}}/sessiond.sock"]
ready   = {{ socket = "{{run}}/sessiond.sock", within = "20s" }}
probe   = true
stop    = {{ signal = "TERM", within = "10s" }}
"#,
        bin.display()
    )
}

#[test]
fn sessiond_keeps_nothing_and_the_probe_says_so_to_the_byte() {
    let workspace = Workspace::new(&targets(), SCENARIO);
    let (code, stdout, stderr) = workspace.run(&[]);
    assert_eq!(code, 0, "{stdout}{stderr}");
    let report = workspace.report();
    assert_eq!(gate(&report, "heap.per_cycle")["verdict"], "pass");
    assert_eq!(gate(&report, "churn.idle")["verdict"], "pass");
    workspace.assert_nothing_left();
}

#[test]
fn a_text_that_is_not_on_the_screen_withdraws_the_verdict() {
    let other = SCENARIO.replace("contains = \"hello\"", "contains = \"goodbye\"");
    let workspace = Workspace::new(&targets(), &other);
    let (code, stdout, stderr) = workspace.run(&[]);
    assert_eq!(code, 3, "{stdout}{stderr}");
    assert!(
        stdout.contains("`goodbye` is not on the screen"),
        "{stdout}"
    );
    workspace.assert_nothing_left();
}

#[test]
fn a_limit_from_the_command_line_is_used_and_said() {
    let workspace = Workspace::new(&targets(), SCENARIO);
    let (code, stdout, stderr) = workspace.run(&["--gate", "it.peak.heap=1B"]);
    assert_eq!(code, 1, "{stdout}{stderr}");
    assert_eq!(gate(&workspace.report(), "peak.heap")["verdict"], "leak");
    assert_eq!(gate(&workspace.report(), "peak.heap")["overridden"], true);
}

#[test]
fn a_socket_that_is_taken_ends_in_the_daemons_own_words() {
    let root = tempfile::tempdir().expect("a directory");
    let socket = root.path().join("taken.sock");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
    // Somebody accepts connections where the daemon should: that must not pass for the daemon being ready.
    let taken = targets().replace("{run}/sessiond.sock", &socket.display().to_string());
    let workspace = Workspace::new(&taken, SCENARIO);
    let (code, stdout, stderr) = workspace.run(&[]);
    assert_eq!(code, 4, "{stdout}{stderr}");
    assert!(stdout.contains("taken.sock"), "{stdout}");
    workspace.assert_nothing_left();
}
