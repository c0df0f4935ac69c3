//! What is held, what is evicted, and what can be read again.

use serde_json::json;

use super::{append, asked, following, line, list, stats, texts};

/// Of one file, some more than 1 MiB.
fn block(name: &str) -> String {
    line("reply", &format!("{name} {}", "x".repeat(2000))).repeat(600)
}

#[test]
fn the_least_recently_used_is_evicted_and_read_again_from_the_file() {
    let (daemon, root) = following(&["SESSIOND_MAX_MEMORY", "4500000"]);
    for name in ["a", "b", "c"] {
        append(&root.join(name).with_extension("jsonl"), &block(name));
        list(&daemon);
    }
    assert_eq!(stats(&daemon)["evicted"]["total_budget"], 0);
    asked(&daemon, &["show", "1"]);
    append(&root.join("d.jsonl"), &block("d"));
    let held: Vec<_> = list(&daemon)
        .iter()
        .map(|info| info["held_events"].clone())
        .collect();
    assert_eq!(held, [json!(600), json!(0), json!(600), json!(600)]);
    assert_eq!(stats(&daemon)["evicted"]["total_budget"], 600);
    let shown = asked(&daemon, &["show", "2", "--limit", "5"]);
    assert_eq!(shown["events"]["from_disk"], true);
    assert!(texts(&shown).iter().all(|text| text.starts_with("b x")) && texts(&shown).len() == 5);
    // All of it, page by page.
    let (mut from, mut seen) = (json!(0), 0);
    while !from.is_null() {
        let shown = asked(
            &daemon,
            &["show", "2", "--from", &from.to_string(), "--limit", "1000"],
        );
        seen += texts(&shown).len();
        from = shown["events"]["next"].clone();
    }
    assert_eq!(seen, 600);
    // What is known of it was kept.
    let snippet = list(&daemon)[1]["snippet"].clone();
    assert!(snippet.as_str().unwrap().starts_with("b xxx"));
}

#[test]
fn one_transcript_above_its_own_budget_keeps_its_end() {
    let budgets = ["SESSIOND_MAX_TRANSCRIPT_MEMORY", "1048576"];
    let (daemon, root) = following(&budgets);
    let file = root.join("a.jsonl");
    append(&file, &line("prompt", "the beginning"));
    append(&file, &block("a").repeat(3));
    append(&file, &line("reply", "the end"));
    let info = &list(&daemon)[0];
    let held = info["held_events"].as_u64().unwrap();
    assert!((400..600).contains(&held), "{held}");
    assert!(info["held_bytes"].as_u64().unwrap() <= 1 << 20);
    let stats = stats(&daemon);
    assert_eq!(stats["evicted"]["transcript_budget"], 1802 - held);
    let shown = asked(&daemon, &["show", "1", "--limit", "1"]);
    assert_eq!(
        (texts(&shown), &shown["events"]["from_disk"]),
        (vec!["the end".to_owned()], &json!(false))
    );
    let shown = asked(&daemon, &["show", "1", "--from", "0", "--limit", "1"]);
    assert_eq!(
        (texts(&shown), &shown["events"]["from_disk"]),
        (vec!["the beginning".to_owned()], &json!(true))
    );
}
