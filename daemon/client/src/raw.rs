//! A connection after its hello: whole frames in, any bytes out.

use std::io;
use std::path::Path;

use sessiond_protocol::{
    ClientHello, Decoded, Frame, FrameBuffer, MAX_FRAME_BYTES, ServerHello, ServerMessage,
    encode_control,
};
use tokio::net::UnixStream;

use crate::error::ClientError;

/// Bytes taken from the socket at a time: four of the kernel's reads of a terminal. On the stack and never across a
/// wait, so that an idle connection holds none of it.
const READ_BYTES: usize = 16 << 10;

/// A Unix stream to sessiond with its frame decoder.
#[derive(Debug)]
pub struct RawConnection {
    stream: UnixStream,
    incoming: FrameBuffer,
}

impl RawConnection {
    /// Connects without saying hello.
    ///
    /// # Errors
    /// [`ClientError::Connect`].
    pub async fn open(path: &Path) -> Result<Self, ClientError> {
        let stream = UnixStream::connect(path)
            .await
            .map_err(|source| ClientError::Connect {
                path: path.to_owned(),
                source,
            })?;
        Ok(Self {
            stream,
            incoming: FrameBuffer::new(MAX_FRAME_BYTES),
        })
    }

    /// Connects and exchanges hellos, calling itself `client`.
    ///
    /// # Errors
    /// When nobody listens, or the server refuses (another protocol version, its limit of clients).
    pub async fn handshake(path: &Path, client: &str) -> Result<(Self, ServerHello), ClientError> {
        let mut connection = Self::open(path).await?;
        // A server that has refused and closed already said why before it did.
        let sent = connection
            .send(&encode_control(&ClientHello::new(client).message()))
            .await;
        let hello = match connection.next_message().await {
            Err(ClientError::Disconnected) => {
                sent?;
                return Err(ClientError::Disconnected);
            }
            message => message?,
        };
        let hello = match hello {
            ServerMessage::Hello(hello) => hello,
            ServerMessage::Reply(reply) => {
                reply.result?;
                return Err(ClientError::Protocol("a reply before the hello".to_owned()));
            }
            ServerMessage::Notice(_) => {
                return Err(ClientError::Protocol(
                    "a notice before the hello".to_owned(),
                ));
            }
        };
        Ok((connection, hello))
    }

    /// Sends these bytes, whatever they are. A call that is dropped may have sent a part of them.
    ///
    /// # Errors
    /// When the socket fails.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<(), ClientError> {
        write_all(&self.stream, bytes).await
    }

    /// The next thing in the server's stream; `None` when the server has closed it. Dropping the call loses nothing.
    ///
    /// # Errors
    /// When the socket fails or the stream is broken.
    pub async fn next(&mut self) -> Result<Option<Decoded>, ClientError> {
        receive(&self.stream, &mut self.incoming).await
    }

    /// The next control message; frames of terminal bytes before it are dropped.
    ///
    /// # Errors
    /// [`ClientError::Disconnected`] at the stream's end, and as [`RawConnection::next`].
    pub async fn next_message(&mut self) -> Result<ServerMessage, ClientError> {
        loop {
            match self.next().await? {
                Some(Decoded::Frame(Frame::Control(json))) => return parse_message(&json),
                Some(Decoded::Frame(_)) => {}
                Some(Decoded::Oversized { declared }) => return Err(oversized(declared)),
                None => return Err(ClientError::Disconnected),
            }
        }
    }

    /// The stream itself; bytes that were read and not yet handed out are lost.
    #[must_use]
    pub fn into_stream(self) -> UnixStream {
        self.stream
    }

    pub(crate) fn into_parts(self) -> (UnixStream, FrameBuffer) {
        (self.stream, self.incoming)
    }
}

/// The next thing on `stream`, through the buffer that belongs to it.
pub(crate) async fn receive(
    stream: &UnixStream,
    incoming: &mut FrameBuffer,
) -> Result<Option<Decoded>, ClientError> {
    loop {
        if let Some(decoded) = incoming.take()? {
            return Ok(Some(decoded));
        }
        stream.readable().await?;
        match read_once(stream, incoming) {
            Ok(0) => return Ok(None),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            // A server that closes with our bytes unread resets the connection; what it sent before was read.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(None),
            Err(error) => return Err(error.into()),
        }
    }
}

fn read_once(stream: &UnixStream, incoming: &mut FrameBuffer) -> io::Result<usize> {
    let mut chunk = [0; READ_BYTES];
    let read = stream.try_read(&mut chunk)?;
    incoming.fill(&chunk[..read]);
    Ok(read)
}

pub(crate) async fn write_all(stream: &UnixStream, mut bytes: &[u8]) -> Result<(), ClientError> {
    while !bytes.is_empty() {
        stream.writable().await?;
        match stream.try_write(bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

pub(crate) fn parse_message(json: &[u8]) -> Result<ServerMessage, ClientError> {
    ServerMessage::parse(json).map_err(|error| ClientError::Protocol(error.to_string()))
}

pub(crate) fn oversized(declared: usize) -> ClientError {
    ClientError::Protocol(format!("a frame of {declared} bytes"))
}
