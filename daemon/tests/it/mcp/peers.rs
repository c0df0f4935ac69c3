//! Real servers and a real client: the official Rust SDK's, and the reference server for node.

use rmcp::model::{CallToolRequestParams, ProtocolVersion, SubscriptionFilter};
use rmcp::service::RunningService;
use rmcp::{ClientLifecycleMode, ClientServiceExt, RoleClient, ServiceExt};
use serde_json::{Value, json};
use tokio::net::UnixStream;

use super::{Raw, example};
use crate::daemon::{Daemon, block_on};

type Peer = RunningService<RoleClient, ()>;

fn call(text: &str) -> CallToolRequestParams {
    let arguments = json!({"text": text}).as_object().unwrap().clone();
    CallToolRequestParams::new("say").with_arguments(arguments)
}

/// What the tool says that says what it is told to.
async fn said(client: &Peer, text: &str) -> String {
    let result = client.call_tool(call(text)).await.unwrap();
    serde_json::to_value(result).unwrap()["content"][0]["text"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn clients_of_the_rust_sdk_share_a_server_of_the_rust_sdk() {
    let daemon = Daemon::start();
    let socket = daemon.stdout(&["mcp", "start", "real", "--", &example("mcp-rmcp")]);
    block_on(async {
        let mut clients = Vec::new();
        for _ in 0..5 {
            let stream = UnixStream::connect(socket.trim_end()).await.unwrap();
            clients.push(().serve(stream).await.unwrap());
        }
        for (number, client) in clients.iter().enumerate() {
            let tools = client.list_all_tools().await.unwrap();
            assert_eq!(tools[0].name, "say");
            let text = format!("of client {number}");
            assert_eq!(said(client, &text).await, text);
        }
        for client in clients {
            client.cancel().await.unwrap();
        }
    });
}

#[test]
fn the_stateless_protocol_passes_and_its_notifications_find_their_listener() {
    let daemon = Daemon::start();
    let socket = daemon.stdout(&["mcp", "start", "real", "--", &example("mcp-rmcp")]);
    block_on(async {
        let mut clients = Vec::new();
        for _ in 0..2 {
            let stream = UnixStream::connect(socket.trim_end()).await.unwrap();
            let mode = ClientLifecycleMode::Discover {
                preferred_versions: vec![ProtocolVersion::V_2026_07_28],
            };
            clients.push(().serve_with_lifecycle(stream, mode).await.unwrap());
        }
        for client in &clients {
            assert_eq!(said(client, "stateless").await, "stateless");
            let filter = SubscriptionFilter::builder().tools_list_changed();
            let mut subscription = client.listen(filter.build()).await.unwrap();
            assert!(subscription.next().await.unwrap().is_some());
        }
        for client in clients {
            client.cancel().await.unwrap();
        }
    });
}

#[test]
fn both_eras_of_the_protocol_share_a_server() {
    let daemon = Daemon::start();
    let socket = daemon.stdout(&["mcp", "start", "real", "--", &example("mcp-rmcp")]);
    block_on(async {
        let stateless = || ClientLifecycleMode::Discover {
            preferred_versions: vec![ProtocolVersion::V_2026_07_28],
        };
        let mut clients = Vec::new();
        for era in ["older", "newer", "older", "newer"] {
            let stream = UnixStream::connect(socket.trim_end()).await.unwrap();
            clients.push(match era {
                "older" => ().serve(stream).await.unwrap(),
                _ => ().serve_with_lifecycle(stream, stateless()).await.unwrap(),
            });
        }
        for round in 0..3 {
            for (number, client) in clients.iter().enumerate() {
                let text = format!("{round} of client {number}");
                assert_eq!(said(client, &text).await, text);
            }
        }
        for client in clients {
            client.cancel().await.unwrap();
        }
    });
}

/// Starts the reference server; returns its socket.
fn start_everything(daemon: &Daemon) -> std::path::PathBuf {
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../target/peers/node_modules/@modelcontextprotocol/server-everything/dist/index.js"
    );
    let words = ["mcp", "start", "everything", "--", "node", script, "stdio"];
    daemon.stdout(&words).trim_end().into()
}

#[test]
#[cfg_attr(
    not(has_mcp_everything),
    ignore = "needs node, and npm install --prefix target/peers @modelcontextprotocol/server-everything@2026.8.31"
)]
fn clients_share_the_reference_server_for_node() {
    let daemon = Daemon::start();
    let socket = start_everything(&daemon);
    block_on(async {
        let mut clients = Vec::new();
        for _ in 0..3 {
            let stream = UnixStream::connect(&socket).await.unwrap();
            clients.push(().serve(stream).await.unwrap());
        }
        for (number, client) in clients.iter().enumerate() {
            let tools = client.list_all_tools().await.unwrap();
            assert!(tools.iter().any(|tool| tool.name == "echo"));
            let arguments = json!({"message": format!("of client {number}")});
            let call = CallToolRequestParams::new("echo");
            let call = call.with_arguments(arguments.as_object().unwrap().clone());
            let result = client.call_tool(call).await.unwrap();
            let result = serde_json::to_value(result).unwrap();
            let text = format!("Echo: of client {number}");
            assert_eq!(result["content"][0]["text"], text);
            assert!(!client.list_all_resources().await.unwrap().is_empty());
            assert!(!client.list_all_prompts().await.unwrap().is_empty());
        }
        for client in clients {
            client.cancel().await.unwrap();
        }
    });
}

#[test]
#[cfg_attr(
    not(has_mcp_everything),
    ignore = "needs node, and npm install --prefix target/peers @modelcontextprotocol/server-everything@2026.8.31"
)]
fn progress_of_the_reference_server_for_node_finds_who_waits_for_it() {
    let daemon = Daemon::start();
    let socket = start_everything(&daemon);
    let mut clients = [Raw::connect(&socket), Raw::connect(&socket)];
    let hello = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    for client in &mut clients {
        client.say(&json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello}));
        assert_eq!(
            client.hear()["result"]["serverInfo"]["name"],
            "mcp-servers/everything"
        );
        client.say(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
    }
    // The same id and the same token, and each its own number of steps.
    for (client, steps) in clients.iter_mut().zip([2, 3]) {
        let arguments = json!({"duration": 0.1 * f64::from(steps), "steps": steps});
        let params = json!({"name": "trigger-long-running-operation", "arguments": arguments, "_meta": {"progressToken": "p"}});
        client.say(&json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}));
    }
    for (client, steps) in clients.iter_mut().zip([2, 3]) {
        let mut heard: Vec<Value> = Vec::new();
        let answer = loop {
            let message = client.hear();
            match message["method"].as_str() {
                Some("notifications/progress") => heard.push(message["params"].clone()),
                Some(_) => {}
                None => break message,
            }
        };
        assert_eq!(answer["id"], 7);
        let text = answer["result"]["content"][0]["text"].as_str().unwrap();
        assert!(text.contains(&format!("Steps: {steps}")), "{text}");
        assert!(!heard.is_empty());
        for progress in heard {
            assert_eq!(
                (&progress["progressToken"], &progress["total"]),
                (&json!("p"), &json!(steps))
            );
        }
    }
}
