//! Counts of what clients ask for, one per kind: a kind that no load ever asks for is one that no gate watches.

use leakgate_probe::Gauge;
use sessiond_protocol::Request;

use crate::http;

/// Frames of terminal input, which are requests too.
pub(crate) static INPUT: Gauge = Gauge::count("request.input");

/// A count for each kind of request; a kind without one does not compile.
macro_rules! counts {
    ($($kind:ident => $name:literal,)*) => {
        /// All of them, for the probe.
        pub(crate) static COUNTS: &[&Gauge] = &[
            &INPUT,
            $(&kinds::$kind,)*
            &http::counts::LIST,
            &http::counts::CREATE,
            &http::counts::GET,
            &http::counts::SCREEN,
            &http::counts::MESSAGE,
            &http::counts::DELETE,
            &http::counts::WEBHOOK,
            &http::counts::EVENTS,
        ];

        #[expect(non_upper_case_globals, reason = "named as the requests that they count")]
        mod kinds {
            use leakgate_probe::Gauge;

            $(pub(super) static $kind: Gauge = Gauge::count(concat!("request.", $name));)*
        }

        /// The count of this kind of request.
        pub(crate) fn of(request: &Request) -> &'static Gauge {
            match request {
                $(Request::$kind { .. } => &kinds::$kind,)*
            }
        }
    };
}

counts! {
    Ping => "ping",
    Create => "create",
    List => "list",
    Get => "get",
    Screen => "screen",
    Read => "read",
    Attach => "attach",
    Detach => "detach",
    Hold => "hold",
    Release => "release",
    Pause => "pause",
    Resume => "resume",
    Resize => "resize",
    Close => "close",
    CloseAll => "close_all",
    Wait => "wait",
    WaitText => "wait_text",
    WaitIdle => "wait_idle",
    Cancel => "cancel",
    Run => "run",
    Restart => "restart",
    Rename => "rename",
    Kill => "kill",
    Archive => "archive",
    Archives => "archives",
    Restore => "restore",
    Forget => "forget",
    Schedule => "schedule",
    Schedules => "schedules",
    Unschedule => "unschedule",
    Stats => "stats",
    Http => "http",
    McpStart => "mcp_start",
    McpStop => "mcp_stop",
    McpRestart => "mcp_restart",
    McpList => "mcp_list",
    Transcripts => "transcripts",
    Status => "status",
    Shutdown => "shutdown",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_named_as_the_method_on_the_wire() {
        for request in [Request::Ping, Request::CloseAll, Request::McpList] {
            let wire = serde_json::to_value(&request).unwrap();
            let method = wire["method"].as_str().unwrap();
            assert_eq!(of(&request).name(), format!("request.{method}"));
        }
    }
}
