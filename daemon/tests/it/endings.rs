//! Sessions that do not want to end.

use sessiond_client::Client;

use crate::daemon::{Daemon, block_on, command, is_alive, read_until, shell};
use crate::processes::{children_of, number};

/// Ends only by SIGKILL, and says when it is that far.
const DEAF: &str = "trap '' HUP TERM INT; echo deaf=$$.; while :; do sleep 1000; done";

/// Sessions that are closed at a time. Each look at the machine's processes serves all of them: with one look per session
/// and per process that ends, this many would take minutes.
const MANY: usize = 200;

#[test]
fn many_sessions_that_ignore_hangups_end_together() {
    let daemon = Daemon::start();
    block_on(async {
        let client = Client::connect(&daemon.socket).await.unwrap();
        let mut sessions = Vec::new();
        for _ in 0..MANY {
            sessions.push(shell(&client, DEAF).await);
        }
        for session in &sessions {
            let mut attachment = client.attach(session.id, None).await.unwrap();
            read_until(&mut attachment, "deaf").await;
        }
        let connections = std::iter::repeat_with(|| Client::connect(&daemon.socket));
        let mut closing = tokio::task::JoinSet::new();
        // A connection may have 64 requests under way.
        for (sessions, connection) in sessions.chunks(50).zip(connections) {
            let client = std::sync::Arc::new(connection.await.unwrap());
            for session in sessions {
                let (client, id) = (std::sync::Arc::clone(&client), session.id);
                closing.spawn(async move { client.close_session(id).await.unwrap() });
            }
        }
        assert_eq!(closing.join_all().await.len(), MANY);
        let alive: Vec<u32> = sessions
            .iter()
            .filter_map(|session| session.pid.filter(|pid| is_alive(*pid)))
            .collect();
        assert!(alive.is_empty(), "{alive:?}");
    });
    assert_eq!(children_of(daemon.pid()), 0);
}

#[test]
fn a_deaf_grandchild_in_a_session_of_its_own_that_holds_the_terminal_is_gone_after_close() {
    let daemon = Daemon::start();
    block_on(async {
        let client = Client::connect(&daemon.socket).await.unwrap();
        let script = format!("setsid sh -c \"{}\" & wait", DEAF.replace('$', "\\$"));
        let session = shell(&client, &script).await;
        let mut attachment = client.attach(session.id, None).await.unwrap();
        let grandchild = number(&read_until(&mut attachment, ".").await, "deaf");
        client.close_session(session.id).await.unwrap();
        assert!(!is_alive(grandchild));
    });
    assert_eq!(children_of(daemon.pid()), 0);
}

#[test]
fn what_cleared_its_environment_below_a_deaf_parent_ends_with_it() {
    let daemon = Daemon::start();
    block_on(async {
        let client = Client::connect(&daemon.socket).await.unwrap();
        // Neither its mark nor its kernel session says whose it is, once its parent is killed: only that it was seen.
        let unmarked =
            "env -i setsid sh -c 'trap \"\" HUP; echo lone=$$.; while :; do sleep 1000; done'";
        let script = format!("trap '' HUP; {unmarked} & wait; wait");
        let session = client
            .create(command(&["sh", "-c", &script]))
            .await
            .unwrap();
        let mut attachment = client.attach(session.id, None).await.unwrap();
        let lone = number(&read_until(&mut attachment, ".").await, "lone");
        client.close_session(session.id).await.unwrap();
        assert!(!is_alive(lone));
    });
    assert_eq!(children_of(daemon.pid()), 0);
}

#[test]
fn a_shell_that_is_gone_does_not_wait_for_the_deaf_one_that_holds_its_terminal() {
    let daemon = Daemon::start();
    block_on(async {
        let client = Client::connect(&daemon.socket).await.unwrap();
        let script = format!(
            "setsid sh -c \"{}\" & read line; exit 5",
            DEAF.replace('$', "\\$")
        );
        let session = shell(&client, &script).await;
        let mut attachment = client.attach(session.id, None).await.unwrap();
        let deaf = number(&read_until(&mut attachment, ".").await, "deaf");
        client.write(session.id, b"\n").await.unwrap();
        let status = client.wait(session.id, None).await.unwrap();
        assert_eq!(
            status.to_string(),
            sessiond_protocol::ExitStatus::Code(5).to_string()
        );
        assert!(!is_alive(deaf));
    });
    assert_eq!(children_of(daemon.pid()), 0);
}
