//! Whether a series drifts, or its drift bends, by more than errors that depend on each other explain.
//!
//! Neighbouring levels of a heap are alike: noise of that kind wanders, and for a while in one direction. Errors are
//! therefore taken as a first-order autoregression, whose coefficient r is estimated from what a fitted curve leaves, and
//! the curve is fitted again by generalised least squares for that r. With r = 0 this is ordinary least squares; with
//! r = 1 it asks whether the mean difference stands out of the differences, so that a random walk is no drift. Perron and
//! Yabu, "Estimating deterministic trends with an integrated or stationary noise component", Journal of Econometrics 151
//! (2009), join both cases in the same way; quasi-differences with the first value kept are those of Prais and Winsten
//! (1954).

use crate::special::student_t_above;

/// Fewer values than this leave too few residuals to learn from.
const VALUES_MIN: usize = 5;
/// Standard errors that [`Persistence::Worst`] adds to the estimate of r.
const WORST_ERRORS: f64 = 3.0;
/// A column of which this share or less is left by the columns before it is one of theirs.
const OWN_SHARE_MIN: f64 = 1e-9;

/// How much of the dependence between errors is granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Persistence {
    /// What is estimated, less the estimate's bias.
    Expected,
    /// The most that the estimate is compatible with: a random walk where that is not excluded.
    Worst,
}

/// What is asked of a curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Term {
    Slope,
    Bend,
}

/// Whether `points` (position, value) rise at the one-sided level `alpha`.
pub(crate) fn rises(points: &[(f64, f64)], persistence: Persistence, alpha: f64) -> bool {
    let Some(t) = t_statistic(points, Term::Slope, persistence) else {
        return false;
    };
    let degrees = points.len() as f64 - 2.0;
    t > student_t_above(alpha.clamp(f64::MIN_POSITIVE, 0.499), degrees)
}

/// By how many standard errors `points` bend upwards; negative where growth slows down, infinite where nothing wobbles.
pub(crate) fn bend(points: &[(f64, f64)]) -> f64 {
    t_statistic(points, Term::Bend, Persistence::Expected).unwrap_or(0.0)
}

/// The highest term of the curve over its standard error; none of too few points, or all at one position.
fn t_statistic(points: &[(f64, f64)], term: Term, persistence: Persistence) -> Option<f64> {
    let [first, .., last] = points else {
        return None;
    };
    let width = last.0 - first.0;
    if points.len() < VALUES_MIN || width <= 0.0 {
        return None;
    }
    let highest = match term {
        Term::Slope => 1,
        Term::Bend => 2,
    };
    // Powers of a position from 0 to 1.
    let columns: Vec<Vec<f64>> = (0..=highest)
        .map(|power| {
            let raised = |point: &(f64, f64)| ((point.0 - first.0) / width).powi(power);
            points.iter().map(raised).collect()
        })
        .collect();
    let values: Vec<f64> = points.iter().map(|point| point.1).collect();
    let ordinary = Fit::new(columns.clone(), values.clone())?;
    let r = persistence.of(&ordinary.residuals);
    let differenced = columns
        .iter()
        .map(|column| quasi_differences(column, r))
        .collect();
    Fit::new(differenced, quasi_differences(&values, r)).map(|fit| fit.t)
}

impl Persistence {
    /// The correlation of each of `residuals` with the next, 0 (independent) to 1 (a random walk).
    ///
    /// The estimate from detrended values is too low by (2 + 4 r) / n: Tjostheim and Paulsen, "Bias of some commonly-used
    /// time series estimates", Biometrika 70 (1983).
    fn of(self, residuals: &[f64]) -> f64 {
        let products: f64 = residuals.windows(2).map(|pair| pair[0] * pair[1]).sum();
        let squares: f64 = residuals.windows(2).map(|pair| pair[0] * pair[0]).sum();
        if squares <= 0.0 {
            return 0.0;
        }
        let n = residuals.len() as f64;
        let raw = products / squares;
        let unbiased = (raw + 2.0 / n) / (1.0 - 4.0 / n);
        let granted = match self {
            Persistence::Expected => unbiased,
            Persistence::Worst => unbiased + WORST_ERRORS * ((1.0 - raw * raw).max(0.0) / n).sqrt(),
        };
        granted.clamp(0.0, 1.0)
    }
}

/// Each value less `r` times the one before; the first is weighted to have the same variance.
fn quasi_differences(values: &[f64], r: f64) -> Vec<f64> {
    let first = values
        .first()
        .map(|value| (1.0 - r * r).max(0.0).sqrt() * value);
    let rest = values.windows(2).map(|pair| pair[1] - r * pair[0]);
    first.into_iter().chain(rest).collect()
}

/// A least-squares fit.
struct Fit {
    /// The last column's coefficient over its standard error.
    t: f64,
    residuals: Vec<f64>,
}

impl Fit {
    /// Columns are swept out of those after them and of the values (Gram-Schmidt; Frisch and Waugh 1933); one that the
    /// others explain is left out. None where the last one is.
    fn new(columns: Vec<Vec<f64>>, values: Vec<f64>) -> Option<Fit> {
        let degrees = values.len().checked_sub(columns.len())?.max(1) as f64;
        let mut residuals = values;
        let mut basis: Vec<Vec<f64>> = Vec::new();
        let mut explained = None;
        for mut column in columns {
            let whole = dot(&column, &column);
            // Twice: the second sweep takes what rounding left of the first.
            for q in basis.iter().chain(&basis) {
                sweep(&mut column, q);
            }
            let own = dot(&column, &column);
            explained = None;
            if own > OWN_SHARE_MIN * whole {
                let length = own.sqrt();
                column.iter_mut().for_each(|value| *value /= length);
                explained = Some(sweep(&mut residuals, &column));
                basis.push(column);
            }
        }
        let explained = explained?;
        let error = (dot(&residuals, &residuals) / degrees).sqrt();
        Some(Fit {
            t: if explained == 0.0 {
                0.0
            } else {
                explained / error
            },
            residuals,
        })
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// Takes the part along the unit vector `q` out of `values`, and says how much that was.
fn sweep(values: &mut [f64], q: &[f64]) -> f64 {
    let along = dot(values, q);
    for (value, part) in values.iter_mut().zip(q) {
        *value -= along * part;
    }
    along
}
