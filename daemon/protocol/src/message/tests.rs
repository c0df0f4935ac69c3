use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::archive::{ArchiveId, ArchiveParams};
use crate::attach::AttachParams;
use crate::life::{EndReason, IfExists, KillParams, RenameParams, RunParams};
use crate::mcp::{McpParams, McpStartParams};
use crate::name::SessionName;
use crate::read::{Read, ReadParams};
use crate::reply::ErrorCode;
use crate::request::{
    CreateParams, ResizeParams, ScreenParams, SessionParams, WaitParams, parse_client_hello,
    parse_request,
};
use crate::respawn::{RespawnParams, RespawnWhen};
use crate::schedule::{ScheduleId, ScheduleParams, UnscheduleParams, When};
use crate::session::{SessionRef, Size};
use crate::signal::SignalName;
use crate::status::{AgentState, ProfileParams, StatusChange, StatusRequest};
use crate::transcripts::{TranscriptFormat, TranscriptId, TranscriptsRequest, WatchId};
use crate::ttl::Ttl;
use crate::wait::{CancelParams, TextPattern, WaitIdleParams, WaitTextParams};

fn session_ref() -> impl Strategy<Value = SessionRef> {
    prop_oneof![
        any::<u64>().prop_map(|id| SessionRef::Id(SessionId(id))),
        "[A-Za-z_][A-Za-z0-9._-]{0,63}".prop_map(|name| SessionRef::Name(name.parse().unwrap())),
    ]
}

fn size() -> impl Strategy<Value = Size> {
    (1u16..=1000, 1u16..=1000).prop_map(|(rows, columns)| Size::new(rows, columns).unwrap())
}

fn create() -> impl Strategy<Value = CreateParams> {
    (
        proptest::option::of("[a-z]{1,64}"),
        proptest::collection::vec(".*", 0..4),
        proptest::option::of(".*"),
        proptest::collection::btree_map("[A-Z]+", ".*", 0..3),
        proptest::option::of(size()),
        any::<Option<u32>>(),
        any::<Option<u64>>(),
    )
        .prop_map(
            |(name, command, cwd, env, size, scrollback_lines, scrollback_bytes)| CreateParams {
                name: name.map(|name| name.parse().unwrap()),
                command,
                cwd,
                env,
                size,
                scrollback_lines,
                scrollback_bytes,
                ..CreateParams::default()
            },
        )
        .prop_flat_map(|params| {
            let respawn = proptest::option::of(respawn());
            (
                any::<bool>(),
                proptest::option::of(1000u64..100_000),
                respawn,
            )
                .prop_map(move |(get, ttl, respawn)| CreateParams {
                    if_exists: if get { IfExists::Get } else { IfExists::Refuse },
                    ttl: ttl.map(|ttl| Ttl::try_from(ttl).unwrap()),
                    respawn,
                    ..params.clone()
                })
        })
}

fn respawn() -> impl Strategy<Value = RespawnParams> {
    (any::<bool>(), any::<[u32; 3]>(), any::<Option<u32>>()).prop_map(
        |(always, [interval_ms, burst, window_ms], total)| RespawnParams {
            when: if always {
                RespawnWhen::Always
            } else {
                RespawnWhen::OnFailure
            },
            interval_ms,
            burst,
            window_ms,
            total,
        },
    )
}

fn signal() -> impl Strategy<Value = SignalName> {
    proptest::sample::select(&SignalName::ALL[..])
}

fn attach() -> impl Strategy<Value = AttachParams> {
    (
        session_ref(),
        proptest::option::of(size()),
        any::<bool>(),
        any::<Option<u64>>(),
    )
        .prop_map(|(session, size, read_only, from)| AttachParams {
            session,
            size,
            read_only,
            from,
        })
}

fn pattern() -> impl Strategy<Value = TextPattern> {
    (any::<bool>(), ".*").prop_map(|(is_regex, text)| match is_regex {
        true => TextPattern::Regex(text),
        false => TextPattern::Text(text),
    })
}

fn wait_text() -> impl Strategy<Value = WaitTextParams> {
    (session_ref(), pattern(), any::<Option<u64>>()).prop_map(|(session, pattern, timeout_ms)| {
        WaitTextParams {
            session,
            pattern,
            timeout_ms,
        }
    })
}

fn read() -> impl Strategy<Value = Read> {
    prop_oneof![
        any::<Option<u64>>().prop_map(|since| Read::Rows { since }),
        Just(Read::Redraw {}),
        (any::<Option<u64>>(), any::<u32>())
            .prop_map(|(from, count)| Read::History { from, count }),
        (pattern(), any::<(bool, u64, u32)>()).prop_map(|(pattern, (ignore_case, from, limit))| {
            Read::Search {
                pattern,
                ignore_case,
                from,
                limit,
            }
        }),
    ]
}

/// About what is kept: schedules and archives.
fn kept() -> impl Strategy<Value = Request> {
    prop_oneof![
        Just(Request::Schedules),
        Just(Request::Archives),
        session_ref().prop_map(|session| Request::Archive(SessionParams { session })),
        any::<u64>().prop_map(|id| Request::Restore(ArchiveParams {
            archive: ArchiveId(id)
        })),
        any::<u64>().prop_map(|id| Request::Forget(ArchiveParams {
            archive: ArchiveId(id)
        })),
        (create(), any::<bool>(), any::<u64>()).prop_map(|(session, every, number)| {
            let when = if every {
                When::EveryMs(number)
            } else {
                When::AtUnixMs(number)
            };
            Request::Schedule(ScheduleParams { when, session })
        }),
        Just(Request::McpList),
        Just(Request::McpStop(McpParams {
            server: "everything".parse().unwrap()
        })),
        (any::<bool>(), any::<Option<u64>>()).prop_map(|(stop, number)| {
            let server: SessionName = "everything".parse().unwrap();
            if stop {
                return Request::McpRestart(McpParams { server });
            }
            Request::McpStart(McpStartParams {
                name: server,
                command: vec!["x".to_owned()],
                cwd: None,
                env: BTreeMap::new(),
                line_bytes: number,
                idle_ms: number,
                pending_ms: None,
            })
        }),
        any::<u64>().prop_map(|id| Request::Unschedule(UnscheduleParams {
            schedule: ScheduleId(id)
        })),
    ]
}

fn transcripts() -> impl Strategy<Value = TranscriptsRequest> {
    let format = Just(TranscriptFormat::Codex);
    prop_oneof![
        Just(TranscriptsRequest::Watches {}),
        Just(TranscriptsRequest::Sync {}),
        Just(TranscriptsRequest::Stats {}),
        (
            proptest::option::of(session_ref()),
            proptest::option::of(any::<u64>().prop_map(TranscriptId))
        )
            .prop_map(|(session, after)| TranscriptsRequest::List { session, after }),
        (any::<u64>(), any::<Option<u64>>(), any::<u32>()).prop_map(|(id, from, limit)| {
            let transcript = TranscriptId(id);
            TranscriptsRequest::Show {
                transcript,
                from,
                limit,
            }
        }),
        (".*", any::<bool>(), any::<u32>()).prop_map(|(text, regex, limit)| {
            let pattern = match regex {
                true => TextPattern::Regex(text),
                false => TextPattern::Text(text),
            };
            let transcript = Some(TranscriptId(7));
            TranscriptsRequest::Search {
                pattern,
                ignore_case: regex,
                transcript,
                limit,
            }
        }),
        (
            ".*",
            proptest::option::of(format),
            proptest::option::of(session_ref())
        )
            .prop_map(|(path, format, session)| TranscriptsRequest::Watch {
                path,
                format,
                session
            }),
        any::<u64>().prop_map(|id| TranscriptsRequest::Unwatch { watch: WatchId(id) }),
        session_ref().prop_map(|session| TranscriptsRequest::Run { session }),
    ]
}

fn status() -> impl Strategy<Value = StatusRequest> {
    let profile: SessionName = "agents".parse().unwrap();
    prop_oneof![
        Just(StatusRequest::List {}),
        Just(StatusRequest::Watch {}),
        Just(StatusRequest::Unwatch {}),
        Just(StatusRequest::Profiles {}),
        Just(StatusRequest::Rescan {}),
        Just(StatusRequest::Close {
            profile: profile.clone()
        }),
        (any::<bool>(), any::<bool>(), Just(profile.clone())).prop_map(|(dead, take, profile)| {
            match dead {
                true => StatusRequest::Dead { profile, take },
                false => StatusRequest::Inbox { profile, take },
            }
        }),
        (
            ".*",
            ".*",
            any::<(Option<u64>, Option<u32>)>(),
            Just(profile)
        )
            .prop_map(|(directory, word, (number, attempts), name)| {
                StatusRequest::Open(ProfileParams {
                    hook: vec![word],
                    on: number.map(|_| vec![AgentState::Idle, AgentState::Error]),
                    dedup_ms: number,
                    deadline_ms: number,
                    attempts,
                    ttl_ms: number,
                    ..ProfileParams::new(name, directory)
                })
            }),
    ]
}

fn request() -> impl Strategy<Value = Request> {
    prop_oneof![
        transcripts().prop_map(Request::Transcripts),
        status().prop_map(Request::Status),
        Just(Request::Ping),
        Just(Request::List),
        Just(Request::Shutdown),
        Just(Request::Stats),
        Just(Request::CloseAll),
        (create(), any::<Option<u64>>()).prop_map(|(session, timeout_ms)| Request::Run(
            RunParams {
                session,
                timeout_ms
            }
        )),
        session_ref().prop_map(|session| Request::Restart(SessionParams { session })),
        (session_ref(), proptest::option::of("[a-z]{1,64}")).prop_map(|(session, name)| {
            let name = name.map(|name| name.parse().unwrap());
            Request::Rename(RenameParams { session, name })
        }),
        kept(),
        (session_ref(), signal())
            .prop_map(|(session, signal)| Request::Kill(KillParams { session, signal })),
        create().prop_map(Request::Create),
        session_ref().prop_map(|session| Request::Get(SessionParams { session })),
        session_ref().prop_map(|session| Request::Detach(SessionParams { session })),
        session_ref().prop_map(|session| Request::Close(SessionParams { session })),
        (session_ref(), any::<u32>()).prop_map(|(session, scrollback)| Request::Screen(
            ScreenParams {
                session,
                scrollback
            }
        )),
        (session_ref(), read())
            .prop_map(|(session, what)| Request::Read(ReadParams { session, what })),
        attach().prop_map(Request::Attach),
        session_ref().prop_map(|session| Request::Hold(SessionParams { session })),
        session_ref().prop_map(|session| Request::Release(SessionParams { session })),
        session_ref().prop_map(|session| Request::Pause(SessionParams { session })),
        session_ref().prop_map(|session| Request::Resume(SessionParams { session })),
        wait_text().prop_map(Request::WaitText),
        (session_ref(), any::<u64>(), any::<Option<u64>>()).prop_map(
            |(session, quiet_ms, timeout_ms)| Request::WaitIdle(WaitIdleParams {
                session,
                quiet_ms,
                timeout_ms,
            })
        ),
        any::<u64>().prop_map(|id| Request::Cancel(CancelParams {
            request: RequestId(id)
        })),
        (session_ref(), size())
            .prop_map(|(session, size)| Request::Resize(ResizeParams { session, size })),
        (session_ref(), any::<Option<u64>>()).prop_map(|(session, timeout_ms)| Request::Wait(
            WaitParams {
                session,
                timeout_ms
            }
        )),
    ]
}

proptest! {
    #[test]
    fn every_request_survives_the_wire(id in any::<u64>(), request in request()) {
        let json = serde_json::to_vec(&request.message(RequestId(id))).unwrap();
        prop_assert_eq!(parse_request(&json), Ok((RequestId(id), request)));
    }
}

#[test]
fn a_request_reads_as_documented() {
    let request = Request::Create(CreateParams {
        command: vec!["sh".into()],
        ..CreateParams::default()
    });
    let json = serde_json::to_value(request.message(RequestId(1))).unwrap();
    assert_eq!(
        json,
        json!({"id": 1, "method": "create", "params": {"command": ["sh"]}})
    );
    let wait = Request::WaitText(WaitTextParams {
        session: SessionId(3).into(),
        pattern: TextPattern::Regex("^done$".into()),
        timeout_ms: Some(500),
    });
    let json = serde_json::to_value(wait.message(RequestId(4))).unwrap();
    assert_eq!(
        json,
        json!({"id": 4, "method": "wait_text", "params":
            {"session": 3, "pattern": {"regex": "^done$"}, "timeout_ms": 500}})
    );
    let json = serde_json::to_value(Request::Ping.message(RequestId(2))).unwrap();
    assert_eq!(json, json!({"id": 2, "method": "ping"}));
}

#[test]
fn replies_and_notices_read_as_documented_and_survive_the_wire() {
    let done = Reply {
        id: Some(RequestId(1)),
        result: Ok(Success::Exited {
            status: ExitStatus::Signal(9),
        }),
    };
    let refused = Reply {
        id: None,
        result: Err(Failure::new(ErrorCode::NotFound, "no session 3")),
    };
    let notice = Notice::Exited {
        session: SessionId(3),
        status: ExitStatus::Code(0),
        reason: EndReason::Exited,
    };
    let respawning = Notice::Respawning {
        session: SessionId(3),
        status: ExitStatus::Signal(11),
        in_ms: 2000,
    };
    let resynced = Notice::Resynced {
        session: SessionId(3),
        dropped_bytes: 70_000,
    };
    let cases = [
        (
            serde_json::to_value(&resynced).unwrap(),
            json!({"notice": "resynced", "params": {"session": 3, "dropped_bytes": 70_000}}),
            ServerMessage::Notice(resynced),
        ),
        (
            serde_json::to_value(Notice::Ping {}).unwrap(),
            json!({"notice": "ping", "params": {}}),
            ServerMessage::Notice(Notice::Ping {}),
        ),
        (
            serde_json::to_value(&done).unwrap(),
            json!({"id": 1, "result": {"kind": "exited", "status": {"signal": 9}}}),
            ServerMessage::Reply(done),
        ),
        (
            serde_json::to_value(&refused).unwrap(),
            json!({"id": null, "error": {"code": "not_found", "message": "no session 3"}}),
            ServerMessage::Reply(refused),
        ),
        (
            serde_json::to_value(&notice).unwrap(),
            json!({"notice": "exited", "params": {"session": 3, "status": {"code": 0}, "reason": "exited"}}),
            ServerMessage::Notice(notice),
        ),
        (
            serde_json::to_value(&respawning).unwrap(),
            json!({"notice": "respawning", "params": {"session": 3, "status": {"signal": 11}, "in_ms": 2000}}),
            ServerMessage::Notice(respawning),
        ),
    ];
    for (written, documented, message) in cases {
        assert_eq!(written, documented);
        assert_eq!(
            ServerMessage::parse(written.to_string().as_bytes()).unwrap(),
            message
        );
    }
}

#[test]
fn hellos_read_as_documented() {
    let hello = ClientHello::new("test");
    let json = serde_json::to_value(hello.message()).unwrap();
    assert_eq!(json, json!({"hello": {"protocol": 1, "client": "test"}}));
    assert_eq!(
        parse_client_hello(json.to_string().as_bytes()).unwrap(),
        hello
    );
}

#[test]
fn wrong_parameters_are_answered_to_the_request_that_had_them() {
    for json in [
        r#"{"id":7,"method":"get","params":{"session":1,"more":2}}"#,
        r#"{"id":7,"method":"get"}"#,
        r#"{"id":7,"method":"dance"}"#,
        r#"{"id":7,"method":"ping","params":{"x":1}}"#,
        r#"{"id":7,"method":"resize","params":{"session":1,"size":{"rows":0,"columns":80}}}"#,
        r#"{"id":7,"method":"get","params":{"session":"9lives"}}"#,
    ] {
        let fault = parse_request(json.as_bytes()).unwrap_err();
        assert_eq!(
            (fault.id, fault.failure.code),
            (Some(RequestId(7)), ErrorCode::BadRequest),
            "{json}"
        );
    }
}

#[test]
fn what_is_no_request_is_answered_without_an_id() {
    for json in [
        "",
        "[]",
        "{}",
        "\u{0}",
        r#"{"id":1,"method":"ping","extra":1}"#,
    ] {
        let fault = parse_request(json.as_bytes()).unwrap_err();
        assert_eq!(
            (fault.id, fault.failure.code),
            (None, ErrorCode::BadRequest),
            "{json}"
        );
    }
}

#[test]
fn a_code_is_displayed_as_it_is_written() {
    let code = ErrorCode::NameTaken;
    assert_eq!(serde_json::to_value(code).unwrap(), json!(code.to_string()));
}

#[test]
fn digits_are_an_id_and_other_text_is_a_name() {
    assert_eq!("12".parse(), Ok(SessionRef::Id(SessionId(12))));
    assert_eq!(
        "build".parse(),
        Ok(SessionRef::Name("build".parse().unwrap()))
    );
    assert!("-x".parse::<SessionRef>().is_err() && "".parse::<SessionRef>().is_err());
    assert!("a".repeat(65).parse::<SessionRef>().is_err());
}

#[test]
fn what_is_said_of_statuses_reads_as_documented() {
    let waits = Notice::Status(StatusChange {
        session: SessionId(3),
        name: None,
        profile: "agents".parse().unwrap(),
        from: Some(AgentState::Running),
        to: Some(AgentState::Waiting),
        text: "may I?".to_owned(),
        time_unix_ms: 5,
    });
    let json = json!({"notice": "status", "params": {"session": 3, "profile": "agents", "from": "running",
        "to": "waiting", "text": "may I?", "time_unix_ms": 5}});
    assert_eq!(serde_json::to_value(&waits).unwrap(), json);
    let parsed = ServerMessage::parse(json.to_string().as_bytes()).unwrap();
    assert_eq!(parsed, ServerMessage::Notice(waits));
    let watch = Request::Status(StatusRequest::Watch {});
    let json = serde_json::to_value(watch.message(RequestId(1))).unwrap();
    assert_eq!(
        json,
        json!({"id": 1, "method": "status", "params": {"watch": {}}})
    );
}
