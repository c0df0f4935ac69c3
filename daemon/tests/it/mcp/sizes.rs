//! How long a message may be.

use serde_json::json;

use super::{Raw, info, start_echo};
use crate::daemon::Daemon;

const LIMIT: usize = 1 << 20;

/// A request of so many bytes, whose id comes last, as the TypeScript SDK writes it.
fn request_of(bytes: usize) -> String {
    let (begin, end) = (
        r#"{"method":"length","params":{"text":""#,
        r#""},"id":"big"}"#,
    );
    format!(
        "{begin}{}{end}",
        "x".repeat(bytes - begin.len() - end.len())
    )
}

#[test]
fn a_message_of_the_limit_passes_both_ways_and_a_longer_one_is_an_error_alone() {
    let daemon = Daemon::start();
    let socket = start_echo(&daemon, "echo", &[]);
    let (mut client, mut other) = (Raw::connect(&socket), Raw::connect(&socket));
    client.greet();
    let pid = info(&daemon)["pid"].clone();
    for bytes in [512 << 10, LIMIT] {
        client.say_line(&request_of(bytes));
        let answer = client.hear();
        assert_eq!(answer["id"], "big");
        assert!(answer["result"].as_u64().unwrap() > bytes as u64 - 100);
        client.say(&json!({"id": 8, "method": "line", "params": {"bytes": bytes}}));
        let answer = client.hear();
        assert_eq!(answer["id"], 8);
        assert!(answer["result"].as_str().unwrap().len() > bytes - 100);
    }
    client.say_line(&request_of(LIMIT + 1));
    let refused = client.hear();
    assert_eq!(
        (&refused["id"], &refused["error"]["code"]),
        (&json!("big"), &json!(-32_011))
    );
    client.say(&json!({"id": 9, "method": "line", "params": {"bytes": LIMIT + 1}}));
    let refused = client.hear();
    assert_eq!(
        (&refused["id"], &refused["error"]["code"]),
        (&json!(9), &json!(-32_011))
    );
    // The connections and the process have noticed nothing.
    assert_eq!(client.call("echo", json!(1)), 1);
    assert_eq!(other.call("echo", json!(2)), 2);
    let server = info(&daemon);
    assert_eq!((&server["pid"], &server["skipped"]), (&pid, &json!(2)));
}

#[test]
fn far_above_the_limit_nothing_is_held() {
    let daemon = Daemon::start();
    let socket = start_echo(&daemon, "echo", &["--line-bytes", "65536"]);
    let mut client = Raw::connect(&socket);
    client.greet();
    let before = daemon.status_kb("VmHWM");
    client.say_line(&request_of(64 << 20));
    assert_eq!(client.hear()["error"]["code"], -32_011);
    client.say(&json!({"id": 9, "method": "line", "params": {"bytes": 64 << 20}}));
    assert_eq!(client.hear()["error"]["code"], -32_011);
    let grown = daemon.status_kb("VmHWM") - before;
    assert!(grown < 4 << 10, "{grown} KiB more for a line of 64 MiB");
}

#[test]
fn what_is_no_message_is_an_error_and_no_more() {
    let daemon = Daemon::start();
    let socket = start_echo(&daemon, "echo", &[]);
    let mut client = Raw::connect(&socket);
    for (line, word) in [
        ("nonsense", "not a JSON-RPC message"),
        (r#"[{"id":1,"method":"echo"}]"#, "batch"),
        (r#"{"id":1}"#, "neither"),
    ] {
        client.say_line(line);
        let refused = client.hear();
        assert!(
            refused["error"]["message"].as_str().unwrap().contains(word),
            "{refused}"
        );
    }
    assert_eq!(client.call("echo", json!(1)), 1);
}
