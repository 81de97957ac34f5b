//! Finds the session that `--session` or `--sdp` names.

use std::time::{Duration, Instant};

use norm_net::announce::{
    Announced, LEAST_INTERVAL, ListenOptions, Listening, SessionDescription, SessionProtocol, Tsi,
    listen,
};

use crate::args::RecvArgs;
use crate::described;
use crate::exit::{Code, Failure};
use crate::output::Output;
use crate::sender::net_code;
use crate::text;

/// In this time each session is announced, some of them by the last moment.
const LEAST: Duration = Duration::from_secs(LEAST_INTERVAL.as_secs() * 4 / 3 + 1);
/// In this time it is announced twice.
const MOST: Duration = Duration::from_secs(2 * LEAST.as_secs() + 1);
/// Names in a message at most.
const MAX_LISTED: usize = 8;

/// The command line with the group of the session that it names otherwise.
pub(super) fn resolve(args: RecvArgs) -> Result<RecvArgs, Failure> {
    if let Some(path) = &args.find.sdp {
        let description = described::read(path)?;
        // The user has chosen the file.
        let ttl = description.ttl.map_or(0, u32::from);
        let mut args = join(args, &description)?;
        let session = &mut args.network.session;
        session.ttl = session.ttl.max(ttl);
        return Ok(args);
    }
    let Some(name) = args.find.session.clone() else { return Ok(args) };
    let output = Output::new(args.common.json);
    let interface = args.session().interface.clone();
    let options = ListenOptions::default().with(|o| o.interface = interface);
    let mut listening =
        listen(&options).map_err(|error| Failure::new(net_code(&error), error.to_string()))?;
    let shown = text::name(&name);
    output.say(&format!("looking for session '{shown}', {} s", LEAST.as_secs()));
    let found = one_of(hear(&mut listening, &name)?, &listening, &name)?;
    output.say(&format!(
        "session '{shown}' found: {} in {}, from {}",
        found.description.protocol, found.description.group, found.host
    ));
    if let Some(note) = ttl_note(&args, &found.description) {
        output.say(&note);
    }
    join(args, &found.description)
}

/// That feedback may not reach the sender. Anybody can announce a session with a large TTL: it is
/// the user who decides how far packets go.
fn ttl_note(args: &RecvArgs, description: &SessionDescription) -> Option<String> {
    let (ttl, ours) = (u32::from(description.ttl?), args.session().ttl);
    let sends = matches!(description.protocol, SessionProtocol::Norm);
    (sends && ttl > ours).then(|| {
        format!(
            "the session is sent with TTL {ttl}, feedback to it with TTL {ours}: if there are \
             routers on the path, use --ttl {ttl}"
        )
    })
}

/// The sessions of this name that are announced.
fn hear(listening: &mut Listening, name: &str) -> Result<Vec<Announced>, Failure> {
    let start = Instant::now();
    loop {
        let found = of_name(listening, name);
        let end = if found.is_empty() { MOST } else { LEAST };
        let left = end.saturating_sub(start.elapsed());
        if left.is_zero() {
            return Ok(found);
        }
        listening
            .next(left.min(LEAST))
            .map_err(|error| Failure::new(Code::Network, error.to_string()))?;
    }
}

/// The sessions of this name; one that is heard in two ways counts once.
fn of_name(listening: &Listening, name: &str) -> Vec<Announced> {
    let mut found = listening.sessions();
    found.retain(|session| session.description.name == name);
    found.dedup_by(|a, b| {
        let (a, b) = (&a.description, &b.description);
        a.group == b.group && a.origin.is_same_session(&b.origin)
    });
    found
}

/// The only one.
fn one_of(
    mut found: Vec<Announced>,
    listening: &Listening,
    name: &str,
) -> Result<Announced, Failure> {
    let name = text::name(name);
    match (found.pop(), found.len()) {
        (Some(only), 0) => Ok(only),
        (Some(last), _) => {
            found.push(last);
            let places = found
                .iter()
                .take(MAX_LISTED)
                .map(|session| format!("{} from {}", session.description.group, session.host));
            Err(Failure::usage(format!(
                "--session '{name}' is ambiguous: there are {} sessions of this name, {}; choose \
                 one with --group",
                found.len(),
                places.collect::<Vec<_>>().join(", ")
            )))
        }
        (None, _) => Err(Failure::new(Code::NotHeard, absent(listening, &name))),
    }
}

/// Why no session of this name was heard.
fn absent(listening: &Listening, name: &str) -> String {
    let interfaces: Vec<&str> = listening.interfaces().map(|it| it.name.as_str()).collect();
    let sessions = listening.sessions();
    let others: Vec<String> = sessions
        .iter()
        .take(MAX_LISTED)
        .map(|it| format!("'{}'", text::name(&it.description.name)))
        .collect();
    let heard = if others.is_empty() {
        "nothing is announced there: check --interface, the sender's --ttl, and that firewalls let \
         UDP port 9875 in"
            .to_owned()
    } else {
        format!("announced are {}", others.join(", "))
    };
    format!(
        "--session '{name}': no such session was announced on {} within {} s; {heard}; or use \
         --group",
        unique(&interfaces).join(" and "),
        MOST.as_secs()
    )
}

/// Each name once.
pub(crate) fn unique<'a>(names: &[&'a str]) -> Vec<&'a str> {
    let mut names = names.to_vec();
    names.dedup();
    names
}

/// The command line of a receiver in this session. This is where another protocol is chosen.
fn join(mut args: RecvArgs, description: &SessionDescription) -> Result<RecvArgs, Failure> {
    match description.protocol {
        SessionProtocol::Norm => {}
        SessionProtocol::Flute => {
            args.flute.flute = true;
            args.flute.tsi = args.flute.tsi.or(description.tsi.map(Tsi::get));
        }
    }
    match description.sources.as_slice() {
        _ if args.source.is_some() => {}
        [] => {}
        [only] => args.source = Some(*only),
        several => {
            let several: Vec<String> = several.iter().map(ToString::to_string).collect();
            return Err(Failure::usage(format!(
                "the session has several sources, {}: choose one with --source",
                several.join(", ")
            )));
        }
    }
    let session = &mut args.network.session;
    session.group = description.group;
    Ok(args)
}

#[cfg(test)]
mod tests {
    use norm_net::announce::Origin;

    use super::*;
    use crate::args::parse_words;

    fn description(protocol: SessionProtocol) -> SessionDescription {
        let address = "192.0.2.7".to_owned();
        let origin = Origin { username: "-".to_owned(), id: 1, version: 1, address };
        let group = "232.1.2.3:6000".parse().unwrap();
        SessionDescription::new(protocol, group, origin)
    }

    #[test]
    fn session_is_joined_as_described() {
        let mut session = description(SessionProtocol::Norm);
        session.ttl = Some(255);
        session.sources = vec!["192.0.2.7".parse().unwrap()];
        let args = join(parse_words("--session x").unwrap(), &session).unwrap();
        assert_eq!((args.session().group, args.session().ttl), (session.group, 1));
        assert_eq!(args.source, Some(session.sources[0]));
        assert_eq!(args.check(), Ok(()));
        assert!(ttl_note(&args, &session).unwrap().contains("--ttl 255"));
        let args = join(parse_words("--session x -t 255").unwrap(), &session).unwrap();
        assert_eq!((args.session().ttl, ttl_note(&args, &session)), (255, None));
        session.sources.push("192.0.2.8".parse().unwrap());
        let error = join(parse_words("--sdp x").unwrap(), &session).unwrap_err();
        assert!(error.message.contains("--source"), "{error}");
        let args = join(parse_words("--sdp x --source 192.0.2.9").unwrap(), &session).unwrap();
        assert_eq!(args.source, "192.0.2.9".parse().ok());
    }

    #[test]
    fn file_of_the_user_says_how_far_feedback_goes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("session.sdp");
        let mut session = description(SessionProtocol::Norm);
        session.ttl = Some(8);
        described::write(&path, &session).unwrap();
        let mut args = parse_words::<RecvArgs>("--sdp x").unwrap();
        args.find.sdp = Some(path);
        assert_eq!(resolve(args).unwrap().session().ttl, 8);
    }

    #[test]
    fn session_of_flute_is_received_one_way() {
        let mut session = description(SessionProtocol::Flute);
        session.tsi = Tsi::new(77);
        let args = join(parse_words("--sdp x").unwrap(), &session).unwrap();
        assert_eq!((args.flute.flute, args.flute.tsi), (true, Some(77)));
        assert_eq!(args.check(), Ok(()));
    }
}
