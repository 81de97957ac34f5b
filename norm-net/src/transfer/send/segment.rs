//! How much content fits a packet.

use std::ops::RangeInclusive;

use super::error::SendError;
use super::options::SendOptions;
use crate::event::Hint;
use crate::io::interface::Interface;
use crate::transfer::config_problem::ConfigProblem;

/// Segment sizes that can be asked for, in bytes.
pub(super) const SEGMENT_SIZES: RangeInclusive<u16> = 64..=65_000;
/// Bytes of each packet that are left for headers where no segment size is given.
const HEADER_RESERVE: u32 = 120;
/// Longest packets where no MTU is given, in bytes: what jumbo frames mostly carry.
const JUMBO_MTU: u32 = 9_000;
/// Longest packets on the loopback interface where no MTU is given, in bytes. It lets 64 KiB out,
/// which no network does; what works there should work elsewhere.
const LOOPBACK_MTU: u32 = 1_500;
/// RaptorQ is fastest with symbols of a multiple of this many bytes.
const SEGMENT_STEP: u32 = 64;

/// The segment size of a session.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Segment {
    /// Bytes of content per packet.
    pub(super) size: u16,
    /// What to tell the user about it.
    pub(super) hint: Option<Hint>,
}

impl Segment {
    /// The size asked for, or the default one for the MTU, or else the largest good one that the
    /// MTU has room for beside `data_overhead` bytes of headers.
    ///
    /// # Errors
    /// [`SendError::Config`] when the interface lets too little out for any segment.
    pub(super) fn fit(
        options: &SendOptions,
        data_overhead: u32,
        interface: &Interface,
    ) -> Result<Self, SendError> {
        let limit = interface.mtu.unwrap_or(u32::MAX);
        let mtu = options.mtu.unwrap_or(u32::MAX).min(limit);
        let wanted = match options.segment_size {
            Some(wanted) => u32::from(wanted),
            None => default_segment(options.mtu.map_or_else(|| default_mtu(interface), |_| mtu)),
        };
        let room = mtu.saturating_sub(data_overhead + options.packet_overhead().bytes() as u32);
        let fitting = room.min((*SEGMENT_SIZES.end()).into()) / SEGMENT_STEP * SEGMENT_STEP;
        let size = if wanted <= room { wanted } else { fitting };
        let Some(size) = u16::try_from(size).ok().filter(|size| SEGMENT_SIZES.contains(size))
        else {
            let problem = match options.mtu.filter(|mtu| *mtu <= limit) {
                Some(mtu) => ConfigProblem::MtuTooSmall { mtu, interface: None },
                None => {
                    let interface = Some(interface.name.clone());
                    ConfigProblem::MtuTooSmall { mtu: limit, interface }
                }
            };
            return Err(problem.into());
        };
        let name = || interface.name.clone();
        let hint = if wanted > room {
            let (mtu, interface) =
                options.mtu.map_or_else(|| (limit, Some(name())), |_| (mtu, None));
            Some(Hint::SegmentTooLong { wanted, used: size, mtu, interface })
        } else {
            let given = options.mtu.filter(|given| *given > limit);
            given.map(|wanted| Hint::PacketTooLong {
                wanted,
                used: size,
                mtu: limit,
                interface: name(),
            })
        };
        Ok(Self { size, hint })
    }
}

/// The MTU to reckon with where none is given.
fn default_mtu(interface: &Interface) -> u32 {
    let max = if interface.loopback { LOOPBACK_MTU } else { JUMBO_MTU };
    interface.mtu.unwrap_or(LOOPBACK_MTU).min(max)
}

/// The segment size for an MTU: room is left for IPv6, for EXT_FTI, and for what may come.
fn default_segment(mtu: u32) -> u32 {
    let segment = mtu.saturating_sub(HEADER_RESERVE) / SEGMENT_STEP * SEGMENT_STEP;
    segment.min(u32::from(*SEGMENT_SIZES.end()) / SEGMENT_STEP * SEGMENT_STEP)
}

#[cfg(test)]
mod tests {
    use super::super::protocol::Protocol;
    use super::*;
    use crate::transfer::norm::Norm;

    const V4: &str = "239.1.2.3:4";
    const V6: &str = "[ff15::1]:4";

    fn interface(mtu: Option<u32>) -> Interface {
        Interface {
            name: "eth7".to_owned(),
            index: 7,
            v4: None,
            v6: None,
            addresses: Vec::new(),
            loopback: false,
            up: true,
            running: true,
            mtu,
        }
    }

    fn segment(size: u16) -> Segment {
        Segment { size, hint: None }
    }

    fn fit_norm(options: &SendOptions, interface: &Interface) -> Result<Segment, SendError> {
        Segment::fit(options, Norm.data_overhead(options), interface)
    }

    #[test]
    fn segments_are_cut_to_what_the_interface_lets_out() {
        let fit = |group: &str, wanted, mtu| {
            let mut options = SendOptions::new(group.parse().unwrap());
            options.segment_size = Some(wanted);
            fit_norm(&options, &interface(mtu))
        };
        assert_eq!(fit(V4, 1436, Some(1500)).unwrap(), segment(1436));
        assert_eq!(fit(V4, 60_000, None).unwrap(), segment(60_000));
        for (group, wanted, mtu, used) in
            [(V4, 1437, 1500, 1408), (V4, 1344, 1400, 1280), (V6, 1417, 1500, 1408)]
        {
            let fitted = fit(group, wanted, Some(mtu)).unwrap();
            let (wanted, interface) = (wanted.into(), Some("eth7".to_owned()));
            let hint = Hint::SegmentTooLong { wanted, used, mtu, interface };
            assert_eq!(fitted, Segment { size: used, hint: Some(hint) });
        }
        let error = fit(V4, 1344, Some(127)).unwrap_err().to_string();
        assert!(error.contains("eth7 (127) is too small"), "{error}");
    }

    #[test]
    fn segment_follows_the_mtu_of_the_interface_by_default() {
        let fit = |loopback, mtu| {
            let interface = Interface { loopback, ..interface(mtu) };
            fit_norm(&SendOptions::new(V4.parse().unwrap()), &interface)
        };
        let cases = [
            (false, Some(1500), 1344),
            (false, Some(1400), 1280),
            (false, Some(9000), 8832),
            (false, Some(65_520), 8832),
            (false, None, 1344),
            (true, Some(65_536), 1344),
            (false, Some(184), 64),
        ];
        for (loopback, mtu, size) in cases {
            assert_eq!(fit(loopback, mtu).unwrap(), segment(size), "{mtu:?}");
        }
        assert!(fit(false, Some(183)).unwrap_err().to_string().contains("too small"));
    }

    #[test]
    fn given_mtu_overrides_that_of_the_interface_as_far_as_packets_get_out() {
        let fit = |given, segment_size, loopback, mtu| {
            let mut options = SendOptions::new(V4.parse().unwrap());
            options.mtu = Some(given);
            options.segment_size = segment_size;
            options.check()?;
            fit_norm(&options, &Interface { loopback, ..interface(Some(mtu)) })
        };
        assert_eq!(fit(1500, None, false, 9000).unwrap(), segment(1344));
        assert_eq!(fit(9000, None, true, 65_536).unwrap(), segment(8832));
        assert_eq!(fit(65_535, None, true, 65_536).unwrap(), segment(64_960));
        let Segment { size, hint } = fit(9000, None, false, 1500).unwrap();
        let hint = hint.unwrap().to_string();
        assert!(size == 1344 && hint.contains("9000") && hint.contains("eth7"), "{hint}");
        let Segment { size, hint } = fit(1400, Some(1400), false, 1500).unwrap();
        let hint = hint.unwrap().to_string();
        assert!(size == 1280 && hint.contains("the path (MTU 1400)"), "{hint}");
        for given in [183, 65_536] {
            let error = fit(given, None, false, 1500).unwrap_err().to_string();
            assert!(error.contains("184 to 65535"), "{error}");
        }
    }
}
