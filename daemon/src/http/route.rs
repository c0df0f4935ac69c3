//! What can be asked for: methods and paths.

use hyper::Method;
use leakgate_probe::Gauge;
use sessiond_protocol::{ErrorCode, Failure, SessionName, SessionRef};

use super::respond::Refusal;
use super::rules::Deed;
use super::settings::AgentName;

/// Where a request goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    List,
    Create,
    Get(SessionRef),
    Screen {
        session: SessionRef,
        /// Lines of the history above the screen.
        scrollback: u32,
    },
    Message(SessionName),
    Delete(SessionRef),
    Webhook(AgentName),
    Events,
}

/// Counts of what was asked for, one per route: a route that no load takes is one that no gate watches.
pub(crate) mod counts {
    use leakgate_probe::Gauge;

    pub(crate) static LIST: Gauge = Gauge::count("http.list");
    pub(crate) static CREATE: Gauge = Gauge::count("http.create");
    pub(crate) static GET: Gauge = Gauge::count("http.get");
    pub(crate) static SCREEN: Gauge = Gauge::count("http.screen");
    pub(crate) static MESSAGE: Gauge = Gauge::count("http.message");
    pub(crate) static DELETE: Gauge = Gauge::count("http.delete");
    pub(crate) static WEBHOOK: Gauge = Gauge::count("http.webhook");
    pub(crate) static EVENTS: Gauge = Gauge::count("http.events");
}

impl Route {
    /// The route of a method and a path.
    pub(super) fn of(method: &Method, path: &str, query: Option<&str>) -> Result<Self, Refusal> {
        let mut parts = path.strip_prefix('/').unwrap_or(path).split('/');
        let parts = (parts.next(), parts.next(), parts.next(), parts.next());
        let get = *method == Method::GET;
        let post = *method == Method::POST;
        let delete = *method == Method::DELETE;
        match parts {
            (Some("sessions"), None, None, None) if get => Ok(Self::List),
            (Some("sessions"), None, None, None) if post => Ok(Self::Create),
            (Some("sessions"), None, None, None) => Err(Refusal::method("GET, POST")),
            (Some("sessions"), Some(session), None, None) if get => {
                Ok(Self::Get(session_of(session)?))
            }
            (Some("sessions"), Some(session), None, None) if delete => {
                Ok(Self::Delete(session_of(session)?))
            }
            (Some("sessions"), Some(_), None, None) => Err(Refusal::method("GET, DELETE")),
            (Some("sessions"), Some(session), Some("screen"), None) if get => Ok(Self::Screen {
                session: session_of(session)?,
                scrollback: scrollback_of(query)?,
            }),
            (Some("sessions"), Some(_), Some("screen"), None) => Err(Refusal::method("GET")),
            (Some("sessions"), Some(key), Some("messages"), None) if post => {
                Ok(Self::Message(key.parse().map_err(bad)?))
            }
            (Some("sessions"), Some(_), Some("messages"), None) => Err(Refusal::method("POST")),
            (Some("webhook"), Some(agent), None, None) if post => {
                Ok(Self::Webhook(agent.parse().map_err(bad)?))
            }
            (Some("webhook"), Some(_), None, None) => Err(Refusal::method("POST")),
            (Some("events"), None, None, None) if get => Ok(Self::Events),
            (Some("events"), None, None, None) => Err(Refusal::method("GET")),
            _ => Err(Failure::new(ErrorCode::NotFound, "there is nothing at this path").into()),
        }
    }

    pub(super) const fn deed(&self) -> Deed {
        match self {
            Self::List | Self::Get(_) | Self::Screen { .. } | Self::Events => Deed::Look,
            Self::Create | Self::Message(_) | Self::Delete(_) | Self::Webhook(_) => Deed::Change,
        }
    }

    /// The count of requests that take it.
    pub(super) const fn count(&self) -> &'static Gauge {
        match self {
            Self::List => &counts::LIST,
            Self::Create => &counts::CREATE,
            Self::Get(_) => &counts::GET,
            Self::Screen { .. } => &counts::SCREEN,
            Self::Message(_) => &counts::MESSAGE,
            Self::Delete(_) => &counts::DELETE,
            Self::Webhook(_) => &counts::WEBHOOK,
            Self::Events => &counts::EVENTS,
        }
    }
}

fn session_of(text: &str) -> Result<SessionRef, Refusal> {
    text.parse().map_err(bad)
}

/// Reads `scrollback=LINES`, the only thing that there is to say.
fn scrollback_of(query: Option<&str>) -> Result<u32, Refusal> {
    let Some(query) = query else { return Ok(0) };
    let lines = query.strip_prefix("scrollback=").map(str::parse);
    match lines {
        Some(Ok(lines)) => Ok(lines),
        _ => Err(bad("a query that is not scrollback=LINES")),
    }
}

fn bad(error: impl ToString) -> Refusal {
    Failure::new(ErrorCode::BadRequest, error.to_string()).into()
}

#[cfg(test)]
mod tests {
    use sessiond_protocol::SessionId;

    use super::*;

    fn route(method: Method, uri: &str) -> Result<Route, u16> {
        let (path, query) = match uri.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (uri, None),
        };
        Route::of(&method, path, query).map_err(|refusal| refusal.status().as_u16())
    }

    #[test]
    fn every_route_has_one_path() {
        let a = || SessionRef::Name("a".parse().unwrap());
        for (method, uri, expected) in [
            (Method::GET, "/sessions", Route::List),
            (Method::POST, "/sessions", Route::Create),
            (Method::GET, "/sessions/a", Route::Get(a())),
            (Method::GET, "/sessions/7", Route::Get(SessionId(7).into())),
            (Method::DELETE, "/sessions/a", Route::Delete(a())),
            (
                Method::POST,
                "/sessions/a/messages",
                Route::Message("a".parse().unwrap()),
            ),
            (
                Method::POST,
                "/webhook/a",
                Route::Webhook("a".parse().unwrap()),
            ),
            (Method::GET, "/events", Route::Events),
        ] {
            assert_eq!(route(method, uri), Ok(expected), "{uri}");
        }
        let screen = |scrollback| {
            Ok(Route::Screen {
                session: a(),
                scrollback,
            })
        };
        assert_eq!(route(Method::GET, "/sessions/a/screen"), screen(0));
        assert_eq!(
            route(Method::GET, "/sessions/a/screen?scrollback=9"),
            screen(9)
        );
    }

    #[test]
    fn what_is_no_route_is_told_apart_from_a_wrong_method_or_name() {
        for uri in [
            "/",
            "",
            "/sessions/",
            "/session",
            "/sessions/a/b",
            "/events/",
            "//sessions",
        ] {
            let code = route(Method::GET, uri).unwrap_err();
            assert!(matches!(code, 400 | 404), "{uri}: {code}");
        }
        assert_eq!(route(Method::PUT, "/sessions"), Err(405));
        assert_eq!(route(Method::GET, "/sessions/a/messages"), Err(405));
        assert_eq!(route(Method::GET, "/webhook/a"), Err(405));
        assert_eq!(route(Method::POST, "/sessions/7/messages"), Err(400));
        assert_eq!(route(Method::GET, "/sessions/a%20b"), Err(400));
        assert_eq!(route(Method::GET, "/sessions/a/screen?lines=3"), Err(400));
    }
}
