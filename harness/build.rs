//! Tells the tests which peers are installed, so that a test without its peer is reported as ignored.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=PATH");
    let path = env::var_os("PATH").unwrap_or_default();
    for peer in ["tmux", "chromium"] {
        println!("cargo::rustc-check-cfg=cfg(has_{peer})");
        if env::split_paths(&path).any(|directory| directory.join(peer).is_file()) {
            println!("cargo::rustc-cfg=has_{peer}");
        }
    }
}
