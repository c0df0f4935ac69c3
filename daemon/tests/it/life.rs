//! Sessions that are run, restarted, respawned, renamed, signalled, found again, and that end unused.

use std::time::Duration;

use rustix::process::Signal;
use sessiond_client::{Client, Event};
use sessiond_protocol::{
    CreateParams, EndReason, ErrorCode, ExitStatus, IfExists, RespawnParams, RespawnWhen,
    RunParams, SessionState, SignalName, Ttl,
};

use crate::daemon::{
    DEADLINE, Daemon, block_on, command, is_alive, read_until, shell, wait_for_end,
};

fn script(text: &str) -> CreateParams {
    command(&["sh", "-c", text])
}

fn named(name: &str, text: &str) -> CreateParams {
    CreateParams {
        name: Some(name.parse().unwrap()),
        ..script(text)
    }
}

fn ttl(duration: Duration) -> Ttl {
    Ttl::try_from(duration).unwrap()
}

#[test]
fn a_run_prints_the_output_and_exits_with_the_programs_code_and_leaves_nothing() {
    let daemon = Daemon::start();
    let run = |arguments: &[&str]| daemon.command(arguments).assert();
    run(&["run", "--", "sh", "-c", "echo one; echo two; exit 3"])
        .code(3)
        .stdout("one\ntwo\n");
    run(&["run", "--", "sh", "-c", "kill -SEGV $$"]).code(128 + 11);
    run(&["run", "--", "no-such-program"]).code(1);
    run(&[
        "run",
        "--timeout",
        "200ms",
        "--",
        "sh",
        "-c",
        "echo begun; read never",
    ])
    .code(5)
    .stdout("begun\n");
    assert_eq!(daemon.stdout(&["list"]), "no sessions\n");
}

#[test]
fn of_a_runs_output_the_end_is_kept_and_the_rest_counted() {
    let daemon = Daemon::start();
    block_on(async {
        let client = Client::connect(&daemon.socket).await.unwrap();
        let params = RunParams {
            session: script("yes 0123456789 | head -n 100000; echo end"),
            timeout_ms: None,
        };
        let run = client.run(params).await.unwrap();
        assert_eq!((run.status, run.timed_out), (ExitStatus::Code(0), false));
        assert!(run.output.ends_with("0123456789\r\nend\r\n"));
        let all = 100_000 * 12 + 5;
        assert_eq!(run.output.len() as u64 + run.cut_bytes, all);
        assert_eq!(client.list().await.unwrap(), []);
    });
}

#[test]
fn a_run_ends_with_the_client_that_waits_for_it() {
    let daemon = Daemon::start();
    block_on(async {
        let (runner, client) = (
            Client::connect(&daemon.socket).await.unwrap(),
            Client::connect(&daemon.socket).await.unwrap(),
        );
        let params = RunParams {
            session: named(
                "job",
                "echo begun; trap '' HUP; while :; do sleep 100; done",
            ),
            timeout_ms: None,
        };
        let mut run = Box::pin(runner.run(params));
        let mut attachment = loop {
            tokio::select! {
                ended = &mut run => panic!("{ended:?}"),
                attached = client.attach(name("job"), None) => {
                    if let Ok(attachment) = attached {
                        break attachment;
                    }
                }
            }
        };
        read_until(&mut attachment, "begun").await;
        drop(run);
        runner.close().await;
        loop {
            match attachment.next().await {
                Some(Event::Exited(_, reason)) => break assert_eq!(reason, EndReason::Closed),
                Some(_) => {}
                None => panic!("no end was told"),
            }
        }
        assert_eq!(client.list().await.unwrap(), []);
    });
}

fn name(text: &str) -> sessiond_protocol::SessionRef {
    text.parse().unwrap()
}

#[test]
fn eight_that_want_one_name_at_one_time_get_one_process() {
    let daemon = Daemon::start();
    block_on(async {
        let mut clients = Vec::new();
        for _ in 0..8 {
            clients.push(Client::connect(&daemon.socket).await.unwrap());
        }
        let params = CreateParams {
            if_exists: IfExists::Get,
            ..named("shared", "exec cat")
        };
        let mut tasks = tokio::task::JoinSet::new();
        for client in clients {
            let params = params.clone();
            tasks.spawn(async move {
                let got = client.create_or_get(params).await.unwrap();
                (got.0.id, got.0.pid, got.1)
            });
        }
        let got = tasks.join_all().await;
        assert_eq!(got.iter().filter(|(_, _, created)| *created).count(), 1);
        assert!(
            got.iter()
                .all(|(id, pid, _)| (*id, *pid) == (got[0].0, got[0].1))
        );
    });
}

#[test]
fn a_restart_is_a_new_process_in_the_same_terminal_size_for_whoever_is_attached() {
    let daemon = Daemon::start();
    block_on(async {
        let client = Client::connect(&daemon.socket).await.unwrap();
        let params = named("shell", "stty size; echo ready; exec cat");
        let session = client.create(params).await.unwrap();
        client
            .resize(session.id, "30x90".parse().unwrap())
            .await
            .unwrap();
        let mut attachment = client.attach(session.id, None).await.unwrap();
        read_until(&mut attachment, "ready").await;
        let again = client.restart(name("shell")).await.unwrap();
        assert_eq!((again.id, again.starts), (session.id, 2));
        assert_ne!(again.pid, session.pid);
        assert!(!is_alive(session.pid.unwrap()));
        let told = attachment.next().await;
        assert!(
            matches!(told, Some(Event::Respawning(_, Duration::ZERO))),
            "{told:?}"
        );
        let seen = read_until(&mut attachment, "ready").await;
        assert!(seen.contains("30 90"), "{seen}");
        // From what is left of it.
        client.write(session.id, b"\x04").await.unwrap();
        client.wait(session.id, None).await.unwrap();
        assert_eq!(client.restart(session.id).await.unwrap().starts, 3);
    });
}

#[test]
fn what_crashes_is_respawned_until_the_breaker_opens_and_says_why() {
    let daemon = Daemon::start();
    block_on(async {
        let client = Client::connect(&daemon.socket).await.unwrap();
        let params = CreateParams {
            respawn: Some(RespawnParams {
                interval_ms: 100,
                burst: 2,
                ..RespawnParams::new(RespawnWhen::OnFailure)
            }),
            ..named("flaky", "echo once more; exit 7")
        };
        let session = client.create(params).await.unwrap();
        let status = client.wait(session.id, None).await.unwrap();
        assert_eq!(status, ExitStatus::Code(7));
        let ended = client.get(session.id).await.unwrap();
        assert_eq!(ended.starts, 3);
        let SessionState::Failed { reason, .. } = ended.state else {
            panic!("{:?}", ended.state)
        };
        assert_eq!(reason, "it was respawned 2 times within 60s");
        assert_eq!(
            client.screen(session.id, 0).await.unwrap().rows[0],
            "once more"
        );
        client.restart(session.id).await.unwrap();
        client.close_session(session.id).await.unwrap();
    });
    assert_eq!(daemon.stdout(&["list"]), "no sessions\n");
}

#[test]
fn a_signal_reaches_the_program_and_what_it_started() {
    let daemon = Daemon::start();
    block_on(async {
        let client = Client::connect(&daemon.socket).await.unwrap();
        let session = shell(
            &client,
            "trap 'echo caught; exit 4' USR1; echo ready; sleep 100 & wait",
        )
        .await;
        let mut attachment = client.attach(session.id, None).await.unwrap();
        read_until(&mut attachment, "ready").await;
        client.kill(session.id, SignalName::Usr1).await.unwrap();
        assert_eq!(
            client.wait(session.id, None).await.unwrap(),
            ExitStatus::Code(4)
        );
        let refused = client.kill(session.id, SignalName::Usr1).await.unwrap_err();
        assert_eq!(refused.code(), Some(ErrorCode::Exited));
    });
    let refused = daemon
        .command(&["kill", "1", "-s", "SEGV"])
        .assert()
        .code(2);
    let text = String::from_utf8_lossy(&refused.get_output().stderr).into_owned();
    assert!(text.contains("none of HUP INT"), "{text}");
}

#[test]
fn sessions_are_renamed_and_all_closed_from_the_command_line() {
    let daemon = Daemon::start();
    for name in ["one", "two"] {
        daemon.stdout(&["new", "-d", "--name", name, "--", "cat"]);
    }
    daemon.command(&["rename", "one", "two"]).assert().code(1);
    daemon.stdout(&["rename", "one", "three"]);
    daemon.command(&["kill", "two"]).assert().success();
    daemon.command(&["wait", "two"]).assert().code(128 + 15);
    let list = daemon.stdout(&["list"]);
    assert!(
        list.contains("three") && list.contains("23h 59m") && list.contains("signal 15"),
        "{list}"
    );
    assert_eq!(daemon.stdout(&["close", "--all"]), "2 session(s) closed\n");
    assert_eq!(daemon.stdout(&["list"]), "no sessions\n");
    daemon.command(&["close"]).assert().code(2);
}

#[test]
fn a_session_that_nobody_uses_ends_with_all_that_it_started() {
    let daemon = Daemon::start_with(&[("SESSIOND_TTL", "1s")]);
    block_on(async {
        let client = Client::connect(&daemon.socket).await.unwrap();
        let stubborn = shell(&client, "trap '' HUP TERM; sleep 1000 & echo $!; wait").await;
        let used = shell(&client, "exec cat").await;
        let mut held = client.attach(used.id, None).await.unwrap();
        let lasting = CreateParams {
            ttl: Some(ttl(Duration::from_secs(60))),
            ..script("exec cat")
        };
        let lasting = client.create(lasting).await.unwrap();
        let pid = stubborn.pid.unwrap();
        // Waited for outside of the daemon, because a wait is a use.
        let ended = tokio::task::spawn_blocking(move || wait_for_end(pid));
        tokio::time::timeout(DEADLINE, ended)
            .await
            .unwrap()
            .unwrap();
        held.write(b"here\n").await.unwrap();
        read_until(&mut held, "here").await;
        loop {
            let left: Vec<_> = client.list().await.unwrap();
            if left.len() == 2 {
                assert!(
                    left.iter()
                        .map(|session| session.id)
                        .eq([used.id, lasting.id])
                );
                assert_eq!(left[0].expires_in_ms, None);
                assert!(left[1].expires_in_ms.unwrap() <= 60_000);
                break;
            }
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn what_is_no_time_to_live_keeps_the_daemon_from_starting() {
    for (variable, value) in [
        ("SESSION_TTL_HOURS", "0"),
        ("SESSION_TTL_HOURS", "-1"),
        ("SESSION_TTL_HOURS", "NaN"),
        ("SESSION_TTL_HOURS", "soon"),
        ("SESSIOND_TTL", "0s"),
        ("SESSIOND_MAX_SESSIONS", "0"),
    ] {
        let mut command = assert_cmd::Command::new(assert_cmd::cargo::cargo_bin("sessiond"));
        command.args(["--socket", "/nonexistent/s.sock", "serve"]);
        let refused = command
            .env(variable, value)
            .timeout(DEADLINE)
            .assert()
            .code(2);
        let text = String::from_utf8_lossy(&refused.get_output().stderr).into_owned();
        assert!(text.contains("allowed is"), "{variable}={value}: {text}");
    }
}

#[test]
fn a_time_to_live_that_is_typed_comes_before_the_environment_in_whichever_form() {
    for (typed, seconds) in [("", 3600), ("--ttl-hours 2", 7200), ("--ttl 3h", 10_800)] {
        let mut command = std::process::Command::new("sh");
        command.args(["-c", &format!("exec \"$0\" \"$@\" {typed}")]);
        command.arg(assert_cmd::cargo::cargo_bin("sessiond"));
        command.envs([("SESSIOND_TTL", "1h"), ("SESSION_TTL_HOURS", "5")]);
        let daemon = Daemon::start_by(command);
        block_on(async {
            let client = Client::connect(&daemon.socket).await.unwrap();
            let session = client.create(script("exec cat")).await.unwrap();
            assert_eq!(
                session.ttl.duration(),
                Duration::from_secs(seconds),
                "{typed}"
            );
        });
    }
}

#[test]
fn the_session_beyond_what_the_daemon_was_started_with_is_refused() {
    let daemon = Daemon::start_with(&[("SESSIOND_MAX_SESSIONS", "2")]);
    for _ in 0..2 {
        daemon.stdout(&["new", "-d", "--", "cat"]);
    }
    let refused = daemon.command(&["new", "-d", "--", "cat"]).assert().code(1);
    let text = String::from_utf8_lossy(&refused.get_output().stderr).into_owned();
    assert!(text.contains("limit: 2 sessions run already"), "{text}");
    daemon.signal(Signal::TERM);
    assert!(daemon.finish().0);
}

#[test]
fn a_schedule_starts_sessions_until_it_is_taken_back() {
    let daemon = Daemon::start();
    let id = daemon.stdout(&[
        "schedule", "--every", "1s", "--name", "tick", "--", "echo", "tock",
    ]);
    assert_eq!(id, "1\n");
    block_on(async {
        let client = Client::connect(&daemon.socket).await.unwrap();
        let mut seen = std::collections::BTreeSet::new();
        while seen.len() < 2 {
            // One that gives way to the next in the meantime is not found any more.
            if let Ok(session) = client.get(name("tick")).await
                && client.wait(session.id, None).await.is_ok()
            {
                seen.insert(session.id);
            }
        }
        let says_tock = async || {
            let screen = client.screen(name("tick"), 0).await;
            screen.is_ok_and(|screen| screen.rows[0] == "tock")
        };
        while !says_tock().await {}
        let schedules = client.schedules().await.unwrap();
        assert!(schedules[0].started >= 2 && schedules[0].failed == 0);
        assert_eq!(
            client.screen(name("tick"), 0).await.unwrap().rows[0],
            "tock"
        );
    });
    let listed = daemon.stdout(&["schedules"]);
    assert!(
        listed.contains("every 1s") && listed.contains("echo tock"),
        "{listed}"
    );
    daemon.stdout(&["unschedule", "1"]);
    assert_eq!(daemon.stdout(&["schedules"]), "no schedules\n");
    let past = ["schedule", "--at", "2020-01-01 00:00:00", "--", "true"];
    daemon.command(&past).assert().code(1);
}

#[test]
fn an_archive_outlives_its_daemon_and_comes_back_as_scrollback() {
    let state = tempfile::tempdir().unwrap();
    let files = || {
        let mut left = vec![state.path().to_owned()];
        let mut files = 0;
        while let Some(path) = left.pop() {
            for entry in std::fs::read_dir(path).unwrap().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    left.push(path);
                } else if path
                    .extension()
                    .is_some_and(|extension| extension == "archive")
                {
                    files += 1;
                }
            }
        }
        files
    };
    let start = |directory| {
        let mut command = std::process::Command::new(assert_cmd::cargo::cargo_bin("sessiond"));
        command.env("XDG_STATE_HOME", state.path());
        Daemon::start_in(directory, command)
    };
    let daemon = start(tempfile::tempdir().unwrap());
    let script = "seq 1 100; stty -echo; read line";
    daemon.stdout(&[
        "new", "-d", "--name", "old", "--env", "A=b", "--", "sh", "-c", script,
    ]);
    daemon.stdout(&["wait", "old", "--text", "100"]);
    assert_eq!(daemon.stdout(&["archive", "old"]), "1\n");
    assert_eq!(daemon.stdout(&["list"]), "no sessions\n");
    assert_eq!(files(), 1);
    // The next daemon on the same socket finds them.
    let daemon = start(daemon.leave());
    let archives = daemon.stdout(&["archives"]);
    assert!(
        archives.contains("old") && archives.contains("sh -c seq"),
        "{archives}"
    );
    assert_eq!(daemon.stdout(&["restore", "1"]), "1\n");
    daemon.stdout(&["wait", "old", "--text", "100"]);
    let text = daemon.stdout(&["screen", "old", "--scrollback", "1000"]);
    let lines: Vec<&str> = text.lines().collect();
    let twice: Vec<String> = (1..=100)
        .chain(1..=100)
        .map(|number| number.to_string())
        .collect();
    assert_eq!(lines, twice);
    assert_eq!(files(), 0);
    daemon.command(&["restore", "1"]).assert().code(1);
}
