//! What TCP would get out of a path: the throughput equation of RFC 5740 §5.5.2 (RFC 4654 §2.1) and
//! its inverse.
//!
//! ```text
//!                            s
//! X = ------------------------------------------------
//!     R (sqrt(2p/3) + 12 sqrt(3p/8) p (1 + 32 p²))
//! ```
//!
//! It is RFC 5348 §3.1 with one acknowledgment per packet and a retransmission timeout of 4 R.

use core::time::Duration;

/// Halvings of an interval of `f64`: one per bit of the mantissa, and some.
const HALVINGS: u32 = 60;

/// Bytes per second of a TCP flow with packets of `packet` bytes over a path with this round trip
/// and loss event rate.
///
/// Infinite without loss; a loss above 1 counts as 1, a round trip below 1 µs as 1 µs.
pub fn throughput(packet: f64, rtt: Duration, loss: f64) -> f64 {
    if loss <= 0.0 {
        return f64::INFINITY;
    }
    packet / (seconds(rtt) * cost(loss.min(1.0)))
}

/// The loss event rate at which [`throughput`] is `rate` bytes per second, in `0.0..=1.0`.
///
/// 1 for a rate that is zero, or less than the path gives at any loss.
pub fn loss_rate(packet: f64, rtt: Duration, rate: f64) -> f64 {
    let wanted = packet / (seconds(rtt) * rate);
    if wanted.is_nan() || wanted >= cost(1.0) {
        return 1.0;
    }
    // The first term alone bounds the answer from above, and is nearly all of it when loss is
    // small.
    let (mut low, mut high) = (0.0, (1.5 * wanted * wanted).min(1.0));
    for _ in 0..HALVINGS {
        let middle = (low + high) / 2.0;
        if cost(middle) < wanted { low = middle } else { high = middle }
    }
    high
}

fn seconds(rtt: Duration) -> f64 {
    rtt.as_secs_f64().max(1e-6)
}

/// Round trips per packet; grows with the loss.
fn cost(loss: f64) -> f64 {
    let fast = libm::sqrt(loss * 2.0 / 3.0);
    let timeouts = 12.0 * libm::sqrt(loss * 3.0 / 8.0) * loss * (1.0 + 32.0 * loss * loss);
    fast + timeouts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RTT: Duration = Duration::from_millis(100);

    #[test]
    fn equation_has_its_known_points() {
        // By hand: p = 1 %, sqrt(2p/3) = 0.081650, 12 sqrt(3p/8) p (1 + 32 p²) = 0.007372.
        let rate = throughput(1000.0, RTT, 0.01);
        assert!((rate - 10_000.0 / 0.089_022).abs() < 5.0, "{rate}");
        // p = 1: 0.816497 + 12 · 0.612372 · 33.
        let rate = throughput(1000.0, RTT, 1.0);
        assert!((rate - 10_000.0 / 243.316).abs() < 0.01, "{rate}");
    }

    #[test]
    fn ends_of_the_scale_are_defined() {
        assert_eq!(throughput(1000.0, RTT, 0.0), f64::INFINITY);
        assert_eq!(throughput(1000.0, RTT, 7.0), throughput(1000.0, RTT, 1.0));
        assert!(throughput(1000.0, Duration::ZERO, 0.5).is_finite());
        assert_eq!([0.0, 1.0, f64::NAN].map(|rate| loss_rate(1000.0, RTT, rate)), [1.0; 3]);
        assert!(loss_rate(1000.0, RTT, f64::INFINITY) < 1e-12);
    }

    proptest! {
        #[test]
        fn inverse_gives_back_the_loss(
            exponent in -9.0..0.0, rtt in 1u64..10_000_000, packet in 40.0..9000.0,
        ) {
            let (loss, rtt) = (libm::exp10(exponent), Duration::from_micros(rtt));
            let again = loss_rate(packet, rtt, throughput(packet, rtt, loss));
            prop_assert!((again / loss - 1.0).abs() < 1e-9, "{loss} came back as {again}");
        }

        #[test]
        fn more_loss_means_less_throughput(exponent in -9.0f64..-0.001, factor in 1.001f64..10.0) {
            let loss = libm::exp10(exponent);
            let more = (loss * factor).min(1.0);
            prop_assert!(throughput(1400.0, RTT, more) < throughput(1400.0, RTT, loss));
        }
    }
}
