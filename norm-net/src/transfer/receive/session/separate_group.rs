//! Where a session listens: in its own group, or in the separate group that a sender has sent it to
//! because it is slow.

use std::net::SocketAddr;
use std::time::Duration;

use norm_core::Timestamp;
use norm_core::endpoint::SenderId;

use super::ending::MAX_STAY;

/// When nothing has begun in a separate group for this long, a continuous session goes back to its
/// own group, and others give up.
const MAX_WAIT: Duration = Duration::from_secs(60);
/// An eviction is believed when it is said again after this time.
const MIN_REPEAT: Duration = Duration::from_millis(100);
/// An eviction that is said again after this time counts as said for the first time.
const MAX_REPEAT: Duration = Duration::from_secs(10);
/// Ports below are the system's.
const MIN_PORT: u16 = 1024;

/// Where the session listens, and where it is to go.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct SeparateGroup {
    /// In a separate group since then.
    since: Option<Timestamp>,
    /// When something was being received there last.
    busy_at: Option<Timestamp>,
    next: Option<Move>,
    /// The sender that said first that it waits no longer, and when.
    said: Option<(SenderId, Timestamp)>,
}

/// Where to go.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Move {
    /// To a separate group.
    Away(SocketAddr),
    /// Back to the session's own group.
    Home,
}

impl SeparateGroup {
    /// A sender says that it waits no longer. True when that is to be believed: one packet can be
    /// anyone's.
    pub(super) fn is_confirmed(&mut self, now: Timestamp, sender: SenderId) -> bool {
        match self.said {
            Some((by, at)) if by == sender && now < at + MAX_REPEAT => now >= at + MIN_REPEAT,
            _ => {
                self.said = Some((sender, now));
                false
            }
        }
    }

    /// True when the session listens in a separate group: elsewhere than its settings say.
    pub(super) fn is_away(&self) -> bool {
        self.since.is_some()
    }

    /// True when nothing has begun in the separate group yet, and may.
    pub(super) fn is_waiting(&self, now: Timestamp) -> bool {
        self.busy_at.is_none() && self.since.is_some_and(|since| now < since + MAX_WAIT)
    }

    /// True when the session is to listen elsewhere.
    pub(super) fn is_moving(&self) -> bool {
        self.next.is_some()
    }

    /// Has the session go to a separate group.
    pub(super) fn go(&mut self, now: Timestamp, group: SocketAddr) {
        *self = Self { since: Some(now), next: Some(Move::Away(group)), ..Self::default() };
    }

    /// Has the session go home.
    pub(super) fn go_home(&mut self) {
        *self = Self { next: Some(Move::Home), ..Self::default() };
    }

    /// The group cannot be joined: the session stays where it was.
    pub(super) fn stay(&mut self) {
        *self = Self::default();
    }

    /// Where to go now, if anywhere; `home` is the session's own group.
    pub(super) fn take_move(&mut self, home: SocketAddr) -> Option<SocketAddr> {
        self.next.take().map(|next| match next {
            Move::Away(group) => group,
            Move::Home => home,
        })
    }

    /// What came of the separate group; `None` while the session is elsewhere, or may still have
    /// something to do there.
    pub(super) fn result(
        &mut self,
        now: Timestamp,
        is_busy: bool,
        owes_release: bool,
    ) -> Option<Visit> {
        let since = self.since.filter(|_| self.next.is_none())?;
        if is_busy {
            self.busy_at = Some(now);
            return None;
        }
        match self.busy_at {
            Some(busy) if !owes_release || now >= busy + MAX_STAY => Some(Visit::Over),
            None if now >= since + MAX_WAIT => Some(Visit::InVain),
            _ => None,
        }
    }
}

/// What came of a separate group.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Visit {
    /// Something was received there, and nothing more is.
    Over,
    /// Nothing has come there.
    InVain,
}

/// True for a group that a sender may send a session of this group to: a lie can do no more harm
/// there than in the session's own.
pub(super) fn may_join(home: SocketAddr, group: SocketAddr) -> bool {
    home.ip().is_multicast()
        && group.ip().is_multicast()
        && group.is_ipv4() == home.is_ipv4()
        && group.port() >= MIN_PORT
        && group != home
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENDER: SenderId = SenderId(1);

    fn at(millis: u64) -> Timestamp {
        Timestamp::ZERO + Duration::from_millis(millis)
    }

    fn group(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn eviction_is_believed_when_it_is_said_again() {
        let mut state = SeparateGroup::default();
        assert!(!state.is_confirmed(at(0), SENDER));
        assert!(!state.is_confirmed(at(99), SENDER), "a copy of the same packet");
        assert!(state.is_confirmed(at(100), SENDER));
        assert!(!state.is_confirmed(at(200), SenderId(2)), "another one says so");
        assert!(!state.is_confirmed(at(20_000), SenderId(2)), "too long ago");
    }

    #[test]
    fn visit_ends_when_nothing_came_or_nothing_more_does() {
        let home = group("239.1.2.3:6003");
        let mut state = SeparateGroup::default();
        state.go(at(0), group("239.1.2.4:6003"));
        assert_eq!(state.result(at(70_000), false, false), None, "it is not there yet");
        assert_eq!(state.take_move(home), Some(group("239.1.2.4:6003")));
        assert!(state.is_away() && state.is_waiting(at(59_999)));
        assert_eq!(state.result(at(60_000), false, false), Some(Visit::InVain));
        assert_eq!(state.result(at(61_000), true, false), None);
        assert_eq!(state.result(at(62_000), false, true), None);
        assert_eq!(state.result(at(62_000), false, false), Some(Visit::Over));
        assert_eq!(state.result(at(71_000), false, true), Some(Visit::Over));
        state.go_home();
        assert_eq!(state.take_move(home), Some(home));
        assert!(!state.is_away());
    }

    #[test]
    fn only_groups_like_the_own_one_are_joined() {
        let home = group("239.1.2.3:6003");
        assert!(may_join(home, group("239.1.2.4:6003")) && may_join(home, group("239.1.2.3:1024")));
        for other in ["239.1.2.3:6003", "192.0.2.1:6003", "[ff15::1]:6003", "239.1.2.4:1023"] {
            assert!(!may_join(home, group(other)), "{other}");
        }
        assert!(!may_join(group("127.0.0.1:6003"), group("239.1.2.4:6003")));
    }
}
