//! Predictions of the literature, to compare measurements with.
//!
//! The formulas assume that losses of different packets and receivers are independent. They add
//! logarithms where a factor could leave the range of `f64`.

/// NACKs that reach the sender per loss that all receivers share (RFC 5401 §3.2.2).
///
/// `receivers` is the group size R, at least 1; `backoff` is K, the longest backoff in units of
/// GRTT. L = ln R + 1, and N = exp(1.2 L / (2 K)).
pub fn nacks_per_loss_event(receivers: u64, backoff: f64) -> f64 {
    let lambda = libm::log(receivers.max(1) as f64) + 1.0;
    libm::exp(1.2 * lambda / (2.0 * backoff))
}

/// Packets sent per packet of content when parity repairs the losses of a block.
///
/// This is the integrated FEC/ARQ of Nonnenmacher, Biersack and Towsley (1998): for a block of
/// `block` packets (k, at least 1) new symbols are sent until each receiver has any k of them.
/// `loss` is 0 to 1; at 1 the result is infinite.
///
/// E = (1/k) (k + the sum over m >= k of P(a receiver has fewer than k of m)).
pub fn transmissions_per_packet(loss: f64, receivers: u64, block: u32) -> f64 {
    if loss >= 1.0 {
        return f64::INFINITY;
    }
    let k = block.max(1);
    if loss <= 0.0 || receivers == 0 {
        return 1.0;
    }
    let mut total = f64::from(k);
    let mut sent = Sent::new(k, loss);
    loop {
        let short = sent.fewer_than_k();
        // 1 - (1 - short)^R, without cancellation.
        let any_receiver = -libm::expm1(receivers as f64 * libm::log1p(-short));
        total += any_receiver;
        if any_receiver < 1e-12 {
            return total / f64::from(k);
        }
        sent.one_more();
    }
}

/// Packets sent per packet of content when each is repeated until all receivers have it: a block of
/// one packet.
pub fn arq_transmissions(loss: f64, receivers: u64) -> f64 {
    transmissions_per_packet(loss, receivers, 1)
}

/// Cycles of a carousel without a code until one receiver has all of its packets.
///
/// It is the mean of the longest wait for any of them. So a receiver of n packets is to a carousel
/// what n receivers of one packet are to a sender.
pub fn carousel_cycles(loss: f64, packets: u64) -> f64 {
    arq_transmissions(loss, packets)
}

/// The binomial distribution of the symbols that one receiver has of m sent ones, for m >= k.
struct Sent {
    k: f64,
    m: f64,
    loss: f64,
    /// ln P(k - 1 of m).
    log_one_short: f64,
}

impl Sent {
    fn new(k: u32, loss: f64) -> Self {
        let k = f64::from(k);
        let log_one_short = libm::log(k) + (k - 1.0) * libm::log1p(-loss) + libm::log(loss);
        Self { k, m: k, loss, log_one_short }
    }

    fn one_more(&mut self) {
        self.m += 1.0;
        self.log_one_short += libm::log(self.m / (self.m + 1.0 - self.k)) + libm::log(self.loss);
    }

    /// P(fewer than k of m). Adds up the tail without the mean: its terms decrease, none cancel,
    /// and if the first one is too small for an `f64`, so is their sum.
    fn fewer_than_k(&self) -> f64 {
        let Self { k, m, loss, log_one_short } = *self;
        let odds = (1.0 - loss) / loss;
        let mut term = libm::exp(log_one_short);
        let mut sum = 0.0;
        if m * (1.0 - loss) >= k {
            let mut i = k - 1.0;
            while term > sum * 1e-17 {
                sum += term;
                term *= i / (m - i + 1.0) / odds;
                i -= 1.0;
            }
            return sum.min(1.0);
        }
        let mut i = k - 1.0;
        while i < m {
            term *= (m - i) / (i + 1.0) * odds;
            i += 1.0;
            if term <= sum * 1e-17 {
                break;
            }
            sum += term;
        }
        (1.0 - sum).clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Agrees to half a unit of the last of so many decimals.
    #[track_caller]
    fn assert_rounds_to(value: f64, expected: f64, decimals: u32) {
        let unit = f64::from(10u32.pow(decimals)).recip();
        assert!((value - expected).abs() <= 0.5001 * unit, "{value} is not {expected}");
    }

    #[test]
    fn nacks_per_loss_event_agree_with_rfc_5401() {
        // Receivers, and N (with its decimals) for K = 1, 2, 4 and 6.
        let table: [(u64, [(f64, u32); 4]); 6] = [
            (10, [(7.3, 1), (2.7, 1), (1.64, 2), (1.39, 2)]),
            (100, [(28.9, 1), (5.4, 1), (2.32, 2), (1.75, 2)]),
            (1_000, [(115.0, 0), (10.7, 1), (3.27, 2), (2.21, 2)]),
            (10_000, [(458.0, 0), (21.4, 1), (4.63, 2), (2.78, 2)]),
            (100_000, [(1822.0, 0), (42.7, 1), (6.53, 2), (3.49, 2)]),
            (1_000_000, [(7254.0, 0), (85.0, 0), (9.23, 2), (4.40, 2)]),
        ];
        for (receivers, row) in table {
            for (backoff, (expected, decimals)) in [1.0, 2.0, 4.0, 6.0].into_iter().zip(row) {
                assert_rounds_to(nacks_per_loss_event(receivers, backoff), expected, decimals);
            }
        }
    }

    #[test]
    fn transmissions_agree_with_nonnenmacher_et_al() {
        // Loss, receivers, ARQ, then integrated with k = 7, 20, 100 and 1000.
        let table: [(f64, u64, f64, [f64; 4]); 6] = [
            (0.01, 1_000, 2.10, [1.29, 1.14, 1.056, 1.022]),
            (0.01, 10_000, 2.64, [1.37, 1.18, 1.068, 1.025]),
            (0.01, 1_000_000, 3.64, [1.56, 1.26, 1.090, 1.029]),
            (0.05, 10_000, 3.78, [1.68, 1.36, 1.166, 1.084]),
            (0.10, 1_000, 3.74, [1.78, 1.45, 1.243, 1.149]),
            (0.10, 1_000_000, 6.74, [2.34, 1.70, 1.325, 1.170]),
        ];
        for (loss, receivers, arq, integrated) in table {
            assert_rounds_to(arq_transmissions(loss, receivers), arq, 2);
            let blocks = [(7, 2), (20, 2), (100, 3), (1000, 3)];
            for ((block, decimals), expected) in blocks.into_iter().zip(integrated) {
                let value = transmissions_per_packet(loss, receivers, block);
                assert_rounds_to(value, expected, decimals);
            }
        }
    }

    #[test]
    fn carousels_without_a_code_take_many_cycles() {
        let table = [(10_000, [2.6, 3.8, 4.7, 6.6]), (1_000_000, [3.6, 5.3, 6.7, 9.4])];
        for (packets, row) in table {
            for (loss, expected) in [0.01, 0.05, 0.10, 0.20].into_iter().zip(row) {
                assert_rounds_to(carousel_cycles(loss, packets), expected, 1);
            }
        }
    }

    #[test]
    fn cost_of_one_receiver_does_not_depend_on_the_block() {
        for block in [1, 7, 1000, 56_403] {
            for loss in [0.001, 0.2, 0.6] {
                let value = transmissions_per_packet(loss, 1, block);
                assert!((value * (1.0 - loss) - 1.0).abs() < 1e-9, "{value} at {loss}, {block}");
            }
        }
    }

    #[test]
    fn limits_of_the_ranges_have_their_values() {
        assert_eq!(transmissions_per_packet(0.0, 1000, 10), 1.0);
        assert_eq!(transmissions_per_packet(0.5, 0, 10), 1.0);
        assert_eq!(transmissions_per_packet(1.0, 1, 10), f64::INFINITY);
        assert_eq!(transmissions_per_packet(0.1, 5, 0), transmissions_per_packet(0.1, 5, 1));
        let all = transmissions_per_packet(0.01, u64::MAX, 100);
        assert!(all > transmissions_per_packet(0.01, 1_000_000, 100) && all < 2.0, "{all}");
    }
}
