//! Writes a description.

use core::net::IpAddr;

use super::line;
use crate::announce::description::SessionDescription;

/// Writes a description.
pub(in crate::announce) fn emit(description: &SessionDescription) -> String {
    let mut session = session_lines(description);
    session.extend(description.others.session.iter().map(|line| clean(line)));
    sort(&mut session);
    let mut media = media_lines(description);
    media.extend(description.others.media.iter().map(|line| clean(line)));
    sort(&mut media);
    let more = description.others.more.iter().map(|line| clean(line));
    session.into_iter().chain(media).chain(more).map(|line| line + "\r\n").collect()
}

/// Puts lines in their order; the first one begins their section.
fn sort(lines: &mut [String]) {
    if let Some((_, rest)) = lines.split_first_mut() {
        line::sort(rest);
    }
}

/// What is said of the session as a whole.
fn session_lines(of: &SessionDescription) -> Vec<String> {
    let origin = &of.origin;
    let (user, address) = (token(&origin.username), token(&origin.address));
    let is_v6 = address.parse().is_ok_and(|ip: IpAddr| ip.is_ipv6());
    let family = if is_v6 { "IP6" } else { "IP4" };
    let name = clean(&of.name);
    let name = if name.trim().is_empty() { "-" } else { name.trim() };
    let mut lines = vec![
        "v=0".to_owned(),
        format!("o={user} {} {} IN {family} {address}", origin.id, origin.version),
        format!("s={name}"),
        format!("t={} {}", of.times.start, of.times.stop),
    ];
    lines.extend(of.sources.iter().map(|source| {
        let family = family_of(*source);
        format!("a=source-filter: incl IN {family} * {source}")
    }));
    lines.extend(of.tsi.map(|tsi| format!("a=flute-tsi:{}", tsi.get())));
    lines.extend(of.channels.map(|channels| format!("a=flute-ch:{channels}")));
    lines.extend(
        of.content
            .map(|content| format!("a=file-set:files={} bytes={}", content.files, content.bytes)),
    );
    lines.extend(of.key_id.map(|id| format!("a=norm-key-id:{id:08x}")));
    lines.extend(of.fec.iter().map(|code| {
        let instance = code.instance.map(|instance| format!("; instance-id={instance}"));
        let (reference, id) = (code.reference, code.id.0);
        format!("a=FEC-declaration:{reference} encoding-id={id}{}", instance.unwrap_or_default())
    }));
    lines
}

/// What is said of its medium.
fn media_lines(of: &SessionDescription) -> Vec<String> {
    let (ip, port) = (of.group.ip(), of.group.port());
    let is_v4 = ip.is_ipv4();
    let ttl = of.ttl.filter(|_| is_v4).map(|ttl| format!("/{ttl}")).unwrap_or_default();
    let mut lines = vec![
        format!("m=application {port} {} 0", of.protocol.token()),
        format!("c=IN {} {ip}{ttl}", family_of(ip)),
    ];
    lines.extend(of.rate.map(|rate| match rate % 1_000 {
        0 => format!("b=AS:{}", rate / 1_000),
        _ => format!("b=TIAS:{rate}"),
    }));
    lines.extend(of.ttl.filter(|_| !is_v4).map(|hops| format!("a=hop-limit:{hops}")));
    let used = of.fec.iter().filter(|code| code.used);
    lines.extend(used.map(|code| format!("a=FEC:{}", code.reference)));
    lines
}

fn family_of(address: IpAddr) -> &'static str {
    if address.is_ipv4() { "IP4" } else { "IP6" }
}

/// A text without what would end or break its line.
fn clean(text: &str) -> String {
    text.replace(['\r', '\n', '\0'], " ")
}

/// A word without spaces; `-` for none.
fn token(text: &str) -> String {
    let word: String =
        text.chars().map(|c| if c.is_whitespace() || c == '\0' { '_' } else { c }).collect();
    if word.is_empty() { "-".to_owned() } else { word }
}
