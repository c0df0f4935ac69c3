//! JSON-RPC on standard input and output, until standard input ends.

use std::io::{self, BufRead, Read, Write};

use serde_json::{Value, json};

use crate::serve::Kept;

/// How a message ends.
#[derive(Clone, Copy)]
pub(crate) enum Framing {
    /// With its line.
    Lines,
    /// After as many bytes as its header says.
    Headers,
}

/// Answers until the end of the input.
pub(crate) fn run(framing: Framing) -> io::Result<()> {
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    let kept = Kept::default();
    let mut initialized = false;
    while let Some(message) = read(framing, &mut input)? {
        let Ok(request) = serde_json::from_slice::<Value>(&message) else {
            let error = json!({ "code": -32700, "message": "parse error" });
            write(
                framing,
                &mut output,
                &json!({ "jsonrpc": "2.0", "id": null, "error": error }),
            )?;
            continue;
        };
        let method = request["method"].as_str().unwrap_or_default();
        let id = request.get("id").cloned();
        let result = match method {
            "initialize" => Ok(json!({ "name": "wire-target" })),
            _ if !initialized => Err((-32002, "not initialized")),
            "echo" => Ok(request["params"].clone()),
            "keep" => kept
                .keep_descriptor()
                .map(|()| json!("kept"))
                .map_err(|_| (-1, "cannot")),
            "chatty" => {
                for n in 0..3 {
                    let note = json!({ "jsonrpc": "2.0", "method": "note", "params": [n] });
                    write(framing, &mut output, &note)?;
                }
                Ok(json!("done"))
            }
            "garbage" => {
                output.write_all(b"this is not JSON-RPC\n\r\n\r\n")?;
                output.flush()?;
                continue;
            }
            "silent" => continue,
            "leave" => return Ok(()),
            _ => Err((-32601, "no such method")),
        };
        initialized |= method == "initialize";
        let Some(id) = id else { continue };
        let answer = match result {
            Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
            Err((code, message)) => {
                json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } })
            }
        };
        write(framing, &mut output, &answer)?;
    }
    Ok(())
}

fn read(framing: Framing, input: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    if input.read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    let Framing::Headers = framing else {
        return Ok(Some(line));
    };
    let header = String::from_utf8_lossy(&line).into_owned();
    input.read_until(b'\n', &mut line)?;
    let length = header.trim().strip_prefix("Content-Length: ");
    let length: u64 = length.and_then(|text| text.parse().ok()).unwrap_or(0);
    let mut body = Vec::new();
    input.take(length).read_to_end(&mut body)?;
    Ok(Some(body))
}

fn write(framing: Framing, output: &mut impl Write, message: &Value) -> io::Result<()> {
    let text = message.to_string();
    match framing {
        Framing::Lines => writeln!(output, "{text}")?,
        Framing::Headers => write!(output, "Content-Length: {}\r\n\r\n{text}", text.len())?,
    }
    output.flush()
}
