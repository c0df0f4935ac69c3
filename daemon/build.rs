//! Tells the tests which peers are installed, so that a test without its peer is reported as ignored.

use std::env;
use std::path::Path;

/// The reference server of the Model Context Protocol, where `npm install --prefix target/peers` puts it.
const EVERYTHING: &str =
    "../target/peers/node_modules/@modelcontextprotocol/server-everything/dist/index.js";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={EVERYTHING}");
    println!("cargo::rerun-if-env-changed=PATH");
    println!("cargo::rustc-check-cfg=cfg(has_mcp_everything)");
    let path = env::var_os("PATH").unwrap_or_default();
    let has_node = env::split_paths(&path).any(|directory| directory.join("node").is_file());
    if has_node && Path::new(EVERYTHING).is_file() {
        println!("cargo::rustc-cfg=has_mcp_everything");
    }
}
