//! Finding, in the bytes of plain output, what can be printed at once.

/// Length of the run of printable ASCII that the bytes start with.
#[inline]
pub(crate) fn printable_run(bytes: &[u8]) -> usize {
    /// Bytes looked at together, which the compiler turns into vector instructions.
    const STEP: usize = 32;
    let odd = |byte: u8| byte.wrapping_sub(0x20) >= 0x5f;
    let mut run = 0;
    for chunk in bytes.chunks_exact(STEP) {
        if chunk.iter().fold(false, |any, byte| any | odd(*byte)) {
            break;
        }
        run += STEP;
    }
    let (words, _) = bytes[run..].as_chunks();
    for word in words {
        match printable_in(u64::from_le_bytes(*word)) {
            8 => run += 8,
            less => return run + less,
        }
    }
    run + bytes[run..].iter().take_while(|byte| !odd(**byte)).count()
}

/// Number of printable ASCII characters at the start of eight bytes, the first one lowest.
#[inline]
fn printable_in(word: u64) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    // A byte's top bit is set when it is below 0x20, or 0x7f and above. A carry can only come from a byte that is flagged
    // itself, so the lowest flag is right.
    let below = word.wrapping_sub(ONES * 0x20) & !word;
    let above = word.wrapping_add(ONES) | word;
    let flags = (below | above) & (ONES << 7);
    (flags.trailing_zeros() / 8) as usize
}

/// Length of the run of bytes above ASCII that the bytes start with.
pub(crate) fn high_run(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| **byte >= 0x80).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_ends_at_the_first_byte_that_is_not_printable() {
        for length in 0..70 {
            for end in [0x1f, 0x7f, 0x80, 0xff, 0] {
                let mut bytes = vec![b'~'; length];
                bytes.push(end);
                bytes.extend([b' '; 40]);
                assert_eq!(printable_run(&bytes), length);
                assert_eq!(printable_run(&bytes[..length]), length);
            }
        }
        assert_eq!(high_run("ää b".as_bytes()), 4);
    }
}
