//! What the daemon counts and logs of how sessions end.

use std::time::Duration;

use sessiond_client::Client;
use sessiond_protocol::{CreateParams, RespawnParams, RespawnWhen, Stats, Ttl};

use crate::daemon::{Daemon, block_on, command, read_until, shell};

#[test]
fn ends_that_somebody_should_know_of_are_counted_and_logged() {
    let daemon = Daemon::start();
    let stats = block_on(async {
        let client = Client::connect(&daemon.socket).await.unwrap();
        assert_eq!(client.stats().await.unwrap(), Stats::default());
        let unused = CreateParams {
            ttl: Some(Ttl::try_from(Duration::from_secs(1)).unwrap()),
            ..command(&["cat"])
        };
        client.create(unused).await.unwrap();
        let flaky = CreateParams {
            respawn: Some(RespawnParams {
                total: Some(0),
                ..RespawnParams::new(RespawnWhen::OnFailure)
            }),
            ..command(&["false"])
        };
        let flaky = client.create(flaky).await.unwrap().id;
        client.wait(flaky, None).await.unwrap();
        let stubborn = shell(
            &client,
            "trap '' HUP; echo ready; while :; do sleep 100; done",
        )
        .await
        .id;
        let mut attachment = client.attach(stubborn, None).await.unwrap();
        read_until(&mut attachment, "ready").await;
        client.close_session(stubborn).await.unwrap();
        let mut round = tokio::time::interval(Duration::from_millis(20));
        loop {
            let stats = client.stats().await.unwrap();
            if stats.sessions_expired > 0 {
                break stats;
            }
            round.tick().await;
        }
    });
    let expected = Stats {
        sessions_expired: 1,
        sessions_killed: 1,
        breakers_opened: 1,
    };
    assert_eq!(stats, expected);
    assert_eq!(
        daemon.stdout(&["stats"]),
        "sessions_expired 1\nsessions_killed 1\nbreakers_opened 1\n"
    );
    daemon.stdout(&["shutdown"]);
    let (_, log) = daemon.finish();
    for (level, text) in [
        (" INFO ", "expired: nobody has used it session=1"),
        (
            " WARN ",
            "not respawned any more: it was respawned 0 times, as often as it may be session=2",
        ),
        (" WARN ", "killed: it did not heed the hang-up session=3"),
    ] {
        let told = log
            .lines()
            .filter(|line| line.contains(level) && line.ends_with(text));
        assert_eq!(told.count(), 1, "{text}\n{log}");
    }
}
