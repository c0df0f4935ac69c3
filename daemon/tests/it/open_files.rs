//! A daemon that has no descriptor left, or few from the start.

use std::process::Command;

use assert_cmd::cargo::cargo_bin;
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use sessiond_client::Client;
use sessiond_protocol::ErrorCode;
use tokio::time::{Instant, timeout_at};

use crate::daemon::{Daemon, block_on, is_alive, read_until, shell};
use crate::processes::{children_of, number};

/// A grandchild that only a look at all processes finds, below a shell that ends at a hang-up.
const HIDDEN: &str =
    "(setsid sh -c 'trap \"\" HUP; echo hidden=$$.; exec sleep 1000' &); read line";

/// From now on the daemon can open nothing above this number.
fn limit_to(daemon: &Daemon, descriptors: u64) {
    let pid = Pid::from_raw(daemon.pid().cast_signed());
    let before = prlimit(
        pid,
        Resource::Nofile,
        Rlimit {
            current: Some(descriptors),
            maximum: None,
        },
    );
    // Without the right to have no maximum the one that is there is kept.
    if before.is_err() {
        let maximum = rustix::process::getrlimit(Resource::Nofile).maximum;
        let limit = Rlimit {
            current: Some(descriptors),
            maximum,
        };
        prlimit(pid, Resource::Nofile, limit).unwrap();
    }
}

#[test]
fn without_a_descriptor_a_session_still_ends_with_all_that_it_started() {
    let daemon = Daemon::start();
    block_on(async {
        let client = Client::connect(&daemon.socket).await.unwrap();
        let session = shell(&client, HIDDEN).await;
        let mut attachment = client.attach(session.id, None).await.unwrap();
        let hidden = number(&read_until(&mut attachment, ".").await, "hidden");
        limit_to(&daemon, daemon.descriptors() as u64);
        client.close_session(session.id).await.unwrap();
        assert!(!is_alive(hidden));
    });
    assert_eq!(children_of(daemon.pid()), 0);
}

#[test]
fn where_processes_cannot_be_looked_for_nothing_is_called_ended() {
    let daemon = Daemon::start();
    block_on(async {
        let client = Client::connect(&daemon.socket).await.unwrap();
        let session = shell(&client, HIDDEN).await;
        let mut attachment = client.attach(session.id, None).await.unwrap();
        let hidden = number(&read_until(&mut attachment, ".").await, "hidden");
        limit_to(&daemon, 3);
        let mut closing = std::pin::pin!(client.close_session(session.id));
        // The first process ends at once. What would answer wrongly does so then, long before this.
        let a_while = Instant::now() + std::time::Duration::from_secs(1);
        assert!(timeout_at(a_while, &mut closing).await.is_err(), "answered");
        assert!(is_alive(hidden));
        limit_to(&daemon, 1000);
        closing.await.unwrap();
        assert!(!is_alive(hidden));
    });
}

/// A daemon that can open only as much as this.
pub(crate) fn start_limited(descriptors: u32) -> Daemon {
    let script = format!("ulimit -Sn 90; ulimit -Hn {descriptors}; exec \"$0\" \"$@\"");
    let mut limited = Command::new("sh");
    limited.args(["-c", &script]).arg(cargo_bin("sessiond"));
    Daemon::start_by(limited)
}

#[test]
fn connections_that_the_limit_does_not_carry_are_told_so_and_who_comes_after_one_has_left_is_taken()
{
    let daemon = start_limited(100);
    block_on(async {
        let mut open = Vec::new();
        let refused = loop {
            match Client::connect(&daemon.socket).await {
                Ok(client) => open.push(client),
                Err(refused) => break refused,
            }
        };
        assert_eq!(refused.code(), Some(ErrorCode::Limit), "{refused}");
        assert!(refused.to_string().contains("100 open files"), "{refused}");
        // Of the 36 that there are to share sessions have 18, and shared MCP servers 4.
        assert_eq!(open.len(), 14);
        for _ in 0..20 {
            open.pop().unwrap().close().await;
            open.push(Client::connect(&daemon.socket).await.unwrap());
            assert!(Client::connect(&daemon.socket).await.is_err());
        }
        open[0].ping().await.unwrap();
    });
    // All of them have left with their block.
    daemon.command(&["list"]).assert().success();
}

#[test]
fn sessions_that_the_limit_does_not_carry_are_refused_and_children_have_it_as_it_was() {
    let daemon = start_limited(100);
    block_on(async {
        let client = Client::connect(&daemon.socket).await.unwrap();
        let session = shell(&client, "ulimit -Sn; ulimit -Hn").await;
        client.wait(session.id, None).await.unwrap();
        assert_eq!(
            client.screen(session.id, 0).await.unwrap().rows,
            ["90", "100"]
        );
        let mut open = Vec::new();
        let refused = loop {
            match client.create(crate::daemon::command(&["cat"])).await {
                Ok(session) => open.push(session.id),
                Err(refused) => break refused,
            }
        };
        assert_eq!(refused.code(), Some(ErrorCode::Limit), "{refused}");
        assert!(refused.to_string().contains("100 open files"), "{refused}");
        assert_eq!(open.len(), 18);
        client.close_session(open[0]).await.unwrap();
        shell(&client, "cat").await;
    });
}
