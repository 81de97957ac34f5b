//! Numbers in headers.

/// Digits of a number at most: all of these fit 64 bits.
const MAX_DIGITS: usize = 19;

/// A number of decimal digits alone; `None` of anything else.
pub(super) fn decimal(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    text.parse().ok().filter(|_| is_number && text.len() <= MAX_DIGITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_digits_alone() {
        assert_eq!((decimal("0"), decimal("0042")), (Some(0), Some(42)));
        assert_eq!(decimal("9999999999999999999"), Some(9_999_999_999_999_999_999));
        for wrong in ["", "+1", "-1", " 1", "1 ", "0x1", "99999999999999999999", "1e3", "\u{661}"] {
            assert_eq!(decimal(wrong), None, "{wrong}");
        }
    }
}
