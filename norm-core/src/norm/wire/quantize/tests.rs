//! Published vectors, and that every code survives decoding.

use super::*;
use proptest::prelude::*;

#[test]
fn rtt_codes_are_those_of_the_peer() {
    let code = |micros| QuantizedRtt::from_duration(Duration::from_micros(micros)).0;
    assert_eq!([1_000, 10_000, 100_000].map(code), [76, 106, 136]);
    assert_eq!([250_000, 500_000, 1_000_000, 15_000_000].map(code), [148, 157, 166, 201]);
    assert_eq!(QuantizedRtt(148).to_duration().as_millis(), 266);
}

#[test]
fn rtt_is_bounded_by_a_microsecond_and_1000_seconds() {
    let code = |duration| QuantizedRtt::from_duration(duration);
    assert_eq!(code(Duration::ZERO), QuantizedRtt::MIN);
    assert_eq!(code(Duration::from_micros(1)), QuantizedRtt::MIN);
    assert_eq!(code(Duration::from_secs(1000)), QuantizedRtt::MAX);
    assert_eq!(code(Duration::MAX), QuantizedRtt::MAX);
    assert_eq!(QuantizedRtt::MIN.to_duration(), Duration::from_micros(1));
    assert_eq!(QuantizedRtt::MAX.to_duration(), Duration::from_secs(1000));
}

#[test]
fn linear_part_of_rtt_ends_at_32_microseconds() {
    let code = |nanos| QuantizedRtt::from_duration(Duration::from_nanos(nanos)).0;
    assert_eq!([1_001, 2_000, 31_001, 32_000].map(code), [1, 1, 31, 31]);
    assert_eq!([32_001, 33_000, 35_000].map(code), [32, 32, 32]);
    assert_eq!(QuantizedRtt(31).to_duration(), Duration::from_micros(32));
}

#[test]
fn rtt_codes_survive_and_ascend() {
    for code in 0..=255 {
        let rtt = QuantizedRtt(code);
        assert_eq!(QuantizedRtt::from_duration(rtt.to_duration()), rtt);
        if let Some(before) = code.checked_sub(1) {
            assert!(rtt.to_duration() > QuantizedRtt(before).to_duration());
        }
    }
}

proptest! {
    #[test]
    fn rtt_code_is_the_smallest_that_is_long_enough(exponent in 3.0..12.0, unit in 0.1..1.0) {
        let rtt = Duration::from_nanos((libm::exp10(exponent) * unit) as u64);
        let code = QuantizedRtt::from_duration(rtt);
        prop_assert!(code.to_duration() >= rtt);
        if let Some(less) = code.0.checked_sub(1) {
            prop_assert!(QuantizedRtt(less).to_duration() < rtt);
        }
    }

    #[test]
    fn rate_is_within_an_eighth_of_a_percent(exponent in 0.0..15.9) {
        let rate = libm::exp10(exponent);
        let decoded = QuantizedRate::from_bytes_per_second(rate).to_bytes_per_second();
        prop_assert!((decoded / rate - 1.0).abs() < 0.00125, "{rate} came back as {decoded}");
    }

    #[test]
    fn loss_codes_survive(all: u32) {
        let loss = QuantizedLoss { high: (all >> 16) as u16, low: all as u16 };
        prop_assert_eq!(QuantizedLoss::from_fraction(loss.to_fraction()), loss);
    }
}

#[test]
fn group_sizes_round_up_to_ones_and_fives() {
    let code = |count| QuantizedGroupSize::from_count(count).0;
    assert_eq!([0, 1, 10, 11, 50, 51, 100].map(code), [0, 0, 0, 8, 8, 1, 1]);
    assert_eq!([101, 500, 501, 1_000, 10_000].map(code), [9, 9, 2, 2, 3]);
    assert_eq!([100_000_000, 100_000_001, 500_000_000, u64::MAX].map(code), [7, 15, 15, 15]);
    assert_eq!(QuantizedGroupSize::DEFAULT.to_count(), 10_000);
    assert_eq!(QuantizedGroupSize(0x0f).to_count(), 500_000_000);
    assert_eq!(QuantizedGroupSize(0xf8).to_count(), 50, "only four bits count");
    for code in 0..16 {
        let size = QuantizedGroupSize(code);
        assert_eq!(QuantizedGroupSize::from_count(size.to_count()), size);
    }
}

#[test]
fn rate_codes_are_those_of_the_rfc_and_of_the_peer() {
    let code = |rate| QuantizedRate::from_bytes_per_second(rate).0;
    assert_eq!(code(32_000.0), 0x51f4, "the RFC's example");
    assert_eq!([64_000.0, 125_000.0, 250_000.0].map(code), [0xa3d4, 0x2005, 0x4005]);
    assert_eq!([1e6, 12.5e6].map(code), [0x19a6, 0x2007]);
    assert_eq!(QuantizedRate(0x2005).to_bytes_per_second(), 125_000.0);
}

#[test]
fn rate_just_below_a_power_of_ten_is_not_zero() {
    let rate = QuantizedRate::from_bytes_per_second(999_999.0);
    assert_eq!(rate, QuantizedRate(0xfff5));
    assert!(rate.to_bytes_per_second() > 999_000.0);
}

#[test]
fn rates_above_zero_are_not_zero() {
    let code = QuantizedRate::from_bytes_per_second;
    assert_eq!([0.0, -1.0, f64::NAN].map(code), [QuantizedRate::ZERO; 3]);
    assert_eq!([1e-9, f64::MIN_POSITIVE].map(code), [QuantizedRate(0x0010); 2]);
    assert_eq!([1e16, f64::INFINITY].map(code), [QuantizedRate::MAX; 2]);
    assert_eq!(QuantizedRate(0x0001).to_bytes_per_second(), 0.0, "the peer's zero");
}

#[test]
fn normalized_rate_codes_survive() {
    for mantissa in 410..=4095 {
        for exponent in 0..16 {
            let rate = QuantizedRate(mantissa << 4 | exponent);
            assert_eq!(QuantizedRate::from_bytes_per_second(rate.to_bytes_per_second()), rate);
        }
    }
}

#[test]
fn loss_is_held_to_zero_and_one() {
    let code = QuantizedLoss::from_fraction;
    let one = QuantizedLoss { high: 0xffff, low: 0xffff };
    assert_eq!([1.0, 2.0, f64::INFINITY].map(code), [one; 3]);
    assert_eq!([0.0, -1.0, f64::NAN].map(code), [QuantizedLoss::ZERO; 3]);
    assert_eq!(one.to_fraction(), 1.0);
    assert_eq!(code(0.5), QuantizedLoss { high: 0x8000, low: 0 });
}

#[test]
fn peers_with_16_bits_of_loss_are_understood() {
    for high in [1u16, 655, 32_768, 65_535] {
        let theirs = f64::from(high) / 65_535.0;
        let ours = QuantizedLoss { high, low: 0 }.to_fraction();
        assert!((ours - theirs).abs() < 1.0 / 65_536.0);
    }
}
