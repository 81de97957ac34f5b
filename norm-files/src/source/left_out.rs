//! What was found and is not sent.

use std::path::PathBuf;

use norm_core::fileset::LeftOutCounts;

/// Limit of the names that are kept of each reason.
pub const MAX_LEFT_OUT_NAMES: usize = 100;

/// Why something is not sent.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Reason {
    /// It is a symbolic link, which cannot be sent as a standalone file.
    SymbolicLink,
    /// It is a symbolic link that is to be followed, and leads nowhere, or to where it is itself.
    BrokenLink,
    /// It is a socket.
    Socket,
    /// It is a named pipe (FIFO).
    Fifo,
    /// It is a block or character device.
    Device,
    /// It is something else that is neither a file nor a directory.
    OtherType,
    /// It is a file whose size the system does not tell, as in `/proc`.
    UnknownSize,
    /// It is a part of an unfinished transfer.
    Temporary,
    /// It is an empty directory, which cannot be sent as a standalone file.
    EmptyDirectory,
    /// A rule leaves it out; of a directory all that is in it, which is not looked at.
    Excluded,
}

/// All that is not sent for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The reason.
    pub reason: Reason,
    /// How many, those included that are not in `first`.
    pub count: u64,
    /// The first of them: at most [`MAX_LEFT_OUT_NAMES`].
    pub first: Vec<PathBuf>,
}

/// What receivers are told of it: the counts, but for what the user has left out.
pub fn counts(list: &[LeftOut]) -> LeftOutCounts {
    let mut counts = LeftOutCounts::default();
    for LeftOut { reason, count, .. } in list {
        let place = match reason {
            Reason::Socket => &mut counts.sockets,
            Reason::Fifo => &mut counts.fifos,
            Reason::Device => &mut counts.devices,
            Reason::SymbolicLink | Reason::BrokenLink | Reason::OtherType | Reason::UnknownSize => {
                &mut counts.others
            }
            Reason::Temporary | Reason::EmptyDirectory | Reason::Excluded => continue,
        };
        *place = place.saturating_add(u32::try_from(*count).unwrap_or(u32::MAX));
    }
    counts
}

/// Adds something that is not sent to a list, which is sorted by reason.
pub fn leave_out(list: &mut Vec<LeftOut>, reason: Reason, path: PathBuf) {
    let at = list.binary_search_by_key(&reason, |entry| entry.reason).unwrap_or_else(|at| {
        list.insert(at, LeftOut { reason, count: 0, first: Vec::new() });
        at
    });
    let entry = &mut list[at];
    entry.count += 1;
    if entry.first.len() < MAX_LEFT_OUT_NAMES {
        entry.first.push(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_is_counted_and_its_first_names_are_kept() {
        let mut list = Vec::new();
        for number in 0..250 {
            leave_out(&mut list, Reason::Socket, PathBuf::from(format!("s{number}")));
        }
        leave_out(&mut list, Reason::SymbolicLink, PathBuf::from("link"));
        let [links, sockets] = &list[..] else { panic!("{list:?}") };
        assert_eq!((links.reason, links.count), (Reason::SymbolicLink, 1));
        assert_eq!((sockets.reason, sockets.count), (Reason::Socket, 250));
        assert_eq!(sockets.first.len(), MAX_LEFT_OUT_NAMES);
        assert_eq!(sockets.first[99], PathBuf::from("s99"));
        leave_out(&mut list, Reason::UnknownSize, PathBuf::from("u"));
        leave_out(&mut list, Reason::Excluded, PathBuf::from("x"));
        let told = LeftOutCounts { sockets: 250, others: 2, ..LeftOutCounts::default() };
        assert_eq!(counts(&list), told);
    }
}
