//! Lines in, lines out: an echo that does other things for some words.

use std::io;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

use crate::serve::{Io, Keepsake, Kept};

/// A line that is longer is skipped, and said to be.
const LINE_MAX: u64 = 64 * 1024;

/// Serves one connection.
pub(crate) async fn connection(stream: Box<dyn Io>, kept: Kept) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let Some(line) = next_line(&mut stream).await? else {
            return Ok(());
        };
        let answer = match line.as_deref() {
            None => "too long\n".to_owned(),
            Some("keep descriptor") => {
                kept.keep_descriptor()?;
                "kept\n".to_owned()
            }
            Some("keep buffer") => {
                kept.keep(Keepsake::Buffer(vec![1; 4 << 20]));
                "kept\n".to_owned()
            }
            Some("keep thread") => {
                kept.keep_thread()?;
                "kept\n".to_owned()
            }
            Some("keep child") => {
                kept.keep_child()?;
                "kept\n".to_owned()
            }
            Some("keep zombie") => {
                kept.keep_zombie()?;
                "kept\n".to_owned()
            }
            Some("silent") => continue,
            Some("close") => return Ok(()),
            Some("die") => std::process::exit(9),
            Some("flood") => {
                for _ in 0..64 {
                    stream.write_all(&vec![b'x'; 64 * 1024]).await?;
                }
                "\n".to_owned()
            }
            Some(line) => format!("echo: {line}\n"),
        };
        stream.write_all(answer.as_bytes()).await?;
    }
}

/// The next line; none in it when it was too long, none at all at the end.
async fn next_line(stream: &mut BufReader<Box<dyn Io>>) -> io::Result<Option<Option<String>>> {
    let mut line = Vec::new();
    let read = (&mut *stream)
        .take(LINE_MAX)
        .read_until(b'\n', &mut line)
        .await?;
    if read == 0 {
        return Ok(None);
    }
    if line.pop_if(|last| *last == b'\n').is_some() {
        return Ok(Some(String::from_utf8(line).ok()));
    }
    loop {
        line.clear();
        let read = (&mut *stream)
            .take(LINE_MAX)
            .read_until(b'\n', &mut line)
            .await?;
        match line.last() {
            Some(b'\n') => return Ok(Some(None)),
            _ if read == 0 => return Ok(None),
            _ => {}
        }
    }
}
