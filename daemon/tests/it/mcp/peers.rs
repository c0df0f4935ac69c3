//! Real servers and a real client: the official Rust SDK's.

use rmcp::model::{CallToolRequestParams, ProtocolVersion, SubscriptionFilter};
use rmcp::service::RunningService;
use rmcp::{ClientLifecycleMode, ClientServiceExt, RoleClient, ServiceExt};
use serde_json::json;
use tokio::net::UnixStream;

use super::example;
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
