//! The metrics that a gate can judge: their names, and what their limits count.

/// What a gate can judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Metric {
    /// Growth of live heap, bytes per cycle.
    HeapPerCycle,
    /// Growth of live heap over all measured cycles, bytes.
    HeapTotal,
    /// Growth of resident memory, bytes per cycle.
    RssPerCycle,
    /// Growth of resident memory over all measured cycles, bytes.
    RssTotal,
    /// Growth of resident memory over time, bytes per second.
    RssRate,
    /// The most live heap within a cycle above the cycle's start, bytes.
    PeakHeap,
    /// The most resident memory within a cycle above the cycle's start, bytes.
    PeakRss,
    /// The longest that a cycle's memory and objects took to be given back.
    PeakSettle,
    /// Open descriptors.
    Fds,
    /// Threads.
    Threads,
    /// Live descendants.
    Children,
    /// Dead descendants that nobody reaped.
    Zombies,
    /// The length gauges that the target registered.
    Gauges,
    /// How far the bytes that the target accounts for are from its live heap, in the middle of a cycle.
    Ledger,
    /// Files in the target's private directories.
    Disk,
    /// Growth of those files, bytes.
    DiskBytes,
    /// Bytes allocated per second while nothing happens.
    ChurnIdle,
    /// Bytes allocated in a cycle.
    ChurnCycle,
    /// How long the target took to end when it was asked to.
    Stop,
    /// Steps that the target did not do as the scenario says.
    Unmet,
    /// Allocation sites whose surviving blocks grow with the cycles.
    Sites,
}

impl Metric {
    /// Every metric, in the order that reports show them.
    pub const ALL: [Metric; 21] = [
        Metric::HeapPerCycle,
        Metric::HeapTotal,
        Metric::RssPerCycle,
        Metric::RssTotal,
        Metric::RssRate,
        Metric::PeakHeap,
        Metric::PeakRss,
        Metric::PeakSettle,
        Metric::Fds,
        Metric::Threads,
        Metric::Children,
        Metric::Zombies,
        Metric::Gauges,
        Metric::Ledger,
        Metric::Disk,
        Metric::DiskBytes,
        Metric::ChurnIdle,
        Metric::ChurnCycle,
        Metric::Stop,
        Metric::Unmet,
        Metric::Sites,
    ];

    /// Its name in scenarios, in `--gate` and in results.
    pub fn name(self) -> &'static str {
        match self {
            Metric::HeapPerCycle => "heap.per_cycle",
            Metric::HeapTotal => "heap.total",
            Metric::RssPerCycle => "rss.per_cycle",
            Metric::RssTotal => "rss.total",
            Metric::RssRate => "rss.rate",
            Metric::PeakHeap => "peak.heap",
            Metric::PeakRss => "peak.rss",
            Metric::PeakSettle => "peak.settle",
            Metric::Fds => "fds",
            Metric::Threads => "threads",
            Metric::Children => "children",
            Metric::Zombies => "zombies",
            Metric::Gauges => "gauges",
            Metric::Ledger => "ledger",
            Metric::Disk => "disk",
            Metric::DiskBytes => "disk.bytes",
            Metric::ChurnIdle => "churn.idle",
            Metric::ChurnCycle => "churn.cycle",
            Metric::Stop => "stop",
            Metric::Unmet => "unmet",
            Metric::Sites => "sites",
        }
    }

    /// The metric of that name.
    pub fn from_name(name: &str) -> Option<Metric> {
        Metric::ALL.into_iter().find(|metric| metric.name() == name)
    }

    /// What its limit counts.
    pub fn unit(self) -> MetricUnit {
        match self {
            Metric::HeapPerCycle | Metric::RssPerCycle => MetricUnit::BytesPerCycle,
            Metric::HeapTotal
            | Metric::RssTotal
            | Metric::PeakHeap
            | Metric::PeakRss
            | Metric::DiskBytes
            | Metric::ChurnCycle => MetricUnit::Bytes,
            Metric::RssRate | Metric::ChurnIdle => MetricUnit::BytesPerSecond,
            Metric::PeakSettle | Metric::Stop => MetricUnit::Milliseconds,
            Metric::Ledger => MetricUnit::Percent,
            Metric::Fds
            | Metric::Threads
            | Metric::Children
            | Metric::Zombies
            | Metric::Gauges
            | Metric::Disk
            | Metric::Unmet
            | Metric::Sites => MetricUnit::Count,
        }
    }

    /// Whether its verdict rests on noisy readings, and so spends from the run's false-alarm budget. The others are read
    /// exactly: what they call a leak is there.
    pub fn is_statistical(self) -> bool {
        matches!(
            self,
            Metric::HeapPerCycle | Metric::RssPerCycle | Metric::RssRate
        )
    }

    /// Whether nothing but 0 is the promise; any other limit has been loosened, and reports say so.
    pub fn promises_nothing_kept(self) -> bool {
        match self {
            Metric::HeapPerCycle
            | Metric::Fds
            | Metric::Threads
            | Metric::Children
            | Metric::Zombies
            | Metric::Gauges
            | Metric::Disk
            | Metric::ChurnIdle
            | Metric::Unmet
            | Metric::Sites => true,
            Metric::HeapTotal
            | Metric::RssPerCycle
            | Metric::RssTotal
            | Metric::RssRate
            | Metric::PeakHeap
            | Metric::PeakRss
            | Metric::PeakSettle
            | Metric::Ledger
            | Metric::DiskBytes
            | Metric::ChurnCycle
            | Metric::Stop => false,
        }
    }
}

/// What the limit of a metric counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricUnit {
    /// Bytes.
    Bytes,
    /// Bytes per cycle.
    BytesPerCycle,
    /// Bytes per second.
    BytesPerSecond,
    /// Milliseconds.
    Milliseconds,
    /// Percent.
    Percent,
    /// Descriptors, threads, files, ...
    Count,
}

impl MetricUnit {
    /// What a limit looks like, for messages.
    pub fn example(self) -> &'static str {
        match self {
            MetricUnit::Bytes => "a size with its unit, such as 2MiB",
            MetricUnit::BytesPerCycle => "bytes per cycle, such as 0B",
            MetricUnit::BytesPerSecond => "bytes per second, such as 0B/s",
            MetricUnit::Milliseconds => "a duration, such as 500ms",
            MetricUnit::Percent => "a share in whole percent, such as 20%",
            MetricUnit::Count => "a count, such as 0",
        }
    }
}
