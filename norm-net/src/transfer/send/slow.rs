//! What becomes of receivers that keep the others slow.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use crate::transfer::config_problem::ConfigProblem;

/// What becomes of receivers that keep the others slow.
#[derive(Copy, Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Slow {
    /// They are waited for.
    #[default]
    Wait,
    /// They are evicted.
    Evict(SlowLimits),
    /// They are sent the same once more in this separate group, at a rate of their own.
    Separate(SlowLimits, SocketAddr),
}

/// Which receivers are too slow. The only one, or all of them, never are.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct SlowLimits {
    /// A receiver that takes less than this, in bits per second. `None`: one that keeps the others
    /// below half of what they could take without it.
    pub below: Option<u64>,
    /// A receiver that loses this share of the packets, above 0 and at most 1.
    pub loss: Option<f64>,
    /// How long a receiver must be so.
    pub after: Duration,
}

impl Default for SlowLimits {
    /// A receiver that halves the others' speed, or loses half of the packets, for 3 s.
    fn default() -> Self {
        Self { below: None, loss: Some(0.5), after: Duration::from_secs(3) }
    }
}

impl Slow {
    /// The separate group unless another one is given: the next address, at the same port.
    pub fn default_separate_group(group: SocketAddr) -> SocketAddr {
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

    /// What is wrong with it for a session in `group`.
    pub(super) fn problem(&self, group: SocketAddr, standard: bool) -> Option<ConfigProblem> {
        let limits = match self {
            Self::Wait => return None,
            Self::Evict(limits) | Self::Separate(limits, _) => limits,
        };
        if let Some(loss) = limits.loss.filter(|loss| !(*loss > 0.0 && *loss <= 1.0)) {
            return Some(ConfigProblem::SlowLoss { loss });
        }
        let Self::Separate(_, separate_group) = *self else { return None };
        if standard {
            return Some(ConfigProblem::SeparateGroupInStandardMode);
        }
        let fits =
            separate_group.ip().is_multicast() && separate_group.is_ipv4() == group.is_ipv4();
        if !group.ip().is_multicast() || !fits || separate_group.port() == 0 {
            return Some(ConfigProblem::SeparateGroup { separate_group, group });
        }
        (separate_group.ip() == group.ip()).then_some(ConfigProblem::SameGroup { group })
    }

    /// The separate group.
    pub(super) fn separate_group(&self) -> Option<SocketAddr> {
        if let Self::Separate(_, group) = self { Some(*group) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn default_separate_group_is_the_next_group() {
        for (group, next) in [
            ("239.255.57.40:5740", "239.255.57.41:5740"),
            ("239.1.2.254:7", "239.1.2.1:7"),
            ("239.1.2.255:7", "239.1.2.1:7"),
            ("[ff15::4]:7", "[ff15::5]:7"),
        ] {
            assert_eq!(Slow::default_separate_group(address(group)), address(next));
            let slow = Slow::Separate(SlowLimits::default(), address(next));
            assert_eq!(slow.problem(address(group), false), None);
        }
    }

    #[test]
    fn policy_that_cannot_work_is_refused() {
        let group = address("239.1.2.3:7");
        let separate = |text| Slow::Separate(SlowLimits::default(), address(text));
        let same = ConfigProblem::SameGroup { group };
        assert_eq!(separate("239.1.2.3:8").problem(group, false), Some(same));
        for (group, other) in [
            ("239.1.2.3:7", "10.1.2.3:8"),
            ("239.1.2.3:7", "[ff15::1]:8"),
            ("10.1.2.3:7", "239.1.2.4:7"),
        ] {
            let (group, separate_group) = (address(group), address(other));
            let problem = ConfigProblem::SeparateGroup { separate_group, group };
            assert_eq!(separate(other).problem(group, false), Some(problem));
        }
        let problem = separate("239.1.2.4:7").problem(group, true);
        assert_eq!(problem, Some(ConfigProblem::SeparateGroupInStandardMode));
        let lossy = |loss| Slow::Evict(SlowLimits { loss: Some(loss), ..SlowLimits::default() });
        for loss in [0.0, 1.5] {
            assert_eq!(lossy(loss).problem(group, false), Some(ConfigProblem::SlowLoss { loss }));
        }
        assert_eq!(lossy(1.0).problem(group, true), None);
        assert_eq!(Slow::Wait.problem(group, true), None);
    }
}
