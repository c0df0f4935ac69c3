//! Text that somebody waits for, ready to be looked for.

use regex::{Regex, RegexBuilder};
use sessiond_protocol::{ErrorCode, Failure, TextPattern};

/// Bytes of a pattern as it is written: a row of the widest terminal.
const PATTERN_BYTES_MAX: usize = 1000;

/// Bytes that one regular expression may take compiled, and as many for its cache. Most take a few KiB; counted
/// repetitions can take anything.
const COMPILED_BYTES_MAX: usize = 128 << 10;

/// What a row must contain.
#[derive(Debug, Clone)]
pub(crate) enum Pattern {
    Text(String),
    Regex(Regex),
}

impl Pattern {
    /// Reads what a client wrote.
    ///
    /// # Errors
    /// `bad_request` when it is empty, too long, no regular expression, or one that takes too much memory.
    pub(crate) fn read(pattern: TextPattern) -> Result<Self, Failure> {
        let bad = |message: String| Failure::new(ErrorCode::BadRequest, message);
        let (TextPattern::Text(text) | TextPattern::Regex(text)) = &pattern;
        if text.is_empty() || text.len() > PATTERN_BYTES_MAX {
            let message = format!(
                "a pattern of {} bytes; it has 1 to {PATTERN_BYTES_MAX}",
                text.len()
            );
            return Err(bad(message));
        }
        match pattern {
            TextPattern::Text(text) => Ok(Self::Text(text)),
            TextPattern::Regex(text) => RegexBuilder::new(&text)
                .size_limit(COMPILED_BYTES_MAX)
                .dfa_size_limit(COMPILED_BYTES_MAX)
                .build()
                .map(Self::Regex)
                .map_err(|error| bad(format!("no regular expression: {error}"))),
        }
    }

    /// Whether a row of text, without trailing blanks, is what is waited for.
    pub(crate) fn matches(&self, row: &str) -> bool {
        match self {
            Self::Text(text) => row.contains(text.as_str()),
            Self::Regex(regex) => regex.is_match(row),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pattern: TextPattern) -> Result<Pattern, ErrorCode> {
        Pattern::read(pattern).map_err(|failure| failure.code)
    }

    #[test]
    fn text_is_taken_as_it_is_and_a_regular_expression_is_bounded_by_the_row() {
        let text = read(TextPattern::Text("1.5 (ok)".into())).unwrap();
        assert!(text.matches("took 1.5 (ok)") && !text.matches("took 1x5 (ok)"));
        let regex = read(TextPattern::Regex("^done: [0-9]+$".into())).unwrap();
        assert!(regex.matches("done: 17") && !regex.matches("done: 17 of 20"));
    }

    #[test]
    fn what_is_empty_too_long_broken_or_too_large_is_a_bad_request() {
        let regex = |text: &str| TextPattern::Regex(text.to_owned());
        for pattern in [
            TextPattern::Text(String::new()),
            TextPattern::Text("x".repeat(PATTERN_BYTES_MAX + 1)),
            regex("("),
            regex("((a{100}){100}){100}"),
        ] {
            assert_eq!(read(pattern).unwrap_err(), ErrorCode::BadRequest);
        }
    }
}
