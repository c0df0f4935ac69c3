//! HTTP/1.1 with keep-alive: just enough of it to be asked for much, sent much, and to misbehave.

use std::io;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

use crate::serve::{Io, Kept};

type Stream = BufReader<Box<dyn Io>>;

/// Serves one connection, request by request.
pub(crate) async fn connection(stream: Box<dyn Io>, kept: Kept) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(head) = head(&mut stream).await? {
        let path = head[0].split(' ').nth(1).unwrap_or_default().to_owned();
        let received = body(&mut stream, &head).await?;
        let (first, rest) = path[1..].split_once('/').unwrap_or((&path[1..], ""));
        let number: usize = rest.parse().unwrap_or(0);
        match first {
            "bytes" => {
                stream
                    .write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                    .await?;
                let mut left = number;
                while left > 0 {
                    let take = left.min(64 * 1024);
                    let chunk = format!("{take:x}\r\n{}\r\n", "y".repeat(take));
                    stream.write_all(chunk.as_bytes()).await?;
                    left -= take;
                }
                stream.write_all(b"0\r\n\r\n").await?;
            }
            "status" => answer(&mut stream, number, "as you wish").await?,
            "keep" => {
                kept.keep_descriptor()?;
                answer(&mut stream, 200, "kept").await?;
            }
            "garbage" => stream.write_all(b"this is not HTTP\r\n\r\n").await?,
            "close" => return Ok(()),
            _ => answer(&mut stream, 200, &format!("received {received}")).await?,
        }
    }
    Ok(())
}

async fn answer(stream: &mut Stream, status: usize, text: &str) -> io::Result<()> {
    let length = text.len();
    let answer = format!("HTTP/1.1 {status} Status\r\nContent-Length: {length}\r\n\r\n{text}");
    stream.write_all(answer.as_bytes()).await
}

/// The lines of a request's head; none at the end of the connection.
async fn head(stream: &mut Stream) -> io::Result<Option<Vec<String>>> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if (&mut *stream).take(8 * 1024).read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        match line.trim_end() {
            "" => return Ok(Some(lines).filter(|lines| !lines.is_empty())),
            line => lines.push(line.to_owned()),
        }
    }
}

/// Reads a body away and returns its length, bytes.
async fn body(stream: &mut Stream, head: &[String]) -> io::Result<u64> {
    let header = |name: &str| {
        head.iter().find_map(|line| {
            let (header, value) = line.split_once(':')?;
            header
                .eq_ignore_ascii_case(name)
                .then(|| value.trim().to_owned())
        })
    };
    if header("transfer-encoding").is_none() {
        let length = header("content-length").and_then(|length| length.parse().ok());
        return skip(stream, length.unwrap_or(0)).await;
    }
    let mut received = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let length = u64::from_str_radix(line.trim(), 16).map_err(io::Error::other)?;
        received += skip(stream, length).await?;
        stream.read_line(&mut line).await?;
        if length == 0 {
            return Ok(received);
        }
    }
}

async fn skip(stream: &mut Stream, length: u64) -> io::Result<u64> {
    let skipped = tokio::io::copy(&mut stream.take(length), &mut tokio::io::sink()).await?;
    match skipped == length {
        true => Ok(length),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}
