//! Measures as people write them: sizes of memory and of terminals.

use crate::units::Bytes;

/// `15MB` is 15,000,000 bytes, `2MiB` is 2,097,152; none without a unit, or with one that is not exactly so written.
pub(crate) fn parse_bytes(text: &str) -> Option<Bytes> {
    const UNITS: [&str; 8] = ["B", "kB", "KB", "KiB", "MB", "MiB", "GB", "GiB"];
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let known = UNITS.contains(&unit.trim_start());
    let size: bytesize::ByteSize = known.then(|| text.parse().ok()).flatten()?;
    Some(Bytes(size.as_u64()))
}

/// Rows and columns: `24x80` is 24 rows of 80 columns; each from 1 to 1,000.
pub(crate) fn parse_size(text: &str) -> Option<(u16, u16)> {
    let (rows, columns) = text.split_once('x')?;
    let side = |text: &str| -> Option<u16> {
        let side = text.parse().ok()?;
        (1..=1_000).contains(&side).then_some(side)
    };
    Some((side(rows)?, side(columns)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_and_binary_units_differ_and_a_unit_is_needed() {
        assert_eq!(parse_bytes("15MB"), Some(Bytes(15_000_000)));
        assert_eq!(parse_bytes("2MiB"), Some(Bytes(2 << 20)));
        assert_eq!(parse_bytes("1.5 KiB"), Some(Bytes(1536)));
        assert_eq!(parse_bytes("0B"), Some(Bytes(0)));
        for wrong in ["15", "", "MB", "15M", "15mb", "-1B", "1e3B", "15MB/s"] {
            assert_eq!(parse_bytes(wrong), None, "{wrong}");
        }
    }
}
