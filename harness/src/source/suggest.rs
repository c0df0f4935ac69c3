//! What a person may have meant.

/// The word of `allowed` that `written` is probably a slip of.
pub(crate) fn closest<'a>(written: &str, allowed: &[&'a str]) -> Option<&'a str> {
    // A third of the letters wrong is a slip; more is another word.
    let tolerated = (written.chars().count() / 3).max(1);
    allowed
        .iter()
        .map(|&word| (distance(written, word), word))
        .filter(|&(distance, _)| distance <= tolerated)
        .min()
        .map(|(_, word)| word)
}

/// `` `a`, `b`, `c` ``.
pub(crate) fn listed(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    quoted.join(", ")
}

/// Edits between two words: insertions, deletions, replacements and swaps of neighbours (optimal string alignment;
/// Boytsov, "Indexing methods for approximate dictionary searching", 2011).
fn distance(from: &str, to: &str) -> usize {
    let from: Vec<char> = from.chars().collect();
    let to: Vec<char> = to.chars().collect();
    let mut table = vec![vec![0; to.len() + 1]; from.len() + 1];
    for row in 0..=from.len() {
        for column in 0..=to.len() {
            table[row][column] = if row == 0 || column == 0 {
                row + column
            } else {
                let differs = usize::from(from[row - 1] != to[column - 1]);
                let edited = (table[row - 1][column] + 1)
                    .min(table[row][column - 1] + 1)
                    .min(table[row - 1][column - 1] + differs);
                let swapped = row > 1
                    && column > 1
                    && from[row - 1] == to[column - 2]
                    && from[row - 2] == to[column - 1];
                if swapped {
                    edited.min(table[row - 2][column - 2] + 1)
                } else {
                    edited
                }
            };
        }
    }
    table[from.len()][to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        let steps = ["open", "close", "connect", "wait_exit"];
        assert_eq!(closest("opne", &steps), Some("open"), "neighbours swapped");
        assert_eq!(closest("onpe", &steps), None, "two edits of four letters");
        assert_eq!(closest("opn", &steps), Some("open"));
        assert_eq!(closest("conect", &steps), Some("connect"));
        assert_eq!(closest("wait-exit", &steps), Some("wait_exit"));
        assert_eq!(closest("spawn", &steps), None);
    }

    #[test]
    fn distance_counts_edits() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("same", "same"), 0);
    }
}
