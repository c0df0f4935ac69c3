//! What a sample tells about real targets, and that taking it is not felt by them.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use leakgate::record::Recording;
use leakgate::record::event::{Event, Phase, Sample};
use leakgate::sample::probe::ProbeClient;
use leakgate::sample::{Edge, Sampler};

use crate::bench::{DIRECTORIES, OPEN_CLOSE, Workspace, programs};

fn samples(workspace: &Workspace) -> Vec<Sample> {
    let events = workspace.path().join("reports/latest/events.jsonl");
    let recording = Recording::read(&events).expect("the recording");
    let events = recording.lines.into_iter().map(|line| line.event);
    events
        .filter_map(|event| match event {
            Event::Sample(sample) => Some(*sample),
            _ => None,
        })
        .collect()
}

#[test]
fn a_process_that_escapes_from_its_parent_is_seen_and_named() {
    let escaping = DIRECTORIES.replace("exec sleep 600", "(sleep 599 &) ; exec sleep 600");
    let workspace = Workspace::new(&escaping, OPEN_CLOSE);
    let (code, stdout, stderr) = workspace.run(&[]);
    // It is still there when the target has ended, which the gate on children finds by itself.
    assert_eq!(code, 1, "{stdout}{stderr}");
    for sample in samples(&workspace) {
        let escaped = sample.escaped.expect("there is a supervisor");
        assert_eq!((escaped.count, sample.children), (1, 1));
        assert_eq!(escaped.commands, ["sleep 599"]);
    }
    workspace.assert_nothing_left();
}

#[test]
fn a_sample_tells_more_than_resident_memory() {
    let workspace = Workspace::new(DIRECTORIES, OPEN_CLOSE);
    workspace.run(&[]);
    let samples = samples(&workspace);
    let last = samples.last().expect("samples");
    assert!(last.memory.mappings > 5 && last.memory.page_tables.0 > 0);
    assert!(last.settle.returned_ms.is_some(), "{:?}", last.settle);
    assert_eq!(last.escaped.as_ref().map(|e| e.count), Some(0));
    let cycle = last.memory.cycle_high_water.expect("one's own children");
    assert!(cycle >= last.memory.rss && cycle <= last.memory.high_water);
}

/// A sessiond of its own, started as a user would, with its probe open.
pub(crate) struct Daemon {
    pub(crate) child: Child,
    pub(crate) dir: tempfile::TempDir,
    probe: ProbeClient,
}

impl Daemon {
    pub(crate) async fn start() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let probe = dir.path().join("probe.sock");
        let child = Command::new(&programs().sessiond)
            .args(["serve", "--socket"])
            .arg(dir.path().join("s.sock"))
            .env("LEAKGATE_PROBE", &probe)
            .env("XDG_RUNTIME_DIR", dir.path())
            .env("XDG_STATE_HOME", dir.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("sessiond starts");
        let connected = tokio::time::timeout(Duration::from_secs(20), async {
            loop {
                if let Ok(client) = ProbeClient::connect(&probe).await {
                    return client;
                }
                tokio::task::yield_now().await;
            }
        });
        Self {
            probe: connected.await.expect("the probe answers"),
            child,
            dir,
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How often each thread has been switched away from, by its id and name: a thread that is woken has to be.
fn switches(pid: u32) -> BTreeMap<(u32, String), u64> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("tasks");
    let tasks = tasks.flatten().map(|task| {
        let status = std::fs::read_to_string(task.path().join("status")).expect("a status");
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.expect("a field").trim().to_owned()
        };
        let count = |name| field(name).parse::<u64>().expect("a number");
        let id = u32::try_from(count("Pid:")).expect("an id");
        let switches = count("voluntary_ctxt_switches:") + count("nonvoluntary_ctxt_switches:");
        ((id, field("Name:")), switches)
    });
    tasks.collect()
}

#[tokio::test]
async fn fifty_samples_wake_no_thread_but_the_probes_and_make_the_target_allocate_nothing() {
    let mut daemon = Daemon::start().await;
    let pid = daemon.child.id();
    assert!(
        daemon
            .probe
            .quiesce(Duration::from_secs(5))
            .await
            .expect("it rests")
    );
    let heap = daemon
        .probe
        .heap()
        .await
        .expect("an answer")
        .expect("a heap");
    let probe = ProbeClient::connect(&daemon.dir.path().join("probe.sock")).await;
    let mut sampler = Sampler::of_found(pid, Some(probe.expect("the probe answers")));
    let before = switches(pid);
    for cycle in 0..50 {
        let sample = sampler.sample(Phase::Measure, cycle, Edge::Inner).await;
        sample.expect("a sample");
    }
    let after = switches(pid);
    let woken: BTreeMap<&str, u64> = after
        .iter()
        .map(|(thread, count)| (thread.1.as_str(), count - before[thread]))
        .filter(|(_, woken)| *woken > 0)
        .collect();
    assert_eq!(
        woken.keys().collect::<Vec<_>>(),
        [&"leakgate-probe"],
        "{woken:?}"
    );
    let now = daemon
        .probe
        .heap()
        .await
        .expect("an answer")
        .expect("a heap");
    assert_eq!(now.allocated_bytes, heap.allocated_bytes);
    assert_eq!(now.allocated_blocks, heap.allocated_blocks);
}

/// CPU time of all threads of a process, nanoseconds.
fn cpu_ns(pid: u32) -> u64 {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("tasks");
    let times = tasks.flatten().map(|task| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).expect("schedstat");
        let first = text.split(' ').next().expect("a time");
        first.parse::<u64>().expect("a number")
    });
    times.sum()
}

#[tokio::test]
#[ignore = "a measurement that prints; docs/measuring.md has the command"]
async fn what_a_sample_costs() {
    const SAMPLES: u32 = 200;
    let daemon = Daemon::start().await;
    let (pid, own) = (daemon.child.id(), std::process::id());
    let probe = ProbeClient::connect(&daemon.dir.path().join("probe.sock")).await;
    let mut sampler = Sampler::of_found(pid, Some(probe.expect("the probe answers")));
    let microseconds = |from: u64, to: u64| (to - from) / 1000 / u64::from(SAMPLES);
    let (target, harness) = (cpu_ns(pid), cpu_ns(own));
    for cycle in 0..SAMPLES {
        let sample = sampler.sample(Phase::Measure, cycle, Edge::Inner).await;
        sample.expect("a sample");
    }
    let settled = (
        microseconds(harness, cpu_ns(own)),
        microseconds(target, cpu_ns(pid)),
    );
    let mut sampler = Sampler::of_found(pid, None);
    let (target, harness) = (cpu_ns(pid), cpu_ns(own));
    for cycle in 0..SAMPLES {
        sampler.look(Phase::Measure, cycle).await.expect("a look");
    }
    let looked = (
        microseconds(harness, cpu_ns(own)),
        microseconds(target, cpu_ns(pid)),
    );
    println!("CPU time in microseconds, of leakgate and of the target:");
    println!("a settled sample with a probe {settled:?}, a look without {looked:?}");
}
