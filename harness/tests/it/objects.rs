//! What a count consists of: the heap is flat, a kernel object grows, and the report says which.

use serde_json::Value;

use crate::bench::{Workspace, programs};

const STEPS: [&str; 4] = [
    "keep descriptor",
    "keep thread",
    "keep child",
    "keep zombie",
];

/// A target that keeps one of each in every cycle, and leaves a file.
fn leaky() -> Workspace {
    let program = programs().wire_target.display();
    let target = format!(
        "[target.wire]\ncommand = [\"{program}\", \"lines\", \"--unix\", \"{{run}}/s\"]\n\
         driver = \"socket\"\nsocket = {{ unix = \"{{run}}/s\", framing = \"lines\" }}\n"
    );
    let mut scenario =
        "question = \"Does anything stay?\"\ntarget = \"wire\"\n[cycles]\nwarmup = 2\nmeasure = 12\n\
         [[step]]\ndo = \"connect\"\nclient = \"c\"\n"
            .to_owned();
    for text in STEPS {
        scenario += &format!(
            "[[step]]\ndo = \"send\"\nclient = \"c\"\ntext = \"{text}\"\n\
             [[step]]\ndo = \"expect\"\nclient = \"c\"\nline = \"kept\"\n"
        );
    }
    scenario += "[[step]]\ndo = \"disconnect\"\nclient = \"c\"\nhow = \"drop\"\n\
                 [[step]]\ndo = \"run\"\ncommand = [\"mktemp\", \"{tmp}/kept.XXXXXXXX\"]\n\
                 [gates]\nfds = 0\nthreads = 0\nchildren = 0\nzombies = 0\ndisk = 0\n";
    Workspace::new(&target, &scenario)
}

fn objects<'r>(report: &'r Value, metric: &str) -> Vec<&'r Value> {
    let objects = report["scenarios"][0]["objects"].as_array();
    let objects = objects.expect("objects").iter();
    objects
        .filter(|object| object["metric"] == metric)
        .collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[test]
fn what_grows_in_the_kernel_is_named_in_every_report() {
    let workspace = leaky();
    let (code, stdout, stderr) = workspace.run(&[]);
    assert_eq!(code, 1, "{stdout}{stderr}");
    let report = workspace.report();
    let only = |metric: &str| match objects(&report, metric)[..] {
        [object] => object.clone(),
        ref others => panic!("{metric}: {others:?}"),
    };
    // The processes that stay hold descriptors too, and are named as their holders.
    let fds = objects(&report, "fds");
    let held_by = |holder: &str| {
        let mut fds = fds.iter().filter(|fd| fd["name"] == "device /dev/null");
        fds.find(|fd| text(&fd["state"]) == holder)
            .map(|fd| &fd["count"])
    };
    assert_eq!(
        held_by("").map(Value::to_string).as_deref(),
        Some("12"),
        "{fds:?}"
    );
    assert!(held_by("held by `sleep 600`").is_some(), "{fds:?}");
    let thread = objects(&report, "threads")[0];
    assert_eq!(thread["name"], "kept-reader");
    assert_eq!(thread["count"], 12);
    if std::fs::read("/proc/thread-self/stack").is_ok() {
        assert!(text(&thread["state"]).contains("futex"), "{thread}");
    }
    let child = only("children");
    assert_eq!(child["name"], "sleep 600");
    assert!(
        text(&child["state"]).contains("wire-target lines"),
        "{child}"
    );
    assert_eq!(only("zombies")["name"], "true");
    let files = objects(&report, "disk");
    assert!(
        files
            .iter()
            .all(|file| text(&file["name"]).starts_with("tmp/kept.")),
        "{files:?}"
    );

    assert!(stdout.contains("threads: +12 `kept-reader`"), "{stdout}");
    let directory = workspace.path().join("reports/latest");
    let page = std::fs::read_to_string(directory.join("report.html")).expect("report.html");
    assert!(page.contains("<code>kept-reader</code>"));
    let markdown = std::fs::read_to_string(directory.join("report.md")).expect("report.md");
    assert!(
        markdown.contains("`threads`: +12 `kept-reader`"),
        "{markdown}"
    );
    let triage = workspace.leakgate(&["triage", "--explain"]).output();
    let triage = String::from_utf8(triage.expect("leakgate runs").stdout).expect("UTF-8");
    assert!(triage.contains("  - +12 `kept-reader`"), "{triage}");
    assert!(triage.contains("what opens `"), "{triage}");
    workspace.assert_nothing_left();
}
