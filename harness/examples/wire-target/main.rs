//! A small daemon that speaks lines, JSON-RPC or HTTP, and misbehaves when it is asked to: what the drivers `socket`,
//! `stdio` and `http` are tested and documented with.
//!
//! ```text
//! wire-target lines --unix PATH | --tcp ADDRESS
//! wire-target http  --unix PATH | --tcp ADDRESS
//! wire-target jsonrpc-lines | jsonrpc-headers
//! ```

mod http;
mod jsonrpc;
mod lines;
mod serve;

use std::io;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let ended = match arguments.as_slice() {
        ["lines", kind, address] => serve::run(kind, address, lines::connection),
        ["http", kind, address] => serve::run(kind, address, http::connection),
        ["jsonrpc-lines"] => jsonrpc::run(jsonrpc::Framing::Lines),
        ["jsonrpc-headers"] => jsonrpc::run(jsonrpc::Framing::Headers),
        _ => Err(io::Error::other("see the first lines of main.rs")),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        // Standard error is the target's log.
        Err(error) => {
            let _ = io::Write::write_all(&mut io::stderr(), format!("{error}\n").as_bytes());
            ExitCode::FAILURE
        }
    }
}
