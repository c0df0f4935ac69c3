//! HTTP, as it is typed: whether a daemon serves it, and where it does.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sessiond_protocol::{HttpInfo, Ttl};

use super::exit_code::CliError;
use super::launch::connect;
use super::output;
use super::settings::parse_ttl;
use crate::http::{
    Address, AgentName, BODY_BYTES, BODY_BYTES_ALLOWED, HttpSettings, KEYED_TTL, parse_agent,
};

/// Of `serve`, about HTTP.
#[derive(Debug, clap::Args)]
pub(super) struct HttpArgs {
    /// Serve HTTP too, at 127.0.0.1:PORT, [::1]:PORT or unix:PATH; with port 0 at one that is free, which `sessiond http` tells
    #[arg(long, value_name = "ADDRESS", env = "SESSIOND_HTTP")]
    http: Option<Address>,

    /// Read the token that requests have to carry here, from a file of mode 600 [default: one of the daemon's own]
    #[arg(long, value_name = "FILE", env = "SESSIOND_HTTP_TOKEN_FILE")]
    http_token_file: Option<PathBuf>,

    /// Bytes of a request's body: 1024 to 16777216
    #[arg(
        long,
        value_name = "BYTES",
        env = "SESSIOND_HTTP_BODY_BYTES",
        default_value_t = BODY_BYTES,
        value_parser = parse_body_bytes
    )]
    http_body_bytes: usize,

    /// End keyed sessions that nobody has used for this time, unless they say something else: 1s to 365d [default: 1h]
    #[arg(long, value_name = "TIME", env = "SESSIOND_HTTP_TTL", value_parser = parse_ttl)]
    http_ttl: Option<Ttl>,

    /// Let webhooks talk to a shell command under a name; may be given several times, and in the environment line by line
    #[arg(
        long,
        value_name = "NAME=COMMAND",
        env = "SESSIOND_HTTP_AGENTS",
        value_delimiter = '\n',
        value_parser = parse_agent
    )]
    http_agent: Vec<(AgentName, String)>,
}

impl HttpArgs {
    /// The settings, where HTTP is wanted.
    pub(super) fn settings(self) -> Result<Option<HttpSettings>, CliError> {
        let absolute = |path: PathBuf| {
            std::path::absolute(path)
                .map_err(|source| CliError::system("find the working directory", source))
        };
        let Some(address) = self.http else {
            return Ok(None);
        };
        let address = match address {
            Address::Unix(path) => Address::Unix(absolute(path)?),
            tcp @ Address::Tcp(_) => tcp,
        };
        Ok(Some(HttpSettings {
            address,
            token_file: self.http_token_file.map(absolute).transpose()?,
            body_bytes: self.http_body_bytes,
            ttl: match self.http_ttl {
                Some(ttl) => ttl,
                None => Ttl::try_from(KEYED_TTL).unwrap_or_default(),
            },
            agents: BTreeMap::from_iter(self.http_agent),
        }))
    }
}

fn parse_body_bytes(text: &str) -> Result<usize, String> {
    let bytes = text.parse().ok();
    bytes
        .filter(|bytes| BODY_BYTES_ALLOWED.contains(bytes))
        .ok_or_else(|| {
            let (from, to) = (BODY_BYTES_ALLOWED.start(), BODY_BYTES_ALLOWED.end());
            format!("allowed is {from} to {to}")
        })
}

/// Prints where HTTP is served.
pub(super) async fn show(socket: &Path) -> Result<(), CliError> {
    let HttpInfo {
        address,
        token_file,
    } = connect(socket).await?.http().await?;
    match (address, token_file) {
        (Some(address), Some(token_file)) => {
            output::line(&format!("address {address}"));
            output::line(&format!("token_file {token_file}"));
        }
        _ => output::line("off"),
    }
    Ok(())
}
