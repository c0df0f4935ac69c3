//! What can be read of a session, through the client and from the command line.

use sessiond_client::{Client, ClientError};
use sessiond_protocol::{Attribute, Color, ErrorCode, Read, ReadReply, StyledLine, TextPattern};

use crate::daemon::{Daemon, block_on, command, read_until, shell};

async fn rows(client: &Client, name: u64, since: Option<u64>) -> (u64, Vec<StyledLine>) {
    let session = sessiond_protocol::SessionId(name);
    match client.read(session, Read::Rows { since }).await.unwrap() {
        ReadReply::Rows { state, rows } => (state.revision, rows),
        other => panic!("not rows: {other:?}"),
    }
}

#[test]
fn styles_state_and_history_are_read_while_a_session_runs() {
    let daemon = Daemon::start();
    block_on(async {
        let client = Client::connect(&daemon.socket).await.unwrap();
        let script = r"seq 100; printf '\033[1;31mred\033[0;48;2;1;2;3m on\033[m\a plain'; read line; printf more; read line";
        let session = shell(&client, script).await;
        let mut attachment = client.attach(session.id, None).await.unwrap();
        read_until(&mut attachment, " plain").await;
        let info = client.get(session.id).await.unwrap();
        let state = info.screen.unwrap();
        assert_eq!(state.bells, 1);
        assert_eq!((state.first_line, state.top_line), (0, 77));
        assert!(state.last_output_unix_ms >= Some(info.created_unix_ms));
        assert!(state.modes.contains(&"autowrap".to_owned()));

        let (revision, all) = rows(&client, session.id.0, None).await;
        let last = all.last().unwrap();
        assert_eq!((last.line, last.text()), (100, "red on plain".to_owned()));
        assert_eq!(last.runs[0].fg, Some(Color::Indexed(1)));
        assert_eq!(last.runs[0].attributes, [Attribute::Bold]);
        assert_eq!(last.runs[1].bg, Some(Color::Rgb([1, 2, 3])));
        assert_eq!(rows(&client, session.id.0, Some(revision)).await.1, []);

        client.write(session.id, b"x\r").await.unwrap();
        read_until(&mut attachment, "more").await;
        let (_, changed) = rows(&client, session.id.0, Some(revision)).await;
        assert!(changed.len() <= 2 && changed[0].line >= 100, "{changed:?}");

        let what = Read::History {
            from: Some(10),
            count: 3,
        };
        let ReadReply::Lines { lines, next, .. } = client.read(session.id, what).await.unwrap()
        else {
            panic!("not lines");
        };
        let texts: Vec<_> = lines.iter().map(StyledLine::text).collect();
        assert_eq!((texts.join(" "), next), ("11 12 13".to_owned(), Some(13)));
        client.close_session(session.id).await.unwrap();
    });
}

#[test]
fn what_remains_of_a_session_can_be_read_in_every_way() {
    let daemon = Daemon::start();
    block_on(async {
        let client = Client::connect(&daemon.socket).await.unwrap();
        let session = client
            .create(command(&["printf", "one\\ntwo needle"]))
            .await
            .unwrap();
        client.wait(session.id, None).await.unwrap();
        let (_, all) = rows(&client, session.id.0, None).await;
        assert_eq!(all[1].text(), "two needle");
        let what = Read::Redraw {};
        assert!(matches!(
            client.read(session.id, what).await.unwrap(),
            ReadReply::Redraw { sequences, .. } if sequences.contains("two needle")
        ));
        let search = |pattern: &str| Read::Search {
            pattern: TextPattern::Regex(pattern.to_owned()),
            ignore_case: true,
            from: 0,
            limit: 10,
        };
        let ReadReply::Matches { matches, next } =
            client.read(session.id, search("NEED.e")).await.unwrap()
        else {
            panic!("not matches");
        };
        assert_eq!((matches[0].line, matches[0].column, next), (1, 4, None));
        let refused = client.read(session.id, search("(")).await.unwrap_err();
        assert!(
            matches!(&refused, ClientError::Refused(failure) if failure.code == ErrorCode::BadRequest),
            "{refused:?}"
        );
    });
}

#[test]
fn the_command_line_reads_history_matches_and_facts() {
    let daemon = Daemon::start();
    block_on(async {
        let client = Client::connect(&daemon.socket).await.unwrap();
        let session = shell(&client, "seq 3000; read line").await;
        let mut attachment = client.attach(session.id, None).await.unwrap();
        read_until(&mut attachment, "3000").await;
        let id = session.id.to_string();
        let history = daemon.stdout(&["history", &id, "--lines", "2"]);
        assert_eq!(history, "2976\n2977\n");
        let found = daemon.stdout(&["search", &id, "-e", "^99.$"]);
        assert_eq!(found.lines().count(), 10);
        assert!(found.starts_with("989:0:990\n"), "{found}");
        assert!(daemon.stdout(&["info", &id]).contains("\"top_line\": 2977"));
        assert!(
            daemon
                .stdout(&["screen", &id, "--json"])
                .contains("\"text\":\"3000\"")
        );
        assert!(daemon.stdout(&["screen", &id, "--ansi"]).contains("3000"));
        client.close_session(session.id).await.unwrap();
    });
}
