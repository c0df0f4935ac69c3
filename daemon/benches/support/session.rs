//! The output that a session writes, and the session that writes it.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use sessiond_client::Client;
use sessiond_protocol::{CreateParams, ExitStatus, SessionId};

use crate::support::Failure;

/// One line as a terminal of 80 columns shows it, without wrapping.
const LINE_BYTES: usize = 80;

/// Fills the file at `path` with about `bytes` bytes of such lines.
pub(crate) fn write_lines(path: &Path, bytes: usize) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    for number in 0..bytes / LINE_BYTES {
        let text = "The quick brown fox jumps over the lazy dog; 0123456789 abcdefghijklm";
        writeln!(file, "{number:>10} {text:<width$}", width = LINE_BYTES - 12)?;
    }
    file.flush()
}

/// Writes the file to a detached session's terminal and waits until the daemon says that it ended. Returns the session.
pub(crate) async fn through_session(client: &Client, input: &Path) -> Result<SessionId, Failure> {
    let command = vec!["cat".to_owned(), input.to_string_lossy().into_owned()];
    let session = client
        .create(CreateParams {
            command,
            ..CreateParams::default()
        })
        .await?;
    let status = client.wait(session.id, None).await?;
    assert_eq!(status, ExitStatus::Code(0));
    Ok(session.id)
}
