//! Files that grow, shrink, are moved and are broken.

use std::fs;
use std::io::Write;

use serde_json::json;

use super::{append, asked, follow_in, following, line, list, stats, texts};

#[test]
fn what_is_appended_is_read_once_and_a_line_without_an_end_waits() {
    let (daemon, root) = following(&[]);
    let file = root.join("a.jsonl");
    append(&file, &line("prompt", "fix it"));
    let whole = line("reply", "done");
    append(&file, &whole[..10]);
    let info = &list(&daemon)[0];
    assert_eq!(
        (&info["events"], &info["format"]),
        (&json!(1), &json!("generic"))
    );
    assert_eq!(info["read_bytes"], line("prompt", "fix it").len());
    append(&file, &whole[10..]);
    let info = &list(&daemon)[0];
    assert_eq!(
        (&info["events"], &info["prompt"], &info["snippet"]),
        (&json!(2), &json!("fix it"), &json!("done"))
    );
    let shown = asked(&daemon, &["show", "1"]);
    assert_eq!(texts(&shown), ["fix it", "done"]);
    assert_eq!(
        stats(&daemon)["read_bytes"],
        fs::metadata(&file).unwrap().len()
    );
}

#[test]
fn a_bad_line_and_a_long_one_are_counted_with_their_place_and_stop_nothing() {
    let (daemon, root) = following(&[]);
    let file = root.join("a.jsonl");
    append(&file, &line("prompt", "one"));
    append(&file, "{\"kind\":\"reply\",\n\n");
    append(&file, &line("reply", "two"));
    let info = &list(&daemon)[0];
    assert_eq!(
        (&info["events"], &info["bad_lines"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(info["last_fault"]["at"], line("prompt", "one").len());
    // A line above the limit, which takes several looks to come.
    let at = fs::metadata(&file).unwrap().len();
    for _ in 0..3 {
        append(&file, &"x".repeat(2 << 20));
        list(&daemon);
    }
    append(&file, &format!("\n{}", line("reply", "three")));
    let info = &list(&daemon)[0];
    assert_eq!(
        (
            &info["events"],
            &info["oversized_lines"],
            &info["last_fault"]["at"]
        ),
        (&json!(3), &json!(1), &json!(at))
    );
    assert_eq!(info["read_bytes"], fs::metadata(&file).unwrap().len());
}

#[test]
fn a_file_that_is_truncated_replaced_or_rewritten_is_read_anew() {
    let (daemon, root) = following(&[]);
    let file = root.join("a.jsonl");
    append(&file, &line("prompt", "before").repeat(3));
    assert_eq!(list(&daemon)[0]["events"], 3);
    fs::write(&file, line("prompt", "less")).unwrap();
    let info = &list(&daemon)[0];
    assert_eq!(
        (&info["events"], &info["prompt"]),
        (&json!(1), &json!("less"))
    );
    let other = root.join("other");
    fs::write(&other, line("prompt", "another").repeat(2)).unwrap();
    fs::rename(&other, &file).unwrap();
    let info = &list(&daemon)[0];
    assert_eq!(
        (&info["events"], &info["prompt"]),
        (&json!(2), &json!("another"))
    );
    let rewritten = fs::OpenOptions::new().write(true).open(&file);
    let text = line("prompt", "ANOTHER").repeat(5);
    rewritten.unwrap().write_all(text.as_bytes()).unwrap();
    let info = &list(&daemon)[0];
    assert_eq!(
        (&info["events"], &info["prompt"]),
        (&json!(5), &json!("ANOTHER"))
    );
    let stats = stats(&daemon);
    for what in ["truncated", "rotated", "rewritten"] {
        assert_eq!(stats[what], 1, "{what}");
    }
    assert_eq!(stats["evicted"]["replaced"], 6);
    assert_eq!(stats["held_events"], 5);
}

#[test]
fn a_file_that_is_moved_is_followed_on_and_one_that_is_removed_is_forgotten() {
    let (daemon, root) = following(&[]);
    let (file, moved) = (root.join("a.jsonl"), root.join("deep/b.jsonl"));
    append(&file, &line("prompt", "one"));
    assert_eq!(list(&daemon)[0]["id"], 1);
    fs::create_dir(root.join("deep")).unwrap();
    fs::rename(&file, &moved).unwrap();
    append(&moved, &line("reply", "two"));
    let all = list(&daemon);
    assert_eq!(
        (all.len(), &all[0]["events"], &all[0]["id"]),
        (1, &json!(2), &json!(1))
    );
    assert_eq!(all[0]["path"], moved.to_str().unwrap());
    fs::remove_file(&moved).unwrap();
    assert!(list(&daemon).is_empty());
    let stats = stats(&daemon);
    assert_eq!(
        (&stats["held_events"], &stats["evicted"]["gone"]),
        (&json!(0), &json!(2))
    );
}

#[test]
fn a_new_file_with_the_number_of_a_removed_one_is_another() {
    let (daemon, root) = following(&[]);
    // Between two looks; whether the number is used again is the file system's business.
    for round in 0..20 {
        let name = format!("{round}.jsonl");
        append(
            &root.join(&name),
            &line("prompt", &name).repeat(round % 3 + 1),
        );
        let all = list(&daemon);
        assert_eq!(all.len(), 1);
        assert_eq!(
            (&all[0]["prompt"], &all[0]["events"], &all[0]["id"]),
            (&json!(name), &json!(round % 3 + 1), &json!(round + 1))
        );
        fs::remove_file(root.join(&name)).unwrap();
    }
    let stats = stats(&daemon);
    assert_eq!(
        (&stats["rewritten"], &stats["truncated"]),
        (&json!(0), &json!(0))
    );
}

#[test]
fn cursors_outlive_a_restart_and_only_what_is_new_is_read() {
    let (daemon, root) = following(&[]);
    for name in ["a", "b", "c"] {
        append(
            &root.join(name).with_extension("jsonl"),
            &line("prompt", name).repeat(100),
        );
    }
    assert_eq!(stats(&daemon)["events"], 300);
    let (daemon, root) = follow_in(daemon.leave(), &[]);
    append(&root.join("a.jsonl"), &line("reply", "new"));
    // Meanwhile it became another.
    fs::write(root.join("b.jsonl"), line("prompt", "B").repeat(200)).unwrap();
    let stats = stats(&daemon);
    assert_eq!(
        (&stats["events"], &stats["rewritten"]),
        (&json!(201), &json!(1))
    );
    let all = list(&daemon);
    let known: Vec<_> = all
        .iter()
        .map(|info| (info["events"].clone(), info["prompt"].clone()))
        .collect();
    let expected =
        [(101, "a"), (200, "B"), (100, "c")].map(|(events, prompt)| (json!(events), json!(prompt)));
    assert_eq!(known, expected);
    // What an earlier daemon has read is not held, and is read from the file.
    let c = all[2]["id"].to_string();
    let shown = asked(&daemon, &["show", &c, "--limit", "3"]);
    assert_eq!(
        (texts(&shown), &shown["events"]["from_disk"]),
        (vec!["c".to_owned(); 3], &json!(true))
    );
}

#[test]
fn a_large_file_is_read_in_little_memory() {
    let (daemon, root) = following(&["SESSIOND_MAX_MEMORY", "4000000"]);
    let file = root.join("large.jsonl");
    let block = line("reply", &"word ".repeat(400)).repeat(500);
    for _ in 0..40 {
        append(&file, &block);
    }
    let bytes = fs::metadata(&file).unwrap().len();
    assert!(bytes > 40_000_000);
    let stats = stats(&daemon);
    assert_eq!(
        (&stats["events"], &stats["read_bytes"]),
        (&json!(20_000), &json!(bytes))
    );
    assert!(stats["held_bytes"].as_u64().unwrap() <= 4_000_000);
    assert!(stats["evicted"]["total_budget"].as_u64().unwrap() > 15_000);
    assert!(
        daemon.status_kb("VmHWM") < 32 << 10,
        "{}",
        daemon.status_kb("VmHWM")
    );
}
