//! Tells the tests which peers are installed, so that a test without its peer is reported as ignored.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=PATH");
    println!("cargo::rustc-check-cfg=cfg(has_tmux)");
    let path = env::var_os("PATH").unwrap_or_default();
    if env::split_paths(&path).any(|directory| directory.join("tmux").is_file()) {
        println!("cargo::rustc-cfg=has_tmux");
    }
}
