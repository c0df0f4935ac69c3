//! `leakgate.toml` as people write it, right and wrong.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::*;
use crate::template::{Values, expand_all, shell_line};

fn read(text: &str) -> Result<Config, String> {
    Config::from_toml(Path::new("/project/leakgate.toml"), text)
        .map_err(|errors| errors.to_string())
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|directory| directory.join("leakgate.toml"))
        .find(|file| file.is_file())
        .expect("the workspace has a leakgate.toml")
}

const SMALL: &str = r#"
[target.daemon]
driver = "exec"
command = ["daemon", "{run}/socket"]
ready = { command = ["ping", "{run}/socket"] }
[target.daemon.steps]
open = ["open", "{session}", "{rows}", "{command}"]
"#;

#[test]
fn what_is_not_written_has_its_default() {
    let config = read(SMALL).unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(config.root, Path::new("/project"));
    let target = &config.targets["daemon"];
    assert_eq!(target.name, "daemon");
    assert_eq!(target.process.build, None);
    assert_eq!(target.profile, None);
    assert!(!target.probe && target.env.is_empty() && target.requires.is_empty());
    assert_eq!(target.selftest, SelfTest::default());
    let ten_seconds = Duration::from_secs(10);
    assert_eq!(
        target.stop,
        Stop {
            signal: Some(Signal::Term),
            within: ten_seconds
        }
    );
    assert_eq!(
        target.ready,
        Ready::Command {
            command: vec!["ping".to_owned(), "{run}/socket".to_owned()],
            within: ten_seconds
        }
    );
}

#[test]
fn the_targets_of_this_repository_are_right() {
    let config = Config::load(&repository()).unwrap_or_else(|error| panic!("{error}"));
    let sessiond = &config.targets["sessiond"];
    assert_eq!(sessiond.driver, Driver::Sessiond);
    assert!(sessiond.probe && sessiond.profile.is_some());
    assert_eq!(sessiond.selftest.heap.0, 16);
    let tmux = &config.targets["tmux"];
    assert_eq!(tmux.requires, ["tmux"]);
    let Driver::Exec(steps) = &tmux.driver else {
        panic!("{:?}", tmux.driver);
    };
    let every: Vec<ExecStep> = steps.keys().copied().collect();
    assert_eq!(every, ExecStep::ALL);
}

#[test]
fn a_command_expands_to_its_words_and_to_one_line_for_a_shell() {
    let command = ["printf".to_owned(), "a b".to_owned()];
    let values = Values::new()
        .words("command", &command)
        .text("command_line", shell_line(&command))
        .text("session", "s1");
    let template = ["open", "{session}", "{command}", "--", "{command_line}"].map(str::to_owned);
    assert_eq!(
        expand_all(&template, &values),
        ["open", "s1", "printf", "a b", "--", "printf 'a b'"]
    );
}

#[test]
fn errors_point_at_the_line_and_say_what_is_allowed() {
    let text = r#"
[target.one]
driver = "sesiond"
command = []
ready = { socket = "{runn}/socket", within = "10" }
prob = true

[target.two]
driver = "sessiond"
command = ["daemon", "{session}"]
build = "cargo build"
ready = { command = ["true"] }
stop = { signal = "KILL" }
steps = { open = ["x"] }

[target.three]
driver = "exec"
command = ["daemon"]
ready = {}
env = { A = 1 }
probe = "yes"
selftest = { heap = 16, fd = 0, false_alarms = 2, flase_alarms = 0.1 }
[target.three.steps]
opne = ["x"]
close = ["x", "{rows}"]

[targets.four]
"#;
    insta::assert_snapshot!(read(text).unwrap_err());
}

#[test]
fn what_no_probe_can_seed_is_told_at_its_line() {
    for (key, bytes, most) in [("heap", "2MiB", "1.0 MiB"), ("resident", "32MiB", "16 MiB")] {
        let table = format!("[target.daemon.selftest]\n{key} = \"{bytes}\"\n");
        let told = read(&format!("{SMALL}{table}")).unwrap_err();
        assert!(told.contains("is more than can be seeded"), "{told}");
        assert!(told.contains(&format!("expected at most {most}")), "{told}");
    }
    let largest = "[target.daemon.selftest]\nheap = \"1MiB\"\nresident = \"16MiB\"\n";
    assert!(read(&format!("{SMALL}{largest}")).is_ok());
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = Config::load(Path::new("/nowhere/leakgate.toml")).unwrap_err();
    assert_eq!(error.to_string(), "cannot read /nowhere/leakgate.toml");
}

#[test]
fn errors_in_the_tables_of_drivers_say_what_is_allowed() {
    let text = r#"
[target.one]
driver = "socket"
command = ["daemon"]
socket = { unix = "{run}/s", tcp = "127.0.0.1:1", framing = "line" }

[target.two]
driver = "socket"
command = ["daemon"]
socket = { tcp = "localhost:80", framing = "raw" }
ready = { request = "hello" }

[target.three]
driver = "http"
command = ["daemon"]
http = { tcp = "[::1]:{port}" }
stdio = { framing = "raw" }

[target.four]
driver = "stdio"
command = ["daemon"]
ready = { request = "hello", tcp = "127.0.0.1:1" }

[target.five]
driver = "sessiond"
command = ["daemon"]
ready = { tcp = "127.0.0.1:80" }

[target.six]
driver = "stdio"
command = ["daemon"]
stdio = { framing = "raw" }
ready = { command = ["true"], then = "hello" }
"#;
    insta::assert_snapshot!(read(text).unwrap_err());
}

#[test]
fn a_target_that_is_driven_over_a_connection_has_its_defaults() {
    let text = r#"
[target.rpc]
driver = "stdio"
command = ["daemon"]
stdio = { framing = "jsonrpc-lines" }

[target.web]
driver = "http"
env = { PORT = "{port}" }
command = ["daemon"]
http = { tcp = "127.0.0.1:{port}" }
"#;
    let config = read(text).unwrap_or_else(|errors| panic!("{errors}"));
    let rpc = &config.targets["rpc"];
    assert_eq!(rpc.driver, Driver::Stdio(Framing::JsonRpcLines));
    assert_eq!((&rpc.ready, rpc.stop.signal), (&Ready::AtOnce, None));
    let web = &config.targets["web"];
    assert_eq!(web.stop.signal, Some(Signal::Term));
    let Ready::Tcp { address, .. } = &web.ready else {
        panic!("{:?}", web.ready);
    };
    assert_eq!(address, "127.0.0.1:{port}");
}
