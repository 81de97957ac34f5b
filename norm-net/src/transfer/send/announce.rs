//! What is said of a session before it is joined.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};

use norm_core::announce::{
    ContentSize, FecDeclaration, Origin, SessionDescription, SessionProtocol, Times,
};
use norm_core::fec::FecId;
use norm_seal::KeyId;

use super::options::SendOptions;
use super::pace::Pace;
use super::protocol::Carrier;
use crate::event::SendSettings;

/// Describes a session: the name is that of its announcement, else its sender's. Of a sealed one
/// nothing is said of the content; `key_id` names the key that it starts with.
pub(super) fn describe(
    options: &SendOptions,
    settings: &SendSettings,
    carrier: Carrier,
    key_id: Option<KeyId>,
    number: u64,
) -> SessionDescription {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let times = Times::since(now.unwrap_or(Duration::ZERO));
    let local = settings.interface.address_like(settings.group.ip());
    let local = local.unwrap_or(settings.local.ip());
    let origin = Origin {
        username: "-".to_owned(),
        // Some readers take signed numbers only.
        id: number >> 1,
        version: times.start,
        address: local.to_string(),
    };
    // Interfaces are called otherwise elsewhere.
    let group = SocketAddr::new(settings.group.ip(), settings.group.port());
    let is_flute = carrier.protocol == SessionProtocol::Flute;
    let needs_source = is_flute || is_source_specific(settings.group.ip());
    let code =
        FecDeclaration { reference: 0, id: FecId(settings.fec_id), instance: None, used: true };
    SessionDescription {
        name: options.announce.as_ref().map_or(&options.name, |announce| &announce.name).clone(),
        ttl: u8::try_from(settings.ttl).ok().filter(|_| settings.group.ip().is_multicast()),
        // FLUTE tells sessions apart by the address of their sender (RFC 6726 §2).
        sources: if needs_source { vec![local] } else { Vec::new() },
        tsi: carrier.tsi,
        channels: is_flute.then_some(1),
        rate: match settings.pace {
            Pace::Fixed(rate) => Some(rate),
            Pace::Auto { max, .. } | Pace::Polite { max, .. } => max,
            Pace::Unlimited => None,
        },
        fec: vec![code],
        times,
        content: options
            .seal
            .is_none()
            .then_some(ContentSize { files: settings.files, bytes: settings.bytes }),
        key_id: key_id.map(KeyId::number),
        ..SessionDescription::new(carrier.protocol, group, origin)
    }
}

/// True of a group that is joined from one source only (RFC 4607 §1).
fn is_source_specific(group: IpAddr) -> bool {
    match group {
        IpAddr::V4(group) => group.octets()[0] == 232,
        IpAddr::V6(group) => group.segments()[0] & 0xfff0 == 0xff30,
    }
}

#[cfg(test)]
mod tests {
    use norm_core::flute::wire::Tsi;

    use super::super::options::Announce;
    use super::*;
    use crate::io::interface::Interface;

    fn settings(group: &str) -> SendSettings {
        let address = [192, 0, 2, 7].into();
        let interface = Interface {
            name: "eth0".to_owned(),
            index: 2,
            v4: Some(address),
            v6: "fd00::7".parse().ok(),
            addresses: vec![address.into()],
            loopback: false,
            up: true,
            running: true,
            mtu: None,
        };
        let local = "192.0.2.7:4000".parse().unwrap();
        let mut settings = SendSettings::new(group.parse().unwrap(), interface, local);
        (settings.fec_id, settings.files, settings.bytes, settings.ttl) = (6, 3, 300, 8);
        settings.pace = Pace::Fixed(5_000_000);
        settings
    }

    fn described(group: &str, carrier: Carrier) -> SessionDescription {
        let options = SendOptions::new(group.parse().unwrap())
            .with(|o| o.announce = Some(Announce::new("a")));
        let description = describe(&options, &settings(group), carrier, None, u64::MAX);
        let again = SessionDescription::parse(description.emit().as_bytes());
        assert_eq!(again.as_ref(), Ok(&description));
        description
    }

    #[test]
    fn description_says_what_a_receiver_needs() {
        let norm = Carrier { protocol: SessionProtocol::Norm, tsi: None };
        let text = described("239.1.2.3:6000", norm).emit();
        for line in [
            "s=a",
            "m=application 6000 NORM/UDP 0",
            "c=IN IP4 239.1.2.3/8",
            "b=AS:5000",
            "a=FEC-declaration:0 encoding-id=6",
            "a=file-set:files=3 bytes=300",
        ] {
            assert!(text.lines().any(|it| it == line), "{line} in {text}");
        }
        assert!(
            text.contains(" IN IP4 192.0.2.7\r\n") && !text.contains("source-filter"),
            "{text}"
        );
        let source: IpAddr = "192.0.2.7".parse().unwrap();
        assert_eq!(described("232.1.2.3:6000", norm).sources, [source]);
        assert_eq!(described("[ff15::1]:6000", norm).origin.address, "fd00::7");
    }

    #[test]
    fn description_of_flute_has_tsi_and_source() {
        let flute = Carrier { protocol: SessionProtocol::Flute, tsi: Tsi::new(0) };
        let text = described("239.1.2.3:6000", flute).emit();
        for line in [
            "m=application 6000 FLUTE/UDP 0",
            "a=flute-tsi:0",
            "a=flute-ch:1",
            "a=source-filter: incl IN IP4 * 192.0.2.7",
        ] {
            assert!(text.lines().any(|it| it == line), "{line} in {text}");
        }
    }
}
