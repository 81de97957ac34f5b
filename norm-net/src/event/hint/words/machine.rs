//! About this machine, and its switch.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use super::Hint;
use crate::event::BufferKind;
use crate::io::interface::Zoned;
use crate::io::keys_not_made::KeysNotMade;

pub(super) fn about_itself(hint: &Hint, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match hint {
        Hint::NothingLeaves { error } => write!(
            f,
            "nothing leaves this machine, the system refuses to send: {error}. Is the \
             interface up, is there a route through it, and does a local firewall let UDP out? \
             On many systems IPv6 multicast does not work through lo"
        ),
        Hint::Forgotten { group, silence, lasted } => {
            about_membership(f, *group, *silence, *lasted)
        }
        Hint::NoCarrier { interface, is_up: true } => write!(
            f,
            "{interface} has no carrier: nothing is sent or received until its cable is \
             plugged in, or it has joined a wireless network"
        ),
        Hint::NoCarrier { interface, is_up: false } => {
            write!(f, "{interface} is switched off: nothing is sent or received through it")
        }
        Hint::SmallBuffer { buffer, asked, granted } => {
            let (name, limit) = match buffer {
                BufferKind::Receive => ("receive", "rmem_max"),
                BufferKind::Send => ("send", "wmem_max"),
            };
            let (asked_size, granted) = (Size(*asked), Size(*granted));
            write!(f, "{name} buffer: asked for {asked_size}, granted {granted}")?;
            if cfg!(any(target_os = "linux", target_os = "android")) {
                write!(f, "; run: sysctl -w net.core.{limit}={asked}")?;
            }
            Ok(())
        }
        Hint::KernelDrops { packets } => write!(
            f,
            "packets lost on this machine, not on the network: {packets}. They came while the \
             socket's buffer was full; a lower rate at the sender or a larger \
             net.core.rmem_max here helps"
        ),
        Hint::ForeignAddress { group } => write!(
            f,
            "{} is neither a multicast group nor an address of this machine: what is sent to \
             any of its addresses at port {} is received",
            Zoned(*group),
            group.port()
        ),
        _ => Ok(()),
    }
}

/// Names the cause, a switch, and the cure, a querier.
fn about_membership(
    f: &mut fmt::Formatter<'_>,
    group: SocketAddr,
    silence: Duration,
    lasted: Duration,
) -> fmt::Result {
    let protocol = if group.is_ipv4() { "IGMP" } else { "MLD" };
    write!(
        f,
        "nothing came from {} for {:.1} s, until this machine joined the group again: a \
         switch had probably forgotten it after {:.0} s. Switches with {protocol} snooping do so \
         when there is no {protocol} querier, or a firewall here drops its queries: turn the \
         querier on in one switch or router, or snooping off. Until then this machine says in time \
         that it is in the group",
        Zoned(group),
        silence.as_secs_f64(),
        lasted.as_secs_f64(),
    )
}

/// A size as people write it.
struct Size(usize);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bytes if bytes >= 1 << 20 && bytes % (1 << 20) == 0 => write!(f, "{} MiB", bytes >> 20),
            bytes if bytes >= 1 << 10 => write!(f, "{} KiB", bytes >> 10),
            bytes => write!(f, "{bytes} bytes"),
        }
    }
}

/// About sealed packets for which there is no key.
pub(super) fn about_missing_seals(f: &mut fmt::Formatter<'_>, address: SocketAddr) -> fmt::Result {
    let address = Zoned(address);
    write!(
        f,
        "packets without a seal heard from {address}, and this session has a key: they are "
    )?;
    f.write_str("ignored")
}

pub(super) fn about_seals(f: &mut fmt::Formatter<'_>, address: SocketAddr) -> fmt::Result {
    let address = Zoned(address);
    write!(f, "{address} sends packets that are sealed with this session's key, but for another ")?;
    f.write_str("group, or that are damaged: they are ignored")
}

pub(super) fn about_signers(
    f: &mut fmt::Formatter<'_>,
    address: SocketAddr,
    signer: Option<&str>,
) -> fmt::Result {
    let address = Zoned(address);
    write!(f, "{address} sends in this group, but ")?;
    match signer {
        Some(signer) => write!(f, "signs with the key {}…", &signer[..signer.len().min(16)])?,
        None => f.write_str("does not sign")?,
    }
    f.write_str(", and the key file here is of another sender: it is ignored")
}

pub(super) fn about_expiry(f: &mut fmt::Formatter<'_>, address: SocketAddr) -> fmt::Result {
    let address = Zoned(address);
    write!(
        f,
        "{address} repeats a session that has expired, or one of the clocks is wrong, there "
    )?;
    f.write_str("or here: it is ignored")
}

pub(super) fn about_lists(
    f: &mut fmt::Formatter<'_>,
    address: SocketAddr,
    left_out: bool,
) -> fmt::Result {
    let address = Zoned(address);
    match left_out {
        false => write!(f, "{address} sends for other receivers: it has no key for this one"),
        true => write!(f, "{address} has gone on to another key, and has none for this receiver"),
    }
}

pub(super) fn about_new_keys(f: &mut fmt::Formatter<'_>, reason: KeysNotMade) -> fmt::Result {
    write!(
        f,
        "no other key could be made for the recipients, and the one before is in use, which those \
         have, too, that you have removed; it is tried again each second: {reason}"
    )
}

pub(super) fn about_unusable(f: &mut fmt::Formatter<'_>, keys: usize, first: &str) -> fmt::Result {
    match keys {
        1 => write!(f, "the recipient's key {first} cannot be used, and gets nothing: ")?,
        _ => write!(
            f,
            "{keys} of the recipients' keys cannot be used, and get nothing, {first} for one: "
        )?,
    }
    f.write_str(
        "remove it from the list, or replace it with a key that age-keygen or ssh-keygen made",
    )
}

pub(super) fn about_keys(
    f: &mut fmt::Formatter<'_>,
    address: SocketAddr,
    key_id: &str,
    own: Option<&str>,
) -> fmt::Result {
    let address = Zoned(address);
    write!(f, "{address} sends packets that are sealed with the key {key_id}, which ")?;
    match own {
        Some(own) => write!(f, "is not this session's ({own}): they are ignored"),
        None => f.write_str("this session does not have: they are ignored"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::membership::Recovered;

    #[test]
    #[cfg(target_os = "linux")]
    fn small_buffer_is_told_with_its_cure() {
        let hint =
            Hint::SmallBuffer { buffer: BufferKind::Receive, asked: 64 << 20, granted: 208 << 10 };
        assert_eq!(
            hint.to_string(),
            "receive buffer: asked for 64 MiB, granted 208 KiB; \
             run: sysctl -w net.core.rmem_max=67108864"
        );
        let hint = Hint::SmallBuffer { buffer: BufferKind::Send, asked: 4 << 20, granted: 100 };
        assert!(hint.to_string().contains("granted 100 bytes; run: sysctl -w net.core.wmem_max"));
    }

    #[test]
    fn keys_that_are_not_made_are_told_with_the_cure() {
        let cures = [
            (KeysNotMade::NoRandomness, "getrandom"),
            (KeysNotMade::SameTags, "remove those from the list"),
            (KeysNotMade::NoThread, "ulimit"),
        ];
        for (reason, cure) in cures {
            let words = Hint::KeysNotMade { reason }.to_string();
            assert!(words.contains("tried again") && words.contains(cure), "{words}");
        }
        for keys in [1, 3] {
            let words = Hint::UnusableRecipients { keys, first: "age1x".to_owned() }.to_string();
            assert!(
                words.contains("age1x") && words.contains("remove it from the list"),
                "{words}"
            );
        }
    }

    #[test]
    fn querier_is_named_in_the_words_of_the_address_family() {
        let hint = |group: &str| {
            let second = Duration::from_secs(1);
            let recovered = Recovered { silence: second.mul_f64(2.62), lasted: second * 20 };
            Hint::forgotten(group.parse().unwrap(), recovered).to_string()
        };
        let words = hint("239.1.2.3:7");
        assert!(words.contains("for 2.6 s") && words.contains("after 20 s"), "{words}");
        assert!(
            words.contains("no IGMP querier, or") && words.contains("turn the querier on"),
            "{words}"
        );
        assert!(hint("[ff15::1]:7").contains("MLD snooping do so when there is no MLD querier"));
    }
}
