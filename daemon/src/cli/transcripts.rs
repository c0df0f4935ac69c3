//! Commands about transcripts of agents.

use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};
use serde::Serialize;
use sessiond_client::ClientError;
use sessiond_protocol::{
    ErrorCode, Failure, RecordParams, Recorded, SessionName, SessionRef, TextPattern,
    TranscriptEvent, TranscriptFormat, TranscriptId, TranscriptInfo, TranscriptKind,
    TranscriptStats, TranscriptsReply, TranscriptsRequest, WatchId, WatchInfo,
};

use super::exit_code::CliError;
use super::launch::{connect, connect_or_start};
use super::output;

/// What can be done about transcripts.
#[derive(Debug, Subcommand)]
pub(crate) enum TranscriptsCommand {
    /// List the transcripts that are followed, without their events
    List {
        /// Only those of this session
        #[arg(long)]
        session: Option<SessionRef>,
        /// As JSON, for programs
        #[arg(long)]
        json: bool,
    },
    /// Print events of a transcript: the last ones, or those from a place on
    Show {
        /// Its number
        transcript: TranscriptId,
        /// Begin with the line at this offset of the file, an event's `at`
        #[arg(long, value_name = "OFFSET")]
        from: Option<u64>,
        /// Events at most, up to 1000
        #[arg(long, value_name = "COUNT", default_value_t = 20)]
        limit: u32,
        /// As JSON, for programs: with the place where to go on
        #[arg(long)]
        json: bool,
    },
    /// Print the events whose text contains something, the newest first
    Search(SearchArgs),
    /// Follow a file, or all *.jsonl below a directory; starts a daemon where none runs
    Watch(WatchArgs),
    /// Follow something no more, and forget what was read
    Unwatch {
        /// Its number
        watch: WatchId,
    },
    /// List what is watched
    Watches {
        /// As JSON, for programs
        #[arg(long)]
        json: bool,
    },
    /// Wait until everything is read that the files have now
    Sync,
    /// Print what a session's agent has done, as JSON
    Run {
        /// By number or name
        session: SessionRef,
    },
    /// Write down what a transcript says from now on, as Markdown; prints the file
    Record(RecordArgs),
    /// List the recordings that run
    Recordings {
        /// As JSON, for programs
        #[arg(long)]
        json: bool,
    },
    /// Print what was counted since the daemon was started, and what is held
    Stats {
        /// As JSON, for programs
        #[arg(long)]
        json: bool,
    },
}

/// Of `search`.
#[derive(Debug, clap::Args)]
pub(crate) struct SearchArgs {
    /// What to look for
    text: String,
    /// It is a regular expression
    #[arg(long)]
    regex: bool,
    /// Capital and small letters are the same
    #[arg(long, short)]
    ignore_case: bool,
    /// Only in this transcript
    #[arg(long, value_name = "TRANSCRIPT")]
    of: Option<TranscriptId>,
    /// Matches at most, up to 1000
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    limit: u32,
    /// As JSON, for programs
    #[arg(long)]
    json: bool,
}

/// Of `watch`.
#[derive(Debug, clap::Args)]
pub(crate) struct WatchArgs {
    /// The file or directory; it need not be there yet
    path: PathBuf,
    /// Who writes it [default: told from each file's first line]
    #[arg(long)]
    format: Option<FormatArg>,
    /// The session whose agent writes it: everything about it is forgotten with that session's end
    #[arg(long)]
    session: Option<SessionRef>,
}

/// Of `record`.
#[derive(Debug, clap::Args)]
pub(crate) struct RecordArgs {
    /// The transcript's number
    #[arg(required_unless_present = "session", conflicts_with = "session")]
    transcript: Option<TranscriptId>,
    /// What this session's agent writes itself
    #[arg(long)]
    session: Option<SessionRef>,
    /// The file's name without .md, gone on with where it is there [default: made from the transcript's file]
    #[arg(long, conflicts_with = "stop")]
    name: Option<SessionName>,
    /// End the recording
    #[arg(long)]
    stop: bool,
}

/// A format as it is typed.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum FormatArg {
    Claude,
    Codex,
    Generic,
}

impl From<FormatArg> for TranscriptFormat {
    fn from(format: FormatArg) -> Self {
        match format {
            FormatArg::Claude => Self::Claude,
            FormatArg::Codex => Self::Codex,
            FormatArg::Generic => Self::Generic,
        }
    }
}

/// Does it.
pub(super) async fn execute(socket: &Path, command: TranscriptsCommand) -> Result<(), CliError> {
    match command {
        TranscriptsCommand::List { session, json } => list(socket, session, json).await,
        TranscriptsCommand::Show {
            transcript,
            from,
            limit,
            json,
        } => {
            let request = TranscriptsRequest::Show {
                transcript,
                from,
                limit,
            };
            let reply = ask(socket, request).await?;
            match reply {
                reply if json => print_json(&reply)?,
                TranscriptsReply::Events { events, .. } => events.iter().for_each(print_event),
                other => return Err(unexpected(&other)),
            }
            Ok(())
        }
        TranscriptsCommand::Search(args) => search(socket, args).await,
        TranscriptsCommand::Watch(args) => watch(socket, args).await,
        TranscriptsCommand::Unwatch { watch } => {
            ask(socket, TranscriptsRequest::Unwatch { watch }).await?;
            Ok(())
        }
        TranscriptsCommand::Watches { json } => watches(socket, json).await,
        TranscriptsCommand::Sync => {
            ask(socket, TranscriptsRequest::Sync {}).await?;
            Ok(())
        }
        TranscriptsCommand::Run { session } => {
            match ask(socket, TranscriptsRequest::Run { session }).await? {
                TranscriptsReply::Run { run } => print_json(&run),
                other => Err(unexpected(&other)),
            }
        }
        TranscriptsCommand::Record(args) => record(socket, args).await,
        TranscriptsCommand::Recordings { json } => recordings(socket, json).await,
        TranscriptsCommand::Stats { json } => {
            match ask(socket, TranscriptsRequest::Stats {}).await? {
                TranscriptsReply::Stats { stats } if json => print_json(&stats),
                TranscriptsReply::Stats { stats } => {
                    print_stats(&stats);
                    Ok(())
                }
                other => Err(unexpected(&other)),
            }
        }
    }
}

async fn ask(socket: &Path, request: TranscriptsRequest) -> Result<TranscriptsReply, CliError> {
    Ok(connect(socket).await?.transcripts(request).await?)
}

async fn list(socket: &Path, session: Option<SessionRef>, json: bool) -> Result<(), CliError> {
    let mut all: Vec<TranscriptInfo> = Vec::new();
    let client = match connect(socket).await {
        Ok(client) => Some(client),
        Err(CliError::NoDaemon(_)) => None, // and so no transcripts
        Err(error) => return Err(error),
    };
    let mut after = None;
    while let Some(client) = &client {
        let session = session.clone();
        let request = TranscriptsRequest::List { session, after };
        match client.transcripts(request).await? {
            TranscriptsReply::Transcripts { transcripts, next } => {
                all.extend(transcripts);
                after = next;
            }
            other => return Err(unexpected(&other)),
        }
        if after.is_none() {
            break;
        }
    }
    if json {
        return print_json(&all);
    }
    if all.is_empty() {
        output::line("no transcripts");
        return Ok(());
    }
    let heading = [
        "ID",
        "FORMAT",
        "SESSION",
        "EVENTS",
        "HELD",
        "BAD",
        "READ",
        "FILE",
        "SAID LAST",
    ];
    let rows = all.iter().map(|info| {
        [
            info.id.to_string(),
            info.format.map_or("-", name_of).to_owned(),
            info.session
                .map_or_else(|| "-".to_owned(), |session| session.to_string()),
            info.events.to_string(),
            info.held_events.to_string(),
            (info.bad_lines + info.oversized_lines).to_string(),
            info.read_bytes.to_string(),
            info.path.escape_debug().to_string(),
            info.snippet.escape_debug().to_string(),
        ]
    });
    output::table(std::iter::once(heading.map(str::to_owned)).chain(rows));
    Ok(())
}

async fn search(socket: &Path, args: SearchArgs) -> Result<(), CliError> {
    let pattern = match args.regex {
        true => TextPattern::Regex(args.text),
        false => TextPattern::Text(args.text),
    };
    let request = TranscriptsRequest::Search {
        pattern,
        ignore_case: args.ignore_case,
        transcript: args.of,
        limit: args.limit,
    };
    match ask(socket, request).await? {
        reply if args.json => print_json(&reply),
        TranscriptsReply::Matches { matches, complete } => {
            for found in matches {
                let (kind, text) = (kind_of(found.kind), found.text.escape_debug());
                output::line(&format!(
                    "{}:{}: {kind}: {text}",
                    found.transcript, found.at
                ));
            }
            if !complete {
                output::line("... and maybe more: --limit");
            }
            Ok(())
        }
        other => Err(unexpected(&other)),
    }
}

async fn watch(socket: &Path, args: WatchArgs) -> Result<(), CliError> {
    let path = std::path::absolute(&args.path)
        .map_err(|source| CliError::system("find the working directory", source))?;
    let Some(path) = path.to_str() else {
        let failure = Failure::new(ErrorCode::BadRequest, "a path that is watched is UTF-8");
        return Err(ClientError::Refused(failure).into());
    };
    let request = TranscriptsRequest::Watch {
        path: path.to_owned(),
        format: args.format.map(TranscriptFormat::from),
        session: args.session,
    };
    match connect_or_start(socket).await?.transcripts(request).await? {
        TranscriptsReply::Watching { watch } => {
            output::line(&watch.id.to_string());
            Ok(())
        }
        other => Err(unexpected(&other)),
    }
}

async fn watches(socket: &Path, json: bool) -> Result<(), CliError> {
    let watches = match ask(socket, TranscriptsRequest::Watches {}).await {
        Ok(TranscriptsReply::Watches { watches }) => watches,
        Ok(other) => return Err(unexpected(&other)),
        Err(CliError::NoDaemon(_)) => Vec::new(),
        Err(error) => return Err(error),
    };
    if json {
        return print_json(&watches);
    }
    if watches.is_empty() {
        output::line("nothing is watched");
        return Ok(());
    }
    let heading = ["ID", "SESSION", "TRANSCRIPTS", "DIRECTORIES", "PATH"];
    let rows = watches.iter().map(|watch: &WatchInfo| {
        [
            watch.id.to_string(),
            watch
                .session
                .map_or_else(|| "-".to_owned(), |session| session.to_string()),
            watch.transcripts.to_string(),
            watch.directories.to_string(),
            watch.path.escape_debug().to_string(),
        ]
    });
    output::table(std::iter::once(heading.map(str::to_owned)).chain(rows));
    Ok(())
}

async fn record(socket: &Path, args: RecordArgs) -> Result<(), CliError> {
    let of = Recorded {
        transcript: args.transcript,
        session: args.session,
    };
    let request = match args.stop {
        true => TranscriptsRequest::StopRecording(of),
        false => TranscriptsRequest::Record(RecordParams {
            of,
            name: args.name,
        }),
    };
    match ask(socket, request).await? {
        TranscriptsReply::Recording { recording } => {
            output::line(&recording.path);
            Ok(())
        }
        other => Err(unexpected(&other)),
    }
}

async fn recordings(socket: &Path, json: bool) -> Result<(), CliError> {
    let recordings = match ask(socket, TranscriptsRequest::Recordings {}).await {
        Ok(TranscriptsReply::Recordings { recordings }) => recordings,
        Ok(other) => return Err(unexpected(&other)),
        Err(CliError::NoDaemon(_)) => Vec::new(),
        Err(error) => return Err(error),
    };
    if json {
        return print_json(&recordings);
    }
    if recordings.is_empty() {
        output::line("nothing is recorded");
        return Ok(());
    }
    let heading = ["TRANSCRIPT", "SESSION", "EVENTS", "BYTES", "FILE"];
    let rows = recordings.iter().map(|recording| {
        [
            recording.transcript.to_string(),
            recording
                .session
                .map_or_else(|| "-".to_owned(), |session| session.to_string()),
            recording.events.to_string(),
            recording.bytes.to_string(),
            recording.path.escape_debug().to_string(),
        ]
    });
    output::table(std::iter::once(heading.map(str::to_owned)).chain(rows));
    Ok(())
}

fn print_json(value: &impl Serialize) -> Result<(), CliError> {
    let text = serde_json::to_string_pretty(value);
    output::line(&text.map_err(|error| CliError::system("write JSON", error.into()))?);
    Ok(())
}

/// A line that says what it is, and its text without what a terminal would obey.
fn print_event(event: &TranscriptEvent) {
    let cut = match event.bytes > event.text.len() as u64 {
        true => format!(", the beginning of {} bytes", event.bytes),
        false => String::new(),
    };
    let name = match event.name.is_empty() {
        true => String::new(),
        false => format!(" {}", event.name.escape_debug()),
    };
    output::line(&format!(
        "--- {}{name} (at {}{cut})",
        kind_of(event.kind),
        event.at
    ));
    for line in event.text.lines() {
        let shown: String = line
            .chars()
            .map(|c| match c.is_control() && c != '\t' {
                true => '\u{fffd}',
                false => c,
            })
            .collect();
        output::line(&shown);
    }
}

fn print_stats(stats: &TranscriptStats) {
    let evicted = &stats.evicted;
    let rows = [
        ("transcripts", stats.transcripts),
        ("held events", stats.held_events),
        ("held bytes", stats.held_bytes),
        ("max bytes", stats.max_bytes),
        ("max bytes of one transcript", stats.transcript_max_bytes),
        ("read bytes", stats.read_bytes),
        ("read events", stats.events),
        ("bad lines", stats.bad_lines),
        ("oversized lines", stats.oversized_lines),
        ("truncated files", stats.truncated),
        ("rotated files", stats.rotated),
        ("rewritten files", stats.rewritten),
        ("files left out", stats.left_out),
        ("evicted for the total budget", evicted.total_budget),
        (
            "evicted for the transcript's budget",
            evicted.transcript_budget,
        ),
        ("evicted with their watch", evicted.unwatched),
        ("evicted with their file's content", evicted.replaced),
        ("evicted with their file", evicted.gone),
    ];
    for (what, count) in rows {
        output::line(&format!("{what}: {count}"));
    }
}

const fn name_of(format: TranscriptFormat) -> &'static str {
    match format {
        TranscriptFormat::Claude => "claude",
        TranscriptFormat::Codex => "codex",
        TranscriptFormat::Generic => "generic",
    }
}

const fn kind_of(kind: TranscriptKind) -> &'static str {
    match kind {
        TranscriptKind::Prompt => "prompt",
        TranscriptKind::Reply => "reply",
        TranscriptKind::Thought => "thought",
        TranscriptKind::ToolCall => "tool call",
        TranscriptKind::ToolResult => "tool result",
        TranscriptKind::Note => "note",
    }
}

fn unexpected(reply: &TranscriptsReply) -> CliError {
    ClientError::Protocol(format!("an answer to another question: {reply:?}")).into()
}
