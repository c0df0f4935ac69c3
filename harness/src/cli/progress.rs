//! Progress while a run drives: one line that moves on a terminal, one line per scenario elsewhere.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::output;
use crate::record::event::{Event, Line, Outcome, Phase};

/// Shows the events of a run as they are recorded.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    moving: bool,
    scenarios: usize,
    begun: usize,
}

impl Progress {
    /// For a run of so many scenarios.
    pub(crate) fn new(scenarios: usize) -> Self {
        Self {
            bar: None,
            moving: std::io::stderr().is_terminal(),
            scenarios,
            begun: 0,
        }
    }

    /// Shows one event.
    pub(crate) fn show(&mut self, line: &Line) {
        match &line.event {
            Event::ScenarioStarted(started) => {
                self.begun += 1;
                self.begin(&started.name, u64::from(started.measure));
            }
            Event::TargetStarted(started) if started.dhat => self.say("profiling"),
            Event::CycleFinished(finished) => match finished.phase {
                Phase::Measure => self.at(u64::from(finished.cycle)),
                Phase::Start | Phase::Warmup => {
                    self.say(&format!("warm-up, cycle {}", finished.cycle))
                }
            },
            Event::ScenarioFinished(finished) => self.end(finished.outcome, finished.duration_ms),
            _ => {}
        }
    }

    fn begin(&mut self, name: &str, cycles: u64) {
        let title = format!("[{}/{}] {name}", self.begun, self.scenarios);
        if !self.moving {
            output::note(&format!("{title} ..."));
            return;
        }
        let bar = ProgressBar::new(cycles);
        let style = ProgressStyle::with_template(
            "{prefix:<28} {bar:20} {pos:>4}/{len:<4} {msg} {elapsed:.dim}",
        );
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_prefix(title);
        bar.enable_steady_tick(Duration::from_millis(250));
        self.bar = Some(bar);
    }

    fn at(&self, cycle: u64) {
        if let Some(bar) = &self.bar {
            bar.set_message("");
            bar.set_position(cycle);
        }
    }

    fn say(&self, message: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(message.to_owned());
        }
    }

    fn end(&mut self, outcome: Outcome, duration_ms: u64) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
        if !self.moving {
            let how = match outcome {
                Outcome::Complete => "done",
                Outcome::LoadFailed => "the load did not happen",
                Outcome::TargetFailed => "the target failed",
                Outcome::TimedOut => "timed out",
                Outcome::Interrupted => "interrupted",
                Outcome::Skipped => "skipped",
                Outcome::Internal => "leakgate failed",
            };
            let seconds = duration_ms / 1000;
            output::note(&format!(
                "[{}/{}] {how} after {seconds} s",
                self.begun, self.scenarios
            ));
        }
    }
}
