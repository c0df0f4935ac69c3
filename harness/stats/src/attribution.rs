//! Growth attributed to what drove it: so much per session closed, per MiB of output, per message.
//!
//! The increments of a level are regressed on the amounts that each cycle drove, with an intercept per cycle. Cycles that
//! do more also wobble more, so the intervals are robust against unequal variances.

mod factor;

use factor::Factor;

use crate::special::student_t_above;

/// Columns at most, the intercept among them.
pub const COLUMNS_MAX: usize = 6;
/// Samples beyond the columns that an interval needs.
const SAMPLES_SPARE: usize = 2;
/// A driver of which so little, as a share of its own variation, is not explained by the others is none of its own.
const OWN_SHARE_MIN: f64 = 1e-6;
/// A sample that decides alone, to this share, what a driver costs leaves no residual to judge it by.
const LEVERAGE_MAX: f64 = 1.0 - 1e-6;

/// A cost with its two-sided confidence interval, in levels per unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// The least-squares estimate.
    pub estimate: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// What a cycle costs, and each unit of each driver.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribution {
    /// What every cycle costs, whatever it drives.
    pub cycle: Cost,
    /// Per unit of each driver, in the order given.
    pub drivers: Vec<Cost>,
}

/// Why growth cannot be attributed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotAttributed {
    /// Fewer samples than an interval needs.
    TooFew {
        /// So many are needed.
        needed: usize,
    },
    /// More drivers than are told apart with a few dozen cycles.
    TooMany {
        /// So many are allowed.
        allowed: usize,
    },
    /// A driver has an amount for more or fewer cycles than there are increments, or a value is not finite.
    Malformed,
    /// These drivers do not vary independently of each other, of the cycles, or of a single sample.
    NotSeparable {
        /// Indices of drivers.
        columns: Vec<usize>,
    },
}

/// Attributes `increments`, one per cycle, to `drivers`, each with one amount per cycle, with intervals of the given
/// `confidence` (between 0 and 1).
///
/// Ordinary least squares through an orthogonal factorisation; standard errors HC3: MacKinnon and White, "Some
/// heteroskedasticity-consistent covariance matrix estimators with improved finite sample properties", Journal of
/// Econometrics 29 (1985); quantiles of Student's t with samples less columns degrees of freedom (Long and Ervin, The
/// American Statistician 54, 2000).
///
/// # Errors
/// When there are too few samples, too many drivers, amounts that do not fit, or drivers that do not vary independently.
pub fn attribution(
    increments: &[f64],
    drivers: &[&[f64]],
    confidence: f64,
) -> Result<Attribution, NotAttributed> {
    let (samples, columns) = (increments.len(), drivers.len() + 1);
    if columns > COLUMNS_MAX {
        return Err(NotAttributed::TooMany {
            allowed: COLUMNS_MAX - 1,
        });
    }
    let all = || drivers.iter().copied().chain([increments]);
    if all().any(|values| values.len() != samples || values.iter().any(|value| !value.is_finite()))
    {
        return Err(NotAttributed::Malformed);
    }
    if samples < columns + SAMPLES_SPARE {
        return Err(NotAttributed::TooFew {
            needed: columns + SAMPLES_SPARE,
        });
    }
    let factor = Factor::new(samples, drivers)?;
    let leverages = factor.leverages();
    for (sample, &leverage) in leverages.iter().enumerate() {
        if leverage > LEVERAGE_MAX {
            return Err(factor.resting_on(sample));
        }
    }
    let estimates = factor.solve(increments);
    let residuals = factor.residuals(increments);
    let scaled: Vec<f64> = residuals
        .iter()
        .zip(&leverages)
        .map(|(residual, leverage)| residual / (1.0 - leverage))
        .collect();
    let degrees = (samples - columns) as f64;
    let tail = ((1.0 - confidence) / 2.0).clamp(f64::MIN_POSITIVE, 0.499_999);
    let reach = student_t_above(tail, degrees);
    let mut costs = (0..columns).map(|column| {
        let half = reach * factor.spread(column, &scaled);
        Cost {
            estimate: estimates[column],
            low: estimates[column] - half,
            high: estimates[column] + half,
        }
    });
    let cycle = costs.next().ok_or(NotAttributed::Malformed)?;
    Ok(Attribution {
        cycle,
        drivers: costs.collect(),
    })
}

#[cfg(test)]
mod tests;
