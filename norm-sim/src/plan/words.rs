//! A plan as text.

use core::fmt;

use super::network::{DELAY, WIFI_LOSS};
use super::{Plan, Request};

impl Plan {
    /// The answer in one sentence.
    pub fn headline(&self) -> String {
        let request = &self.request;
        let what = format!(
            "{} to {} at {}",
            bytes(request.size as f64),
            receivers(request.receivers),
            bit_rate(self.rate as f64)
        );
        match self.seconds {
            Some(at) => format!("{what}: complete after {}", span(at)),
            None => format!(
                "{what}: only {} of {} become complete in time",
                self.complete, request.receivers
            ),
        }
    }

    /// Inputs and results, as rows of a table.
    pub fn facts(&self) -> Vec<(&'static str, String)> {
        let feedback = &self.feedback;
        let mut facts = vec![
            ("Network", network(&self.request)),
            (
                "Packets",
                format!(
                    "{} bytes of content each, blocks of {} of them",
                    self.request.segment_size, self.block_len
                ),
            ),
        ];
        facts.extend(
            self.sent_once_seconds.map(|at| ("First transmission", format!("ends {}", after(at)))),
        );
        facts.push(("Receivers complete", self.milestones_in_words()));
        let end = self.session_seconds.map(|at| format!("{}, when all have confirmed", after(at)));
        facts.push(("End of the session", end.unwrap_or_else(|| "not reached".to_owned())));
        facts.push((
            "Repair",
            format!("{} more packets than the content", percent(self.repair_share)),
        ));
        let wire = bytes(self.wire_bytes as f64);
        facts.push(("On the wire", format!("{wire} from the sender, with all headers")));
        facts.push((
            "Feedback",
            format!(
                "{} NACKs per second, {} in all; {} reports; together {}, or {}",
                three_digits(feedback.nacks_per_second),
                feedback.nacks,
                feedback.reports,
                bytes(feedback.bytes as f64),
                bit_rate(feedback.bits_per_second),
            ),
        ));
        facts.push(("Simulated", self.simulated_in_words()));
        facts
    }

    /// Rows of name, completion, loss and NACKs, under their headings.
    pub fn worst_rows(&self) -> Vec<[String; 4]> {
        let headings = ["receiver", "complete", "loss", "NACKs sent"].map(str::to_owned);
        let row = |one: &super::Worst| {
            [
                one.name.clone(),
                one.seconds.map_or("never".to_owned(), |at| self.relative(at)),
                percent(one.loss),
                one.nacks.to_string(),
            ]
        };
        core::iter::once(headings).chain(self.worst.iter().map(row)).collect()
    }

    /// A time near the end, counted from the end of the first transmission.
    fn relative(&self, at: f64) -> String {
        match self.sent_once_seconds {
            Some(sent) => format!("+{}", short(at - sent)),
            None => span(at),
        }
    }

    fn milestones_in_words(&self) -> String {
        let each = self.milestones.iter().map(|milestone| {
            let at = milestone.seconds.map_or("never".to_owned(), |at| self.relative(at));
            format!("{} % {at}", milestone.percent)
        });
        let list = each.collect::<Vec<_>>().join(", ");
        let since =
            if self.sent_once_seconds.is_some() { " after the first transmission" } else { "" };
        format!("{list}{since}")
    }

    fn simulated_in_words(&self) -> String {
        let s = &self.simulated;
        let what = if s.whole {
            "the whole transfer".to_owned()
        } else {
            format!("the first {}", bytes(s.bytes as f64))
        };
        let population = match s.population {
            0 => String::new(),
            population => format!(" and {population} as a statistical model"),
        };
        let extrapolated =
            if s.whole { "nothing is extrapolated" } else { "the remaining part is extrapolated" };
        format!(
            "{what} ({}) with {}{population}; {extrapolated}",
            span(s.seconds),
            receivers(s.engines)
        )
    }
}

/// Headline, facts, worst receivers and notes.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n", self.headline())?;
        for (name, value) in self.facts() {
            writeln!(f, "  {name:<19} {value}")?;
        }
        writeln!(f, "\nThe last receivers (NACKs in the simulated part):")?;
        for [name, at, loss, nacks] in self.worst_rows() {
            writeln!(f, "  {name:<18} {at:>12} {loss:>9} {nacks:>11}")?;
        }
        for note in &self.notes {
            write!(f, "\nNote: {note}")?;
        }
        if self.notes.is_empty() { Ok(()) } else { writeln!(f) }
    }
}

fn network(request: &Request) -> String {
    let mut parts = Vec::new();
    match &request.network {
        Some(name) => parts.push(format!("{name} preset")),
        None => parts.push("one switch".to_owned()),
    }
    let delay = request.delay.or(request.network.is_none().then_some(DELAY));
    parts.extend(delay.map(|delay| format!("round trip {}", short(delay.as_secs_f64()))));
    if request.network.is_none() || request.loss > 0.0 {
        let more = if request.network.is_some() { " more" } else { "" };
        parts.push(format!("each receiver loses {}{more}", percent(request.loss)));
    }
    if request.wifi > 0 {
        parts.push(format!("{} of them {} more (Wi-Fi)", request.wifi, percent(WIFI_LOSS)));
    }
    for (count, loss) in &request.bad {
        parts.push(format!("{count} of them {}", percent(*loss)));
    }
    if request.unicast_feedback {
        parts.push("feedback by unicast".to_owned());
    }
    parts.join(", ")
}

fn receivers(count: u32) -> String {
    if count == 1 { "1 receiver".to_owned() } else { format!("{count} receivers") }
}

fn after(at: f64) -> String {
    format!("after {}", span(at))
}

/// Bytes, as `40 GB`.
pub(super) fn bytes(count: f64) -> String {
    scaled(count, &["bytes", "kB", "MB", "GB", "TB", "PB"])
}

/// Bits per second, as `98.5 Mbit/s`.
pub(super) fn bit_rate(bits: f64) -> String {
    scaled(bits, &["bit/s", "kbit/s", "Mbit/s", "Gbit/s"])
}

fn scaled(mut value: f64, units: &[&str]) -> String {
    let mut units = units.iter();
    let mut unit = units.next().copied().unwrap_or_default();
    for next in units {
        if value < 999.5 {
            break;
        }
        value /= 1000.0;
        unit = next;
    }
    format!("{} {unit}", three_digits(value))
}

/// A share (0 to 1) as `5.25 %`.
pub(super) fn percent(share: f64) -> String {
    format!("{} %", three_digits(share * 100.0))
}

/// Three significant digits with at most two decimals, without trailing zeros.
fn three_digits(value: f64) -> String {
    let decimals = if value < 9.995 { 2 } else { usize::from(value < 99.95) };
    let digits = format!("{value:.decimals$}");
    if decimals == 0 {
        return digits;
    }
    digits.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A time as `42.1 ms`, `0.42 s`, `12.3 s`, `3 min 05 s`, `2 h 07 min` or `3 d 04 h`.
pub(super) fn span(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    if seconds < 0.0995 {
        return short(seconds);
    }
    match whole {
        0..60 => format!("{} s", three_digits(seconds)),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        3600..86_400 => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
        _ => format!("{} d {:02} h", whole / 86_400, whole % 86_400 / 3600),
    }
}

/// A time that may be very short.
pub(super) fn short(seconds: f64) -> String {
    if seconds < 0.9995 {
        return format!("{} ms", three_digits((seconds * 1000.0).max(0.0)));
    }
    span(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_three_digits() {
        assert_eq!(bytes(40e9), "40 GB");
        assert_eq!(bytes(999.0), "999 bytes");
        assert_eq!(bytes(999_600.0), "1 MB");
        assert_eq!(bit_rate(98_540_000.0), "98.5 Mbit/s");
        assert_eq!(percent(0.0123), "1.23 %");
        assert_eq!(percent(0.0), "0 %");
    }

    #[test]
    fn long_times_have_coarse_units() {
        let times = [0.0421, 0.417, 59.4, 185.0, 7_620.0, 100_000.0].map(span);
        assert_eq!(times, ["42.1 ms", "0.42 s", "59.4 s", "3 min 05 s", "2 h 07 min", "1 d 03 h"]);
        assert_eq!([0.0123, 1.5, -0.1].map(short), ["12.3 ms", "1.5 s", "0 ms"]);
    }
}
