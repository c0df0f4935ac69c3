//! What a series of resident memory looks like, in a word.

/// The word for a report. It explains a verdict; it does not make one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResidentShape {
    /// Floors that stand, whatever the levels above them do.
    Flat,
    /// Growth that is one step.
    Step,
    /// Many rises, few falls, and no growth in the end.
    Sawtooth,
    /// The warm-up takes so much of the series that too little is left.
    WarmingUp,
    /// Growth above the limit that goes on.
    Growing,
}

/// Of a sawtooth at least this many rises come before each fall,
const RISES_PER_FALL: usize = 3;
/// and it falls at least this often.
const FALLS_MIN: usize = 3;

/// The shape of levels that do not grow.
pub(super) fn without_growth(levels: &[i64]) -> ResidentShape {
    let changes = || levels.windows(2).map(|pair| pair[1] - pair[0]);
    let rises = changes().filter(|&change| change > 0).count();
    let falls = changes().filter(|&change| change < 0).count();
    if falls >= FALLS_MIN && rises >= falls * RISES_PER_FALL {
        ResidentShape::Sawtooth
    } else {
        ResidentShape::Flat
    }
}
