//! Who is told, how often, and what becomes of what nobody was told of.

use std::fs;

use sessiond_protocol::{AgentState, ProfileParams};

use super::{Place, agents, info, until};
use crate::daemon::{block_on, shell};
use crate::processes::children_of;

#[test]
fn a_hook_is_told_once_of_what_it_wants_to_know() {
    let place = Place::new();
    let told = place.daemon.directory.path().join("told");
    let script = format!(
        "echo out; {{ echo \"$SESSIOND_STATUS_SESSION $SESSIOND_STATUS_FROM $SESSIOND_STATUS_STATE \
         $SESSIOND_STATUS_TEXT\"; cat; }} >> {}",
        told.display()
    );
    let journal = block_on(async {
        let client = place.client().await;
        let params = place.params(&["sh", "-c", &script]);
        let journal = client.open_profile(params).await.unwrap().journal;
        let session = shell(&client, "read line").await.id;
        place.write("a.json", session, "running", "working");
        until(&client, "work", |info| info.counts.changes == 1).await;
        place.write("a.json", session, "waiting", "may I?");
        until(&client, "the word", |info| info.counts.delivered == 1).await;
        place.write("a.json", session, "running", "working");
        until(&client, "work", |info| info.counts.changes == 3).await;
        place.write("a.json", session, "waiting", "may I?");
        let info = until(&client, "a repetition", |info| info.counts.changes == 4).await;
        assert_eq!((info.counts.repeated, info.inbox), (1, 0));
        journal
    });
    let told = fs::read_to_string(told).unwrap();
    let lines: Vec<_> = told.lines().collect();
    assert_eq!(lines[0], "1 running waiting may I?");
    let change: serde_json::Value = serde_json::from_str(lines[1]).unwrap();
    assert_eq!((&change["to"], lines.len()), (&"waiting".into(), 2));
    let line: serde_json::Value =
        serde_json::from_str(fs::read_to_string(journal).unwrap().trim()).unwrap();
    assert_eq!(
        (&line["outcome"], &line["output"]),
        (&"delivered".into(), &"out".into())
    );
}

#[test]
fn a_hook_that_fails_is_tried_again_and_then_the_notification_is_dead() {
    let place = Place::new();
    block_on(async {
        let client = place.client().await;
        let params = ProfileParams {
            attempts: Some(2),
            ..place.params(&["sh", "-c", "echo no route >&2; exit 3"])
        };
        client.open_profile(params).await.unwrap();
        let session = shell(&client, "read line").await.id;
        place.write("a.json", session, "error", "x");
        let waiting = until(&client, "an attempt", |info| info.counts.failed == 1).await;
        assert_eq!((waiting.inbox, waiting.dead), (1, 0));
        let info = until(&client, "its death", |info| info.dead == 1).await;
        assert_eq!(
            (info.counts.failed, info.counts.died, info.inbox),
            (2, 1, 0)
        );
        let dead = client.dead_notifications(agents(), true).await.unwrap();
        assert_eq!((dead.len(), dead[0].attempts), (1, 2));
        assert_eq!(dead[0].error, "the hook ended with exit code 3: no route");
        assert_eq!(client.dead_notifications(agents(), true).await.unwrap(), []);
    });
}

#[test]
fn a_program_that_is_not_there_is_a_failure_that_says_so() {
    let place = Place::new();
    block_on(async {
        let client = place.client().await;
        let params = ProfileParams {
            attempts: Some(1),
            ..place.params(&["no-such-program"])
        };
        client.open_profile(params).await.unwrap();
        let session = shell(&client, "read line").await.id;
        place.write("a.json", session, "error", "");
        until(&client, "its death", |info| info.dead == 1).await;
        let dead = client.dead_notifications(agents(), false).await.unwrap();
        assert!(dead[0].error.contains("is not in"), "{}", dead[0].error);
    });
}

#[test]
fn a_hook_that_floods_is_read_to_its_end_in_bounded_memory() {
    let place = Place::new();
    block_on(async {
        let client = place.client().await;
        let flood = "head -c 100000000 /dev/zero | tr '\\0' x; head -c 100000 /dev/zero | tr '\\0' y >&2; exit 1";
        let params = ProfileParams {
            attempts: Some(1),
            ..place.params(&["sh", "-c", flood])
        };
        let journal = client.open_profile(params).await.unwrap().journal;
        let before = place.daemon.status_kb("VmHWM");
        let session = shell(&client, "read line").await.id;
        place.write("a.json", session, "error", "");
        until(&client, "its end", |info| info.dead == 1).await;
        let grown = place.daemon.status_kb("VmHWM") - before;
        assert!(grown < 8 << 10, "{grown} kB for a hook's output");
        let dead = client.dead_notifications(agents(), true).await.unwrap();
        assert!(dead[0].error.len() < 5 << 10, "{}", dead[0].error.len());
        let journal = fs::metadata(journal).unwrap().len();
        assert!((64 << 10..72 << 10).contains(&journal), "{journal}");
    });
}

#[test]
fn a_hook_that_never_ends_is_ended_with_all_that_it_has_started() {
    let place = Place::new();
    block_on(async {
        let client = place.client().await;
        let params = ProfileParams {
            attempts: Some(1),
            deadline_ms: Some(200),
            ..place.params(&["sh", "-c", "sleep 1000 & sleep 1000"])
        };
        client.open_profile(params).await.unwrap();
        let session = shell(&client, "read line").await.id;
        place.write("a.json", session, "waiting", "");
        until(&client, "its end", |info| info.dead == 1).await;
        let dead = client.dead_notifications(agents(), true).await.unwrap();
        assert_eq!(dead[0].error, "the hook had not ended after 200ms");
        client.close_session(session).await.unwrap();
    });
    assert_eq!(children_of(place.daemon.pid()), 0);
}

#[test]
fn what_is_about_a_session_that_is_gone_is_told_to_nobody() {
    let place = Place::new();
    block_on(async {
        let client = place.client().await;
        client.open_profile(place.params(&[])).await.unwrap();
        let (gone, stays) = (
            shell(&client, "read line").await.id,
            shell(&client, "read line").await.id,
        );
        place.write("a.json", gone, "waiting", "one");
        place.write("b.json", stays, "waiting", "two");
        until(&client, "both", |info| info.inbox == 2).await;
        client.close_session(gone).await.unwrap();
        assert_eq!(info(&client).await.counts.orphaned, 1);
        let inbox = client.inbox(agents(), true).await.unwrap();
        assert_eq!(inbox.len(), 1);
        assert_eq!(
            (inbox[0].change.session, inbox[0].change.to),
            (stays, Some(AgentState::Waiting))
        );
        assert_eq!(info(&client).await.inbox, 0);
    });
}

#[test]
fn a_notification_is_not_kept_for_ever() {
    let place = Place::new();
    block_on(async {
        let client = place.client().await;
        let params = ProfileParams {
            ttl_ms: Some(200),
            ..place.params(&[])
        };
        client.open_profile(params).await.unwrap();
        let session = shell(&client, "read line").await.id;
        place.write("a.json", session, "waiting", "");
        until(&client, "its end", |info| info.counts.expired == 1).await;
        assert_eq!(client.inbox(agents(), false).await.unwrap(), []);
    });
}
