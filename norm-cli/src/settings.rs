//! One line at the start that says what is about to happen, and where.

use norm_net::io::interface::{Interface, Zoned};
use norm_net::transfer::flute::Profile;
use norm_net::{Dscp, Feedback, FluteSend, Pace, Passes, ReceiveSettings, SendSettings};

use crate::group::is_multicast;
use crate::text;
use crate::units::Rate;

/// `sending 3 files (256 MiB) to 239.255.57.40:5740 via eth0 192.0.2.2 (default route), …`
pub fn sender_line(settings: &SendSettings) -> String {
    let mut content = text::count(settings.files, "file");
    if settings.directories > 0 {
        content.push_str(&format!(", {}", text::count(settings.directories, "directory")));
    }
    if settings.links > 0 {
        content.push_str(&format!(", {}", text::count(settings.links, "symbolic link")));
    }
    format!(
        "sending {content} ({}) to {}{} via {}, {}, TTL {}{}{}",
        text::bytes(settings.bytes),
        Zoned(settings.group),
        if is_multicast(settings.group) { "" } else { " (unicast to one receiver)" },
        via(&settings.interface, settings.group.ip(), &settings.because),
        pace(settings.pace),
        settings.ttl,
        code_point(settings.dscp),
        passes(settings.passes, settings.flute),
    )
}

/// `, in 3 passes, one way by FLUTE (profile own, TSI 1)`; nothing where receivers ask for repair.
fn passes(passes: Option<Passes>, flute: Option<FluteSend>) -> String {
    let Some(passes) = passes else { return String::new() };
    let has_no_code = |flute: FluteSend| matches!(flute.profile, Profile::Mbms | Profile::Mabr);
    let passes = match passes {
        Passes::Once { .. } if flute.is_some_and(has_no_code) => {
            "once without repair symbols".to_owned()
        }
        Passes::Once { overhead } => format!("once with {overhead} % more"),
        Passes::Times(1) => "in one pass".to_owned(),
        Passes::Times(passes) => format!("in {passes} passes"),
        Passes::Forever => "again and again".to_owned(),
    };
    let Some(flute) = flute else { return format!(", {passes}") };
    format!(", {passes}, one way by FLUTE (profile {}, TSI {})", flute.profile, flute.tsi)
}

/// `receiving into images from 239.255.57.40:5740 via eth0 192.0.2.2 (default route), …`
pub fn receiver_line(settings: &ReceiveSettings) -> String {
    format!(
        "receiving into {} from {}{} via {}, {}",
        text::path(&settings.directory),
        Zoned(settings.group),
        if is_multicast(settings.group) { "" } else { " (unicast to this machine)" },
        via(&settings.interface, settings.group.ip(), &settings.because),
        way_back(settings),
    )
}

fn way_back(settings: &ReceiveSettings) -> String {
    match settings.flute.map(|flute| flute.tsi) {
        None => {
            let feedback = feedback_name(settings.feedback);
            format!("feedback {feedback}, as receiver {}", settings.name)
        }
        Some(None) => "one way by FLUTE".to_owned(),
        Some(Some(tsi)) => format!("one way by FLUTE (TSI {tsi})"),
    }
}

/// `, DSCP LE`; nothing for the default.
fn code_point(dscp: Dscp) -> String {
    if dscp == Dscp::DEFAULT { String::new() } else { format!(", DSCP {dscp}") }
}

fn pace(pace: Pace) -> String {
    let rate = |bits| Rate::Limit(bits).to_string();
    match pace {
        Pace::Polite { max: None, .. } => format!("{}, yielding to other traffic", Rate::Auto),
        Pace::Polite { max: Some(max), .. } => {
            format!("{} up to {}, yielding to other traffic", Rate::Auto, rate(max))
        }
        Pace::Auto { max: None, .. } => Rate::Auto.to_string(),
        Pace::Auto { max: Some(max), .. } => format!("{} up to {}", Rate::Auto, rate(max)),
        Pace::Fixed(bits) => rate(bits),
        Pace::Unlimited => Rate::Max.to_string(),
    }
}

fn via(interface: &Interface, group: std::net::IpAddr, because: &dyn std::fmt::Display) -> String {
    match interface.address_like(group) {
        Some(address) => format!("{} {address} ({because})", interface.name),
        None => format!("{} ({because})", interface.name),
    }
}

/// As written on the command line.
pub fn feedback_name(feedback: Feedback) -> &'static str {
    match feedback {
        Feedback::Multicast => "multicast",
        Feedback::Unicast => "unicast",
        Feedback::None => "none",
    }
}

/// Settings for tests.
#[cfg(test)]
pub(crate) fn sample() -> SendSettings {
    use norm_net::io::interface::Because;

    let address = std::net::Ipv4Addr::new(192, 0, 2, 2);
    let interface = Interface {
        name: "eth0".to_owned(),
        index: 2,
        v4: Some(address),
        v6: None,
        addresses: vec![address.into()],
        loopback: false,
        up: true,
        running: true,
        mtu: Some(1500),
    };
    let group = "239.1.2.3:6000".parse().expect("it is an address");
    let local = "192.0.2.2:40000".parse().expect("it is an address");
    let mut settings = SendSettings::new(group, interface, local);
    settings.because = Because::DefaultRoute;
    settings.pace = Pace::Fixed(200_000_000);
    settings.segment_size = 1344;
    settings.fec_id = 6;
    settings.block_len = 1024;
    settings.files = 3;
    settings.directories = 1;
    settings.bytes = 256 << 20;
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sender_line_names_group_interface_reason_rate_ttl_and_content() {
        let mut settings = sample();
        assert_eq!(
            sender_line(&settings),
            "sending 3 files, 1 directory (256 MiB) to 239.1.2.3:6000 \
             via eth0 192.0.2.2 (default route), 200 Mbit/s, TTL 1"
        );
        settings.dscp = Dscp::LE;
        assert!(sender_line(&settings).ends_with(", TTL 1, DSCP LE"));
        settings.dscp = Dscp::DEFAULT;
        settings.passes = Some(Passes::Times(3));
        assert!(sender_line(&settings).ends_with(", TTL 1, in 3 passes"));
        settings.passes = Some(Passes::Forever);
        assert!(sender_line(&settings).ends_with(", TTL 1, again and again"));
        let flute = FluteSend::new(Profile::Own);
        (settings.flute, settings.passes) = (Some(flute), Some(flute.passes));
        let line = sender_line(&settings);
        let end = ", TTL 1, once with 15 % more, one way by FLUTE (profile own, TSI 1)";
        assert!(line.ends_with(end), "{line}");
        settings.pace = Pace::Unlimited;
        settings.directories = 0;
        assert!(sender_line(&settings).contains("3 files (256 MiB)"));
        assert!(sender_line(&settings).contains("unlimited"));
        settings.pace = Pace::Auto { min: 1000, max: Some(50_000_000) };
        assert!(sender_line(&settings).contains("automatic rate up to 50 Mbit/s"));
        settings.group = "192.0.2.7:6000".parse().unwrap();
        assert!(sender_line(&settings).contains("to 192.0.2.7:6000 (unicast to one receiver) via"));
    }
}
