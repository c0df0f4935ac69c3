//! Looking for a text in the events that are held: a scan of the segments that may have it, which the budget bounds.

use sessiond_protocol::{
    Failure, TRANSCRIPT_EVENTS_MAX, TextPattern, TranscriptId, TranscriptMatch, TranscriptsReply,
};
use sessiond_screen::{Case, Pattern};
use tokio::task::yield_now;

use super::format::beginning;
use super::page::{PAGE_BYTES, json_bytes};
use super::segment::Segment;
use super::trigrams::Sought;
use super::{Transcripts, no_transcript};
use crate::pattern::{SEARCHED_BYTES_MAX, read};

/// Bytes of the line that is answered of a match.
const MATCH_BYTES: usize = 256;

/// What stands around a match's text, in JSON.
const AROUND_BYTES: usize = 120;

/// What was found so far.
struct Matches {
    pattern: Pattern,
    limit: usize,
    room: usize,
    found: Vec<TranscriptMatch>,
    is_full: bool,
}

impl Matches {
    /// Looks through a segment, its last event first.
    fn look(&mut self, transcript: TranscriptId, segment: &Segment) {
        for kept in segment.iter().rev() {
            let mut lines = kept.said.text.lines();
            let Some(line) = lines.find(|line| self.pattern.is_in(line)) else {
                continue;
            };
            let text = beginning(line, MATCH_BYTES);
            let room = self.room.checked_sub(AROUND_BYTES + json_bytes(text));
            let Some(room) = room.filter(|_| self.found.len() < self.limit) else {
                self.is_full = true;
                return;
            };
            self.room = room;
            self.found.push(TranscriptMatch {
                transcript,
                at: kept.at,
                kind: kept.said.kind,
                text: text.to_owned(),
            });
        }
    }
}

/// Looks in one transcript or in all, the newest first; others have their turn after each segment that is looked through.
pub(super) async fn search(
    transcripts: &Transcripts,
    pattern: &TextPattern,
    case: Case,
    only: Option<TranscriptId>,
    limit: u32,
) -> Result<TranscriptsReply, Failure> {
    let sought = Sought::of(pattern, case);
    let mut matches = Matches {
        pattern: read(pattern, case, SEARCHED_BYTES_MAX)?,
        limit: limit.min(TRANSCRIPT_EVENTS_MAX) as usize,
        room: PAGE_BYTES,
        found: Vec::new(),
        is_full: false,
    };
    if let Some(only) = only
        && transcripts.lock().files.get(only).is_none()
    {
        return Err(no_transcript(only));
    }
    let mut next = match only {
        Some(only) => Some(only),
        None => transcripts.lock().files.store.transcript_below(None),
    };
    while let Some(transcript) = next {
        let mut below = u64::MAX;
        loop {
            {
                let book = transcripts.lock();
                let Some(segment) = book.files.store.segment_below(transcript, below) else {
                    break;
                };
                below = segment.number();
                if !segment.may_have(&sought) {
                    continue;
                }
                matches.look(transcript, segment);
            }
            if matches.is_full {
                break;
            }
            yield_now().await;
        }
        next = match only {
            None if !matches.is_full => {
                let store = &transcripts.lock().files.store;
                store.transcript_below(Some(transcript))
            }
            _ => None,
        };
    }
    Ok(TranscriptsReply::Matches {
        matches: matches.found,
        complete: !matches.is_full,
    })
}
