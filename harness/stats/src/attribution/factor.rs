//! A design matrix as an orthonormal basis times a triangle, and what regression asks of it.

use super::{COLUMNS_MAX, NotAttributed, OWN_SHARE_MIN};

/// The columns (the intercept first), made orthonormal: X = Q R, each driver of X scaled to a largest amount of 1.
pub(super) struct Factor {
    /// Orthonormal columns.
    q: Vec<Vec<f64>>,
    /// Upper triangle; `r[column]` holds the coefficients of that column on `q[0..=column]`.
    r: [[f64; COLUMNS_MAX]; COLUMNS_MAX],
    /// Largest amount of each column.
    scales: Vec<f64>,
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

impl Factor {
    /// Gram-Schmidt, each column twice ("twice is enough": Kahan and Parlett; Giraud, Langou, Rozloznik and van den
    /// Eshof, Numer. Math. 101, 2005). Fails on a driver that the columns before it explain.
    pub(super) fn new(samples: usize, drivers: &[&[f64]]) -> Result<Factor, NotAttributed> {
        let intercept = vec![1.0; samples];
        let mut factor = Factor {
            q: Vec::new(),
            r: [[0.0; COLUMNS_MAX]; COLUMNS_MAX],
            scales: Vec::new(),
        };
        for (column, amounts) in std::iter::once(&intercept[..])
            .chain(drivers.iter().copied())
            .enumerate()
        {
            let scale = amounts
                .iter()
                .fold(0.0f64, |most, amount| most.max(amount.abs()));
            if scale == 0.0 {
                return Err(NotAttributed::NotSeparable {
                    columns: vec![column - 1],
                });
            }
            let mut rest: Vec<f64> = amounts.iter().map(|amount| amount / scale).collect();
            let whole = dot(&rest, &rest).sqrt();
            let mut centred = whole;
            for _ in 0..2 {
                for (before, q) in factor.q.iter().enumerate() {
                    let share = dot(&rest, q);
                    factor.r[column][before] += share;
                    for (value, basis) in rest.iter_mut().zip(q) {
                        *value -= share * basis;
                    }
                    if before == 0 {
                        centred = centred.min(dot(&rest, &rest).sqrt());
                    }
                }
            }
            let own = dot(&rest, &rest).sqrt();
            // Against rounding (a constant is centred to about 1e-16), and against what the other drivers explain.
            if centred <= OWN_SHARE_MIN * whole || own * own <= OWN_SHARE_MIN * centred * centred {
                return Err(factor.explained(column, own.max(OWN_SHARE_MIN * whole)));
            }
            factor.r[column][column] = own;
            factor
                .q
                .push(rest.iter().map(|value| value / own).collect());
            factor.scales.push(scale);
        }
        Ok(factor)
    }

    /// The drivers that together make up `column`, with it.
    fn explained(&self, column: usize, negligible: f64) -> NotAttributed {
        // The coefficients of the column on the columns before it, by back substitution.
        let mut weights = self.r[column];
        for at in (0..column).rev() {
            weights[at] /= self.r[at][at];
            for before in 0..at {
                weights[before] -= weights[at] * self.r[at][before];
            }
        }
        let columns = (1..column)
            .filter(|&at| weights[at].abs() > negligible)
            .chain([column])
            .map(|at| at - 1)
            .collect();
        NotAttributed::NotSeparable { columns }
    }

    fn columns(&self) -> usize {
        self.q.len()
    }

    /// Least-squares coefficients of `values`, per unit of each column.
    pub(super) fn solve(&self, values: &[f64]) -> Vec<f64> {
        let mut solved: Vec<f64> = self.q.iter().map(|q| dot(q, values)).collect();
        for column in (0..self.columns()).rev() {
            solved[column] /= self.r[column][column];
            for before in 0..column {
                solved[before] -= solved[column] * self.r[column][before];
            }
        }
        solved
            .iter()
            .zip(&self.scales)
            .map(|(value, scale)| value / scale)
            .collect()
    }

    /// What the columns do not explain of `values`.
    pub(super) fn residuals(&self, values: &[f64]) -> Vec<f64> {
        let mut rest = values.to_vec();
        for q in &self.q {
            let share = dot(&rest, q);
            for (value, basis) in rest.iter_mut().zip(q) {
                *value -= share * basis;
            }
        }
        rest
    }

    /// How far each sample decides its own fitted value, 0 to 1.
    pub(super) fn leverages(&self) -> Vec<f64> {
        (0..self.q[0].len())
            .map(|sample| self.q.iter().map(|q| q[sample] * q[sample]).sum())
            .collect()
    }

    /// The weight of each sample in the coefficient of `column`.
    fn weights(&self, column: usize) -> Vec<f64> {
        // The row `column` of the inverse of R, then times the transposed Q.
        let mut row = [0.0; COLUMNS_MAX];
        row[column] = 1.0 / self.r[column][column];
        for at in column + 1..self.columns() {
            let sum: f64 = (column..at)
                .map(|before| row[before] * self.r[at][before])
                .sum();
            row[at] = -sum / self.r[at][at];
        }
        (0..self.q[0].len())
            .map(|sample| {
                let sum: f64 = self
                    .q
                    .iter()
                    .zip(row)
                    .map(|(q, factor)| q[sample] * factor)
                    .sum();
                sum / self.scales[column]
            })
            .collect()
    }

    /// Standard error of the coefficient of `column` for `errors`, one per sample.
    pub(super) fn spread(&self, column: usize, errors: &[f64]) -> f64 {
        let squares = |(weight, error): (f64, &f64)| (weight * error) * (weight * error);
        self.weights(column)
            .into_iter()
            .zip(errors)
            .map(squares)
            .sum::<f64>()
            .sqrt()
    }

    /// The drivers whose coefficient hangs on one sample.
    pub(super) fn resting_on(&self, sample: usize) -> NotAttributed {
        const PART: f64 = 0.1;
        let columns = (1..self.columns())
            .filter(|&column| {
                let weights = self.weights(column);
                weights[sample] * weights[sample] > PART * dot(&weights, &weights)
            })
            .map(|column| column - 1)
            .collect();
        NotAttributed::NotSeparable { columns }
    }
}
