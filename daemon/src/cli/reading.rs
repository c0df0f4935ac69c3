//! The commands that read a session: what is typed, and what is printed.

use std::path::Path;

use clap::Subcommand;
use sessiond_client::Client;
use sessiond_protocol::{Read, ReadReply, SessionRef, TextPattern};

use super::exit_code::CliError;
use super::launch::connect;
use super::output;

/// What to read.
#[derive(Debug, Subcommand)]
pub(super) enum ReadCommand {
    /// Print a session's screen as text
    Screen {
        /// By number or name
        session: SessionRef,
        /// Also print up to this many lines of scrollback above it
        #[arg(long, value_name = "LINES", default_value_t = 0)]
        scrollback: u32,
        /// As escape sequences that draw it, for a terminal of its size
        #[arg(long, conflicts_with = "scrollback")]
        ansi: bool,
        /// With its styles and state, as JSON
        #[arg(long, conflicts_with_all = ["scrollback", "ansi"])]
        json: bool,
        /// Only the rows that changed after this revision, of an earlier answer
        #[arg(long, value_name = "REVISION", requires = "json")]
        since: Option<u64>,
    },
    /// Print lines of a session's history, as text
    History {
        /// By number or name
        session: SessionRef,
        /// Number of the first line [default: so that the last ones are printed]
        #[arg(long, value_name = "LINE")]
        from: Option<u64>,
        /// How many
        #[arg(long, value_name = "LINES", default_value_t = 1000)]
        lines: u32,
        /// With their numbers and styles, each as a line of JSON
        #[arg(long)]
        json: bool,
    },
    /// Find text in a session's history and screen; prints LINE:COLUMN:TEXT
    Search {
        /// By number or name
        session: SessionRef,
        /// What to look for
        pattern: String,
        /// It is a regular expression
        #[arg(long, short = 'e')]
        regex: bool,
        /// Capital and small letters are the same
        #[arg(long, short)]
        ignore_case: bool,
        /// Begin with this line
        #[arg(long, value_name = "LINE", default_value_t = 0)]
        from: u64,
        /// Stop after this many places
        #[arg(long, value_name = "PLACES", default_value_t = 1000)]
        limit: u32,
    },
    /// Print all that is known of a session, as JSON
    Info {
        /// By number or name
        session: SessionRef,
    },
}

/// Reads what was asked for and prints it.
pub(super) async fn execute(socket: &Path, command: ReadCommand) -> Result<(), CliError> {
    let client = connect(socket).await?;
    match command {
        ReadCommand::Screen {
            session,
            scrollback,
            ansi,
            json,
            since,
        } => match (ansi, json) {
            (true, _) => redraw(&client, session).await,
            (_, true) => rows(&client, session, since).await,
            _ => {
                output::screen(&client.screen(session, scrollback).await?);
                Ok(())
            }
        },
        ReadCommand::History {
            session,
            from,
            lines,
            json,
        } => history(&client, session, from, lines, json).await,
        ReadCommand::Search {
            session,
            pattern,
            regex,
            ignore_case,
            from,
            limit,
        } => {
            let what = Read::Search {
                pattern: if regex {
                    TextPattern::Regex(pattern)
                } else {
                    TextPattern::Text(pattern)
                },
                ignore_case,
                from,
                limit,
            };
            search(&client, session, what).await
        }
        ReadCommand::Info { session } => {
            print_json(serde_json::to_string_pretty(&client.get(session).await?))
        }
    }
}

fn print_json(text: serde_json::Result<String>) -> Result<(), CliError> {
    output::line(&text.map_err(|error| CliError::system("write JSON", error.into()))?);
    Ok(())
}

/// Prints rows with their styles.
async fn rows(client: &Client, session: SessionRef, since: Option<u64>) -> Result<(), CliError> {
    let read = client.read(session, Read::Rows { since }).await?;
    print_json(serde_json::to_string(&read))
}

/// Prints the sequences that draw the screen.
async fn redraw(client: &Client, session: SessionRef) -> Result<(), CliError> {
    if let ReadReply::Redraw { sequences, .. } = client.read(session, Read::Redraw {}).await? {
        // A reader that has gone away is not an error.
        let _ = output::terminal_bytes(sequences.as_bytes());
    }
    Ok(())
}

/// Prints lines of the history, asking as often as it takes.
async fn history(
    client: &Client,
    session: SessionRef,
    mut from: Option<u64>,
    mut count: u32,
    as_json: bool,
) -> Result<(), CliError> {
    while count > 0 {
        let what = Read::History { from, count };
        let ReadReply::Lines { lines, next, .. } = client.read(session.clone(), what).await? else {
            break;
        };
        for line in &lines {
            if as_json {
                print_json(serde_json::to_string(line))?;
            } else {
                output::line(&line.text());
            }
        }
        count -= u32::try_from(lines.len()).unwrap_or(count).min(count);
        match next {
            Some(next) if !lines.is_empty() => from = Some(next),
            _ => break,
        }
    }
    Ok(())
}

/// Prints the places of a pattern, asking as often as it takes.
async fn search(client: &Client, session: SessionRef, mut what: Read) -> Result<(), CliError> {
    loop {
        let ReadReply::Matches { matches, next } =
            client.read(session.clone(), what.clone()).await?
        else {
            return Ok(());
        };
        for place in &matches {
            output::line(&format!("{}:{}:{}", place.line, place.column, place.text));
        }
        let Read::Search { from, limit, .. } = &mut what else {
            return Ok(());
        };
        *limit -= u32::try_from(matches.len()).unwrap_or(*limit).min(*limit);
        match next {
            Some(next) if *limit > 0 => *from = next,
            _ => return Ok(()),
        }
    }
}
