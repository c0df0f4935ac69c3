//! The little that is known of a transcript and of a run without reading anything: beginnings of texts, kept when they come by.

use std::collections::VecDeque;

use sessiond_protocol::{SessionId, TranscriptId, TranscriptKind, TranscriptMark};

use super::block::{block, list};
use super::format::Said;

/// Bytes of the beginning of the last text: a line of a list.
pub(crate) const SNIPPET_BYTES: usize = 160;

/// Bytes of the beginning of the last prompt.
pub(crate) const PROMPT_BYTES: usize = 512;

/// Events of a run that are remembered.
pub(crate) const MARKS_MAX: usize = 1000;

/// Makes `kept` the beginning of `text`, as one line. A buffer is used again.
pub(crate) fn keep_beginning(kept: &mut String, text: &str, bytes_max: usize) {
    kept.clear();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        if word.is_empty() {
            continue;
        }
        let gap = usize::from(!kept.is_empty());
        let room = bytes_max.saturating_sub(kept.len() + gap);
        if room == 0 {
            return;
        }
        if gap == 1 {
            kept.push(' ');
        }
        kept.push_str(&word[..word.floor_char_boundary(room)]);
        if word.len() > room {
            return;
        }
    }
}

/// What a session's agent has done, as far as it is remembered. It hangs off what is watched for the session.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) session: SessionId,
    /// The agent's own transcript: the first.
    pub(crate) transcript: Option<TranscriptId>,
    pub(crate) prompt: String,
    pub(crate) events: u64,
    pub(crate) tool_calls: u64,
    recent: VecDeque<TranscriptMark>,
}

impl Run {
    pub(crate) const fn new(session: SessionId) -> Self {
        Self {
            session,
            transcript: None,
            prompt: String::new(),
            events: 0,
            tool_calls: 0,
            recent: VecDeque::new(),
        }
    }

    pub(crate) fn note(&mut self, transcript: TranscriptId, at: u64, said: Said<'_>) {
        self.events += 1;
        match said.kind {
            TranscriptKind::Prompt if self.transcript == Some(transcript) => {
                keep_beginning(&mut self.prompt, said.text, PROMPT_BYTES);
            }
            TranscriptKind::ToolCall => self.tool_calls += 1,
            _ => {}
        }
        if self.recent.len() >= MARKS_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(TranscriptMark {
            transcript,
            at,
            kind: said.kind,
            time_unix_ms: said.time_unix_ms,
        });
    }

    pub(crate) fn recent(&self) -> Vec<TranscriptMark> {
        self.recent.iter().cloned().collect()
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        block(self.prompt.capacity()) + list::<TranscriptMark>(self.recent.capacity())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_beginning_is_one_line() {
        let mut kept = String::from("what was there before");
        keep_beginning(&mut kept, "  fix\n\tthe \u{1b}[1mbug\u{0}  now ", 100);
        assert_eq!(kept, "fix the [1mbug now");
    }

    #[test]
    fn a_run_remembers_its_last_events_and_its_own_prompt() {
        let mut run = Run::new(SessionId(1));
        run.transcript = Some(TranscriptId(1));
        let said = |kind, text| Said {
            kind,
            time_unix_ms: None,
            name: "",
            text,
            bytes: 1,
        };
        run.note(TranscriptId(1), 0, said(TranscriptKind::Prompt, "by me"));
        run.note(TranscriptId(2), 0, said(TranscriptKind::Prompt, "by it"));
        for at in 0..1500 {
            run.note(TranscriptId(1), at, said(TranscriptKind::ToolCall, "x"));
        }
        assert_eq!(
            (run.prompt.as_str(), run.events, run.tool_calls),
            ("by me", 1502, 1500)
        );
        let recent = run.recent();
        assert_eq!((recent.len(), recent[0].at), (MARKS_MAX, 500));
        assert!(run.heap_bytes() < 128 << 10);
    }

    proptest! {
        #[test]
        fn a_beginning_has_a_bound(text in ".*", bytes in 0..50_usize) {
            let mut kept = String::new();
            keep_beginning(&mut kept, &text, bytes);
            prop_assert!(kept.len() <= bytes && !kept.contains(char::is_control));
        }
    }
}
