//! What is answered at once about transcripts: which there are, what one says, what was counted.

use std::io::ErrorKind;
use std::path::Path;

use sessiond_protocol::{
    ErrorCode, Failure, RecordParams, Recorded, SessionId, TranscriptFormat, TranscriptId,
    TranscriptInfo, TranscriptRun, TranscriptStats, TranscriptsReply,
};

use super::book::{Book, Origin};
use super::page::{PAGE_BYTES, json_bytes};
use super::recording::Over;
use super::{Transcripts, disk, file, no_transcript, not_found, page};

/// What stands around the texts of one entry of a list, in JSON.
const INFO_BYTES: usize = 600;

impl Transcripts {
    /// What there is, without events.
    pub(super) fn list(
        &self,
        session: Option<SessionId>,
        after: Option<TranscriptId>,
    ) -> TranscriptsReply {
        let book = self.lock();
        let mut room = PAGE_BYTES;
        let (mut transcripts, mut next): (Vec<TranscriptInfo>, _) = (Vec::new(), None);
        for (id, transcript) in book.files.after(after) {
            if session.is_some() && transcript.session != session {
                continue;
            }
            let (held_events, held_bytes) = book.files.store.held(id);
            let info = TranscriptInfo {
                held_events,
                held_bytes: held_bytes as u64,
                ..transcript.info(id)
            };
            let texts = [&info.path, &info.prompt, &info.snippet];
            let bytes = texts
                .into_iter()
                .map(|text| json_bytes(text))
                .sum::<usize>();
            let Some(left) = room.checked_sub(bytes + INFO_BYTES) else {
                next = transcripts.last().map(|info| info.id);
                break;
            };
            room = left;
            transcripts.push(info);
        }
        TranscriptsReply::Transcripts { transcripts, next }
    }

    /// Events of one, from memory where they are held, else from the file.
    pub(super) fn show(
        &self,
        id: TranscriptId,
        from: Option<u64>,
        limit: u32,
    ) -> Result<TranscriptsReply, Failure> {
        let mut book = self.lock();
        book.files.store.touch(id);
        let transcript = book.files.get(id).ok_or_else(|| no_transcript(id))?;
        let state = &transcript.state;
        let (held, _) = book.files.store.held(id);
        let first_held = book.files.store.iter(id).next().map(|kept| kept.at);
        let is_held = held == state.events
            || match from {
                None => held >= u64::from(limit),
                // The first line that is held may not be there as a whole.
                Some(from) => first_held.is_some_and(|first| first < from),
            };
        let (events, next) = match (is_held, from, state.format) {
            (_, _, None) => (Vec::new(), None),
            (true, None, _) => (page::last(book.files.store.iter(id), limit), None),
            (true, Some(from), _) => {
                let events = book.files.store.iter(id);
                page::first(events.filter(|kept| kept.at >= from), limit)
            }
            (false, _, Some(format)) => {
                let unreadable = |error: std::io::Error| {
                    let path = transcript.path.to_string_lossy();
                    let code = match error.kind() {
                        ErrorKind::InvalidInput => ErrorCode::BadRequest,
                        _ => ErrorCode::Storage,
                    };
                    Failure::new(code, format!("{path} cannot be read: {error}"))
                };
                let (file, _, _) = file::open(&transcript.path).map_err(unreadable)?;
                let end = state.cursor.offset;
                match from {
                    None => {
                        let piece = disk::last(&file, format, end).map_err(unreadable)?;
                        (page::last(piece.events.iter(), limit), None)
                    }
                    Some(from) => {
                        let piece = disk::from(&file, format, from, end).map_err(unreadable)?;
                        let (events, next) = page::first(piece.events.iter(), limit);
                        (events, next.or((piece.end < end).then_some(piece.end)))
                    }
                }
            }
        };
        Ok(TranscriptsReply::Events {
            events,
            next,
            from_disk: !is_held,
        })
    }

    /// Begins to watch.
    pub(super) fn watch(
        &self,
        path: &Path,
        format: Option<TranscriptFormat>,
        session: Option<SessionId>,
    ) -> Result<TranscriptsReply, Failure> {
        let mut book = self.lock();
        let id = book.watch(path, format, Origin::Asked(session))?;
        self.wake.notify_one();
        let watch = book.watch_info(id);
        let watch = watch.ok_or_else(|| not_found("it is not watched any more"))?;
        Ok(TranscriptsReply::Watching { watch })
    }

    /// What a session's agent has done.
    pub(super) fn run(&self, session: Option<SessionId>) -> Result<TranscriptsReply, Failure> {
        let book = self.lock();
        let run = session.and_then(|session| book.run(session));
        let run = run.ok_or_else(|| not_found("nothing is watched for that session"))?;
        let own = run.transcript.and_then(|id| book.files.get(id));
        let path = own.map(|own| own.path.to_string_lossy().into_owned());
        let stamp = own.and_then(|own| own.stamp);
        let run = TranscriptRun {
            session: run.session,
            transcript: run.transcript,
            path: path.unwrap_or_default(),
            file_bytes: stamp.map_or(0, |stamp| stamp.bytes),
            prompt: run.prompt.clone(),
            events: run.events,
            tool_calls: run.tool_calls,
            recent: run.recent(),
        };
        Ok(TranscriptsReply::Run { run })
    }

    /// Begins a recording.
    pub(super) fn record(
        &self,
        params: RecordParams,
        session: Option<SessionId>,
    ) -> Result<TranscriptsReply, Failure> {
        let mut book = self.lock();
        let id = recorded(&book, &params.of, session)?;
        let recording = book.files.record(id, params.name)?;
        Ok(TranscriptsReply::Recording { recording })
    }

    /// Ends a recording.
    pub(super) fn stop_recording(
        &self,
        of: &Recorded,
        session: Option<SessionId>,
    ) -> Result<TranscriptsReply, Failure> {
        let mut book = self.lock();
        let id = recorded(&book, of, session)?;
        let recording = book.files.recording(id)?;
        book.files.end_recording(id, &Over::Asked);
        Ok(TranscriptsReply::Recording { recording })
    }

    /// What was counted.
    pub(super) fn stats(&self) -> TranscriptStats {
        let book = self.lock();
        let (files, store) = (&book.files, &book.files.store);
        let counts = files.counts;
        TranscriptStats {
            transcripts: files.len() as u64,
            held_events: store.events(),
            held_bytes: store.bytes() as u64,
            max_bytes: store.budget().total as u64,
            transcript_max_bytes: store.budget().transcript as u64,
            read_bytes: counts.read_bytes,
            events: counts.events,
            bad_lines: counts.bad_lines,
            oversized_lines: counts.oversized_lines,
            truncated: counts.truncated,
            rotated: counts.rotated,
            rewritten: counts.rewritten,
            left_out: book.left_out(),
            evicted: store.evicted(),
        }
    }
}

/// The transcript that is meant.
fn recorded(
    book: &Book,
    of: &Recorded,
    session: Option<SessionId>,
) -> Result<TranscriptId, Failure> {
    match (of.transcript, session) {
        (Some(id), None) => Ok(id),
        (None, Some(session)) => {
            let run = book.run(session);
            let own = run.and_then(|run| run.transcript);
            own.ok_or_else(|| not_found("no transcript is followed for that session"))
        }
        (None, None) | (Some(_), Some(_)) => {
            let message = "a recording is of a transcript or of a session: one of both";
            Err(Failure::new(ErrorCode::BadRequest, message))
        }
    }
}
