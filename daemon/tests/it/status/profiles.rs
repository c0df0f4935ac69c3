//! Profiles from their opening to the last trace of them.

use std::fs;
use std::process::Command;

use assert_cmd::cargo::cargo_bin;
use sessiond_protocol::{AgentState, ErrorCode, ProfileParams};

use super::{Place, agents, next, states, until};
use crate::daemon::{Daemon, block_on, is_alive, shell};

#[test]
fn a_profile_that_is_closed_leaves_nothing_also_when_files_change_meanwhile() {
    let place = Place::new();
    let journals = place.state.path().join("sessiond");
    block_on(async {
        let client = place.client().await;
        let session = shell(&client, "read line").await.id;
        let before = place.daemon.descriptors();
        for round in 0..5 {
            let opened = client.open_profile(place.params(&[])).await.unwrap();
            assert!(fs::exists(opened.journal).unwrap());
            let mut watch = client.watch_statuses().await.unwrap();
            place.write("a.json", session, "idle", &round.to_string());
            assert_eq!(next(&mut watch).await.to, Some(AgentState::Idle));
            for file in 0..100 {
                place.write(&format!("{file}.json"), session, "error", "");
            }
            let again = place.client().await;
            let (first, second) = tokio::join!(
                client.close_profile(agents()),
                again.close_profile(agents())
            );
            let ends = [first, second].map(|closed| closed.map_err(|error| error.code()));
            let gone = Err(Some(ErrorCode::NotFound));
            assert!(ends.contains(&Ok(())), "{ends:?}");
            assert!(
                ends.iter().all(|end| *end == Ok(()) || *end == gone),
                "{ends:?}"
            );
            again.close().await;
            assert_eq!(client.statuses().await.unwrap(), []);
            let last = loop {
                let change = next(&mut watch).await;
                if change.to.is_none() {
                    break change;
                }
            };
            assert_eq!(last.session, session);
            let gone = client.close_profile(agents()).await.unwrap_err();
            assert_eq!(gone.code(), Some(ErrorCode::NotFound));
        }
        let mut round = tokio::time::interval(std::time::Duration::from_millis(20));
        while place.daemon.descriptors() != before {
            round.tick().await; // connections that were closed
        }
    });
    let left = fs::read_dir(journals).unwrap().flatten();
    assert_eq!(
        left.map(|file| file.path()).collect::<Vec<_>>(),
        [] as [std::path::PathBuf; 0]
    );
}

#[test]
fn a_name_and_a_directory_belong_to_one_profile_and_there_are_not_many() {
    let place = Place::new();
    block_on(async {
        let client = place.client().await;
        client.open_profile(place.params(&[])).await.unwrap();
        let code = async |params: ProfileParams| {
            let refused = client.open_profile(params).await;
            refused.unwrap_err().code()
        };
        assert_eq!(code(place.params(&[])).await, Some(ErrorCode::NameTaken));
        let other = |name: &str, directory: &str| {
            let directory = place.daemon.directory.path().join(directory);
            let directory = directory.to_str().unwrap().to_owned();
            ProfileParams::new(name.parse().unwrap(), directory)
        };
        let same = other("other", "status");
        assert_eq!(code(same).await, Some(ErrorCode::BadRequest));
        fs::write(place.daemon.directory.path().join("file"), "").unwrap();
        assert_eq!(code(other("other", "file")).await, Some(ErrorCode::Storage));
        for number in 1..8 {
            let params = other(&format!("p{number}"), &format!("d{number}"));
            client.open_profile(params).await.unwrap();
        }
        assert_eq!(code(other("more", "more")).await, Some(ErrorCode::Limit));
    });
}

#[test]
fn profiles_of_the_configuration_are_open_from_the_start_and_keep_their_journal() {
    let place = tempfile::tempdir().unwrap();
    let state = tempfile::tempdir().unwrap();
    let status = place.path().join("status");
    let configured = |directory| {
        let mut command = Command::new(cargo_bin("sessiond"));
        command.env("XDG_STATE_HOME", state.path());
        command.env("SESSIOND_STATUS_DIR", format!("work={}", status.display()));
        command.env("SESSIOND_STATUS_HOOK", "echo told");
        command.env("SESSIOND_STATUS_ON", "idle,error");
        Daemon::start_in(directory, command)
    };
    let daemon = configured(place);
    let told = async |daemon: &Daemon| {
        let client = sessiond_client::Client::connect(&daemon.socket)
            .await
            .unwrap();
        let session = shell(&client, "read line").await.id;
        let json = format!(r#"{{"session":{session},"state":"idle"}}"#);
        fs::write(status.join("a.json"), json).unwrap();
        let info = until(&client, "the word", |info| info.counts.delivered == 1).await;
        assert_eq!(info.name.as_str(), "work");
        (client, info.journal)
    };
    let other = block_on(async {
        let (client, _) = told(&daemon).await;
        let directory = daemon.directory.path().join("other");
        let params = ProfileParams::new(agents(), directory.to_str().unwrap().to_owned());
        client.open_profile(params).await.unwrap().journal
    });
    let daemon = configured(daemon.leave());
    let (_, journal) = block_on(told(&daemon));
    assert_eq!(fs::read_to_string(journal).unwrap().lines().count(), 2);
    assert!(!fs::exists(other).unwrap(), "nobody opens it again");
    let list = daemon.stdout(&["profile", "list"]);
    assert!(list.contains("work  yes"), "{list}");
}

#[test]
fn a_hook_that_runs_ends_with_its_profile_and_with_the_daemon() {
    let place = Place::new();
    let pid = place.daemon.directory.path().join("pid");
    let script = format!(
        "echo $$ > {0}.tmp; mv {0}.tmp {0}; sleep 1000",
        pid.display()
    );
    let running = || async {
        let mut round = tokio::time::interval(std::time::Duration::from_millis(20));
        while !fs::exists(&pid).unwrap() {
            round.tick().await;
        }
        let number: u32 = fs::read_to_string(&pid).unwrap().trim().parse().unwrap();
        fs::remove_file(&pid).unwrap();
        assert!(is_alive(number));
        number
    };
    let last = block_on(async {
        let client = place.client().await;
        let session = shell(&client, "read line").await.id;
        client
            .open_profile(place.params(&["sh", "-c", &script]))
            .await
            .unwrap();
        place.write("a.json", session, "error", "");
        let first = running().await;
        client.close_profile(agents()).await.unwrap();
        assert!(!is_alive(first));
        // The file is still there and is read when it is opened.
        let mut watch = client.watch_statuses().await.unwrap();
        client
            .open_profile(place.params(&["sh", "-c", &script]))
            .await
            .unwrap();
        assert_eq!(
            states(&next(&mut watch).await),
            (None, Some(AgentState::Error))
        );
        running().await
    });
    place.daemon.stdout(&["shutdown"]);
    assert!(!is_alive(last));
    let (success, log) = place.daemon.finish();
    assert!(success, "{log}");
}
