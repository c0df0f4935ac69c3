//! What becomes of status files.

use std::fs;
use std::os::unix::fs::symlink;

use rustix::process::Signal;
use sessiond_protocol::{AgentState, CreateParams};

use super::{Place, info, next, states, until};
use crate::daemon::{block_on, command, shell};

#[test]
fn what_a_hook_writes_reaches_watching_clients_and_the_list() {
    let place = Place::new();
    block_on(async {
        let client = place.client().await;
        client.open_profile(place.params(&[])).await.unwrap();
        let mut watch = client.watch_statuses().await.unwrap();
        // As an agent's hook does: with what is in its environment, first in place and then by renaming.
        let script = r#"say() { printf '{"session":"%s","state":"%s","text":"%s"}' "$SESSIOND_SESSION" "$1" "$2"; }
            say running 'making a plan' > "$DIR/a.json"; read line
            say waiting "$line" > "$DIR/a.tmp"; mv "$DIR/a.tmp" "$DIR/a.json"; read line
            rm "$DIR/a.json"; read line"#;
        let mut params = command(&["sh", "-c", script]);
        let directory = place.directory().to_str().unwrap().to_owned();
        params.env.insert("DIR".to_owned(), directory);
        params.name = Some("build".parse().unwrap());
        let session = client.create(params).await.unwrap().id;
        let change = next(&mut watch).await;
        assert_eq!(states(&change), (None, Some(AgentState::Running)));
        assert_eq!(
            (change.session, change.name.unwrap().as_str(), &*change.text),
            (session, "build", "making a plan")
        );
        client.write(session, b"may I?\n").await.unwrap();
        let change = next(&mut watch).await;
        assert_eq!(
            states(&change),
            (Some(AgentState::Running), Some(AgentState::Waiting))
        );
        let statuses = client.statuses().await.unwrap();
        assert_eq!((statuses.len(), &*statuses[0].text), (1, "may I?"));
        let list = place.daemon.stdout(&["list"]);
        assert!(list.contains("STATE    AGENT    PID"), "{list}");
        assert!(list.contains("running  waiting  "), "{list}");
        client.write(session, b"\n").await.unwrap();
        let change = next(&mut watch).await;
        assert_eq!(states(&change), (Some(AgentState::Waiting), None));
        assert_eq!(client.statuses().await.unwrap(), []);
        drop(watch);
        client.ping().await.unwrap();
    });
    assert_eq!(place.daemon.stdout(&["status"]), "no statuses\n");
    let list = place.daemon.stdout(&["list"]);
    assert!(!list.contains("AGENT"), "{list}");
}

#[test]
fn a_status_is_gone_with_its_session_and_is_not_another_session_s_of_that_name() {
    let place = Place::new();
    block_on(async {
        let client = place.client().await;
        client.open_profile(place.params(&[])).await.unwrap();
        let mut watch = client.watch_statuses().await.unwrap();
        let named = || CreateParams {
            name: Some("build".parse().unwrap()),
            ..command(&["cat"])
        };
        let first = client.create(named()).await.unwrap().id;
        let file = place.directory().join("build.json");
        fs::write(&file, r#"{"session":"build","state":"idle"}"#).unwrap();
        assert_eq!(next(&mut watch).await.session, first);
        client.close_session(first).await.unwrap();
        let change = next(&mut watch).await;
        assert_eq!(states(&change), (Some(AgentState::Idle), None));
        // As old as a file that an earlier session has left.
        let hour_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
        let handle = fs::File::options().append(true).open(&file).unwrap();
        handle.set_modified(hour_ago).unwrap();
        drop(handle);
        let second = client.create(named()).await.unwrap().id;
        client.rescan_statuses().await.unwrap();
        assert_eq!(client.statuses().await.unwrap(), []);
        fs::write(&file, r#"{"session":"build","state":"error","text":"x"}"#).unwrap();
        assert_eq!(next(&mut watch).await.session, second);
        // By itself, and its record stays.
        client.write(second, b"\x04").await.unwrap();
        let change = next(&mut watch).await;
        assert_eq!(states(&change), (Some(AgentState::Error), None));
        client.rescan_statuses().await.unwrap();
        assert_eq!(client.statuses().await.unwrap(), []);
        assert!(client.get(second).await.is_ok());
    });
}

#[test]
fn files_that_cannot_be_taken_are_counted_and_change_nothing() {
    let place = Place::new();
    block_on(async {
        let client = place.client().await;
        client.open_profile(place.params(&[])).await.unwrap();
        let session = shell(&client, "read line").await.id;
        place.write("a.json", session, "running", "");
        until(&client, "a status", |info| info.statuses == 1).await;
        let path = |file: &str| place.directory().join(file);
        fs::write(path("a.json"), r#"{"session":"#).unwrap();
        let info = until(&client, "a bad file", |info| info.counts.bad == 1).await;
        let fault = info.last_fault.unwrap();
        assert!(fault.why.contains("no status"), "{fault:?}");
        assert_eq!(info.statuses, 1, "what was said before holds");
        fs::write(path("b.json"), vec![b' '; (64 << 10) + 1]).unwrap();
        until(&client, "a large file", |info| info.counts.oversized == 1).await;
        symlink(path("a.json"), path("c.json")).unwrap();
        fs::write(path("d.json"), r#"{"session":99,"state":"idle"}"#).unwrap();
        fs::write(path("e.json"), r#"{"session":"1-1:1","state":"idle"}"#).unwrap();
        until(&client, "strangers", |info| info.counts.strangers == 2).await;
        client.rescan_statuses().await.unwrap();
        let info = super::info(&client).await;
        // Again a.json, and now the link.
        assert_eq!((info.counts.bad, info.counts.oversized), (3, 2));
        assert_eq!((info.statuses, info.counts.strangers), (1, 4));
    });
}

#[test]
fn more_changes_than_the_kernel_keeps_lead_to_a_rescan() {
    let place = Place::new();
    let queue = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
    let queue: usize = queue.trim().parse().unwrap();
    block_on(async {
        let client = place.client().await;
        client.open_profile(place.params(&[])).await.unwrap();
        let sessions = [
            shell(&client, "read line").await.id,
            shell(&client, "read line").await.id,
        ];
        place.daemon.signal(Signal::STOP);
        let stat = format!("/proc/{}/stat", place.daemon.pid());
        while !fs::read_to_string(&stat).unwrap().contains(") T ") {
            std::thread::yield_now();
        }
        // By turns: the kernel keeps the same change only once.
        let filler = ["f.json", "g.json"].map(|file| place.directory().join(file));
        for turn in 0..=queue {
            fs::write(&filler[turn % 2], "").unwrap();
        }
        // Of these the kernel says nothing any more.
        for (session, file) in sessions.into_iter().zip(["a.json", "b.json"]) {
            place.write(file, session, "waiting", "");
        }
        place.daemon.signal(Signal::CONT);
        let info = until(&client, "both", |info| info.statuses == 2).await;
        assert!(info.counts.overflows >= 1, "{:?}", info.counts);
    });
}

#[test]
fn a_directory_that_is_gone_takes_its_statuses_and_can_come_back() {
    let place = Place::new();
    block_on(async {
        let client = place.client().await;
        client.open_profile(place.params(&[])).await.unwrap();
        let mut watch = client.watch_statuses().await.unwrap();
        let session = shell(&client, "read line").await.id;
        place.write("a.json", session, "idle", "");
        assert!(info(&client).await.watched);
        assert_eq!(
            states(&next(&mut watch).await),
            (None, Some(AgentState::Idle))
        );
        let aside = place.directory().with_extension("aside");
        fs::rename(place.directory(), &aside).unwrap();
        assert_eq!(
            states(&next(&mut watch).await),
            (Some(AgentState::Idle), None)
        );
        assert!(!info(&client).await.watched);
        fs::rename(&aside, place.directory()).unwrap();
        client.rescan_statuses().await.unwrap();
        assert_eq!(
            states(&next(&mut watch).await),
            (None, Some(AgentState::Idle))
        );
        place.write("a.json", session, "error", "");
        let change = next(&mut watch).await;
        assert_eq!(change.to, Some(AgentState::Error), "it is watched again");
    });
}
