//! Where values lie: an estimator that half of the values cannot mislead.

/// The middle value, or the mean of the two middle ones; none of no values.
///
/// Breakdown point 50 %: Huber, *Robust Statistics* (1981).
pub fn median(values: &[f64]) -> Option<f64> {
    let half = values.len() / 2;
    if values.is_empty() {
        return None;
    }
    let mut values = values.to_vec();
    let even = values.len().is_multiple_of(2);
    let (lower, &mut upper, _) = values.select_nth_unstable_by(half, f64::total_cmp);
    let below = lower.iter().copied().max_by(f64::total_cmp);
    match below {
        Some(below) if even => Some(f64::midpoint(below, upper)),
        _ => Some(upper),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn half_of_the_values_cannot_mislead() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0, 1.0, 1e9]), Some(3.0));
        assert_eq!(median(&[1.0, 2.0]), Some(1.5));
    }

    // Integers of moderate size, so that shifting and scaling is exact in floating point.
    fn levels() -> impl Strategy<Value = Vec<f64>> {
        prop::collection::vec((-1_000_000i32..1_000_000).prop_map(f64::from), 1..60)
    }

    proptest! {
        #[test]
        fn it_follows_a_shift_and_a_scale(values in levels(), shift in -1000i32..1000, scale in 1i32..100) {
            let (shift, scale) = (f64::from(shift), f64::from(scale));
            let moved: Vec<f64> = values.iter().map(|value| value * scale + shift).collect();
            prop_assert_eq!(median(&moved), median(&values).map(|m| m * scale + shift));
        }

        #[test]
        fn the_order_of_values_does_not_matter(values in levels()) {
            let backwards: Vec<f64> = values.iter().rev().copied().collect();
            prop_assert_eq!(median(&backwards), median(&values));
        }

        #[test]
        fn the_middle_of_constants_is_their_value(value in -1e9f64..1e9, count in 1usize..50) {
            prop_assert_eq!(median(&vec![value; count]), Some(value));
        }
    }
}
