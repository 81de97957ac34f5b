//! Says, once each, that no receiver is heard, that nothing leaves, and that a switch forgets.

use std::net::SocketAddr;
use std::time::Duration;

use crate::event::Hint;
use crate::io::membership::Recovered;

/// Time without any receiver heard after which the user gets a hint.
pub(super) const HINT_AFTER: Duration = Duration::from_secs(5);

/// Which of the hints about silence were given.
#[derive(Debug)]
pub(super) struct Silence {
    /// The group, until it was said that a switch has forgotten this host.
    forgetting: Option<SocketAddr>,
    /// Not given yet.
    no_receiver: Option<Hint>,
    /// It was said that nothing leaves, which explains everything else.
    nothing_leaves: bool,
}

impl Silence {
    /// `no_receiver` is what to say when no receiver is heard in this group.
    pub(super) fn new(group: SocketAddr, no_receiver: Hint) -> Self {
        Self { forgetting: Some(group), no_receiver: Some(no_receiver), nothing_leaves: false }
    }

    /// A switch had forgotten this host: what to say for the first time.
    pub(super) fn recovered(&mut self, recovered: Recovered) -> Option<Hint> {
        self.forgetting.take().map(|group| Hint::forgotten(group, recovered))
    }

    /// It is time to hear of receivers: what to say if none is there, for the first time.
    pub(super) fn due(&mut self, is_alone: impl FnOnce() -> bool) -> Option<Hint> {
        if self.nothing_leaves {
            return None;
        }
        self.no_receiver.take().filter(|_| is_alone()).map(Hint::with_surroundings)
    }

    /// Sets whether it was said that nothing leaves, and why.
    pub(super) fn set_explained(&mut self, explained: bool) {
        self.nothing_leaves = explained;
    }

    /// Nothing leaves: true for the first time.
    pub(super) fn nothing_leaves(&mut self) -> bool {
        !std::mem::replace(&mut self.nothing_leaves, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_hint_is_given_once() {
        let group = ([239, 1, 2, 3], 6000).into();
        let mut silence = Silence::new(group, Hint::NoReceiverLeft);
        assert!(silence.due(|| true).is_some() && silence.due(|| true).is_none());
        assert!(silence.nothing_leaves() && !silence.nothing_leaves());
        let second = Duration::from_secs(1);
        let recovered = Recovered { silence: second * 3, lasted: second * 20 };
        assert!(silence.recovered(recovered).is_some() && silence.recovered(recovered).is_none());
        let mut heard = Silence::new(group, Hint::NoReceiverLeft);
        assert!(heard.due(|| false).is_none() && heard.due(|| true).is_none());
        let mut mute = Silence::new(group, Hint::NoReceiverLeft);
        assert!(mute.nothing_leaves() && mute.due(|| true).is_none());
        mute.set_explained(false);
        assert!(mute.nothing_leaves(), "it leaves again, and then it does not");
    }
}
