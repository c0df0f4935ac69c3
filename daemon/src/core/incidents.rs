//! Ends of sessions that whoever runs the daemon wants to know of: counted, and told once each.

use sessiond_protocol::{SessionId, Stats};

use super::{Core, Effect, Plane};

/// Such an end, or what was done at one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Incident {
    /// Nobody had used it for its time to live.
    Expired,
    /// Something of it was left when its time was over, and was killed.
    Killed,
    /// It is not respawned any more, for this reason.
    BreakerOpened(String),
}

impl<P: Plane> Core<P> {
    pub(super) fn happened(
        &mut self,
        session: SessionId,
        incident: Incident,
        effects: &mut Vec<Effect<P>>,
    ) {
        let Stats {
            sessions_expired,
            sessions_killed,
            breakers_opened,
        } = &mut self.stats;
        *match incident {
            Incident::Expired => sessions_expired,
            Incident::Killed => sessions_killed,
            Incident::BreakerOpened(_) => breakers_opened,
        } += 1;
        effects.push(Effect::Tell { session, incident });
    }
}
