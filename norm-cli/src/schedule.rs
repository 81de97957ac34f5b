//! A schedule of rates as written on the command line: `08:00-18:00=50M,22:00-06:00=off,else=max`.

use norm_net::transfer::schedule::{Bound, RateSchedule, TimeOfDay, Window};

use crate::units::Rate;
use crate::{explain, text};

/// Reads a schedule.
///
/// # Errors
///
/// What is wrong, and what to use instead.
pub fn parse(text: &str) -> Result<RateSchedule, String> {
    let mut windows = Vec::new();
    let mut otherwise = None;
    for part in text.split(',').map(str::trim) {
        let (when, what) = part.split_once('=').ok_or_else(|| {
            format!("'{part}' is not TIME=RATE: use 08:00-18:00=50M, or else=max")
        })?;
        let (when, bound) = (when.trim(), bound(what.trim(), part)?);
        if when.eq_ignore_ascii_case("else") {
            if otherwise.replace(bound).is_some() {
                return Err("else is given twice: use it once".to_owned());
            }
            continue;
        }
        let (from, to) = when
            .split_once('-')
            .ok_or_else(|| format!("'{when}' is not a time range: use 08:00-18:00, or else"))?;
        let time = |word: &str| word.trim().parse::<TimeOfDay>().map_err(|error| error.to_string());
        windows.push(Window { from: time(from)?, to: time(to)?, bound });
    }
    RateSchedule::new(windows, otherwise.unwrap_or_default())
        .map_err(|problem| explain::schedule(&problem))
}

fn bound(word: &str, part: &str) -> Result<Bound, String> {
    if ["0", "off", "pause"].iter().any(|off| word.eq_ignore_ascii_case(off)) {
        return Ok(Bound::Paused);
    }
    match word.parse::<Rate>() {
        Ok(Rate::Limit(bits)) => Ok(Bound::Rate(bits)),
        Ok(Rate::Max | Rate::Auto) => Ok(Bound::Open),
        Err(_) => Err(format!(
            "'{word}' in '{part}' is not a rate: use bits per second such as 50M or 64k, max or \
             off"
        )),
    }
}

/// What is said when another limit holds: `paused until 18:00 (--rate-schedule)`.
pub(crate) fn change(bound: Bound, until: Option<TimeOfDay>) -> String {
    let what = match bound {
        Bound::Open => "rate not limited".to_owned(),
        Bound::Rate(bits) => format!("rate limited to {}", text::bit_rate(bits as f64)),
        Bound::Paused => "paused".to_owned(),
    };
    format!("{what}{} (--rate-schedule)", end(until))
}

/// ` until 18:00`, or nothing when it has no end.
pub(crate) fn end(until: Option<TimeOfDay>) -> String {
    until.map_or(String::new(), |until| format!(" until {until}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> TimeOfDay {
        text.parse().unwrap()
    }

    #[test]
    fn schedule_has_windows_and_an_else() {
        let schedule = parse("08:00-18:00=50M, 22:00-06:00=off, else=max").unwrap();
        for (at, bound) in [
            ("07:00", Bound::Open),
            ("12:00", Bound::Rate(50_000_000)),
            ("23:00", Bound::Paused),
            ("05:59", Bound::Paused),
        ] {
            assert_eq!(schedule.at(time(at)), bound, "{at}");
        }
        let without_else = parse("8:00-18:00=64k").unwrap();
        assert_eq!(without_else.at(time("20:00")), Bound::Open);
        assert_eq!(parse("else=5M").unwrap().at(time("20:00")), Bound::Rate(5_000_000));
        assert_eq!(parse("0:00-1:00=0,ELSE=auto").unwrap().at(time("00:30")), Bound::Paused);
    }

    #[test]
    fn wrong_schedules_are_refused_with_the_cure() {
        let cases = [
            ("", "08:00-18:00=50M"),
            ("08:00-18:00", "08:00-18:00=50M"),
            ("08:00-18:00=fast", "'fast'"),
            ("08:00-18:00=-5", "50M or 64k"),
            ("08:00-18:00=500", "64k"),
            ("08:00=5M", "08:00-18:00"),
            ("08:00-25:00=5M", "'25:00'"),
            ("08:00-=5M", "00:00 to 24:00"),
            ("08:00-18:00=5M,12:00-13:00=off", "overlap"),
            ("08:00-08:00=5M", "same time"),
            ("else=5M,else=6M", "twice"),
            ("else=off", "nothing would ever be sent"),
            ("08:00-18:00=5M,", "08:00-18:00=50M"),
        ];
        for (text, cure) in cases {
            let message = parse(text).unwrap_err();
            assert!(message.contains(cure), "{text}: {message}");
        }
    }

    #[test]
    fn change_says_what_holds_and_until_when() {
        let until = Some(time("18:00"));
        assert_eq!(change(Bound::Paused, until), "paused until 18:00 (--rate-schedule)");
        assert_eq!(
            change(Bound::Rate(50_000_000), until),
            "rate limited to 50 Mbit/s until 18:00 (--rate-schedule)"
        );
        assert_eq!(change(Bound::Open, None), "rate not limited (--rate-schedule)");
    }
}
