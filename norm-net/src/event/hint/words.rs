//! Hints as sentences that name no program and no option.

mod addresses;
mod machine;
mod packets;
mod receiving;
mod senders;
mod sending;

use std::fmt;
use std::net::SocketAddr;

use super::Hint;

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingLeaves { .. }
            | Self::NoCarrier { .. }
            | Self::SmallBuffer { .. }
            | Self::KernelDrops { .. }
            | Self::Forgotten { .. }
            | Self::ForeignAddress { .. } => machine::about_itself(self, f),
            Self::OtherKey { .. }
            | Self::Unsealed { .. }
            | Self::NotAuthentic { .. }
            | Self::OtherSigner { .. }
            | Self::Expired { .. }
            | Self::NotListed { .. }
            | Self::LeftOut { .. }
            | Self::KeysNotMade { .. }
            | Self::UnusableRecipients { .. }
            | Self::MachineCopied => about_sealing(self, f),
            Self::NoAddressYet { .. }
            | Self::AddressLost { .. }
            | Self::AddressChanged { .. }
            | Self::SocketsNotOpened { .. } => addresses::write(self, f),
            Self::NoReceiver { .. }
            | Self::ReceiversMissing { .. }
            | Self::NoReceiverLeft
            | Self::PatternsUnused { .. }
            | Self::LinksGiven { .. }
            | Self::SegmentTooLong { .. }
            | Self::PacketTooLong { .. }
            | Self::SeparateGroupFailed { .. }
            | Self::SeparateGroupEnded { .. } => sending::write(self, f),
            Self::NoSender { .. }
            | Self::Unseen { .. }
            | Self::SenderSilent { .. }
            | Self::SenderIgnored { .. }
            | Self::TooManySenders { .. }
            | Self::OtherProtocol { .. }
            | Self::OtherSession { .. }
            | Self::NotAFileSet { .. }
            | Self::StreamIgnored { .. }
            | Self::NotVerified { .. } => senders::write(self, f),
            Self::InterfaceMtu { .. }
            | Self::OnlyShortPackets { .. }
            | Self::ShorterPackets { .. }
            | Self::Fragmented { .. } => packets::write(self, f),
            Self::TooManySets { .. }
            | Self::SetIgnored { .. }
            | Self::SetRefused { .. }
            | Self::OtherContent { .. }
            | Self::ResumeDataUnusable { .. }
            | Self::PatternsUnmatched { .. }
            | Self::ChangedFilesStay { .. }
            | Self::NotRemoved { .. }
            | Self::FilesPresent { .. }
            | Self::MetadataRefused { .. }
            | Self::SlowDisk { .. }
            | Self::SpoolFailed { .. }
            | Self::SpoolRoom { .. }
            | Self::ReceivedAgain { .. }
            | Self::SeparateGroupUnreachable { .. } => receiving::write(self, f),
        }
    }
}

fn about_sealing(hint: &Hint, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match hint {
        Hint::OtherKey { address, key_id, own } => {
            machine::about_keys(f, *address, key_id, own.as_deref())
        }
        Hint::Unsealed { address } => machine::about_missing_seals(f, *address),
        Hint::NotAuthentic { address } => machine::about_seals(f, *address),
        Hint::OtherSigner { address, signer } => {
            machine::about_signers(f, *address, signer.as_deref())
        }
        Hint::Expired { address } => machine::about_expiry(f, *address),
        Hint::NotListed { address } => machine::about_lists(f, *address, false),
        Hint::LeftOut { address } => machine::about_lists(f, *address, true),
        Hint::KeysNotMade { reason } => machine::about_new_keys(f, *reason),
        Hint::UnusableRecipients { keys, first } => machine::about_unusable(f, *keys, first),
        _ => f.write_str(
            "another machine sends what only this one can: one is a copy of the other, made while \
             it ran. What both have sent until now may be readable without the key; from now on it \
             is not",
        ),
    }
}

/// What a firewall must let in for a group, fit for `must let in …`.
fn group_traffic(group: SocketAddr) -> String {
    let membership = if group.is_ipv4() { "IGMP" } else { "MLD (ICMPv6)" };
    format!("UDP port {} and {membership}", group.port())
}

/// What may be wrong with the interface.
fn interfaces(hint: &Hint, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (Hint::NoReceiver { interface, has_carrier, others, .. }
    | Hint::NoSender { interface, has_carrier, others, .. }) = hint
    else {
        return Ok(());
    };
    if !has_carrier {
        write!(f, ". {interface} has no carrier")?;
    }
    if !others.is_empty() {
        let others: Vec<String> = others.iter().map(ToString::to_string).collect();
        write!(f, ". Other interfaces here: {}", others.join(", "))?;
    }
    Ok(())
}
