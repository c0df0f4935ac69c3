//! Numbers and verdicts as words, the same in every rendering for people.

use super::model::{GateReport, RunReport, ScenarioReport};
use crate::judge::{Amount, Attribution, GateVerdict, GrownObject, Kind, Quantity, Unit, Verdict};
use crate::record::event::Owner;
use crate::scenario::Metric;
use crate::units::{ByteDelta, Bytes};

/// The verdict in words.
pub(super) fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Leak => "leak",
        Verdict::Inconclusive => "inconclusive",
        Verdict::Withdrawn => "withdrawn",
        Verdict::Known => "known",
        Verdict::Skipped => "skipped",
        Verdict::Error => "error",
        Verdict::Timeout => "timeout",
    }
}

/// A gate's verdict in words.
pub(super) fn gate_verdict(verdict: GateVerdict) -> &'static str {
    match verdict {
        GateVerdict::Pass => "pass",
        GateVerdict::Leak => "leak",
        GateVerdict::Inconclusive => "inconclusive",
        GateVerdict::Withdrawn => "withdrawn",
        GateVerdict::Known => "known",
        GateVerdict::Skipped => "skipped",
        GateVerdict::Error => "error",
        GateVerdict::Timeout => "timeout",
        GateVerdict::NotJudged => "not judged",
        GateVerdict::Unsupported => "unsupported",
    }
}

/// The limit as a person would write it.
pub(super) fn limit(gate: &GateReport) -> String {
    let amount = |limit: u64| match gate.unit {
        Unit::Count => limit.to_string(),
        Unit::Bytes => size(limit),
        Unit::Milliseconds => duration(limit),
        Unit::Percent => format!("{limit} %"),
    };
    let per = match gate.kind {
        Kind::PerCycle => "/cycle",
        Kind::Rate => "/s",
        Kind::Total | Kind::Peak => "",
    };
    let mark = match gate.file_limit {
        Some(file_limit) => format!(" (--gate, file {})", amount(file_limit)),
        None if gate.overridden => " (--gate)".to_owned(),
        None if gate.loosened => " (loosened)".to_owned(),
        None => String::new(),
    };
    format!("{}{per}{mark}", amount(gate.limit))
}

/// What there is to say about a gate; a leak is also stated per day.
pub(super) fn detail(gate: &GateReport) -> String {
    let leaks = matches!(gate.verdict, GateVerdict::Leak | GateVerdict::Known);
    let per_day = gate.per_day.filter(|_| leaks);
    let per_day = match (per_day, gate.unit) {
        (Some(amount), Unit::Bytes) => ByteDelta(amount).to_string(),
        (Some(amount), Unit::Count) => format!("{amount:+}"),
        (None, _) | (_, Unit::Milliseconds | Unit::Percent) => return gate.detail.clone(),
    };
    let after = if gate.detail.is_empty() { "" } else { "; " };
    format!("{}{after}{per_day} in 24 h at this pace", gate.detail)
}

/// `keeps 128 B per session (95 %: 120 to 136)`; none for what does not differ from nothing.
pub(super) fn attribution(attribution: &Attribution) -> Option<String> {
    let Attribution {
        per,
        bytes,
        low,
        high,
        ..
    } = attribution;
    if *low <= 0.0 {
        return None;
    }
    let verb = match attribution.quantity {
        Quantity::Kept => "keeps",
        Quantity::Allocated => "allocates",
    };
    let size = |bytes: f64| rounded(bytes);
    Some(format!(
        "{verb} {} per {per} (95 %: {} to {})",
        size(*bytes),
        size(*low),
        size(*high)
    ))
}

/// Bytes of an estimate, for the eye.
#[expect(clippy::cast_possible_truncation, reason = "saturates by definition")]
fn rounded(bytes: f64) -> String {
    signed_size(bytes.round() as i64)
}

/// An estimate for the eye: a fraction is shown where it is more than a rounding error of what is shown.
pub(crate) fn estimate(unit: Unit, value: f64) -> String {
    // Minus nothing is nothing.
    let fraction = |digits: usize| {
        let text = format!("{value:.digits$}");
        let text = text.trim_end_matches('0').trim_end_matches('.');
        match text {
            "-0" | "" => "0".to_owned(),
            text => text.to_owned(),
        }
    };
    match unit {
        Unit::Bytes if value.abs() < 10.0 => format!("{} B", fraction(1)),
        Unit::Bytes => rounded(value),
        Unit::Count => fraction(2),
        Unit::Milliseconds if value.abs() < 1000.0 => format!("{} ms", fraction(1)),
        Unit::Milliseconds => format!("{:.2} s", value / 1000.0),
        Unit::Percent => format!("{} %", fraction(1)),
    }
}

/// Whole megabytes stay what they were written as; everything else is shown in powers of 1024.
fn size(bytes: u64) -> String {
    const MEGABYTE: u64 = 1_000_000;
    if bytes > 0 && bytes.is_multiple_of(MEGABYTE) {
        format!("{} MB", bytes / MEGABYTE)
    } else {
        Bytes(bytes).to_string()
    }
}

/// What was observed; a dash where nothing was.
pub(super) fn observed(gate: &GateReport) -> String {
    match gate.observed {
        None => "-".to_owned(),
        Some(Amount::Plain(amount)) => match gate.unit {
            Unit::Bytes if gate.kind == Kind::PerCycle => per_cycle(gate.unit, amount, 1),
            Unit::Bytes => ByteDelta(amount).to_string(),
            Unit::Milliseconds => duration(amount.unsigned_abs()),
            Unit::Percent => format!("{amount} %"),
            Unit::Count if amount == 0 => "0".to_owned(),
            Unit::Count => format!("{amount:+}"),
        },
        Some(Amount::PerCycles { amount, cycles }) => per_cycle(gate.unit, amount, cycles),
        Some(Amount::PerTime {
            amount,
            milliseconds,
        }) => per_second(amount, milliseconds),
    }
}

/// The smallest leak that would have been caught; a dash where nothing was judged.
pub(super) fn sensitivity(gate: &GateReport) -> String {
    match (gate.sensitivity, gate.unit) {
        (None, _) => "-".to_owned(),
        (Some(Amount::Plain(amount)), Unit::Bytes) => Bytes(amount.unsigned_abs()).to_string(),
        (Some(Amount::Plain(amount)), Unit::Count) => amount.to_string(),
        (Some(Amount::Plain(amount)), Unit::Milliseconds) => duration(amount.unsigned_abs()),
        (Some(Amount::Plain(amount)), Unit::Percent) => format!("{amount} %"),
        (Some(Amount::PerCycles { amount, cycles }), Unit::Count) => {
            format!("{amount} in {cycles} cycles")
        }
        (Some(Amount::PerCycles { amount, cycles }), unit) => per_cycle(unit, amount, cycles),
        (
            Some(Amount::PerTime {
                amount,
                milliseconds,
            }),
            _,
        ) => format!(
            "{} in {}",
            Bytes(amount.unsigned_abs()),
            duration(milliseconds)
        ),
    }
}

/// `16 B/cycle`; a fraction that is not whole is rounded for the eye.
pub(super) fn per_cycle(unit: Unit, amount: i64, cycles: u32) -> String {
    let cycles = i64::from(cycles.max(1));
    let whole = amount / cycles;
    let exact = amount % cycles == 0;
    match unit {
        Unit::Bytes if exact || whole.abs() >= 10 => format!("{}/cycle", signed_size(whole)),
        Unit::Bytes => format!("{:.1} B/cycle", amount as f64 / cycles as f64),
        _ if exact => format!("{whole}/cycle"),
        _ => format!("{:.2}/cycle", amount as f64 / cycles as f64),
    }
}

/// A size with a minus where it is negative, and no plus.
fn signed_size(bytes: i64) -> String {
    let sign = if bytes < 0 { "-" } else { "" };
    format!("{sign}{}", Bytes(bytes.unsigned_abs()))
}

fn per_second(amount: i64, milliseconds: u64) -> String {
    let milliseconds = i64::try_from(milliseconds.max(1)).unwrap_or(i64::MAX);
    let rate = amount.saturating_mul(1000) / milliseconds;
    match rate {
        0 if amount > 0 => "< 1 B/s".to_owned(),
        rate => format!("{}/s", signed_size(rate)),
    }
}

/// `850 ms`, `12.3 s`, `2 min 05 s`.
pub(crate) fn duration(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    match milliseconds {
        0..1_000 => format!("{milliseconds} ms"),
        1_000..60_000 => format!("{seconds}.{} s", milliseconds % 1000 / 100),
        _ => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

/// `daemon/src/core/mod.rs:40`, or that nobody knows.
pub(crate) fn place(file: &str, line: u32) -> String {
    match file {
        "" => "no line tables".to_owned(),
        file => format!("{file}:{line}"),
    }
}

/// Whose code a site is, where it is not the user's.
pub(crate) fn whose(owner: Owner) -> &'static str {
    match owner {
        Owner::Yours | Owner::Unknown => "",
        Owner::Dependency => " (a dependency)",
        Owner::Std => " (the standard library)",
    }
}

/// ` in task "session"`; nothing where the target names none.
pub(crate) fn in_tasks(tasks: &[String]) -> String {
    let quoted: Vec<String> = tasks.iter().map(|task| format!("\"{task}\"")).collect();
    match quoted.as_slice() {
        [] => String::new(),
        [only] => format!(" in task {only}"),
        [all @ .., last] => format!(" in tasks {} and {last}", all.join(", ")),
    }
}

/// How often a run of this kind is wrong when it calls a leak, and what shares that risk.
pub(super) fn false_alarms(report: &RunReport) -> String {
    let budget = report.false_alarms;
    if budget.gates == 0 {
        return "False alarms: none by chance, every gate counts exactly".to_owned();
    }
    let one_in = (1.0 / budget.per_run).round();
    let plural = if budget.gates == 1 { "" } else { "s" };
    let together = match budget.runs {
        1 => String::new(),
        runs => format!(" and {runs} runs"),
    };
    let mut gates = report.scenarios.iter().flat_map(|scenario| &scenario.gates);
    // Resident memory takes steps that no model of noise has: what holds is what was measured.
    let resident = [Metric::RssPerCycle, Metric::RssRate].map(Metric::name);
    let rest = match gates.any(|gate| resident.contains(&gate.metric.as_str())) {
        true => {
            "growth of resident memory is called wrongly more often, see docs/design/resident-memory.md"
        }
        false => "the other gates count exactly",
    };
    format!(
        "False alarms: at most 1 in {one_in} such runs, shared by {} noisy gate{plural}{together}; {rest}",
        budget.gates
    )
}

/// The one thing to know about a scenario: why it has no answer, or its red gates, each written by `red`.
pub(super) fn headline(scenario: &ScenarioReport, red: impl Fn(&GateReport) -> String) -> String {
    match scenario.detail.as_str() {
        "" => scenario.red().map(red).collect::<Vec<_>>().join(", "),
        detail => detail.to_owned(),
    }
}

/// A gate and what it observed.
pub(super) fn metric_observed(gate: &GateReport) -> String {
    format!("{} {}", gate.metric, observed(gate))
}

/// `+31 pipe, read end`; `name` puts marks around names.
pub(super) fn object(object: &GrownObject, name: impl Fn(&str) -> String) -> String {
    let mut told = format!("{:+} {}", object.count, name(&object.name));
    if !object.state.is_empty() {
        told += &format!(", {}", object.state);
    }
    if let Some(example) = &object.example {
        told += &format!(", such as {}", name(example));
    }
    told
}

/// The same between backticks.
pub(super) fn object_marked(grown: &GrownObject) -> String {
    object(grown, |name| format!("`{name}`"))
}

/// The one thing to know about a scenario, as text.
pub(crate) fn headline_of(scenario: &ScenarioReport) -> String {
    headline(scenario, metric_observed)
}

/// The command that runs a scenario again.
pub(super) fn again(scenario: &ScenarioReport) -> String {
    if scenario.is_watched() {
        let pid = scenario.target.trim_start_matches("process ");
        return format!("leakgate watch {pid}");
    }
    let profile = match scenario.verdict {
        Verdict::Leak => " --profile always",
        _ => "",
    };
    format!(
        "leakgate run {} --target {}{profile}",
        scenario.name, scenario.target
    )
}

/// A value of a curve.
pub(super) fn quantity(unit: Unit, value: i64) -> String {
    match unit {
        Unit::Bytes => signed_size(value),
        Unit::Count => value.to_string(),
        Unit::Milliseconds => duration(value.unsigned_abs()),
        Unit::Percent => format!("{value} %"),
    }
}

/// `4 scenarios: 3 pass, 1 leak`.
pub(super) fn tally(verdicts: &[Verdict]) -> String {
    let all = [
        Verdict::Leak,
        Verdict::Error,
        Verdict::Timeout,
        Verdict::Inconclusive,
        Verdict::Withdrawn,
        Verdict::Known,
        Verdict::Skipped,
        Verdict::Pass,
    ];
    let counted: Vec<String> = all
        .into_iter()
        .filter_map(|wanted| {
            let count = verdicts.iter().filter(|&&found| found == wanted).count();
            (count > 0).then(|| format!("{count} {}", verdict(wanted)))
        })
        .collect();
    let plural = if verdicts.len() == 1 { "" } else { "s" };
    let after = if counted.is_empty() { "" } else { ": " };
    format!(
        "{} scenario{plural}{after}{}",
        verdicts.len(),
        counted.join(", ")
    )
}

/// Gates in the order in which a person wants them: what needs one first, then as they are.
pub(super) fn by_urgency(gates: &[GateReport]) -> Vec<&GateReport> {
    let mut sorted: Vec<&GateReport> = gates.iter().collect();
    sorted.sort_by_key(|gate| match gate.verdict {
        GateVerdict::Leak => 0,
        GateVerdict::Error | GateVerdict::Timeout | GateVerdict::Withdrawn => 1,
        GateVerdict::Inconclusive | GateVerdict::Unsupported => 2,
        GateVerdict::Known => 3,
        GateVerdict::Pass | GateVerdict::Skipped | GateVerdict::NotJudged => 4,
    });
    sorted
}

/// Whether a scenario ended before any gate had something to judge: then a table of them says nothing.
pub(super) fn nothing_observed(scenario: &ScenarioReport) -> bool {
    scenario.gates.iter().all(|gate| {
        gate.observed.is_none()
            && !matches!(
                gate.verdict,
                GateVerdict::Inconclusive | GateVerdict::Unsupported
            )
    })
}
