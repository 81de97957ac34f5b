//! Ids on the wire: nodes, sender instances, objects.

/// One run of a sender: a new value tells receivers to forget what they knew of the node
/// (RFC 5740 §4.2.1).
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct InstanceId(pub u16);

/// Objects in a session at most: half the space of [`ObjectId`], less one. With more, "before" and
/// "after" would be ambiguous.
pub const MAX_OBJECTS: u16 = 0x7fff;

/// A 16-bit number that wraps. It has no `Ord`: after 65535 comes 0.
macro_rules! wrapping_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Hash)]
        pub struct $name(pub u16);

        impl $name {
            /// True when `self` comes before `other` by less than half of the number space.
            ///
            /// Exactly half a space apart, neither is before the other.
            pub const fn is_before(self, other: Self) -> bool {
                matches!(other.distance_from(self), 1..=0x7fff)
            }

            /// The number after this one.
            #[must_use]
            pub const fn next(self) -> Self {
                self.wrapping_add(1)
            }

            /// The number `steps` later.
            #[must_use]
            pub const fn wrapping_add(self, steps: u16) -> Self {
                Self(self.0.wrapping_add(steps))
            }

            /// Steps from `earlier` up to `self`, going forward round the space.
            pub const fn distance_from(self, earlier: Self) -> u16 {
                self.0.wrapping_sub(earlier.0)
            }
        }
    };
}

wrapping_id! {
    /// An object_transport_id: which object of a sender (RFC 5740 §4.2.1).
    ObjectId
}

wrapping_id! {
    /// The message counter of a sender, by which receivers estimate loss (RFC 5740 §4.1).
    Sequence
}

/// Bytes in an object, or in a stream's buffer: at most 2^48 - 1.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectSize(u64);

impl ObjectSize {
    /// The largest size that the wire can express.
    pub const MAX: Self = Self((1 << 48) - 1);

    /// `None` when `bytes` needs more than 48 bits.
    pub const fn new(bytes: u64) -> Option<Self> {
        if bytes <= Self::MAX.0 { Some(Self(bytes)) } else { None }
    }

    /// The size in bytes.
    pub const fn get(self) -> u64 {
        self.0
    }

    pub(super) fn from_be_bytes(bytes: [u8; 6]) -> Self {
        let [a, b, c, d, e, f] = bytes;
        Self(u64::from_be_bytes([0, 0, a, b, c, d, e, f]))
    }

    pub(super) fn to_be_bytes(self) -> [u8; 6] {
        let [_, _, bytes @ ..] = self.0.to_be_bytes();
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_survives_the_wrap() {
        assert!(ObjectId(65_535).is_before(ObjectId(0)));
        assert!(ObjectId(65_530).is_before(ObjectId(32_761)));
        assert!(!ObjectId(0).is_before(ObjectId(65_535)));
        assert!(!ObjectId(7).is_before(ObjectId(7)));
        assert_eq!(ObjectId(65_535).next(), ObjectId(0));
        assert_eq!(Sequence(3).distance_from(Sequence(65_534)), 5);
        assert_eq!(Sequence(65_534).wrapping_add(5), Sequence(3));
    }

    #[test]
    fn newest_of_max_objects_comes_after_the_oldest() {
        let oldest = ObjectId(40_000);
        let newest = oldest.wrapping_add(MAX_OBJECTS - 1);
        assert!(oldest.is_before(newest) && oldest.is_before(newest.next()));
        assert!(!oldest.is_before(newest.next().next()));
    }

    #[test]
    fn ids_half_a_space_apart_have_no_order() {
        assert!(Sequence(0).is_before(Sequence(0x7fff)));
        assert!(!Sequence(0).is_before(Sequence(0x8000)));
        assert!(!Sequence(0x8000).is_before(Sequence(0)));
    }

    #[test]
    fn object_size_holds_48_bits_and_no_more() {
        assert_eq!(ObjectSize::new(1 << 48), None);
        let largest = ObjectSize::new((1 << 48) - 1).unwrap();
        assert_eq!(largest, ObjectSize::MAX);
        assert_eq!(largest.to_be_bytes(), [0xff; 6]);
        let size = ObjectSize::from_be_bytes([1, 2, 3, 4, 5, 6]);
        assert_eq!(size.get(), 0x0102_0304_0506);
        assert_eq!(size.to_be_bytes(), [1, 2, 3, 4, 5, 6]);
    }
}
