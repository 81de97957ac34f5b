//! How much content fits a packet.

use std::ops::RangeInclusive;

use super::error::SendError;
use super::options::{Answers, SendOptions};
use crate::event::Hint;
use crate::io::interface::Interface;
use crate::transfer::config_problem::ConfigProblem;

/// Segment sizes that can be asked for, in bytes.
pub(super) const SEGMENT_SIZES: RangeInclusive<u16> = 128..=65_000;
/// Bytes of each packet that are left for headers where no segment size is given.
const HEADER_RESERVE: u32 = 120;
/// Longest packets where no MTU is given, in bytes: what jumbo frames mostly carry.
const JUMBO_MTU: u32 = 9_000;
/// Longest packets on the loopback interface where no MTU is given, in bytes. It lets 64 KiB out,
/// which no network does; what works there should work elsewhere.
const LOOPBACK_MTU: u32 = 1_500;
/// MTUs that are common, the longest first: jumbo frames, Ethernet, and two of tunnels, of which
/// the last is what IPv6 asks of every link (RFC 8200 §5).
const COMMON_MTUS: [u32; 4] = [9_000, 1_500, 1_400, 1_280];
/// RaptorQ is fastest with symbols of a multiple of this many bytes.
const SEGMENT_STEP: u32 = 64;

/// The segment size of a session.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    /// Bytes of content per packet.
    pub(crate) size: u16,
    /// Lengths of packets that are tried, the longest first, which goes with `size`. A single one
    /// is not to be changed, and without any it is not known how long packets are.
    pub(crate) sizes: Vec<PathSize>,
    /// What to tell the user about it.
    pub(super) hint: Option<Hint>,
}

/// A length of packets that paths may let through.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct PathSize {
    /// Bytes of an IP packet, all headers included.
    pub(crate) packet: u16,
    /// Bytes of content per packet.
    pub(crate) segment: u16,
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
        let headers = data_overhead + options.packet_overhead().bytes() as u32;
        let room = |mtu: u32| mtu.saturating_sub(headers);
        let wanted = match options.segment_size {
            Some(wanted) => u32::from(wanted),
            None => {
                let mtu = options.mtu.map_or_else(|| first_mtu(options, interface), |_| mtu);
                default_segment(mtu, room(mtu))
            }
        };
        let room = room(mtu);
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
        let sizes = sizes(options, interface, size, headers);
        Ok(Self { size, sizes, hint })
    }

    /// The only length of packets, if the user has decided on it.
    pub(super) fn is_fixed(&self) -> bool {
        self.sizes.len() < 2
    }
}

/// The lengths of packets that are tried. None for other implementations, one way, on the loopback
/// interface, where there is no path, and where a segment size was given; one where an MTU was, and
/// where some receivers may not answer.
fn sizes(
    options: &SendOptions,
    interface: &Interface,
    segment: u16,
    headers: u32,
) -> Vec<PathSize> {
    let is_told = options.standard.is_none() && options.flute.is_none();
    if !is_told || options.segment_size.is_some() || interface.loopback {
        return Vec::new();
    }
    let limit = interface.mtu.unwrap_or(u32::MAX);
    let top = options.mtu.map_or_else(|| first_mtu(options, interface), |mtu| mtu.min(limit));
    let shorter = COMMON_MTUS.into_iter().chain([options.min_mtu]);
    // Receivers that cannot answer are not looked after, and those that can are named.
    let falls_back = options.mtu.is_none() && options.answers() == Answers::All;
    let shorter = shorter.filter(|&mtu| falls_back && mtu >= options.min_mtu);
    let mut sizes = Vec::new();
    for mtu in [top].into_iter().chain(shorter) {
        let room = mtu.saturating_sub(headers);
        let used = if mtu == top { segment.into() } else { default_segment(mtu, room) };
        let (Ok(packet), Ok(segment)) = (u16::try_from(mtu), u16::try_from(used)) else { continue };
        let is_shorter =
            |last: &PathSize| packet < last.packet && segment < last.segment && mtu < top;
        if SEGMENT_SIZES.contains(&segment) && sizes.last().is_none_or(is_shorter) {
            sizes.push(PathSize { packet, segment });
        }
    }
    sizes
}

/// The MTU to begin with where none is given: receivers that cannot answer cannot say that packets
/// are too long.
fn first_mtu(options: &SendOptions, interface: &Interface) -> u32 {
    let mtu = default_mtu(interface);
    if options.answers() == Answers::All { mtu } else { mtu.min(LOOPBACK_MTU) }
}

/// The MTU to reckon with where none is given.
fn default_mtu(interface: &Interface) -> u32 {
    let max = if interface.loopback { LOOPBACK_MTU } else { JUMBO_MTU };
    interface.mtu.unwrap_or(LOOPBACK_MTU).min(max)
}

/// The segment size for an MTU with `room` bytes for content: some is left for IPv6,
/// for EXT_FTI, and for what may come.
fn default_segment(mtu: u32, room: u32) -> u32 {
    let segment = mtu.saturating_sub(HEADER_RESERVE).min(room) / SEGMENT_STEP * SEGMENT_STEP;
    segment.min(u32::from(*SEGMENT_SIZES.end()) / SEGMENT_STEP * SEGMENT_STEP)
}

#[cfg(test)]
mod tests {
    use norm_core::transfer::Passes;
    use norm_seal::{GroupSecret, Keyring};

    use super::super::options::Payload;
    use super::super::protocol::Protocol;
    use super::*;
    use crate::io::seal::SealConfig;
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

    /// What it says of the size and to the user.
    fn said(segment: Segment) -> (u16, Option<Hint>) {
        (segment.size, segment.hint)
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
        assert_eq!(said(fit(V4, 1436, Some(1500)).unwrap()), (1436, None));
        assert_eq!(said(fit(V4, 60_000, None).unwrap()), (60_000, None));
        for (group, wanted, mtu, used) in
            [(V4, 1437, 1500, 1408), (V4, 1344, 1400, 1280), (V6, 1417, 1500, 1408)]
        {
            let fitted = fit(group, wanted, Some(mtu)).unwrap();
            let (wanted, interface) = (wanted.into(), Some("eth7".to_owned()));
            let hint = Hint::SegmentTooLong { wanted, used, mtu, interface };
            assert_eq!(said(fitted), (used, Some(hint)));
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
            (false, Some(248), 128),
        ];
        for (loopback, mtu, size) in cases {
            assert_eq!(said(fit(loopback, mtu).unwrap()), (size, None), "{mtu:?}");
        }
        assert!(fit(false, Some(247)).unwrap_err().to_string().contains("too small"));
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
        assert_eq!(said(fit(1500, None, false, 9000).unwrap()), (1344, None));
        assert_eq!(said(fit(9000, None, true, 65_536).unwrap()), (8832, None));
        assert_eq!(said(fit(65_535, None, true, 65_536).unwrap()), (64_960, None));
        let Segment { size, hint, .. } = fit(9000, None, false, 1500).unwrap();
        let hint = hint.unwrap().to_string();
        assert!(size == 1344 && hint.contains("9000") && hint.contains("eth7"), "{hint}");
        let Segment { size, hint, .. } = fit(1400, Some(1400), false, 1500).unwrap();
        let hint = hint.unwrap().to_string();
        assert!(size == 1280 && hint.contains("the path (MTU 1400)"), "{hint}");
        for given in [247, 65_536] {
            let error = fit(given, None, false, 1500).unwrap_err().to_string();
            assert!(error.contains("248 to 65535"), "{error}");
        }
    }

    #[test]
    fn seal_takes_its_bytes_of_each_packet_and_mostly_no_content() {
        let keys = Keyring::new(GroupSecret::new([1; 32]));
        let sealed = |group: &str| {
            SendOptions::new(group.parse().unwrap()).with(|o| {
                o.seal = Some(SealConfig::new(keys.clone()));
            })
        };
        for (group, mtu, size) in [
            (V4, 1500, 1344),
            (V6, 1500, 1344),
            (V4, 1400, 1280),
            (V6, 1400, 1216),
            (V4, 9000, 8832),
        ] {
            let segment = fit_norm(&sealed(group), &interface(Some(mtu))).unwrap();
            assert_eq!((segment.size, &segment.hint), (size, &None), "{group}, {mtu}");
            let headers =
                Norm.data_overhead(&sealed(group)) + sealed(group).packet_overhead().bytes() as u32;
            let fits =
                |size: &PathSize| u32::from(size.segment) + headers <= u32::from(size.packet);
            assert!(segment.sizes.iter().all(fits), "{:?}", segment.sizes);
        }
        let mut options = sealed(V4);
        options.segment_size = Some(1400);
        let Segment { size, hint, .. } = fit_norm(&options, &interface(Some(1500))).unwrap();
        assert_eq!((size, hint.is_some()), (1344, true), "1,392 bytes have room");
    }

    #[test]
    fn shorter_packets_are_tried_down_to_the_lowest_mtu() {
        let tried = |mtu, change: fn(&mut SendOptions)| {
            let options = SendOptions::new(V4.parse().unwrap()).with(change);
            let segment = fit_norm(&options, &interface(mtu)).unwrap();
            assert!(segment.sizes.first().is_none_or(|first| first.segment == segment.size));
            segment.sizes.iter().map(|size| (size.packet, size.segment)).collect::<Vec<_>>()
        };
        let shorter = [(1400, 1280), (1280, 1152)];
        assert_eq!(tried(Some(1500), |_| {}), [&[(1500, 1344)], &shorter[..]].concat());
        assert_eq!(tried(None, |_| {}), [&[(1500, 1344)], &shorter[..]].concat());
        let jumbo = [&[(9000, 8832), (1500, 1344)], &shorter[..]].concat();
        assert_eq!(tried(Some(9000), |_| {}), jumbo);
        assert_eq!(tried(Some(65_520), |_| {}), jumbo);
        assert_eq!(tried(Some(1450), |_| {}), [&[(1450, 1280)], &shorter[1..]].concat());
        assert_eq!(tried(Some(1280), |_| {}), [(1280, 1152)]);
        assert_eq!(tried(Some(1000), |_| {}), [(1000, 832)], "less than the lowest");
        assert_eq!(tried(Some(1500), |o| o.min_mtu = 1_450), [(1500, 1344), (1450, 1280)]);
        let low = [&[(1500, 1344)], &shorter[..], &[(600, 448)]].concat();
        assert_eq!(tried(Some(1500), |o| o.min_mtu = 600), low);
        assert_eq!(tried(Some(9000), |o| o.mtu = Some(1500)), [(1500, 1344)], "decided on");
        assert_eq!(tried(Some(9000), |o| o.segment_size = Some(1000)), []);
        let carousel = |o: &mut SendOptions| o.content.payload = Payload::carousel(Passes::Forever);
        assert_eq!(tried(Some(9000), carousel), [(1500, 1344)], "some may not answer");
        let loopback = Interface { loopback: true, ..interface(Some(65_536)) };
        let options = SendOptions::new(V4.parse().unwrap());
        assert!(fit_norm(&options, &loopback).unwrap().sizes.is_empty(), "no path");
    }
}
