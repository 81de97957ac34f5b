//! `normctl list`: the sessions that are announced.

use std::time::{Duration, Instant};

use clap::Args;
use norm_net::announce::{
    Announced, Change, DirectoryCounts, ListenOptions, Listening, SAP_PORT, listen,
};
use norm_net::io::interface::InterfaceSpec;

use crate::args::{NETWORK, OUTPUT};
use crate::exit::{Code, Failure};
use crate::json::{CtlEvent, HeardSession};
use crate::output::Output;
use crate::receiver::unique;
use crate::sender::net_code;
use crate::table::Table;
use crate::{text, units};

/// How long is listened by default.
const DEFAULT: Duration = Duration::from_secs(6);
/// How much longer, by default, while nothing was heard: announcements come 6.7 s apart at most.
const AGAIN: Duration = Duration::from_secs(1);

/// The options of `normctl list`.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Seconds to listen [default: 6]
    #[arg(value_name = "SECS", value_parser = units::seconds)]
    secs: Option<Duration>,

    /// Network interface: name, address or subnet [default: by route]
    #[arg(short, long, value_name = "IF", help_heading = NETWORK)]
    interface: Option<InterfaceSpec>,

    /// Print a JSON line for each session on standard output, when it is heard
    #[arg(long, help_heading = OUTPUT)]
    pub(super) json: bool,
}

/// Listens, and prints what was heard.
pub(super) fn run(args: &ListArgs) -> Result<Code, Failure> {
    let mut output = Output::new(args.json);
    let options = ListenOptions::default().with(|o| o.interface.clone_from(&args.interface));
    let mut listening =
        listen(&options).map_err(|error| Failure::new(net_code(&error), error.to_string()))?;
    let time = args.secs.unwrap_or(DEFAULT);
    output.say(&format!("listening on {} for {} s", places(&listening), time.as_secs_f64()));
    let interfaces = listening.interfaces().map(ToString::to_string).collect();
    output.event(&CtlEvent::Listening { interfaces, seconds: time.as_secs_f64() });
    hear(&mut output, &mut listening, time)?;
    if args.secs.is_none() && listening.sessions().is_empty() {
        hear(&mut output, &mut listening, AGAIN)?;
    }
    let sessions = listening.sessions();
    output.results(table(&sessions).lines());
    if sessions.is_empty() {
        output.say(&nothing(&listening, time));
    }
    if let Some(note) = unread(listening.counts()) {
        output.say(&note);
    }
    Ok(Code::Success)
}

fn hear(output: &mut Output, listening: &mut Listening, time: Duration) -> Result<(), Failure> {
    let end = Instant::now() + time;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let heard = listening.next(left);
        match heard.map_err(|error| Failure::new(Code::Network, error.to_string()))? {
            Some(Change::New(session) | Change::Modified(session)) => {
                output.event(&CtlEvent::Session(HeardSession::new(&session)));
            }
            Some(Change::Deleted(session)) => output.event(&ended(&session)),
            None => {}
        }
        if left.is_zero() {
            return Ok(());
        }
    }
}

fn ended(session: &Announced) -> CtlEvent<'_> {
    CtlEvent::SessionEnded {
        name: &session.description.name,
        group: session.description.group.to_string(),
        from: session.host.to_string(),
    }
}

/// The interfaces, each once: `eth0 (192.0.2.2, fd00::2)`.
fn places(listening: &Listening) -> String {
    let shown: Vec<String> = listening.interfaces().map(ToString::to_string).collect();
    let shown: Vec<&str> = shown.iter().map(String::as_str).collect();
    unique(&shown).join(" and ")
}

fn table(sessions: &[Announced]) -> Table {
    let mut table = Table::new(&["name", "protocol", "group", ">TSI", ">rate", "key", "from"]);
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    for Announced { description, host } in sessions {
        let name = Some(text::name(&description.name)).filter(|name| !name.is_empty());
        table.row([
            or_none(name),
            description.protocol.to_string(),
            description.group.to_string(),
            or_none(description.tsi.map(|tsi| tsi.get().to_string())),
            or_none(description.rate.map(|rate| text::bit_rate(rate as f64))),
            or_none(description.key_id.map(|id| format!("{id:08x}"))),
            host.to_string(),
        ]);
    }
    table
}

/// That nothing was heard, and why that may be.
fn nothing(listening: &Listening, time: Duration) -> String {
    format!(
        "no session was heard on {} in {} s\n\
         - is one announced? norm-send does so with --announce\n\
         - interface: sessions are heard on the one that they are sent on; choose it with -i\n\
         - TTL: across routers the sender needs --ttl 2 or more, and multicast routing\n\
         - firewall: UDP port {SAP_PORT} and IGMP (by IPv6 MLD) must be let in",
        places(listening),
        time.as_secs_f64()
    )
}

/// What was heard and cannot be shown.
fn unread(counts: DirectoryCounts) -> Option<String> {
    use norm_net::announce::SapError;

    let refused: u64 = SapError::ALL.into_iter().map(|error| counts.refused(error)).sum();
    let secret = counts.refused(SapError::Encrypted) + counts.refused(SapError::Compressed);
    let unread = refused + counts.malformed;
    let mut notes = Vec::new();
    if unread > 0 {
        notes.push(format!(
            "{} not understood, of which {secret} encrypted or compressed",
            text::count(unread, "announcement")
        ));
    }
    if counts.dropped > 0 {
        notes.push(format!("{} too many to keep", text::count(counts.dropped, "announcement")));
    }
    (!notes.is_empty()).then(|| notes.join("; "))
}

#[cfg(test)]
mod tests {
    use norm_net::announce::{Origin, SessionDescription, SessionProtocol};

    use super::*;

    #[test]
    fn names_of_others_are_cut_and_escaped() {
        let address = "192.0.2.7".to_owned();
        let origin = Origin { username: "-".to_owned(), id: 1, version: 1, address };
        let group = "239.1.2.3:6000".parse().unwrap();
        let mut description = SessionDescription::new(SessionProtocol::Flute, group, origin);
        description.name = format!("\u{1b}[2Jevil\u{202e}{}", "x".repeat(100_000));
        let host = "192.0.2.7".parse().unwrap();
        let lines: Vec<String> = table(&[Announced { description, host }]).lines().collect();
        assert!(lines[1].contains("\\u{1b}[2Jevil") && lines[1].contains('…'), "{lines:?}");
        assert!(lines.iter().all(|line| line.chars().count() < 120), "{lines:?}");
        assert!(lines.iter().all(|line| !line.chars().any(char::is_control)), "{lines:?}");
    }
}
