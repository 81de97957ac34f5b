//! Says, once, that no receiver is heard, or that nothing leaves.

use std::time::Duration;

use crate::event::Hint;

/// Time without any receiver heard after which the user gets a hint.
pub(super) const HINT_AFTER: Duration = Duration::from_secs(5);

/// Which of the hints about silence were given.
#[derive(Debug)]
pub(super) struct Silence {
    /// Not given yet.
    no_receiver: Option<Hint>,
    /// It was said that nothing leaves, which explains everything else.
    nothing_leaves: bool,
}

impl Silence {
    /// `no_receiver` is what to say when no receiver is heard.
    pub(super) fn new(no_receiver: Hint) -> Self {
        Self { no_receiver: Some(no_receiver), nothing_leaves: false }
    }

    /// It is time to hear of receivers: what to say if none is there, for the first time.
    pub(super) fn due(&mut self, is_alone: impl FnOnce() -> bool) -> Option<Hint> {
        if self.nothing_leaves {
            return None;
        }
        self.no_receiver.take().filter(|_| is_alone())
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
        let mut silence = Silence::new(Hint::NoReceiverLeft);
        assert!(silence.due(|| true).is_some() && silence.due(|| true).is_none());
        assert!(silence.nothing_leaves() && !silence.nothing_leaves());
        let mut heard = Silence::new(Hint::NoReceiverLeft);
        assert!(heard.due(|| false).is_none() && heard.due(|| true).is_none());
        let mut mute = Silence::new(Hint::NoReceiverLeft);
        assert!(mute.nothing_leaves() && mute.due(|| true).is_none());
        mute.set_explained(false);
        assert!(mute.nothing_leaves(), "it leaves again, and then it does not");
    }
}
