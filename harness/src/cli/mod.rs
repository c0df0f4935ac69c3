//! The command line: what was typed becomes a run, and its outcome an exit code.

mod compare;
pub(crate) mod job;
mod list;
mod merge;
pub(crate) mod output;
mod plan;
mod progress;
mod recordings;
mod repeat;
mod run;
pub(crate) mod shard;
mod symbols;
mod trend;
mod triage;
mod watch;
pub(crate) mod workspace;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use serde::{Deserialize, Serialize};

use self::shard::Shard;
use crate::coverage::CoverageArguments;
use crate::drive::{ProfileMode, Profiler};
use crate::emit::Content;
use crate::prove::Tool;
use crate::scenario::Suite;
use crate::selftest::Kind;
use crate::{emit, exit_code, schema, target};

/// Drives a long-lived process through the loads that leak, measures what it keeps, and judges.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0    everything that was judged passed
  1    something leaks
  2    the command line, a scenario or the configuration is wrong
  3    inconclusive: the recording does not say
  4    the target could not be built or started, died, or did not stop
  5    a deadline passed
  70   leakgate itself failed
  130  interrupted";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run scenarios against their targets and judge what was kept
    Run(RunArguments),
    /// List the scenarios and their questions
    List(WorkspaceArguments),
    /// Watch a process that already runs and judge whether it grows
    Watch(watch::WatchArguments),
    /// Show exactly what a scenario will do
    Plan(plan::PlanArguments),
    /// Judge a recording again and write its reports anew
    Judge(RecordingArguments),
    /// Print the report of a run
    Report(RecordingArguments),
    /// Show what leaks in a run, since when, and where to look first
    Triage(triage::TriageArguments),
    /// Give the addresses in a snapshot of the probe's tracker their functions and lines
    Symbols(symbols::SymbolsArguments),
    /// Keep the figures of runs, and show where they changed
    Trend(trend::TrendArguments),
    /// Find the commit that introduced a leak
    Bisect(BisectArguments),
    /// Drive two binaries by turns, and say in which figures one is worse
    Compare(compare::CompareArguments),
    /// Put several runs together as one report
    Merge(merge::MergeArguments),
    /// Print a JSON Schema
    Schema {
        /// Of what
        #[arg(value_enum)]
        document: Document,
    },
    /// Run every load once and show what of the targets none of them exercises
    Coverage(CoverageArguments),
    /// Put known leaks back into copies of the source and show that each turns its gate red
    Prove(ProveArguments),
    /// Make a target leak on purpose, and count how often that is seen
    Selftest(SelftestArguments),
    /// Write terminal output of an exact length (what `{emit}` stands for in scenarios)
    #[command(hide = true)]
    Emit {
        /// How many bytes: 10MiB, 1MB, 512
        #[arg(long, value_parser = output::bytes)]
        bytes: u64,
        /// Of what kind
        #[arg(long, value_enum, default_value = "plain")]
        content: Content,
        /// The exit code afterwards
        #[arg(long, default_value_t = 0)]
        exit: u8,
    },
    /// The supervisor of a target
    #[command(name = target::SUPERVISE, hide = true)]
    Supervise {
        /// The directory to remove when leakgate goes away
        private: PathBuf,
    },
}

/// What has a published schema.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Document {
    /// `run.json`
    Run,
    /// A line of `events.jsonl`
    Events,
    /// `repeat.json`
    Repeat,
    /// `proof.json`
    Proof,
    /// `selftest.json`
    Selftest,
    /// `bisect.json`
    Bisect,
    /// `compare.json`
    Compare,
    /// A line of `trend.jsonl`
    TrendRun,
    /// What `trend show --json` prints
    Trend,
    /// `coverage.json`
    Coverage,
    /// A scenario, for editors
    Scenario,
    /// `leakgate.toml`, for editors
    Config,
}

impl Document {
    fn schema(self) -> serde_json::Value {
        match self {
            Document::Run => schema::run(),
            Document::Events => schema::events(),
            Document::Repeat => schema::repeat(),
            Document::Proof => schema::proof(),
            Document::Selftest => schema::selftest(),
            Document::Bisect => schema::bisect(),
            Document::Compare => schema::compare(),
            Document::TrendRun => schema::trend_run(),
            Document::Trend => schema::trend(),
            Document::Coverage => schema::coverage(),
            Document::Scenario => schema::scenario(),
            Document::Config => schema::config(),
        }
    }
}

/// Where scenarios and targets are.
#[derive(Clone, Debug, clap::Args, Serialize, Deserialize)]
struct WorkspaceArguments {
    /// The file that names the targets [default: leakgate.toml here or in a directory above]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Which suite, where no scenario is named
    #[arg(long, value_enum, default_value = "gate")]
    suite: Suite,
}

#[derive(Clone, Debug, clap::Args, Serialize, Deserialize)]
struct RunArguments {
    /// Names in scenarios/, or paths of scenario files [default: the whole suite]
    scenarios: Vec<String>,
    #[command(flatten)]
    workspace: WorkspaceArguments,
    /// Run against this target instead of the one that the scenario names
    #[arg(long)]
    target: Option<String>,
    /// Where the run's directory is made [default: reports/ beside the configuration]
    #[arg(long, value_name = "DIR")]
    report_dir: Option<PathBuf>,
    /// Fewer cycles: for a first look, with less sensitivity
    #[arg(long)]
    quick: bool,
    /// Only the K-th of N parts of the scenarios
    #[arg(long, value_name = "K/N")]
    #[serde(default)]
    shard: Option<Shard>,
    /// Draw random values with this seed, to repeat a run [default: another one in every run]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// When to run the build for heap profiles too, for the lines that allocate
    #[arg(long, value_enum, default_value = "on-leak")]
    profile: ProfileMode,
    /// What takes the heap profiles
    #[arg(long, value_enum, default_value = "dhat")]
    #[serde(default)]
    profiler: Profiler,
    /// Run this often: the runs answer together, and share one false-alarm budget
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    repeat: Option<u32>,
    /// Go on with the repeated runs in this directory, as they were begun
    #[arg(long, value_name = "DIR", exclusive = true)]
    resume: Option<PathBuf>,
    /// Add the run to the store that `leakgate trend` shows
    #[arg(long, conflicts_with = "repeat")]
    #[serde(default)]
    trend: bool,
    /// Set a limit, as SCENARIO.METRIC=LIMIT; the report says so
    #[arg(long, value_name = "GATE")]
    gate: Vec<String>,
}

#[derive(Clone, Debug, clap::Args)]
struct RecordingArguments {
    /// The run's directory
    #[arg(default_value = "reports/latest")]
    run: PathBuf,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ProveArguments {
    /// Names in fixtures/leaks/, or paths of patches [default: all]
    pub(crate) fixtures: Vec<String>,
    /// The file that names the targets [default: leakgate.toml here or in a directory above]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Only show that each patch applies and compiles
    #[arg(long)]
    pub(crate) check: bool,
    /// Only the K-th of N parts of them
    #[arg(long, value_name = "K/N")]
    pub(crate) shard: Option<Shard>,
    /// Show each bug to every scenario of the suites gate and full too
    #[arg(long, conflicts_with = "check")]
    pub(crate) all_scenarios: bool,
    /// Let these tools that people use today look at each bug too
    #[arg(
        long,
        value_name = "TOOL,...",
        value_enum,
        value_delimiter = ',',
        conflicts_with = "check"
    )]
    pub(crate) tools: Vec<Tool>,
    /// Copies of the source at work at the same time, up to the number of CPUs; each takes a build of its own
    #[arg(long, default_value_t = 1)]
    pub(crate) jobs: usize,
    /// How often each must turn its gate red
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) times: u32,
    /// Where the runs' directories are made [default: reports/prove beside the configuration]
    #[arg(long, value_name = "DIR")]
    pub(crate) report_dir: Option<PathBuf>,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct BisectArguments {
    /// A revision on which the scenario passes
    pub(crate) good: String,
    /// A later one on which it leaks
    pub(crate) bad: String,
    /// A name in scenarios/, or the path of a scenario file
    pub(crate) scenario: String,
    /// The file that names the targets [default: leakgate.toml here or in a directory above]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Where the bisection's directory is made [default: reports/bisect beside the configuration]
    #[arg(long, value_name = "DIR")]
    pub(crate) report_dir: Option<PathBuf>,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct SelftestArguments {
    /// The scenario whose load runs meanwhile: a name in scenarios/, or a path
    #[arg(default_value = "selftest")]
    pub(crate) scenario: String,
    /// The file that names the targets [default: leakgate.toml here or in a directory above]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Run against this target instead of the one that the scenario names
    #[arg(long)]
    pub(crate) target: Option<String>,
    /// Runs with each seed
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) runs: u32,
    /// Only these seeds [default: all]
    #[arg(long, value_enum, num_args = 1.., value_name = "KIND")]
    pub(crate) seed: Vec<Kind>,
    /// Look for the smallest leak of each kind that is caught in every run
    #[arg(long)]
    pub(crate) minimum: bool,
    /// Runs at the same time, up to the number of CPUs
    #[arg(long, default_value_t = 1)]
    pub(crate) jobs: usize,
    /// Go on with the self-test in this directory
    #[arg(long, value_name = "DIR", conflicts_with = "report_dir")]
    pub(crate) resume: Option<PathBuf>,
    /// Where the self-test's directory is made [default: reports/selftest beside the configuration]
    #[arg(long, value_name = "DIR")]
    pub(crate) report_dir: Option<PathBuf>,
}

/// Why a command ends without a verdict: what is told, and the exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: u8,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn usage(error: impl ToString) -> Self {
        Self {
            code: exit_code::USAGE,
            message: error.to_string(),
        }
    }

    pub(crate) fn target(error: impl ToString) -> Self {
        Self {
            code: exit_code::TARGET_FAILED,
            message: error.to_string(),
        }
    }

    /// Somebody asked leakgate to end.
    pub(crate) fn interrupted() -> Self {
        Self {
            code: exit_code::INTERRUPTED,
            message: "interrupted".to_owned(),
        }
    }

    pub(crate) fn internal(error: impl ToString) -> Self {
        Self {
            code: exit_code::INTERNAL,
            message: error.to_string(),
        }
    }
}

/// Runs the command line that the process was started with.
pub fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Run(arguments) => run::run(&arguments),
        Command::List(arguments) => list::list(&arguments),
        Command::Watch(arguments) => watch::watch(&arguments),
        Command::Plan(arguments) => plan::plan(&arguments),
        Command::Judge(arguments) => recordings::judge(&arguments.run),
        Command::Report(arguments) => recordings::report(&arguments.run),
        Command::Triage(arguments) => triage::triage(&arguments),
        Command::Symbols(arguments) => symbols::symbols(&arguments),
        Command::Trend(arguments) => trend::trend(&arguments),
        Command::Bisect(arguments) => crate::bisect::bisect(&arguments),
        Command::Compare(arguments) => compare::compare(&arguments),
        Command::Merge(arguments) => merge::merge_runs(&arguments),
        Command::Schema { document } => output::json(&document.schema()),
        Command::Coverage(arguments) => crate::coverage::coverage(&arguments),
        Command::Prove(arguments) => crate::prove::prove(&arguments),
        Command::Selftest(arguments) => crate::selftest::selftest(&arguments),
        Command::Emit {
            bytes,
            content,
            exit,
        } => emit::emit(content, bytes, &mut std::io::stdout().lock())
            .map(|()| exit)
            .map_err(Failure::internal),
        Command::Supervise { private } => target::supervise(&private)
            .map(|()| exit_code::PASS)
            .map_err(Failure::internal),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            output::complain(&failure.message);
            ExitCode::from(failure.code)
        }
    }
}
