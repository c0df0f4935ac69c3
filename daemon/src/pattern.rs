//! What a client looks for or waits for, as it is written.

use sessiond_protocol::{ErrorCode, Failure, TextPattern};
use sessiond_screen::{Case, Pattern};

/// Bytes that the pattern of a search may take compiled, and as many for its cache: both are gone with the answer.
pub(crate) const SEARCHED_BYTES_MAX: usize = 1 << 20;

/// The same of a pattern that is waited for, which is kept as long as that takes. Most take a few KiB; counted repetitions can
/// take anything.
pub(crate) const AWAITED_BYTES_MAX: usize = 128 << 10;

/// Reads a pattern that may take so many bytes.
///
/// # Errors
/// `bad_request` when it is empty, too long, no regular expression, or one that takes too much memory.
pub(crate) fn read(
    pattern: &TextPattern,
    case: Case,
    bytes_max: usize,
) -> Result<Pattern, Failure> {
    let read = match pattern {
        TextPattern::Text(text) => Pattern::plain(text, case, bytes_max),
        TextPattern::Regex(expression) => Pattern::regex(expression, case, bytes_max),
    };
    read.map_err(|error| Failure::new(ErrorCode::BadRequest, error.to_string()))
}

#[cfg(test)]
mod tests {
    use sessiond_screen::PATTERN_BYTES_MAX;

    use super::*;

    fn awaited(pattern: TextPattern) -> Result<Pattern, ErrorCode> {
        read(&pattern, Case::Sensitive, AWAITED_BYTES_MAX).map_err(|failure| failure.code)
    }

    #[test]
    fn text_is_taken_as_it_is_and_a_regular_expression_is_bounded_by_the_row() {
        let text = awaited(TextPattern::Text("1.5 (ok)".into())).unwrap();
        assert!(text.is_in("took 1.5 (ok)") && !text.is_in("took 1x5 (ok)"));
        let regex = awaited(TextPattern::Regex("^done: [0-9]+$".into())).unwrap();
        assert!(regex.is_in("done: 17") && !regex.is_in("done: 17 of 20"));
    }

    #[test]
    fn what_is_empty_too_long_broken_or_too_large_is_a_bad_request() {
        let regex = |text: &str| TextPattern::Regex(text.to_owned());
        let large = regex("a{5000}");
        for pattern in [
            TextPattern::Text(String::new()),
            TextPattern::Text("x".repeat(PATTERN_BYTES_MAX + 1)),
            regex("("),
            large.clone(),
        ] {
            assert_eq!(awaited(pattern).unwrap_err(), ErrorCode::BadRequest);
        }
        // What a search may take is more than what a wait may keep.
        read(&large, Case::Sensitive, SEARCHED_BYTES_MAX).unwrap();
        awaited(TextPattern::Text("é".repeat(PATTERN_BYTES_MAX / 2))).unwrap();
    }
}
