//! The code point in each packet's IP header by which routers may treat it better or worse (DSCP,
//! RFC 2474).

use std::fmt;
use std::str::FromStr;

/// A differentiated services code point, 0 to 63.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Dscp(u8);

/// The code points that have a name: RFC 2474, 2597, 3246, 5865 and 8622.
const NAMES: [(&str, u8); 24] = [
    ("CS0", 0),
    ("LE", 1),
    ("CS1", 8),
    ("AF11", 10),
    ("AF12", 12),
    ("AF13", 14),
    ("CS2", 16),
    ("AF21", 18),
    ("AF22", 20),
    ("AF23", 22),
    ("CS3", 24),
    ("AF31", 26),
    ("AF32", 28),
    ("AF33", 30),
    ("CS4", 32),
    ("AF41", 34),
    ("AF42", 36),
    ("AF43", 38),
    ("CS5", 40),
    ("VA", 44),
    ("EF", 46),
    ("CS6", 48),
    ("CS7", 56),
    ("DF", 0),
];

impl Dscp {
    /// Default forwarding: the code point of packets that are given none.
    pub const DEFAULT: Self = Self(0);
    /// Lower effort: for scavengers (RFC 8622).
    pub const LE: Self = Self(1);

    /// `None` above 63.
    pub const fn new(value: u8) -> Option<Self> {
        if value < 64 { Some(Self(value)) } else { None }
    }

    /// 0 to 63.
    pub const fn value(self) -> u8 {
        self.0
    }

    /// The byte of the IP header that it is in, with nothing said about congestion (ECN).
    pub(crate) const fn byte(self) -> u8 {
        self.0 << 2
    }
}

impl FromStr for Dscp {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some((_, value)) = NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)) {
            return Ok(Self(*value));
        }
        let number = text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
        number.and_then(Self::new).ok_or_else(|| {
            "this is no DSCP: write 0 to 63, or CS0 to CS7, AF11 to AF43, VA, EF or LE".to_owned()
        })
    }
}

/// The name, if there is one, else the number.
impl fmt::Display for Dscp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.iter().find(|(_, value)| *value == self.0) {
            Some((name, _)) => f.write_str(name),
            None => write!(f, "{}", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_the_same_code_points() {
        for (text, value) in
            [("CS1", 8), ("af11", 10), ("AF43", 38), ("EF", 46), ("LE", 1), ("0", 0), ("63", 63)]
        {
            assert_eq!(text.parse::<Dscp>().map(Dscp::value), Ok(value), "{text}");
        }
        for value in 0..64 {
            let dscp = Dscp::new(value).unwrap();
            assert_eq!(dscp.to_string().parse(), Ok(dscp), "as it is told, it is read");
        }
    }

    #[test]
    fn what_is_none_is_told_with_what_there_is() {
        for text in ["64", "-1", "+3", "AF14", "AF", "", "0x2e", "300"] {
            let message = text.parse::<Dscp>().unwrap_err();
            assert!(message.contains("0 to 63") && message.contains("LE"), "{text}: {message}");
        }
    }
}
