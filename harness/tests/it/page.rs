//! `report.html` in a real browser: it renders, says nothing in the console, answers the mouse, folds, and fits a phone.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::browser::Browser;

/// The page of a recorded leak of threads, as `leakgate judge` writes it.
fn page(directory: &Path) -> PathBuf {
    let recording =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/recordings/thread-leak.jsonl");
    std::fs::copy(recording, directory.join("events.jsonl")).expect("the recording");
    assert_cmd::Command::new(env!("CARGO_BIN_EXE_leakgate"))
        .arg("judge")
        .arg(directory)
        .assert()
        .code(1);
    directory.join("report.html")
}

/// Where the middle of an element is.
fn middle(browser: &mut Browser, selector: &str) -> (f64, f64) {
    let place = browser.evaluate(&format!(
        "(() => {{ const e = document.querySelector({selector:?}); e.scrollIntoView({{block: 'center'}}); \
         const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; }})()"
    ));
    let side = |index: usize| place[index].as_f64().expect("a number");
    (side(0), side(1))
}

/// Until the browser has painted what it was told.
const PAINTED: &str =
    "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))";

#[test]
#[cfg_attr(not(has_chromium), ignore = "chromium is not installed")]
fn the_page_draws_answers_folds_and_fits() {
    let directory = tempfile::tempdir().expect("a directory");
    let page = page(directory.path());
    let mut browser = Browser::open(&page, &directory.path().join("profile"), 1_200, 2_000);
    browser.evaluate(PAINTED);

    // Everything that changes is drawn, and something is on the canvas.
    let figures = browser.evaluate("document.querySelectorAll('figure').length");
    assert!(figures.as_u64() >= Some(5), "{figures}");
    assert_eq!(
        browser.evaluate("document.querySelectorAll('figure canvas').length"),
        figures
    );
    let painted = "(() => { const c = document.querySelector('figure canvas'); \
        const p = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; return p.some(v => v > 0); })()";
    assert_eq!(browser.evaluate(painted), true);
    let limits = browser
        .evaluate("[...document.querySelectorAll('figure .marks')].map(m => m.textContent).join()");
    let limits = limits.as_str().expect("text");
    assert!(
        limits.contains("heap.per_cycle observed 1.0 KiB/cycle"),
        "{limits}"
    );
    assert!(limits.contains("threads limit 0"), "{limits}");

    // A value under the mouse.
    let values = "[...document.querySelectorAll('figure .u-legend .u-value')].map(v => v.textContent).slice(0, 2)";
    assert_eq!(browser.evaluate(values), json!(["-", "-"]));
    let (x, y) = middle(&mut browser, "figure .u-over");
    browser.move_to(x, y);
    browser.evaluate(PAINTED);
    let hovered = browser.evaluate(values);
    assert_eq!(
        hovered[0], "14",
        "the middle of 3 cycles before and 31 after"
    );
    assert!(
        hovered[1]
            .as_str()
            .is_some_and(|value| value.ends_with("KiB")),
        "{hovered}"
    );

    // Folding.
    let open = "document.querySelector('details.scenario').open";
    assert_eq!(browser.evaluate(open), true);
    let (x, y) = middle(&mut browser, "details.scenario > summary h2");
    browser.click(x, y);
    assert_eq!(browser.evaluate(open), false);
    browser.click(x, y);
    assert_eq!(browser.evaluate(open), true);

    // A phone, in the dark.
    browser.call(
        "Emulation.setEmulatedMedia",
        json!({"features": [{"name": "prefers-color-scheme", "value": "dark"}]}),
    );
    browser.resize(390, 844);
    browser.evaluate(PAINTED);
    assert_eq!(
        browser.evaluate("document.documentElement.scrollWidth <= innerWidth"),
        true
    );
    assert_eq!(
        browser.evaluate("getComputedStyle(document.body).backgroundColor"),
        "rgb(13, 17, 23)"
    );
    assert_eq!(browser.complaints, Vec::<String>::new());
    keep(&mut browser, "page-phone.png");
}

/// Keeps a picture of the window where tests may leave files.
fn keep(browser: &mut Browser, name: &str) {
    let picture = browser.call("Page.captureScreenshot", json!({"format": "png"}));
    let bytes = decoded(picture["data"].as_str().expect("a picture"));
    assert!(bytes.starts_with(b"\x89PNG"));
    std::fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name), bytes).expect("kept");
}

/// Base64 (RFC 4648, section 4).
fn decoded(text: &str) -> Vec<u8> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits = text
        .bytes()
        .filter_map(|letter| LETTERS.iter().position(|known| *known == letter));
    let mut bytes = Vec::new();
    let (mut held, mut count) = (0u32, 0);
    for six in bits {
        held = held << 6 | u32::try_from(six).expect("six bits");
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(held >> count & 0xff).expect("eight bits"));
        }
    }
    bytes
}
