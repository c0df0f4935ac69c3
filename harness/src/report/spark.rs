//! A series as a row of blocks: as much of a picture as a line of a terminal holds.

const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The values from their lowest to their highest, in at most so many columns, the first and the last among them.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of the levels, clamped"
)]
pub(crate) fn spark(values: &[f64], columns: usize) -> String {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let columns = columns.min(values.len());
    (0..columns)
        .map(|column| {
            let value = values[column * (values.len() - 1) / (columns - 1).max(1)];
            let share = match high > low {
                true => (value - low) / (high - low),
                false => 0.0,
            };
            LEVELS[((share * 7.0) as usize).min(7)]
        })
        .collect()
}
