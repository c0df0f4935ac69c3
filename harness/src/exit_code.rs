//! What leakgate's exit code says, one sentence per code.

use crate::judge::ExitClass;

/// Everything that was judged passed.
pub const PASS: u8 = 0;
/// Something leaks.
pub const LEAK: u8 = 1;
/// The command line, a scenario or the configuration is wrong.
pub const USAGE: u8 = 2;
/// The recording does not say; not a pass.
pub const INCONCLUSIVE: u8 = 3;
/// The target could not be built or started, died, or did not stop.
pub const TARGET_FAILED: u8 = 4;
/// A scenario's deadline passed.
pub const TIMED_OUT: u8 = 5;
/// leakgate itself failed.
pub const INTERNAL: u8 = 70;
/// The user interrupted the run.
pub const INTERRUPTED: u8 = 130;

/// The exit code of a judged run.
pub fn of(class: ExitClass) -> u8 {
    match class {
        ExitClass::Pass => PASS,
        ExitClass::Leak => LEAK,
        ExitClass::Inconclusive => INCONCLUSIVE,
        ExitClass::TargetFailed => TARGET_FAILED,
        ExitClass::TimedOut => TIMED_OUT,
        ExitClass::Internal => INTERNAL,
        ExitClass::Interrupted => INTERRUPTED,
    }
}
