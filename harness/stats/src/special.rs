//! Tail probabilities that have no closed form: the regularised incomplete beta function and what follows from it.

/// Relative accuracy at which the continued fraction stops.
const ACCURACY: f64 = 1e-14;
/// It converges within a few times the square root of the larger parameter; this is far beyond, and ends it in any case.
const TERMS_MAX: u32 = 100_000;
/// Halvings of an interval: more than a double has bits.
const HALVINGS: u32 = 200;

/// The natural logarithm of the gamma function for positive `x`, to about 15 digits.
///
/// Lanczos, "A precision approximation of the gamma function", SIAM J. Numer. Anal. B 1 (1964), with Godfrey's
/// coefficients (g = 7, n = 9).
fn ln_gamma(x: f64) -> f64 {
    const COEFFICIENTS: [f64; 8] = [
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    let x = x - 1.0;
    let mut series = 0.999_999_999_999_809_9;
    let mut divisor = x;
    for coefficient in COEFFICIENTS {
        divisor += 1.0;
        series += coefficient / divisor;
    }
    let shifted = x + 7.5;
    0.5 * (2.0 * std::f64::consts::PI).ln() + (x + 0.5) * shifted.ln() - shifted + series.ln()
}

/// The chance that a beta variable with positive parameters `a` and `b` is at most `x`.
///
/// Its continued fraction (Abramowitz and Stegun, *Handbook of Mathematical Functions*, 1964, 26.5.8), evaluated by the
/// modified Lentz method (Thompson and Barnett 1986).
pub(crate) fn beta_cdf(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let ln_front = ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (-x).ln_1p();
    // It converges fast on this side of the mean; the other side is the complement.
    if x < (a + 1.0) / (a + b + 2.0) {
        ln_front.exp() * beta_fraction(x, a, b) / a
    } else {
        1.0 - ln_front.exp() * beta_fraction(1.0 - x, b, a) / b
    }
}

fn beta_fraction(x: f64, a: f64, b: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let not_zero = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut upper = 1.0;
    let mut lower = 1.0 / not_zero(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = lower;
    for term in 1..TERMS_MAX {
        let m = f64::from(term);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut last_factor = 1.0;
        for coefficient in [even, odd] {
            lower = 1.0 / not_zero(1.0 + coefficient * lower);
            upper = not_zero(1.0 + coefficient / upper);
            last_factor = upper * lower;
            fraction *= last_factor;
        }
        if (last_factor - 1.0).abs() < ACCURACY {
            break;
        }
    }
    fraction
}

/// The `x` below which a beta variable lies with chance `p`, by halving.
pub(crate) fn beta_quantile(p: f64, a: f64, b: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if beta_cdf(middle, a, b) < p {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

/// What a variable with Student's t distribution and `degrees` of freedom (positive) exceeds with chance `tail`, which is
/// between 0 and 1/2, both excluded.
///
/// Student, Biometrika 6 (1908); through the beta distribution of degrees / (degrees + t^2).
pub fn student_t_above(tail: f64, degrees: f64) -> f64 {
    let x = beta_quantile(2.0 * tail, degrees / 2.0, 0.5);
    (degrees * (1.0 - x) / x).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_gamma_function_is_the_factorial_and_the_root_of_pi() {
        assert!((ln_gamma(11.0) - 3_628_800f64.ln()).abs() < 1e-12);
        assert!((ln_gamma(0.5) - std::f64::consts::PI.sqrt().ln()).abs() < 1e-12);
    }

    #[test]
    fn quantiles_of_student_are_the_printed_ones() {
        // Abramowitz and Stegun, table 26.10.
        for (tail, degrees, printed) in [
            (0.025, 10.0, 2.228),
            (0.001, 5.0, 5.893),
            (0.0005, 30.0, 3.646),
            (0.005, 1.0, 63.657),
            (0.025, 1e6, 1.960),
        ] {
            let found = student_t_above(tail, degrees);
            assert!((found - printed).abs() < 5e-4, "{tail}, {degrees}: {found}");
        }
    }

    proptest! {
        #[test]
        fn a_beta_quantile_is_undone_by_its_distribution(p in 0.001f64..0.999, a in 0.5f64..5_000.0, b in 0.5f64..5_000.0) {
            prop_assert!((beta_cdf(beta_quantile(p, a, b), a, b) - p).abs() < 1e-9);
        }

        #[test]
        fn a_beta_distribution_is_the_mirror_of_its_own(x in 0.0f64..1.0, a in 0.5f64..50.0, b in 0.5f64..50.0) {
            prop_assert!((beta_cdf(x, a, b) + beta_cdf(1.0 - x, b, a) - 1.0).abs() < 1e-9);
        }
    }
}
