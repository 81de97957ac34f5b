use core::time::Duration;

use proptest::prelude::*;

use super::description;
use crate::announce::{
    ContentSize, FecDeclaration, MAX_DESCRIPTION, Origin, SdpError, SdpProblem, SessionDescription,
    SessionProtocol, Times, exercise,
};
use crate::fec::FecId;
use crate::flute::wire::Tsi;

/// As a core network of Rohde & Schwarz writes it: TSI 0, times that are long over, `b=` without a
/// kind, spaces after `source-filter:`.
const CORE_NETWORK: &str = "v=0\r\n\
    o=bm-sc 3727520400 3727520401 IN IP4 10.10.10.1\r\n\
    s=service\r\n\
    t=3727520400 3974745600\r\n\
    a=mbms-mode:broadcast 999991234567 1\r\n\
    a=FEC-declaration:0 encoding-id=0\r\n\
    a=source-filter: incl IN IP4 * 10.10.10.1\r\n\
    a=flute-tsi:0\r\n\
    a=flute-ch:1\r\n\
    m=application 40085 FLUTE/UDP 0\r\n\
    c=IN IP4 239.11.4.50/1\r\n\
    b=5000\r\n\
    a=lang:EN\r\n\
    a=FEC:0\r\n";

/// As tests of 5G-MAG have it: no `a=flute-ch:`, address of the session as a whole, IPv6, lines
/// that end without a carriage return, a second medium.
const SERVICE: &str = "v=0\n\
    o=user 2890844526 2890842807 IN IP6 2001:db8::5\n\
    s=File delivery\n\
    i=More information\n\
    c=IN IP6 FF1E:3AD::7F2E:172A:1E24/1\n\
    b=AS:96\n\
    t=0 0\n\
    a=source-filter:incl IN IP6 FF1E:3AD::7F2E:172A:1E24   2001:db8::5\n\
    a=flute-tsi: 3\n\
    a=FEC-declaration:1 encoding-id=128; instance-id=0\n\
    \n\
    m=application 12345 flute/udp 0\n\
    a=FEC:1\n\
    a=FEC-redundancy-level:20\n\
    m=audio 4002 RTP/AVP 97\n\
    a=rtpmap:97 AMR/8000\n";

fn parse(text: &str) -> SessionDescription {
    SessionDescription::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error} in {text}"))
}

fn error(text: &str) -> SdpError {
    SessionDescription::parse(text.as_bytes()).expect_err(text)
}

#[test]
fn description_of_a_core_network_is_read() {
    let read = parse(CORE_NETWORK);
    assert_eq!((read.protocol, read.name.as_str()), (SessionProtocol::Flute, "service"));
    assert_eq!(read.group, "239.11.4.50:40085".parse().unwrap());
    assert_eq!((read.ttl, read.rate), (Some(1), Some(5_000_000)));
    assert_eq!((read.tsi, read.channels), (Tsi::new(0), Some(1)));
    assert_eq!(read.sources, ["10.10.10.1".parse::<core::net::IpAddr>().unwrap()]);
    assert_eq!(read.fec_ids().collect::<Vec<_>>(), [FecId::NO_CODE]);
    assert_eq!(read.times, Times { start: 3_727_520_400, stop: 3_974_745_600 });
    let stop = Duration::from_secs(3_974_745_600 - 2_208_988_800);
    assert!(read.is_over(stop) && !read.is_over(stop - Duration::from_secs(1)));
    assert_eq!(read.others.session, ["a=mbms-mode:broadcast 999991234567 1"]);
    assert_eq!(read.others.media, ["a=lang:EN"]);
    assert_eq!(parse(&read.emit()), read);
}

#[test]
fn description_with_ipv6_and_a_second_medium_is_read() {
    let read = parse(SERVICE);
    assert_eq!(read.group, "[ff1e:3ad::7f2e:172a:1e24]:12345".parse().unwrap());
    assert_eq!((read.tsi, read.rate, read.ttl), (Tsi::new(3), Some(96_000), None));
    let code = FecDeclaration { reference: 1, id: FecId(128), instance: Some(0), used: true };
    assert_eq!(read.fec, [code]);
    assert_eq!(read.sources.len(), 1);
    assert_eq!(read.others.more, ["m=audio 4002 RTP/AVP 97", "a=rtpmap:97 AMR/8000"]);
    let written = read.emit();
    for line in ["i=More information", "a=FEC-redundancy-level:20", "a=rtpmap:97 AMR/8000"] {
        assert!(written.contains(&format!("{line}\r\n")), "{line} in {written}");
    }
    assert_eq!(parse(&written), read);
}

#[test]
fn our_sessions_have_all_that_a_receiver_needs() {
    let mut ours = description(7);
    ours.ttl = Some(8);
    ours.rate = Some(20_000_000);
    ours.times = Times::since(Duration::from_secs(1_800_000_000));
    ours.content = Some(ContentSize { files: 3, bytes: 1 << 30 });
    ours.key_id = Some(0x00c0_ffee);
    let code = FecDeclaration { reference: 0, id: FecId::RAPTORQ, instance: None, used: true };
    ours.fec = vec![code];
    let text = "v=0\r\no=- 7 1 IN IP4 192.0.2.7\r\ns=session 7\r\nt=4008988800 0\r\n\
        a=file-set:files=3 bytes=1073741824\r\na=norm-key-id:00c0ffee\r\n\
        a=FEC-declaration:0 encoding-id=6\r\n\
        m=application 5740 NORM/UDP 0\r\nc=IN IP4 239.255.1.2/8\r\nb=AS:20000\r\na=FEC:0\r\n";
    assert_eq!(ours.emit(), text);
    assert_eq!(parse(text), ours);
    ours.group = "[ff15::57]:5740".parse().unwrap();
    ours.rate = Some(1_234_567);
    let text = ours.emit();
    assert!(text.contains("c=IN IP6 ff15::57\r\nb=TIAS:1234567\r\na=hop-limit:8\r\n"), "{text}");
    assert_eq!(parse(&text), ours);
}

#[test]
fn lines_that_make_no_sense_are_named() {
    let start = "v=0\no=- 1 1 IN IP4 h\n";
    let end = "m=application 1 NORM/UDP 0\nc=IN IP4 239.1.2.3\n";
    parse(&format!("{start}{end}"));
    let cases = [
        ("v=1\n", 1, SdpProblem::Version),
        ("o=- 1 1 IN IP4 h\n", 1, SdpProblem::Version),
        ("v=0\nv=0\n", 2, SdpProblem::Repeated),
        ("v=0\n\nnonsense\n", 3, SdpProblem::Line),
        ("v=0\nxy=1\n", 2, SdpProblem::Line),
        ("v=0\na=x\ry\n", 2, SdpProblem::Line),
        ("v=0\no=- one 1 IN IP4 h\n", 2, SdpProblem::Origin),
        ("v=0\no=- 1 1 IN IP4\n", 2, SdpProblem::Origin),
        ("v=0\ns=a\ns=b\n", 3, SdpProblem::Repeated),
        ("v=0\nt=1\n", 2, SdpProblem::Time),
        ("v=0\nt=1 -2\n", 2, SdpProblem::Time),
        ("v=0\nb=AS:x\n", 2, SdpProblem::Bandwidth),
        ("v=0\nb=AS:18446744073709551615\n", 2, SdpProblem::Bandwidth),
        ("v=0\nc=IN IP4 example.org\n", 2, SdpProblem::Connection),
        ("v=0\nc=IN IP4 239.1.2.3/256\n", 2, SdpProblem::Connection),
        ("v=0\na=flute-tsi:281474976710656\n", 2, SdpProblem::Tsi),
        ("v=0\na=source-filter:incl IN IP4 *\n", 2, SdpProblem::Attribute),
        ("v=0\na=FEC-declaration:0\n", 2, SdpProblem::Attribute),
        ("v=0\na=FEC:none\n", 2, SdpProblem::Attribute),
        ("v=0\na=file-set:files=1\n", 2, SdpProblem::Attribute),
        ("v=0\na=norm-key-id:+0c0ffee\n", 2, SdpProblem::Attribute),
        ("v=0\nm=application NORM/UDP\n", 2, SdpProblem::Media),
        ("v=0\nm=application 65536 NORM/UDP 0\n", 2, SdpProblem::Media),
        ("v=0\no=- 1 1 IN IP4 h\n", 2, SdpProblem::NoSession),
        ("v=0\nm=application 1 NORM/UDP 0\nc=IN IP4 239.1.2.3\n", 3, SdpProblem::Origin),
        ("v=0\no=- 1 1 IN IP4 h\nm=application 1 NORM/UDP 0\n", 3, SdpProblem::NoAddress),
        ("", 1, SdpProblem::NoSession),
    ];
    for (text, line, problem) in cases {
        assert_eq!(error(text), SdpError { line, problem }, "{text}");
    }
    let long = "a=x\n".repeat(MAX_DESCRIPTION);
    assert_eq!(error(&long).problem, SdpProblem::TooLarge);
    let many = format!("v=0\n{}", "a=x\n".repeat(5_000));
    assert_eq!(error(&many), SdpError { line: 2_001, problem: SdpProblem::TooLarge });
}

#[test]
fn media_of_others_and_unused_ports_are_passed_over() {
    let text = "v=0\no=- 1 1 IN IP4 h\nc=IN IP4 239.9.9.9/4\nm=video 5000 RTP/AVP 31\na=x\n\
        m=application 0 NORM/UDP 0\nm=application 6000/2 NORM/UDP 0\nc=IN IP4 239.1.2.3/2/3\n\
        c=IN IP4 239.1.2.9/2\na=flute-ch:2\nm=application 7000 FLUTE/UDP 0\n";
    let read = parse(text);
    assert_eq!(read.group, "239.1.2.3:6000".parse().unwrap());
    assert_eq!((read.ttl, read.name.as_str()), (Some(2), ""));
    assert_eq!(read.others.media, ["c=IN IP4 239.1.2.9/2"]);
    assert_eq!(read.others.session, ["c=IN IP4 239.9.9.9/4"]);
    assert_eq!(read.others.more.len(), 4);
    assert_eq!(parse(&read.emit()), read);
}

#[test]
fn session_that_comes_again_is_never_over() {
    let text = |more| {
        format!(
            "v=0\no=- 1 1 IN IP4 h\nt=1 2\n{more}\
        m=application 1 NORM/UDP 0\nc=IN IP4 239.1.2.3\n"
        )
    };
    let late = Duration::from_secs(1 << 40);
    assert!(parse(&text("")).is_over(late));
    assert!(!parse(&text("r=7d 1h 0\n")).is_over(late));
    assert!(!parse(&text("t=3 4\n")).is_over(late));
}

#[test]
fn names_cannot_add_lines() {
    let mut session = description(1);
    session.name = "a\r\nm=audio 1 X 0".to_owned();
    session.origin.username = "two words".to_owned();
    session.others.media = vec!["a=x\nc=IN IP4 1.2.3.4".to_owned()];
    let read = parse(&session.emit());
    assert_eq!(read.name, "a  m=audio 1 X 0");
    assert_eq!(read.origin.username, "two_words");
    assert_eq!(read.group, session.group);
}

/// Parts of lines, in which words of descriptions are more frequent than in noise.
fn part() -> impl Strategy<Value = String> {
    let words = [
        "v=0",
        "o=- 1 1 IN IP4 h",
        "s=n",
        "s=-",
        "t=1 2",
        "t=",
        "c=IN IP4 239.1.2.3/7",
        "c=IN IP6 ff15::1/3",
        "b=AS:64",
        "b=64",
        "b=RR:0",
        "b=TIAS:1",
        "a=flute-tsi:5",
        "a=flute-ch:1",
        "a=hop-limit:9",
        "a=FEC-declaration:0 encoding-id=6",
        "a=FEC:0",
        "a=FEC:3",
        "a=source-filter: incl IN IP4 * 10.0.0.1 10.0.0.2",
        "a=source-filter:excl IN * * 10.0.0.1",
        "a=file-set:files=1 bytes=2",
        "a=norm-key-id:0123abcd",
        "m=application 1 NORM/UDP 0",
        "m=application 0 NORM/UDP 0",
        "m=application 2 FLUTE/UDP 0",
        "m=audio 3 RTP/AVP 0",
        "i=x",
        "r=7d 1h 0",
        "z=0",
        "k=x",
        "e=x",
        "u=x",
        "p=x",
        "a=",
        "=",
        "",
    ];
    prop_oneof![
        8 => proptest::sample::select(words.to_vec()).prop_map(str::to_owned),
        1 => "[ -~]{0,12}",
        1 => "\\PC{0,6}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_bytes_are_refused_or_understood(
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        exercise::sdp(&bytes);
        exercise::sap(&bytes);
        exercise::directory(&bytes);
    }

    #[test]
    fn lines_in_any_order_are_refused_or_understood(
        lines in proptest::collection::vec(part(), 0..30),
        complete in any::<bool>(),
    ) {
        let mut text = if complete { "v=0\no=- 1 1 IN IP4 h\n".to_owned() } else { String::new() };
        text.push_str(&lines.join("\n"));
        if complete {
            text.push_str("\nm=application 1 NORM/UDP 0\nc=IN IP4 239.1.2.3\n");
        }
        exercise::sdp(text.as_bytes());
    }

    #[test]
    fn any_description_survives_the_text(
        (id, version, port, ttl) in (any::<u64>(), any::<u64>(), 1..=u16::MAX, 1..=u8::MAX),
        (name, user) in ("[a-zA-Z0-9äß][^\r\n\0]{0,20}[a-z]", "[a-z]{1,8}"),
        tsi in proptest::option::of(0..1u64 << 48),
        channels in proptest::option::of(any::<u16>()),
        rate in proptest::option::of(any::<u64>()),
        (start, stop) in (any::<u64>(), any::<u64>()),
        v6 in any::<bool>(),
        codes in proptest::collection::vec((any::<u8>(), proptest::option::of(any::<u16>()),
            any::<bool>()), 0..4),
    ) {
        let address = if v6 { "[ff15::57]" } else { "239.1.2.3" };
        let group = format!("{address}:{port}").parse().unwrap();
        let origin = Origin { username: user, id, version, address: "2001:db8::1".to_owned() };
        let protocol = if v6 { SessionProtocol::Flute } else { SessionProtocol::Norm };
        let mut description = SessionDescription::new(protocol, group, origin);
        description.name = name;
        description.ttl = Some(ttl);
        description.tsi = tsi.and_then(Tsi::new);
        description.channels = channels;
        description.rate = rate;
        description.times = Times { start, stop };
        description.fec = codes.into_iter().enumerate().map(|(reference, (id, instance, used))| {
            FecDeclaration { reference: reference as u32, id: FecId(id), instance, used }
        }).collect();
        prop_assert_eq!(parse(&description.emit()), description);
    }
}
