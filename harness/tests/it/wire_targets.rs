//! Targets that speak over a socket, over their standard input and output, and over HTTP.

use crate::bench::{Workspace, gate, programs};

/// A target with this command line and these further lines.
fn target(arguments: &str, table: &str) -> String {
    let program = programs().wire_target.display();
    format!("[target.wire]\ncommand = [\"{program}\", {arguments}]\n{table}")
}

fn lines() -> String {
    let socket = "{ unix = \"{run}/s\", framing = \"lines\" }";
    target(
        "\"lines\", \"--unix\", \"{run}/s\"",
        &format!("driver = \"socket\"\nsocket = {socket}"),
    )
}

fn http() -> String {
    target(
        "\"http\", \"--tcp\", \"127.0.0.1:{port}\"",
        "driver = \"http\"\nhttp = { tcp = \"127.0.0.1:{port}\" }",
    )
}

fn jsonrpc(framing: &str) -> String {
    let ready = r#"{ request = '{"jsonrpc":"2.0","id":0,"method":"initialize"}', then = '{"jsonrpc":"2.0","method":"initialized"}' }"#;
    target(
        &format!("\"{framing}\""),
        &format!("driver = \"stdio\"\nstdio = {{ framing = \"{framing}\" }}\nready = {ready}"),
    )
}

/// A scenario of few cycles with these steps, one a line: `send client = "c", text = "x"`.
fn scenario(steps: &str) -> String {
    let mut text = "question = \"Does anything stay?\"\ntarget = \"wire\"\n".to_owned();
    text += "[cycles]\nwarmup = 2\nmeasure = 5\n";
    for step in steps.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (name, keys) = step.split_once(' ').unwrap_or((step, ""));
        // No text in these tests has a comma and a blank outside braces.
        text += &format!("[[step]]\ndo = \"{name}\"\n{}\n", keys.replace("; ", "\n"));
    }
    text + "[gates]\nfds = 0\nthreads = 0\nchildren = 0\nzombies = 0\ndisk = 0\n"
}

/// Runs the steps; the workspace, the exit code and what was said.
fn run(targets: &str, steps: &str) -> (Workspace, i32, String) {
    let workspace = Workspace::new(targets, &scenario(steps));
    let (code, stdout, stderr) = workspace.run(&[]);
    workspace.assert_nothing_left();
    (workspace, code, stdout + &stderr)
}

/// The steps pass.
fn passes(targets: &str, steps: &str) -> Workspace {
    let (workspace, code, text) = run(targets, steps);
    assert_eq!(code, 0, "{text}");
    workspace
}

/// The steps leak descriptors, and nothing else.
fn leaks_descriptors(targets: &str, steps: &str) {
    let (workspace, code, text) = run(targets, steps);
    assert_eq!(code, 1, "{text}");
    let report = workspace.report();
    assert_eq!(gate(&report, "fds")["verdict"], "leak");
    assert_eq!(gate(&report, "threads")["verdict"], "pass");
}

/// The run ends with this exit code and says all of this.
fn ends(targets: &str, steps: &str, expected: i32, said: &[&str]) {
    let (_, code, text) = run(targets, steps);
    assert_eq!(code, expected, "{text}");
    for said in said {
        assert!(text.contains(said), "`{said}` is not in: {text}");
    }
}

/// Adds up what the load of the measured cycles did.
fn load(workspace: &Workspace, field: &str) -> u64 {
    let events = workspace.path().join("reports/latest/events.jsonl");
    let events = std::fs::read_to_string(events).expect("events.jsonl");
    let lines = events
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("an event"));
    let cycles =
        lines.filter(|line| line["event"] == "cycle_finished" && line["phase"] == "measure");
    cycles.filter_map(|line| line["load"][field].as_u64()).sum()
}

#[test]
fn lines_come_and_go_on_many_connections_and_nothing_stays() {
    let workspace = passes(
        &lines(),
        r#"
        connect client = "c"; count = 100
        send client = "c"; text = "hello {cycle}"
        expect client = "c"; line = "echo: hello {cycle}"
        send client = "c"; bytes = "1MiB"
        expect client = "c"; contains = "too long"
        expect client = "c"; silence = true
        send client = "c"; hex = "61 62 0a"; raw = true
        expect client = "c"; line = "echo: ab"
        disconnect client = "c"; how = "goodbye"
        connect client = "rude"; count = 10
        send client = "rude"; text = "half a li"; raw = true
        disconnect client = "rude"; how = "drop"
        send text = "the standing one"
        expect contains = "standing"
        "#,
    );
    assert_eq!(load(&workspace, "connected"), 5 * 110);
    assert_eq!(load(&workspace, "messages"), 5 * 301);
    assert!(load(&workspace, "sent_bytes") > 5 * 100 * (1 << 20));
    assert!(load(&workspace, "output_bytes") > 5 * 100 * 25);
}

#[test]
fn a_server_that_keeps_a_descriptor_or_a_buffer_for_a_line_leaks() {
    let keep = |what: &str| {
        format!(
            r#"
            connect client = "c"
            send client = "c"; text = "keep {what}"
            expect client = "c"; line = "kept"
            disconnect client = "c"; how = "drop"
            "#
        )
    };
    leaks_descriptors(&lines(), &keep("descriptor"));
    let growing = scenario(&keep("buffer")).replace("fds = 0", "rss = { total = \"15MB\" }");
    let workspace = Workspace::new(&lines(), &growing);
    let (code, stdout, stderr) = workspace.run(&[]);
    assert_eq!(code, 1, "{stdout}{stderr}");
    assert_eq!(gate(&workspace.report(), "rss.total")["verdict"], "leak");
}

#[test]
fn tcp_with_a_chosen_port_is_driven_like_a_unix_socket() {
    let tcp = target(
        "\"lines\", \"--tcp\", \"127.0.0.1:{port}\"",
        "driver = \"socket\"\nsocket = { tcp = \"127.0.0.1:{port}\", framing = \"raw\" }",
    );
    passes(
        &tcp,
        r#"
        connect client = "c"; count = 3
        send client = "c"; text = "a\nb\n"
        expect client = "c"; contains = "echo: a\necho: b"
        send client = "c"; text = "flood\n"
        expect client = "c"; at_least = "4MiB"
        disconnect client = "c"; how = "goodbye"
        "#,
    );
}

#[test]
fn json_rpc_over_standard_input_and_output_is_driven_in_both_framings() {
    for framing in ["jsonrpc-lines", "jsonrpc-headers"] {
        let workspace = passes(
            &jsonrpc(framing),
            r#"
            call method = "echo"; params = { text = "cycle {cycle}", list = [1, 2.5, true] }; contains = "cycle {cycle}"
            call method = "chatty"; contains = "done"
            call method = "absent"; expect_error = -32601
            notify method = "echo"; params = ["nobody answers"]
            call method = "echo"; params = []
            "#,
        );
        assert_eq!(load(&workspace, "messages"), 5 * 4, "{framing}");
        assert_eq!(load(&workspace, "faults"), 5, "{framing}");
    }
    leaks_descriptors(
        &jsonrpc("jsonrpc-lines"),
        "call method = \"keep\"; contains = \"kept\"",
    );
}

#[test]
fn http_requests_share_connections_and_large_bodies_are_streamed() {
    let workspace = passes(
        &http(),
        r#"
        connect client = "c"; count = 20
        request client = "c"; path = "/upload"; method = "POST"; body = "hello"; contains = "received 5"
        request client = "c"; path = "/upload"; method = "PUT"; bytes = "1MiB"; chunked = true; contains = "received 1048576"
        request client = "c"; path = "/status/503"; status = 503; headers = { x-cycle = "{cycle}" }
        disconnect client = "c"; how = "goodbye"
        request path = "/bytes/10485760"; at_least = "10MiB"
        connect client = "half"; count = 3
        send client = "half"; text = "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nnever more"
        disconnect client = "half"; how = "drop"
        "#,
    );
    assert_eq!(load(&workspace, "messages"), 5 * 61);
    assert_eq!(load(&workspace, "faults"), 5 * 20);
    assert!(load(&workspace, "output_bytes") >= 5 * (10 << 20));
    leaks_descriptors(&http(), "request path = \"/keep\"; contains = \"kept\"");
}

#[test]
fn a_target_that_does_not_do_what_is_expected_withdraws_the_verdict_and_is_quoted() {
    let c = |steps: &str| {
        format!("connect client = \"c\"\n{steps}\ndisconnect client = \"c\"; how = \"drop\"")
    };
    let withdrawn = |targets: &str, steps: &str, said: &[&str]| ends(targets, steps, 3, said);
    withdrawn(
        &lines(),
        &c(
            "send client = \"c\"; text = \"a\"\nexpect client = \"c\"; contains = \"b\"; within = \"200ms\"",
        ),
        &["line 13", "`b` did not come within 200ms", "`echo: a`"],
    );
    withdrawn(
        &lines(),
        &c("send client = \"c\"; text = \"close\"\nexpect client = \"c\"; contains = \"b\""),
        &["the target closed the connection instead of"],
    );
    withdrawn(
        &lines(),
        &c("send client = \"c\"; text = \"flood\"\nexpect client = \"c\"; contains = \"b\""),
        &["more than 1048576 bytes came"],
    );
    withdrawn(
        &lines(),
        &c("send client = \"c\"; text = \"x\"\nexpect client = \"c\"; silence = true"),
        &["expected silence, got `echo: x"],
    );
    withdrawn(
        &jsonrpc("jsonrpc-lines"),
        "call method = \"garbage\"",
        &["what is not JSON-RPC", "this is not JSON-RPC"],
    );
    withdrawn(
        &jsonrpc("jsonrpc-headers"),
        "call method = \"garbage\"",
        &["a header without a `Content-Length`"],
    );
    withdrawn(
        &http(),
        "request path = \"/garbage\"",
        &["with what is not HTTP"],
    );
    withdrawn(
        &http(),
        "request path = \"/close\"",
        &["the target closed the connection instead of answering `GET /close`"],
    );
    withdrawn(
        &http(),
        "request path = \"/status/404\"",
        &["status 404, not with 200", "as you wish"],
    );
}

#[test]
fn a_target_that_dies_or_never_answers_has_failed_or_timed_out() {
    let die = "send text = \"die\"\nexpect contains = \"x\"";
    ends(&lines(), die, 4, &["the target died (exit code 9)"]);
    ends(
        &jsonrpc("jsonrpc-lines"),
        "call method = \"leave\"",
        4,
        &["the target died (exit code 0)"],
    );
    let silent = "send text = \"silent\"\nexpect contains = \"x\"; within = \"200ms\"";
    ends(&lines(), silent, 5, &["did not answer within 200ms"]);
    let silent = "call method = \"silent\"; within = \"200ms\"";
    ends(
        &jsonrpc("jsonrpc-headers"),
        silent,
        5,
        &["did not answer within 200ms"],
    );
}

#[test]
fn a_closed_connection_can_be_what_is_expected() {
    passes(
        &lines(),
        r#"
        connect client = "c"; count = 5
        send client = "c"; text = "close"
        expect client = "c"; closed = true
        disconnect client = "c"; how = "drop"
        "#,
    );
}

#[test]
fn a_step_that_the_driver_cannot_do_is_told_before_anything_starts() {
    let steps = "call method = \"x\"";
    ends(
        &lines(),
        steps,
        2,
        &[
            "scenario `it`: line 6",
            "cannot do this `call`",
            "connect, disconnect, send, expect, idle",
        ],
    );
    ends(
        &jsonrpc("jsonrpc-lines"),
        "connect client = \"c\"\ndisconnect client = \"c\"; how = \"drop\"",
        2,
        &["line 6", "cannot do this `connect`", "without `client`"],
    );
}

#[test]
fn an_address_that_others_can_reach_and_an_untold_port_are_refused() {
    let tcp = |address: &str, command: &str| {
        format!(
            "[target.wire]\ndriver = \"http\"\ncommand = [\"{command}\"]\nhttp = {{ tcp = \"{address}\" }}\n"
        )
    };
    let steps = "request path = \"/\"";
    ends(
        &tcp("0.0.0.0:{port}", "daemon {port}"),
        steps,
        2,
        &["is not an address of this machine alone"],
    );
    ends(
        &tcp("127.0.0.1:{port}", "daemon"),
        steps,
        2,
        &["the target is not told its port", "leakgate.toml:3"],
    );
}
