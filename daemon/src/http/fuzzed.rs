//! Arbitrary bytes on a connection: what stands before the core has to take them, in bounded memory, and to come to an end.

use std::convert::Infallible;
use std::pin::pin;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use sessiond_protocol::CreateParams;
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex, split};

use super::body::{Bodies, Received};
use super::connection::{admit, speech};
use super::message::{Hook, Message};
use super::respond::{self, Payload, Refusal};
use super::route::Route;
use super::rules::Door;
use super::token::Token;

/// Bytes of a body: few, so that larger ones are common.
const BODY_BYTES_MAX: usize = 256;

/// Bytes that are on their way in one direction.
const PIPE_BYTES: usize = 4096;

/// Says these bytes on a connection of this user's, and hangs up.
pub(crate) fn run(input: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a clock can be had");
    let bodies = Bodies::new(BODY_BYTES_MAX);
    let all = bodies.left();
    let answer = runtime.block_on(exchange(&bodies, input));
    assert!(
        answer.is_empty() || answer.starts_with(b"HTTP/1."),
        "{answer:?}"
    );
    assert_eq!(bodies.left(), all, "of what all bodies may take");
}

async fn exchange(bodies: &Bodies, input: &[u8]) -> Vec<u8> {
    let token = Token::known();
    let (own, peer) = duplex(PIPE_BYTES);
    let service = service_fn(|request| {
        let token = &token;
        async move { Ok::<_, Infallible>(answer(bodies, token, request).await) }
    });
    // Its end of the pipe is closed when it is over, however that was.
    let serving = async {
        let mut speech = speech();
        speech.half_close(true); // who has said everything still hears the answers
        let _ = speech.serve_connection(TokioIo::new(own), service).await;
    };
    let (mut hears, mut says) = split(peer);
    let mut heard = Vec::new();
    let talking = async {
        let saying = async {
            // It may be closed before all is said.
            let _ = says.write_all(input).await;
            let _ = says.shutdown().await;
        };
        let hearing = async {
            let _ = hears.read_to_end(&mut heard).await;
        };
        tokio::join!(saying, hearing);
    };
    tokio::join!(serving, talking);
    heard
}

/// Everything but the core's part.
async fn answer(bodies: &Bodies, token: &Token, request: Request<Incoming>) -> Response<Payload> {
    let (head, body) = request.into_parts();
    let answered = async {
        let route = admit(token, Door::Unix, &head)?;
        let body = async { bodies.read(pin!(body)).await };
        match route {
            Route::Message(_) => message(body.await?),
            Route::Webhook(agent) => {
                let (hook, _charge): (Hook, _) = body.await?.parse()?;
                let _ = agent.session(&hook.room);
                Ok(())
            }
            Route::Create => {
                let (_params, _charge): (CreateParams, _) = body.await?.parse()?;
                Ok(())
            }
            _ => Ok(()),
        }
    };
    match answered.await {
        Ok(()) => respond::json(StatusCode::OK, &Value::Null),
        Err(refusal) => refusal.response(),
    }
}

fn message(body: Received) -> Result<(), Refusal> {
    let (message, _charge): (Message, _) = body.parse()?;
    message.wait.rule()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Pieces of requests, whole and broken, and anything between them.
    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        let known: Vec<&[u8]> = vec![
            b"GET /sessions HTTP/1.1\r\n",
            b"POST /sessions/k/messages HTTP/1.1\r\n",
            b"POST /webhook/bot HTTP/1.1\r\n",
            b"DELETE /sessions/1 HTTP/1.0\r\n",
            b"Host: localhost\r\n",
            b"Host: localhost\r\nAuthorization: Bearer a-token-that-is-known\r\n",
            b"Content-Length: 14\r\n\r\n{\"text\":\"one\"}",
            b"Content-Length: 400\r\n\r\n",
            b"Content-Length: 5000\r\n\r\n",
            b"Transfer-Encoding: chunked\r\n\r\n",
            b"e\r\n{\"text\":\"one\"}\r\n0\r\n\r\n",
            b"Expect: 100-continue\r\n",
            b"ffffffffffffffff\r\n",
            b"\r\n",
        ];
        let piece = prop_oneof![
            4 => prop::sample::select(known).prop_map(<[u8]>::to_vec),
            1 => prop::collection::vec(any::<u8>(), 0..64),
        ];
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn whatever_is_said_it_comes_to_an_end_and_nothing_is_held(bytes in bytes()) {
            run(&bytes);
        }
    }

    #[test]
    fn a_message_is_taken() {
        let bodies = Bodies::new(BODY_BYTES_MAX);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let said = b"POST /sessions/k/messages HTTP/1.1\r\nHost: localhost\r\n\
            Authorization: Bearer a-token-that-is-known\r\nContent-Length: 14\r\n\r\n{\"text\":\"one\"}";
        let heard = runtime.block_on(exchange(&bodies, said));
        assert!(
            heard.starts_with(b"HTTP/1.1 200 OK\r\n"),
            "{}",
            String::from_utf8_lossy(&heard)
        );
    }
}
