//! Owns gauges: named integers that say what a daemon holds right now.
//!
//! A gauge is a static beside the thing it describes, so that it exists, at zero, before the first element does:
//!
//! ```
//! use leakgate_probe::Gauge;
//!
//! static SESSIONS: Gauge = Gauge::length("sessions");
//!
//! let held = SESSIONS.hold(1);
//! assert_eq!(SESSIONS.get(), 1);
//! drop(held);
//! assert_eq!(SESSIONS.get(), 0);
//! ```

use std::fmt;
use std::panic::Location;
use std::sync::atomic::{AtomicI64, Ordering};

/// What a gauge's value means, and so how it may be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GaugeKind {
    /// Elements of a long-lived map, queue or task set. Exact: at rest, any lasting growth is a leak.
    Length,
    /// Bytes allocated by an owner whose capacity moves at constant load, with the most it may ever take.
    Capacity {
        /// The declared maximum, in bytes.
        max_bytes: usize,
    },
    /// Bytes that an owner says it retains: the ledger that measured bytes are compared with.
    Accounted,
    /// Occurrences since the start, such as requests of one kind. Nobody judges it; it tells which loads exercise what.
    Count,
}

impl GaugeKind {
    /// The kind's word in the probe's answers: `length`, `capacity`, `accounted` or `count`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Length => "length",
            Self::Capacity { .. } => "capacity",
            Self::Accounted => "accounted",
            Self::Count => "count",
        }
    }

    /// The declared maximum in bytes, where the kind has one.
    #[must_use]
    pub const fn max_bytes(self) -> Option<usize> {
        match self {
            Self::Capacity { max_bytes } => Some(max_bytes),
            Self::Length | Self::Accounted | Self::Count => None,
        }
    }
}

/// A named integer that a daemon keeps up to date and the probe lists.
///
/// Updates are relaxed atomic operations: a gauge orders nothing, and is exact once the daemon is quiescent.
pub struct Gauge {
    name: &'static str,
    kind: GaugeKind,
    site: &'static Location<'static>,
    value: AtomicI64,
    peak: AtomicI64,
}

impl Gauge {
    /// A gauge of the number of elements in a long-lived map, queue or task set.
    #[must_use]
    #[track_caller]
    pub const fn length(name: &'static str) -> Self {
        Self::new(name, GaugeKind::Length)
    }

    /// A gauge of the bytes an owner has allocated, which never exceed `max_bytes`.
    #[must_use]
    #[track_caller]
    pub const fn capacity(name: &'static str, max_bytes: usize) -> Self {
        Self::new(name, GaugeKind::Capacity { max_bytes })
    }

    /// A gauge of the bytes an owner accounts for.
    #[must_use]
    #[track_caller]
    pub const fn accounted(name: &'static str) -> Self {
        Self::new(name, GaugeKind::Accounted)
    }

    /// A count of occurrences; [`add`](Self::add) one for each.
    #[must_use]
    #[track_caller]
    pub const fn count(name: &'static str) -> Self {
        Self::new(name, GaugeKind::Count)
    }

    #[track_caller]
    const fn new(name: &'static str, kind: GaugeKind) -> Self {
        Self {
            name,
            kind,
            site: Location::caller(),
            value: AtomicI64::new(0),
            peak: AtomicI64::new(0),
        }
    }

    /// The name under which the probe lists this gauge.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// What the value means.
    #[must_use]
    pub const fn kind(&self) -> GaugeKind {
        self.kind
    }

    /// Where the gauge was declared: the file and line that a report names.
    #[must_use]
    pub const fn site(&self) -> &'static Location<'static> {
        self.site
    }

    /// Adds `n` elements or bytes.
    pub fn add(&self, n: usize) {
        self.change(signed(n));
    }

    /// Takes `n` elements or bytes away.
    pub fn sub(&self, n: usize) {
        self.value.fetch_sub(signed(n), Ordering::Relaxed);
    }

    /// States the value anew, for an owner that knows its total better than its changes.
    pub fn set(&self, n: usize) {
        self.value.store(signed(n), Ordering::Relaxed);
        self.reached(signed(n));
    }

    fn change(&self, by: i64) {
        let before = self.value.fetch_add(by, Ordering::Relaxed);
        self.reached(before.wrapping_add(by));
    }

    /// Keeps the highest value; one that has been reached before costs a load.
    fn reached(&self, value: i64) {
        if value > self.peak.load(Ordering::Relaxed) {
            self.peak.fetch_max(value, Ordering::Relaxed);
        }
    }

    /// The value now. Negative only when more was taken away than added: an error of the owner, shown and not hidden.
    #[must_use]
    pub fn get(&self) -> i64 {
        self.value.load(Ordering::Relaxed)
    }

    /// The highest value since the start; never below 0.
    #[must_use]
    pub fn peak(&self) -> i64 {
        self.peak.load(Ordering::Relaxed)
    }

    /// Adds `n` for as long as the returned guard lives.
    #[must_use = "the gauge goes back as soon as the guard is dropped"]
    pub fn hold(&'static self, n: usize) -> Held {
        self.add(n);
        Held { gauge: self, n }
    }
}

impl fmt::Debug for Gauge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} = {}", self.kind.word(), self.name, self.get())
    }
}

/// A share of a gauge, given back when it is dropped.
#[derive(Debug)]
pub struct Held {
    gauge: &'static Gauge,
    n: usize,
}

impl Held {
    /// How much this guard holds.
    #[must_use]
    pub const fn held(&self) -> usize {
        self.n
    }

    /// Holds `n` from now on instead: what a buffer does when it grows or shrinks.
    pub fn resize(&mut self, n: usize) {
        let change = signed(n).wrapping_sub(signed(self.n));
        self.gauge.change(change);
        self.n = n;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.gauge.sub(self.n);
    }
}

/// Lengths and byte counts in memory never exceed `isize::MAX`; one that claims to is shown as negative.
const fn signed(n: usize) -> i64 {
    (n as u64).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_gauge_knows_the_line_that_declared_it() {
        static HERE: Gauge = Gauge::length("here");
        assert!(HERE.site().file().ends_with("gauge.rs"));
        assert_eq!(HERE.site().line(), line!() - 2);
    }

    #[test]
    fn the_peak_is_the_highest_value_ever_held() {
        static HELD: Gauge = Gauge::length("held");
        let mut held = HELD.hold(2);
        held.resize(7);
        held.resize(3);
        assert_eq!((HELD.get(), HELD.peak()), (3, 7));
        drop(held);
        HELD.set(9);
        HELD.set(1);
        assert_eq!((HELD.get(), HELD.peak()), (1, 9));
    }

    #[test]
    fn taking_away_too_much_shows_as_negative() {
        static BELOW: Gauge = Gauge::accounted("below");
        BELOW.sub(3);
        assert_eq!(BELOW.get(), -3);
    }

    #[test]
    fn only_a_capacity_has_a_maximum() {
        assert_eq!(Gauge::capacity("c", 4096).kind().max_bytes(), Some(4096));
        assert_eq!(Gauge::length("l").kind().max_bytes(), None);
        assert_eq!(Gauge::accounted("a").kind().max_bytes(), None);
    }

    proptest! {
        #[test]
        fn guards_give_back_exactly_what_they_held(sizes in prop::collection::vec((0usize..1 << 40, 0usize..1 << 40), 0..40)) {
            static LEDGER: Gauge = Gauge::accounted("ledger");
            // Cases of one property run one after the other on one thread, so the static is theirs alone.
            let before = LEDGER.get();
            let mut guards: Vec<Held> = sizes.iter().map(|(first, _)| LEDGER.hold(*first)).collect();
            for (guard, (_, then)) in guards.iter_mut().zip(&sizes) {
                guard.resize(*then);
            }
            let expected: i64 = sizes.iter().map(|(_, then)| signed(*then)).sum();
            prop_assert_eq!(LEDGER.get() - before, expected);
            drop(guards);
            prop_assert_eq!(LEDGER.get(), before);
        }
    }
}
