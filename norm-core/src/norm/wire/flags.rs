//! Flag bytes. Unknown bits are emitted again as they came.

macro_rules! flag_byte {
    ($(#[$doc:meta])* $name:ident { $($(#[$flag_doc:meta])* $flag:ident = $value:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Hash)]
        pub struct $name(pub u8);

        impl $name {
            /// No flag set.
            pub const NONE: Self = Self(0);
            $($(#[$flag_doc])* pub const $flag: Self = Self($value);)+

            /// True when every flag of `other` is set.
            pub const fn contains(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            /// These flags and `other`, for chains: `ObjectFlags::FILE.with(ObjectFlags::INFO)`.
            #[must_use]
            pub const fn with(self, other: Self) -> Self {
                self.union(other)
            }

            /// All flags that are set in one or the other.
            #[must_use]
            pub const fn union(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }
        }
    };
}

flag_byte! {
    /// Hints about an object in NORM_INFO and NORM_DATA (RFC 5740 §4.2.1).
    ObjectFlags {
        /// A repair transmission: not a place to start receiving.
        REPAIR = 0x01,
        /// A repair that answers an explicit request, because fresh parity has run out.
        EXPLICIT = 0x02,
        /// The object has a NORM_INFO, which receivers will then insist on.
        INFO = 0x04,
        /// No repair will be given.
        UNRELIABLE = 0x08,
        /// The object is a file.
        FILE = 0x10,
        /// The object is a stream; wins over `FILE`.
        STREAM = 0x20,
        /// Private to one other implementation's socket layer; not in the RFC.
        SYN = 0x40,
    }
}

flag_byte! {
    /// A receiver's congestion control state (RFC 5740 §4.2.3.4).
    CcFlags {
        /// The current limiting receiver.
        CLR = 0x01,
        /// A potential limiting receiver.
        PLR = 0x02,
        /// The round trip has been measured; without it the rtt field is a default.
        RTT = 0x04,
        /// In slow start: no loss seen so far.
        START = 0x08,
        /// About to leave; do not count.
        LEAVE = 0x10,
        /// Private: the rate is twice what was received, being less than the equation's.
        LIMIT = 0x20,
    }
}

flag_byte! {
    /// What a repair request asks for (RFC 5740 §4.3.1).
    RepairFlags {
        /// The named symbols.
        SEGMENT = 0x01,
        /// The named blocks, whole.
        BLOCK = 0x02,
        /// The NORM_INFO of the named objects.
        INFO = 0x04,
        /// The named objects, whole, with their NORM_INFO.
        OBJECT = 0x08,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contains_asks_for_every_flag() {
        let flags = ObjectFlags::FILE.with(ObjectFlags::INFO);
        assert_eq!(flags.0, 0x14);
        assert!(flags.contains(ObjectFlags::INFO));
        assert!(!flags.contains(ObjectFlags::INFO.union(ObjectFlags::REPAIR)));
        assert!(RepairFlags(0x85).contains(RepairFlags::INFO));
    }
}
