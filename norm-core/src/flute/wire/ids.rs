//! Ids of sessions, objects and FDT instances.

/// Which session of a sender (RFC 5651 §5.1): at most 48 bits.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tsi(u64);

impl Tsi {
    /// The largest one.
    pub const MAX: Self = Self((1 << 48) - 1);

    /// `None` when `id` needs more than 48 bits.
    pub const fn new(id: u64) -> Option<Self> {
        if id <= Self::MAX.0 { Some(Self(id)) } else { None }
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// Which object of a session (RFC 5651 §5.1): at most 112 bits. 0 is the FDT (RFC 6726 §3.3).
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Toi(u128);

impl Toi {
    /// The FDT.
    pub const FDT: Self = Self(0);
    /// The largest one.
    pub const MAX: Self = Self((1 << 112) - 1);

    /// `None` when `id` needs more than 112 bits.
    pub const fn new(id: u128) -> Option<Self> {
        if id <= Self::MAX.0 { Some(Self(id)) } else { None }
    }

    /// The number.
    pub const fn get(self) -> u128 {
        self.0
    }
}

/// How many bits of a header TSI and TOI have: 32 bits for each word, and 16 more for both with
/// `half`.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub struct IdWidths {
    /// Words of the TSI: 0 or 1 (S).
    tsi: u8,
    /// Words of the TOI: 0 to 3 (O).
    toi: u8,
    /// Both have 16 bits more (H).
    half: bool,
}

impl IdWidths {
    /// 16 bits each.
    pub const HALF_WORDS: Self = Self { tsi: 0, toi: 0, half: true };
    /// 32 bits each.
    pub const WORDS: Self = Self { tsi: 1, toi: 1, half: false };

    /// `None` when the TSI is to have more than one word, or the TOI more than three.
    pub const fn new(tsi: u8, toi: u8, half: bool) -> Option<Self> {
        if tsi <= 1 && toi <= 3 { Some(Self { tsi, toi, half }) } else { None }
    }

    /// Widths that all known receivers can read, as long as the ids have at most 32 bits: 16 and
    /// 16, or 32 and 32. Wider ids get the widths they need.
    pub const fn for_ids(tsi: Tsi, toi: Toi) -> Self {
        const HALF: u64 = 0xfffe;
        const WORD: u64 = 0xffff_ffff;
        let (tsi, toi) = (tsi.get(), toi.get());
        if tsi <= HALF && toi <= HALF as u128 {
            Self::HALF_WORDS
        } else if tsi <= WORD && toi <= WORD as u128 {
            Self::WORDS
        } else {
            let half = tsi > WORD;
            let rest = if half { toi >> 16 } else { toi };
            let bits = 128 - rest.leading_zeros();
            let words = bits.div_ceil(32) as u8;
            // More than three words, and less than three and a half.
            if words > 3 {
                Self { tsi: 1, toi: 3, half: true }
            } else {
                Self { tsi: 1, toi: if words == 0 { 1 } else { words }, half }
            }
        }
    }

    /// Those of the first word of a header.
    pub(super) const fn from_flags(flags: u8) -> Self {
        Self { tsi: flags >> 7, toi: flags >> 5 & 3, half: flags & 0x10 != 0 }
    }

    /// The same without a TOI, for packets that are about a session alone.
    #[must_use]
    pub const fn without_toi(self) -> Self {
        Self { tsi: 1, toi: 0, half: false }
    }

    /// As they stand in the first word of a header.
    pub(super) const fn to_flags(self) -> u8 {
        self.tsi << 7 | self.toi << 5 | (self.half as u8) << 4
    }

    /// Bytes of the TSI: 0, 2, 4 or 6.
    pub const fn tsi_len(self) -> usize {
        self.tsi as usize * 4 + self.half as usize * 2
    }

    /// Bytes of the TOI: 0 to 14, even.
    pub const fn toi_len(self) -> usize {
        self.toi as usize * 4 + self.half as usize * 2
    }
}

/// Which version of the FDT (RFC 6726 §3.4.1): 20 bits, which wrap.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct FdtInstanceId(u32);

impl FdtInstanceId {
    /// The largest one, after which comes 0.
    pub const MAX: Self = Self((1 << 20) - 1);

    /// `None` when `id` needs more than 20 bits.
    pub const fn new(id: u32) -> Option<Self> {
        if id <= Self::MAX.0 { Some(Self(id)) } else { None }
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The one after it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self((self.0 + 1) & Self::MAX.0)
    }

    /// True when `self` comes after `other` by less than half of the number space.
    pub const fn is_after(self, other: Self) -> bool {
        let steps = self.0.wrapping_sub(other.0) & Self::MAX.0;
        steps != 0 && steps < 1 << 19
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_those_that_all_receivers_read_as_long_as_the_ids_fit() {
        let widths = |tsi, toi| {
            let widths = IdWidths::for_ids(Tsi::new(tsi).unwrap(), Toi::new(toi).unwrap());
            (widths.tsi_len(), widths.toi_len())
        };
        assert_eq!(widths(0, 0), (2, 2));
        assert_eq!(widths(65_534, 65_534), (2, 2));
        assert_eq!(widths(65_535, 1), (4, 4));
        assert_eq!(widths(1, 65_535), (4, 4));
        assert_eq!(widths(u64::from(u32::MAX), u128::from(u32::MAX)), (4, 4));
        assert_eq!(widths(1 << 32, 0), (6, 6));
        assert_eq!(widths(1 << 32, 1 << 47), (6, 6));
        assert_eq!(widths(1 << 32, 1 << 48), (6, 10));
        assert_eq!(widths(1, 1 << 32), (4, 8));
        assert_eq!(widths(1, 1 << 95), (4, 12));
        assert_eq!(widths(1, 1 << 96), (6, 14));
        assert_eq!(widths((1 << 48) - 1, (1 << 112) - 1), (6, 14));
    }

    #[test]
    fn ids_that_do_not_fit_are_none() {
        assert_eq!((Tsi::new(1 << 48), Toi::new(1 << 112)), (None, None));
        assert_eq!((FdtInstanceId::new(1 << 20), IdWidths::new(2, 0, false)), (None, None));
        assert_eq!(IdWidths::new(0, 4, true), None);
    }

    #[test]
    fn instance_ids_wrap() {
        let id = |n| FdtInstanceId::new(n).unwrap();
        assert_eq!(FdtInstanceId::MAX.next(), id(0));
        assert!(id(0).is_after(FdtInstanceId::MAX) && !FdtInstanceId::MAX.is_after(id(0)));
        assert!(id(7).is_after(id(6)) && !id(7).is_after(id(7)));
    }
}
