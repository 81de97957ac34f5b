//! What becomes of receivers that keep the others slow.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use norm_core::norm::sender::SlowPolicy;

/// What becomes of receivers that keep the others slow.
#[derive(Copy, Clone, Debug, Default, PartialEq)]
pub enum Slow {
    /// They are waited for.
    #[default]
    Wait,
    /// They are sent away.
    Eject(SlowLimits),
    /// They are sent the same once more in this group, at a rate of their own.
    Lane(SlowLimits, SocketAddr),
}

/// Which receivers are too slow. The only one, or all of them, never are.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct SlowLimits {
    /// Whoever takes less than this, in bits per second. `None`: whoever keeps the others below half of what
    /// they could take without it.
    pub below: Option<u64>,
    /// Whoever loses this part of the packets, above 0 and at most 1.
    pub loss: Option<f64>,
    /// For so long.
    pub after: Duration,
}

impl Default for SlowLimits {
    /// Whoever halves the others' speed, or loses half of the packets, for 3 s.
    fn default() -> Self {
        Self { below: None, loss: Some(0.5), after: Duration::from_secs(3) }
    }
}

impl Slow {
    /// The group beside the session's: the next address, at the same port.
    pub fn usual_lane(group: SocketAddr) -> SocketAddr {
        let next = |byte: u8| if byte == 254 { 1 } else { byte + 1 };
        let ip = match group.ip() {
            IpAddr::V4(ip) => {
                let [a, b, c, d] = ip.octets();
                Ipv4Addr::new(a, b, c, next(d.min(254))).into()
            }
            IpAddr::V6(ip) => {
                let mut octets = ip.octets();
                octets[15] = next(octets[15].min(254));
                IpAddr::V6(Ipv6Addr::from(octets))
            }
        };
        SocketAddr::new(ip, group.port())
    }

    /// What is wrong with it for a session in `group`, and what to do.
    pub(super) fn mistake(&self, group: SocketAddr, compat: bool) -> Option<String> {
        let limits = match self {
            Self::Wait => return None,
            Self::Eject(limits) | Self::Lane(limits, _) => limits,
        };
        if limits.loss.is_some_and(|loss| !(loss > 0.0 && loss <= 1.0)) {
            return Some("the loss of slow receivers must be above 0 and at most 1".to_owned());
        }
        let Self::Lane(_, lane) = self else { return None };
        if compat {
            return Some("receivers of other makes know no slow lane: eject them".to_owned());
        }
        let fits = lane.ip().is_multicast() && lane.is_ipv4() == group.is_ipv4();
        if !group.ip().is_multicast() || !fits || lane.port() == 0 {
            return Some(format!(
                "a slow lane ({lane}) is a second multicast group beside the session's ({group}): give both, \
                 of one family, or eject slow receivers"
            ));
        }
        (lane.ip() == group.ip()).then(|| {
            format!("the slow lane must be another group than the session's, {}", group.ip())
        })
    }

    /// The engine's settings for it.
    pub(super) fn policy(&self) -> Option<SlowPolicy> {
        let (limits, lane) = match *self {
            Self::Wait => return None,
            Self::Eject(limits) => (limits, None),
            Self::Lane(limits, lane) => (limits, Some(lane)),
        };
        let SlowLimits { below, loss, after } = limits;
        Some(SlowPolicy { below, loss, after, separate_group: lane })
    }

    /// The slow lane's group.
    pub(super) fn lane(&self) -> Option<SocketAddr> {
        if let Self::Lane(_, lane) = self { Some(*lane) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_usual_lane_is_the_next_group() {
        for (group, lane) in [
            ("239.255.57.40:5740", "239.255.57.41:5740"),
            ("239.1.2.254:7", "239.1.2.1:7"),
            ("239.1.2.255:7", "239.1.2.1:7"),
            ("[ff15::4]:7", "[ff15::5]:7"),
        ] {
            assert_eq!(Slow::usual_lane(address(group)), address(lane));
            let slow = Slow::Lane(SlowLimits::default(), address(lane));
            assert_eq!(slow.mistake(address(group), false), None);
        }
    }

    #[test]
    fn what_cannot_work_is_named() {
        let group = address("239.1.2.3:7");
        let lane = |text| Slow::Lane(SlowLimits::default(), address(text));
        assert!(lane("239.1.2.3:8").mistake(group, false).is_some_and(|m| m.contains("another")));
        assert!(lane("10.1.2.3:8").mistake(group, false).is_some_and(|m| m.contains("multicast")));
        assert!(lane("[ff15::1]:8").mistake(group, false).is_some());
        assert!(lane("239.1.2.4:7").mistake(group, true).is_some_and(|m| m.contains("eject")));
        assert!(lane("239.1.2.4:7").mistake(address("10.1.2.3:7"), false).is_some());
        let loss = |loss| Slow::Eject(SlowLimits { loss: Some(loss), ..SlowLimits::default() });
        assert!(
            loss(0.0).mistake(group, false).is_some() && loss(1.5).mistake(group, false).is_some()
        );
        assert_eq!((loss(1.0).mistake(group, true), Slow::Wait.mistake(group, true)), (None, None));
    }
}
