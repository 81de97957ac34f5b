//! What a session says of its gate.

use crate::event::{Hint, Security};
use crate::io::seal::SealState;

/// What has passed a session's gate, and what was said of that.
#[derive(Debug, Default)]
pub(crate) struct GateWatch {
    state: SealState,
    told_key: bool,
    told_copy: bool,
}

impl GateWatch {
    /// Notes what has passed; what is to be said, once each.
    pub(crate) fn note(&mut self, state: &SealState) -> impl Iterator<Item = Hint> + use<> {
        self.state = *state;
        // A member with another key beside those of this session is of no concern.
        let other = state.unopened.first.filter(|_| !self.told_key && state.opened == 0);
        self.told_key |= other.is_some();
        let other = other.map(|(key_id, address)| Hint::OtherKey {
            address,
            key_id: key_id.to_string(),
            own: state.key_id.map(|id| id.to_string()),
        });
        let copied = state.copies > 0 && !self.told_copy;
        self.told_copy |= copied;
        other.into_iter().chain(copied.then_some(Hint::MachineCopied))
    }

    /// True when all that was heard is sealed with another key.
    pub(crate) fn explains_silence(&self) -> bool {
        self.state.unopened.packets > 0 && self.state.opened == 0
    }

    /// What a report says.
    pub(crate) fn security(&self) -> Security {
        Security::of(&self.state)
    }
}

#[cfg(test)]
mod tests {
    use norm_seal::{KeyId, Unopened};

    use super::*;

    #[test]
    fn another_key_is_told_once_and_not_when_ours_is_heard() {
        let address = ([192, 0, 2, 1], 6003).into();
        let unopened = Unopened { packets: 3, first: Some((KeyId([1, 2, 3, 4]), address)) };
        let state = SealState { unopened, dropped: 3, ..SealState::default() };
        let mut watch = GateWatch::default();
        let told: Vec<Hint> = watch.note(&state).collect();
        assert_eq!(told, [Hint::OtherKey { address, key_id: "01020304".to_owned(), own: None }]);
        assert!(watch.explains_silence());
        assert_eq!(watch.note(&state).count(), 0);
        let mut watch = GateWatch::default();
        assert_eq!(watch.note(&SealState { opened: 1, ..state }).count(), 0);
        assert!(!watch.explains_silence());
        assert_eq!(watch.security().other_key_packets, 3);
    }

    #[test]
    fn a_copied_machine_is_told_once() {
        let mut watch = GateWatch::default();
        let state = SealState { copies: 1, ..SealState::default() };
        assert!(watch.note(&state).eq([Hint::MachineCopied]));
        assert_eq!(watch.note(&SealState { copies: 2, ..state }).count(), 0);
    }
}
