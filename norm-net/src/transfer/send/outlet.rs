//! What of a session's events gets out, so that the queue stays small when nothing is fetched.

use super::admission::Admission;
use crate::event::{Events, Outlet, SendEvent, outlet};

/// Unread events beyond which progress is dropped.
const MAX_WITH_PROGRESS: usize = 4_096;
/// Unread events beyond which everything is dropped: they are not read at all.
const MAX_EVENTS: usize = 262_144;

/// A sending session's way out: never blocks.
#[derive(Clone, Debug)]
pub(super) struct SendOutlet {
    queue: Outlet<SendEvent>,
    /// Of a session in the separate group: what the main session knows of it.
    admission: Option<Admission>,
}

impl SendOutlet {
    pub(super) fn new() -> (Self, Events<SendEvent>) {
        let (queue, events) = outlet();
        (Self { queue, admission: None }, events)
    }

    /// The same way out for a session in the separate group. It tells what concerns single
    /// receivers; while the main session runs, no progress.
    pub(super) fn for_separate_group(&self, admission: Admission) -> Self {
        Self { queue: self.queue.clone(), admission: Some(admission) }
    }

    /// Tells an event, unless that is not wanted or too many are unread.
    pub(super) fn push(&self, event: SendEvent) {
        if !self.tells(&event) {
            return;
        }
        let is_progress = matches!(
            event,
            SendEvent::Progress(_) | SendEvent::ReceiverProgress(_) | SendEvent::Hashing { .. }
        );
        let limit = if is_progress { MAX_WITH_PROGRESS } else { MAX_EVENTS };
        // Refused when too many are unread, or the application has dropped its end.
        let _ = self.queue.push(event, limit);
    }

    fn tells(&self, event: &SendEvent) -> bool {
        let Some(admission) = &self.admission else { return true };
        match event {
            SendEvent::Progress(_) => !admission.is_open(),
            SendEvent::ReceiverFound { .. }
            | SendEvent::ReceiverIgnored(_)
            | SendEvent::Started { .. }
            | SendEvent::AllSent
            | SendEvent::Hashing { .. }
            | SendEvent::Hashed { .. } => false,
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Hint, SendProgress};

    #[test]
    fn unread_progress_makes_room_for_other_events() {
        let (outlet, unread) = SendOutlet::new();
        for _ in 0..2 * MAX_WITH_PROGRESS {
            outlet.push(SendEvent::Progress(SendProgress::default()));
        }
        outlet.push(SendEvent::AllSent);
        drop(outlet);
        assert_eq!(unread.clone().take(MAX_WITH_PROGRESS).count(), MAX_WITH_PROGRESS);
        assert!(matches!(unread.recv(), Some(SendEvent::AllSent)));
        assert!(unread.recv().is_none());
    }

    #[test]
    fn separate_group_tells_progress_after_the_main_session_only() {
        let (main, unread) = SendOutlet::new();
        let admission = Admission::default();
        let outlet = main.for_separate_group(admission.clone());
        drop(main);
        outlet.push(SendEvent::Progress(SendProgress::default()));
        outlet.push(SendEvent::AllSent);
        outlet.push(SendEvent::Hint(Hint::NoReceiverLeft));
        admission.close();
        outlet.push(SendEvent::Progress(SendProgress::default()));
        drop(outlet);
        let told: Vec<_> = unread.collect();
        assert!(matches!(told[..], [SendEvent::Hint(_), SendEvent::Progress(_)]), "{told:?}");
    }
}
