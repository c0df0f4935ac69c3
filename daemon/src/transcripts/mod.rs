//! Transcripts of agents: JSONL files that are followed as they grow, and as much of what they say as a budget allows.
//!
//! ```text
//! tree: which files -> pass: which have grown -> lines -> format -> files, store: what is known and held
//! ```
//!
//! Beside the core, as [`mcp`](crate::mcp) is. [`lines`], [`format`], [`cursor`], [`segment`], [`store`], [`trigrams`], [`summary`] and [`page`]
//! decide, without I/O and clock; [`book`] and [`files`] are what is known, [`pass`] looks at the files, and this module keeps the
//! time. [`answers`] says what is asked at once, [`search`](search::search) what takes its time. Everything that belongs to a session
//! hangs off what is watched for it, and goes with that.

mod answers;
mod block;
mod book;
mod cursor;
mod cursors;
mod disk;
mod file;
mod files;
mod format;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzed;
mod lines;
mod page;
mod pass;
mod recording;
mod recordings;
mod search;
mod segment;
mod settings;
mod store;
mod summary;
mod transcript;
mod tree;
mod trigrams;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sessiond_protocol::{
    ErrorCode, Failure, RequestId, SessionId, Success, TranscriptId, TranscriptsReply,
    TranscriptsRequest,
};
use sessiond_screen::Case;
use tokio::sync::{Notify, watch};
use tokio::task::yield_now;

use crate::core::TranscriptsAsked;
use crate::fanout::Outbox;
use crate::gauges::BUSY;
use crate::server::Daemon;
use crate::wake;
use book::{Book, Origin};
use cursors::CursorFile;
use pass::Pass;
pub(crate) use settings::{MEMORY_MIN, TranscriptSettings};
use store::{Budget, Store};
use tree::Progress;

/// How often cursors are written at most. What was read meanwhile is read again when the daemon is killed.
const SAVE_EVERY: Duration = Duration::from_secs(5);

/// All transcripts of the daemon.
#[derive(Debug)]
pub(crate) struct Transcripts {
    book: Mutex<Book>,
    cursors: CursorFile,
    every: Duration,
    /// There is something to be looked at now.
    wake: Notify,
    /// Looks that were asked for so far.
    asked: AtomicU64,
    /// As many of them as have been made.
    made: watch::Sender<u64>,
}

impl Transcripts {
    /// Nothing is read before [`Transcripts::follow`]. `cursors` is the file in which cursors are kept over a restart; where nobody
    /// has decided on a directory of recordings, it is beside that.
    pub(crate) fn new(settings: &TranscriptSettings, cursors: PathBuf) -> Self {
        let recordings = settings.recordings.clone();
        let recordings = recordings.unwrap_or_else(|| cursors.with_extension("recordings"));
        let store = Store::new(Budget {
            total: settings.max_memory,
            transcript: settings.max_transcript_memory,
        });
        let cursors = CursorFile::new(cursors);
        let remembered = match settings.roots.is_empty() {
            true => Default::default(),
            false => cursors.read(),
        };
        let mut book = Book::new(store, remembered, recordings);
        for root in &settings.roots {
            if let Err(failure) = book.watch(root, None, Origin::Configured) {
                tracing::error!(root = %root.display(), "not watched: {}", failure.message);
            }
        }
        Self {
            book: Mutex::new(book),
            cursors,
            every: settings.every,
            wake: Notify::new(),
            asked: AtomicU64::new(0),
            made: watch::Sender::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        // No code that holds this lock can panic half-way through a change that others rely on.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at what is watched again and again until the daemon ends. While nothing is watched there is no timer.
    pub(crate) async fn follow(daemon: Arc<Daemon>) {
        let transcripts = daemon.transcripts();
        let mut saved = Instant::now();
        loop {
            let goal = transcripts.asked.load(Ordering::Relaxed);
            tokio::select! {
                biased;
                () = daemon.closed() => break,
                () = transcripts.look() => {}
            }
            transcripts.made.send_replace(goal);
            if saved.elapsed() >= SAVE_EVERY {
                transcripts.save();
                saved = Instant::now();
            }
            let next = Instant::now() + transcripts.every;
            let is_idle = {
                let book = transcripts.lock();
                book.is_empty() && !book.is_dirty
            };
            let wake = (!is_idle).then_some(next);
            tokio::select! {
                biased;
                () = daemon.closed() => break,
                () = transcripts.wake.notified() => {}
                () = wake::at(wake) => {}
            }
        }
        transcripts.lock().files.end_recordings();
        transcripts.save();
    }

    /// Looks once at everything, and reads what is new.
    async fn look(&self) {
        let mut pass = Pass::default();
        while pass.step(&mut self.lock(), now_ns()) == Progress::Halfway {
            yield_now().await;
        }
        self.lock().files.forget_remembered();
    }

    /// Writes the cursors, if one has changed.
    fn save(&self) {
        let mut book = self.lock();
        if std::mem::take(&mut book.is_dirty) {
            let _busy = BUSY.enter();
            self.cursors.write(book.to_be_kept());
        }
    }

    /// Forgets everything about a session, which has ended for good.
    pub(crate) fn session_over(&self, session: SessionId) {
        self.lock().session_over(session);
    }

    /// Does what was asked, and answers.
    pub(crate) fn ask(daemon: &Arc<Daemon>, client: Arc<Outbox>, asked: TranscriptsAsked) {
        let TranscriptsAsked {
            id,
            request,
            session,
        } = asked;
        let transcripts = daemon.transcripts();
        let reply = match request {
            TranscriptsRequest::List { after, .. } => Ok(transcripts.list(session, after)),
            TranscriptsRequest::Show {
                transcript,
                from,
                limit,
            } => transcripts.show(transcript, from, limit),
            TranscriptsRequest::Watch { path, format, .. } => {
                transcripts.watch(Path::new(&path), format, session)
            }
            TranscriptsRequest::Unwatch { watch } => match transcripts.lock().unwatch(watch) {
                true => Ok(TranscriptsReply::Unwatched {}),
                false => Err(not_found(&format!("nothing is watched as {watch}"))),
            },
            TranscriptsRequest::Watches {} => Ok(TranscriptsReply::Watches {
                watches: transcripts.lock().watch_infos(),
            }),
            TranscriptsRequest::Run { .. } => transcripts.run(session),
            TranscriptsRequest::Record(params) => transcripts.record(params, session),
            TranscriptsRequest::StopRecording(of) => transcripts.stop_recording(&of, session),
            TranscriptsRequest::Recordings {} => Ok(TranscriptsReply::Recordings {
                recordings: transcripts.lock().files.recordings(),
            }),
            TranscriptsRequest::Stats {} => Ok(TranscriptsReply::Stats {
                stats: transcripts.stats(),
            }),
            TranscriptsRequest::Search { .. } | TranscriptsRequest::Sync {} => {
                return Self::ask_later(daemon, client, id, request);
            }
        };
        client.reply(id, reply.map(|reply| Success::Transcripts { reply }));
    }

    /// Answers what takes its time.
    fn ask_later(
        daemon: &Arc<Daemon>,
        client: Arc<Outbox>,
        id: RequestId,
        request: TranscriptsRequest,
    ) {
        let own = Arc::clone(daemon);
        let busy = BUSY.enter();
        daemon.tasks().spawn("transcripts", id.0, async move {
            let transcripts = own.transcripts();
            let reply = match request {
                TranscriptsRequest::Search {
                    pattern,
                    ignore_case,
                    transcript,
                    limit,
                } => {
                    let case = match ignore_case {
                        true => Case::Ignored,
                        false => Case::Sensitive,
                    };
                    search::search(transcripts, &pattern, case, transcript, limit).await
                }
                _ => {
                    transcripts.sync(&own).await;
                    Ok(TranscriptsReply::Synced {})
                }
            };
            client.reply(id, reply.map(|reply| Success::Transcripts { reply }));
            drop(busy);
        });
    }

    /// Waits for a look that begins after now.
    async fn sync(&self, daemon: &Daemon) {
        let mine = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
        let mut made = self.made.subscribe();
        self.wake.notify_one();
        tokio::select! {
            biased;
            () = daemon.closed() => {}
            // The sender lives as long as this does.
            _ = made.wait_for(|made| *made >= mine) => {}
        }
    }
}

fn no_transcript(id: TranscriptId) -> Failure {
    not_found(&format!("no transcript {id}"))
}

fn not_found(message: &str) -> Failure {
    Failure::new(ErrorCode::NotFound, message)
}

/// The time of day, in milliseconds since 1970 UTC.
fn now_unix_ms() -> u64 {
    u64::try_from(now_ns() / 1_000_000).unwrap_or(0)
}

/// The time of day, in nanoseconds since 1970 UTC.
fn now_ns() -> i128 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i128::try_from(since.as_nanos()).unwrap_or(i128::MAX)
    })
}
