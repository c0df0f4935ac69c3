//! A proof as text: a line per bug as it comes, a summary at the end, and the matrix in Markdown.

use super::proof::{Answer, Outcome, Proof, Proven, Trial};
use super::versus;
use crate::report::markdown::escaped;
use crate::report::text;

/// `caught      reader-outlives-session  threads, fds on open-close, 5 of 5, 41 s`.
pub(super) fn line(proven: &Proven, width: usize) -> String {
    let name = &proven.name;
    let outcome = proven.outcome.words();
    let said = match proven.outcome {
        Outcome::Caught => by_and_often(proven),
        Outcome::NotCaught => format!("{}: {}", by_and_often(proven), proven.detail),
        Outcome::DoesNotApply | Outcome::DoesNotBuild => refresh(proven),
        Outcome::Builds => format!("built in {}", text::duration(proven.build_ms)),
    };
    format!("{outcome:<18}  {name:<width$}  {said}")
}

/// `without a bug, open-close: quiet, 12 s`.
pub(super) fn clean_line(trial: &Trial) -> String {
    let answer = match trial.answer {
        Answer::Quiet => "quiet",
        Answer::Red => "RED",
        Answer::None => "NO ANSWER",
    };
    let took = text::duration(trial.duration_ms);
    format!("without a bug, {}: {answer}, {took}", trial.catcher)
}

fn by_and_often(proven: &Proven) -> String {
    let took = text::duration(proven.build_ms + proven.trials_ms());
    let (by, caught, times) = (proven.by(), proven.caught, proven.times);
    format!("{by}, {caught} of {times}, {took}")
}

/// What is wrong with a patch, and how it is made again.
fn refresh(proven: &Proven) -> String {
    let name = &proven.name;
    let detail = proven.detail.replace('\n', "\n  ");
    format!(
        "{detail}\n  to refresh it: git apply --3way fixtures/leaks/{name}.patch, put right what is marked, then \
         `git diff` below the header of the same file, and `leakgate prove {name}`"
    )
}

/// What the proof comes to.
pub(super) fn summary(proof: &Proof) -> String {
    let mut lines = Vec::new();
    for trial in proof.not_clean() {
        let (name, detail) = (&trial.catcher, &trial.detail);
        let red = match trial.red.as_slice() {
            [] => detail.clone(),
            red => format!("red: {}", red.join(", ")),
        };
        lines.push(format!("without a bug, {name} is not quiet: {red}"));
    }
    let (good, all) = (proof.as_expected(), proof.fixtures.len());
    let cut = if proof.interrupted {
        ", interrupted"
    } else {
        ""
    };
    let took = text::duration(proof.duration_ms);
    lines.push(format!("{good} of {all} as expected{cut}, {took}"));
    lines.join("\n")
}

/// The matrix, for a pull request or a README.
pub(super) fn markdown(proof: &Proof) -> String {
    let mut table =
        String::from("| bug | caught | by | first site | time |\n|---|---|---|---|---:|\n");
    for proven in &proof.fixtures {
        let site = proven.trials.iter().find_map(|trial| trial.site.as_ref());
        let site = site.map_or(String::new(), |site| {
            format!("`{}`, {}:{}", site.function, site.file, site.line)
        });
        let often = match proven.outcome {
            Outcome::Caught | Outcome::NotCaught => {
                format!("{} of {}", proven.caught, proven.times)
            }
            other => other.words().to_owned(),
        };
        let took = text::duration(proven.build_ms + proven.trials_ms());
        let red = proof.metrics().into_iter().filter_map(|metric| {
            let first = proven.first_red_on(metric)?;
            Some(format!("`{metric}` ({first})"))
        });
        let red: Vec<String> = red.collect();
        let by = if red.is_empty() {
            proven.by()
        } else {
            red.join(", ")
        };
        table.push_str(&format!(
            "| {}: {} | {often} | {by} | {site} | {took} |\n",
            proven.name,
            escaped(&proven.title)
        ));
    }
    table.push('\n');
    table.push_str(&escaped(&summary(proof)));
    table.push('\n');
    let versus = versus::markdown(proof);
    if !versus.is_empty() {
        table.push_str("\nThe same bugs under other tools:\n\n");
        table.push_str(&versus);
    }
    table
}
