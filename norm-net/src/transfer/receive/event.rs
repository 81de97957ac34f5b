//! What of a session's events gets out.

use crate::event::{Hint, Outlet, ReceiveEvent};

/// Events that are not fetched, beyond which those that only accompany are left out.
const MAX_WAITING: usize = 65_536;

/// The sending end of the events.
#[derive(Clone, Debug)]
pub(super) struct Events(pub(super) Outlet<ReceiveEvent>);

impl Events {
    pub(super) fn send(&self, event: ReceiveEvent) {
        let optional =
            matches!(event, ReceiveEvent::Progress(_) | ReceiveEvent::FileComplete { .. });
        // Refused when too many wait, or there is no handle any more.
        let _ = self.0.push(event, if optional { MAX_WAITING } else { usize::MAX });
    }

    pub(super) fn hint(&self, hint: Hint) {
        self.send(ReceiveEvent::Hint(hint));
    }
}
