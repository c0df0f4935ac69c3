//! As many events as fit one answer. Pure.

use sessiond_protocol::{TRANSCRIPT_EVENTS_MAX, TranscriptEvent};

use super::segment::Kept;

/// Bytes of JSON in one answer: half a frame.
pub(crate) const PAGE_BYTES: usize = 512 << 10;

/// What stands around an event's texts.
const EVENT_BYTES: usize = 160;

/// Bytes that a text takes within JSON.
pub(crate) fn json_bytes(text: &str) -> usize {
    let escaped = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 2,
        0..=0x1f => 6,
        _ => 1,
    };
    text.bytes().map(escaped).sum()
}

fn event_bytes(kept: &Kept<'_>) -> usize {
    EVENT_BYTES + json_bytes(kept.said.name) + json_bytes(kept.said.text)
}

fn count(limit: u32) -> usize {
    limit.min(TRANSCRIPT_EVENTS_MAX) as usize
}

/// The last of these events, oldest first.
pub(crate) fn last<'a>(
    events: impl DoubleEndedIterator<Item = Kept<'a>>,
    limit: u32,
) -> Vec<TranscriptEvent> {
    let mut room = PAGE_BYTES;
    let mut page: Vec<TranscriptEvent> = events
        .rev()
        .take(count(limit))
        .map_while(|kept| {
            room = room.checked_sub(event_bytes(&kept))?;
            Some(kept.to_event())
        })
        .collect();
    page.reverse();
    page
}

/// The first of these events; and where the line begins with which to go on, where there are more.
///
/// A line is answered as a whole; of one that fits no answer the beginning.
pub(crate) fn first<'a>(
    events: impl Iterator<Item = Kept<'a>>,
    limit: u32,
) -> (Vec<TranscriptEvent>, Option<u64>) {
    let mut page: Vec<TranscriptEvent> = Vec::new();
    let mut room = PAGE_BYTES;
    let mut too_long = None;
    for kept in events {
        if too_long == Some(kept.at) {
            continue;
        }
        let left = room.checked_sub(event_bytes(&kept));
        match left {
            Some(left) if too_long.is_none() && page.len() < count(limit) => {
                room = left;
                page.push(kept.to_event());
            }
            _ => match page.iter().position(|event| event.at == kept.at) {
                Some(0) => too_long = Some(kept.at),
                Some(begins) => {
                    page.truncate(begins);
                    return (page, Some(kept.at));
                }
                None => return (page, Some(kept.at)),
            },
        }
    }
    (page, None)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sessiond_protocol::TranscriptKind;

    use super::super::format::Said;
    use super::super::segment::Segment;
    use super::*;

    fn segment(lines: &[usize], text: &str) -> Segment {
        let mut segment = Segment::new(0);
        for (line, events) in lines.iter().enumerate() {
            for _ in 0..*events {
                let said = Said {
                    kind: TranscriptKind::Note,
                    time_unix_ms: None,
                    name: "",
                    text,
                    bytes: 1,
                };
                segment.push(line as u64 * 10, said);
            }
        }
        segment
    }

    proptest! {
        #[test]
        fn pages_are_whole_lines_and_together_everything(
            lines in prop::collection::vec(1..5_usize, 0..40),
            limit in 5..20_u32,
        ) {
            let segment = segment(&lines, "x");
            let (mut seen, mut from) = (Vec::new(), 0);
            loop {
                let rest = segment.iter().filter(|kept| kept.at >= from);
                let (page, next) = first(rest, limit);
                prop_assert!(page.len() <= limit as usize);
                seen.extend(page.iter().map(|event| event.at));
                match next {
                    None => break,
                    Some(next) => from = next,
                }
            }
            let all: Vec<u64> = segment.iter().map(|kept| kept.at).collect();
            prop_assert_eq!(seen, all);
            let tail = last(segment.iter(), limit);
            prop_assert_eq!(tail.len(), segment.len().min(limit as usize));
        }
    }

    #[test]
    fn a_line_that_fits_no_answer_is_begun_and_passed_over() {
        let segment = segment(&[1, 9, 1], "x");
        let (page, next) = first(segment.iter(), 4);
        assert_eq!((page.len(), next), (1, Some(10)));
        let (page, next) = first(segment.iter().filter(|kept| kept.at >= 10), 4);
        assert_eq!((page.len(), next), (4, Some(20)));
    }

    #[test]
    fn an_answer_has_a_bound_in_bytes_however_they_are_escaped() {
        let text = "\u{1}".repeat(16 << 10);
        let segment = segment(&[1; 40], &text);
        for page in [last(segment.iter(), 1000), first(segment.iter(), 1000).0] {
            let bytes = serde_json::to_string(&page).unwrap().len();
            assert!(!page.is_empty() && bytes <= PAGE_BYTES, "{bytes}");
        }
    }
}
