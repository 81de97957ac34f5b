//! What a progress line says, at the width that there is.
//!
//! What matters comes first: percent, rate, time left, receivers. Each part has a long and a short
//! form; where there is little room, parts become short from the last to the first, then the last
//! ones are left out.

use std::time::Duration;

use crate::text;

/// Between parts.
const GAP: &str = "  ";
/// Narrower lines have no bar.
const MIN_WIDTH_FOR_BAR: usize = 76;
/// Limit of a bar's length.
const MAX_BAR: usize = 16;
/// A longer name is left out where fewer characters are left for it.
const MIN_NAME: usize = 8;
/// Estimates beyond this many seconds (ten days) are noise.
const MAX_ESTIMATE: f64 = 864_000.0;

/// A part of the line, in two forms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    full: String,
    short: String,
}

impl Part {
    /// A part with a form for narrow terminals.
    pub fn new(full: impl Into<String>, short: impl Into<String>) -> Self {
        Self { full: full.into(), short: short.into() }
    }

    /// The form where there is room.
    pub fn full(&self) -> &str {
        &self.full
    }

    /// A part that is the same at every width.
    pub fn fixed(text: impl Into<String>) -> Self {
        let full: String = text.into();
        Self { short: full.clone(), full }
    }
}

/// Where a transfer stands.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// Since the session began.
    pub elapsed: Duration,
    /// Bytes done.
    pub done: u64,
    /// Bytes in all; 0 while unknown, and while nothing flows.
    pub total: u64,
    /// What matters beside percent and rate: receivers, a pause.
    pub status: Vec<Part>,
    /// Whatever else is worth a look: loss, repair.
    pub details: Vec<Part>,
    /// What is being transferred; may be empty.
    pub name: String,
}

/// The line for a terminal of this width, or without a limit for a log.
pub(super) fn compose(standing: &Standing, bits: Option<f64>, width: Option<usize>) -> String {
    let mut parts = Vec::new();
    if standing.total > 0 {
        flow(&mut parts, standing, bits, width);
    } else {
        parts.extend_from_slice(&standing.status);
    }
    parts.extend_from_slice(&standing.details);
    fit(&parts, &standing.name, width.unwrap_or(usize::MAX))
}

/// Percent, bar, rate, time left, status and amount.
fn flow(parts: &mut Vec<Part>, standing: &Standing, bits: Option<f64>, width: Option<usize>) {
    let Standing { done, total, .. } = *standing;
    let percent = done.min(total).saturating_mul(100) / total;
    parts.push(Part::fixed(format!("{percent:3} %")));
    if let Some(width) = width.filter(|width| *width >= MIN_WIDTH_FOR_BAR) {
        parts.push(Part::fixed(bar(percent, ((width - 60) / 2).min(MAX_BAR))));
    }
    if let Some(bits) = bits.filter(|_| done < total) {
        parts.push(Part::fixed(text::bit_rate(bits)));
        let seconds = total.saturating_sub(done) as f64 * 8.0 / bits;
        if seconds < MAX_ESTIMATE {
            let left = text::estimate(seconds);
            parts.push(Part::new(format!("{left} left"), left));
        }
    }
    parts.extend_from_slice(&standing.status);
    let total = text::bytes(total);
    parts.push(Part::new(format!("{} of {total}", text::bytes(done)), total));
}

/// `[====>     ]`, with this length in characters.
fn bar(percent: u64, length: usize) -> String {
    let inside = length.saturating_sub(2);
    let filled = inside * usize::try_from(percent).unwrap_or(100) / 100;
    let head = if filled < inside { ">" } else { "" };
    format!("[{:<inside$}]", "=".repeat(filled) + head)
}

/// As many parts as fit, the first ones in full before the others; the name takes what is left.
fn fit(parts: &[Part], name: &str, width: usize) -> String {
    let length = |text: &str| text.chars().count();
    let mut chosen: Vec<&str> = Vec::new();
    let mut used = 0;
    for part in parts {
        let gap = if chosen.is_empty() { 0 } else { GAP.len() };
        if used + gap + length(&part.short) > width {
            break;
        }
        used += gap + length(&part.short);
        chosen.push(&part.short);
    }
    for (words, part) in chosen.iter_mut().zip(parts) {
        let longer = used - length(&part.short) + length(&part.full);
        if longer > width {
            break;
        }
        used = longer;
        *words = &part.full;
    }
    let mut line = chosen.join(GAP);
    let room = width.saturating_sub(used + GAP.len());
    let all = chosen.len() == parts.len();
    if all && !name.is_empty() && room >= length(name).min(MIN_NAME) {
        line.push_str(GAP);
        line.push_str(&text::shorten(name, room));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing() -> Standing {
        Standing {
            done: 107 << 20,
            total: 256 << 20,
            status: vec![Part::new("2 of 3 receivers complete", "2/3 complete")],
            details: vec![Part::fixed("loss 4.0 %"), Part::fixed("repair 5.0 %")],
            name: "debian-13.1.0-amd64-netinst.iso".to_owned(),
            ..Standing::default()
        }
    }

    #[test]
    fn line_fits_every_width_and_begins_with_what_matters() {
        for (width, line) in [
            (40, " 41 %  98.1 Mbit/s  13 s  2/3 complete"),
            (60, " 41 %  98.1 Mbit/s  13 s  2/3 complete  256 MiB  loss 4.0 %"),
            (80, " 41 %  [===>    ]  98.1 Mbit/s  13 s left  2/3 complete  256 MiB  loss 4.0 %"),
            (
                120,
                " 41 %  [=====>        ]  98.1 Mbit/s  13 s left  2 of 3 receivers complete  \
                 107 MiB of 256 MiB  loss 4.0 %  repair 5.0 %",
            ),
            (
                140,
                " 41 %  [=====>        ]  98.1 Mbit/s  13 s left  2 of 3 receivers complete  \
                 107 MiB of 256 MiB  loss 4.0 %  repair 5.0 %  debian-1…tinst.iso",
            ),
        ] {
            assert_eq!(compose(&standing(), Some(98.1e6), Some(width)), line, "{width}");
        }
        for width in 0..200 {
            let line = compose(&standing(), Some(98.1e6), Some(width));
            assert!(line.chars().count() <= width, "{width}: {line}");
        }
    }

    #[test]
    fn failures_come_before_amounts_and_loss() {
        let mut standing = standing();
        standing.status.push(Part::fixed("1 failed"));
        assert_eq!(
            compose(&standing, Some(98.1e6), Some(60)),
            " 41 %  98.1 Mbit/s  13 s  2/3 complete  1 failed  256 MiB"
        );
    }

    #[test]
    fn log_line_says_everything_and_has_no_bar() {
        let line = compose(&standing(), Some(98.1e6), None);
        assert_eq!(
            line,
            " 41 %  98.1 Mbit/s  13 s left  2 of 3 receivers complete  \
             107 MiB of 256 MiB  loss 4.0 %  repair 5.0 %  debian-13.1.0-amd64-netinst.iso"
        );
    }

    #[test]
    fn without_bytes_the_line_has_only_status_and_details() {
        let waiting = Part::new("waiting for receivers: 2 joined", "2 joined");
        let waiting = Standing { status: vec![waiting], ..Standing::default() };
        assert_eq!(compose(&waiting, None, Some(80)), "waiting for receivers: 2 joined");
        assert_eq!(compose(&waiting, None, Some(20)), "2 joined");
    }

    #[test]
    fn complete_transfer_has_neither_rate_nor_time_left() {
        let complete = Standing { done: 5, total: 5, ..Standing::default() };
        assert_eq!(compose(&complete, Some(1e6), None), "100 %  5 B of 5 B");
        assert_eq!(compose(&complete, None, Some(80)), "100 %  [========]  5 B of 5 B");
    }
}
