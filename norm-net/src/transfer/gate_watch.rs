//! What a session says of its gate.

use crate::event::{Hint, Security};
use crate::io::keys_not_made::KeysNotMade;
use crate::io::seal::SealState;

/// What has passed a session's gate, and what was said of that.
#[derive(Debug, Default)]
pub(crate) struct GateWatch {
    state: SealState,
    told_key: bool,
    told_unsealed: bool,
    told_seals: bool,
    told_signer: bool,
    told_expired: bool,
    told_list: bool,
    told_left_out: bool,
    told_copy: bool,
    /// Why keys are not made, as it was told.
    told_keys: Option<KeysNotMade>,
    /// How many recipients' keys cannot be used, as it was told.
    told_unusable: usize,
}

impl GateWatch {
    /// Notes what has passed; what is to be said, once each.
    pub(crate) fn note(&mut self, state: &SealState) -> impl Iterator<Item = Hint> + use<> {
        self.state = *state;
        // What is heard beside the members of this session is of no concern.
        let is_alone = state.opened == 0;
        let other = state.unopened.first.filter(|_| is_alone && !self.told_key);
        self.told_key |= other.is_some();
        let unsealed = state.unsealed.first.filter(|_| is_alone && !self.told_unsealed);
        self.told_unsealed |= unsealed.is_some();
        let unsealed = unsealed.map(|address| Hint::Unsealed { address });
        let seals = state.not_authentic.first.filter(|_| is_alone && !self.told_seals);
        self.told_seals |= seals.is_some();
        let seals = seals.map(|address| Hint::NotAuthentic { address });
        let signer = state.other_signer.first.filter(|_| is_alone && !self.told_signer);
        self.told_signer |= signer.is_some();
        let signer = signer.map(|(signer, address)| Hint::OtherSigner {
            address,
            signer: signer.map(|key| key.to_string()),
        });
        let expired = state.expired.first.filter(|_| is_alone && !self.told_expired);
        self.told_expired |= expired.is_some();
        let expired = expired.map(|address| Hint::Expired { address });
        let other = other.map(|(key_id, address)| Hint::OtherKey {
            address,
            key_id: key_id.to_string(),
            own: state.key_id.map(|id| id.to_string()),
        });
        let list = state.not_listed.first.filter(|_| is_alone && !self.told_list);
        self.told_list |= list.is_some();
        let list = list.map(|address| Hint::NotListed { address });
        let left_out = state.left_out.first.filter(|_| !self.told_left_out);
        self.told_left_out |= left_out.is_some();
        let list = list.into_iter().chain(left_out.map(|address| Hint::LeftOut { address }));
        let copied = state.copies > 0 && !self.told_copy;
        self.told_copy |= copied;
        let heard = other.into_iter().chain(unsealed).chain(seals).chain(signer).chain(expired);
        let heard = heard.chain(list);
        heard.chain(copied.then_some(Hint::MachineCopied)).chain(self.about_recipients())
    }

    /// What is wrong with the keys of recipients, when that is news.
    fn about_recipients(&mut self) -> impl Iterator<Item = Hint> + use<> {
        let SealState { keys_not_made, unusable: (keys, first), .. } = self.state;
        let reason = keys_not_made.filter(|_| keys_not_made != self.told_keys);
        let first = first.filter(|_| keys != self.told_unusable);
        self.told_keys = keys_not_made;
        self.told_unusable = keys;
        let unusable = first.map(|key| Hint::UnusableRecipients { keys, first: key.to_string() });
        reason.map(|reason| Hint::KeysNotMade { reason }).into_iter().chain(unusable)
    }

    /// True when packets were heard, but none that is sealed for this session.
    pub(crate) fn explains_silence(&self) -> bool {
        let SealState { opened, unopened, unsealed, not_authentic, .. } = self.state;
        let signed = self.state.other_signer.hellos + self.state.expired.packets;
        let signed = signed + self.state.not_listed.packets;
        opened == 0 && unopened.packets + unsealed.packets + not_authentic.packets + signed > 0
    }

    /// True when the sender has gone on to a key that this machine did not get.
    pub(crate) fn is_left_out(&self) -> bool {
        self.state.left_out.packets > 0
    }

    /// What a report says.
    pub(crate) fn security(&self) -> Security {
        Security::of(&self.state)
    }
}

#[cfg(test)]
mod tests {
    use norm_seal::{Heard, KeyId, OtherSigner, RecipientKey, Unopened, Verifier};

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
    fn missing_and_other_seals_are_told_once_each_and_not_when_ours_is_heard() {
        let address = ([192, 0, 2, 1], 6003).into();
        let heard = Heard { packets: 3, first: Some(address) };
        let unsealed = SealState { unsealed: heard, ..SealState::default() };
        let other = SealState { not_authentic: heard, ..SealState::default() };
        for (state, hint) in
            [(unsealed, Hint::Unsealed { address }), (other, Hint::NotAuthentic { address })]
        {
            let mut watch = GateWatch::default();
            assert!(!watch.explains_silence());
            assert!(watch.note(&state).eq([hint]));
            assert!(watch.explains_silence());
            assert_eq!(watch.note(&state).count(), 0);
            let mut watch = GateWatch::default();
            assert_eq!(watch.note(&SealState { opened: 1, ..state }).count(), 0);
            assert!(!watch.explains_silence());
        }
    }

    #[test]
    fn another_signer_and_an_expired_session_are_told_once_each() {
        let address = ([192, 0, 2, 1], 6003).into();
        let key = Verifier([0xcd; 32]);
        let first = Some((Some(key), address));
        let other_signer = OtherSigner { hellos: 2, first };
        let other = SealState { other_signer, ..SealState::default() };
        let signer = Some(key.to_string());
        let heard = Heard { packets: 1, first: Some(address) };
        let expired = SealState { expired: heard, ..SealState::default() };
        for (state, hint) in
            [(other, Hint::OtherSigner { address, signer }), (expired, Hint::Expired { address })]
        {
            let mut watch = GateWatch::default();
            assert!(watch.note(&state).eq([hint]));
            assert!(watch.explains_silence());
            assert_eq!(watch.note(&state).count(), 0);
            let mut watch = GateWatch::default();
            assert_eq!(watch.note(&SealState { opened: 1, ..state }).count(), 0);
        }
    }

    #[test]
    fn missing_and_lost_places_in_a_list_are_told_once_each() {
        let address = ([192, 0, 2, 1], 6003).into();
        let heard = Heard { packets: 2, first: Some(address) };
        let state = SealState { not_listed: heard, ..SealState::default() };
        let mut watch = GateWatch::default();
        assert!(watch.note(&state).eq([Hint::NotListed { address }]));
        assert!(watch.explains_silence() && !watch.is_left_out());
        assert_eq!(watch.note(&state).count(), 0);
        let mut watch = GateWatch::default();
        let state = SealState { opened: 7, left_out: heard, ..SealState::default() };
        assert!(watch.note(&state).eq([Hint::LeftOut { address }]));
        assert!(watch.is_left_out());
        assert_eq!(watch.note(&state).count(), 0);
    }

    #[test]
    fn keys_that_are_not_made_are_told_once_each_time_and_are_in_reports() {
        let mut watch = GateWatch::default();
        let reason = KeysNotMade::NoRandomness;
        let bad = SealState { keys_not_made: Some(reason), ..SealState::default() };
        for state in [bad, SealState::default(), bad] {
            let told = state.keys_not_made.map(|reason| Hint::KeysNotMade { reason });
            assert!(watch.note(&state).eq(told));
            assert_eq!(watch.security().keys_not_made, state.keys_not_made);
            assert_eq!(watch.note(&state).count(), 0);
        }
        let key = RecipientKey::new([0; 32]);
        let state = SealState { unusable: (2, Some(key)), ..SealState::default() };
        let first = key.to_string();
        assert!(
            watch.note(&state).eq([Hint::UnusableRecipients { keys: 2, first: first.clone() }])
        );
        assert_eq!(watch.note(&state).count(), 0);
        assert_eq!(watch.security().unusable_recipient, Some(first));
    }

    #[test]
    fn a_copied_machine_is_told_once() {
        let mut watch = GateWatch::default();
        let state = SealState { copies: 1, ..SealState::default() };
        assert!(watch.note(&state).eq([Hint::MachineCopied]));
        assert_eq!(watch.note(&SealState { copies: 2, ..state }).count(), 0);
    }
}
