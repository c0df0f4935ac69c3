//! A value that a request may choose, within its bounds.

use std::fmt::Display;
use std::ops::RangeInclusive;

use sessiond_protocol::{ErrorCode, Failure};

/// What was chosen, or the default; refused with the range when it is outside.
pub(crate) fn within<N: PartialOrd + Copy + Display>(
    chosen: Option<N>,
    default: N,
    range: RangeInclusive<N>,
    what: &str,
) -> Result<N, Failure> {
    let value = chosen.unwrap_or(default);
    if range.contains(&value) {
        return Ok(value);
    }
    let (from, to) = range.into_inner();
    let message = format!("{what} is {value}, not {from} to {to}");
    Err(Failure::new(ErrorCode::BadRequest, message))
}
