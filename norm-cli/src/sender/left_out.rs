//! What is not sent, in words.

use norm_net::{LeftOut, LeftOutReason};

use crate::text;

/// Limit of the names that are listed of each reason.
const MAX_NAMED: usize = 5;

/// A line for each reason: how many, and the first names.
pub(super) fn lines(left_out: &[LeftOut]) -> Vec<String> {
    left_out.iter().map(line).collect()
}

/// A reminder at the end that not everything was sent, but for what was to be left out.
pub(super) fn note(left_out: &[LeftOut]) -> Option<String> {
    let unasked = left_out.iter().filter(|entry| entry.reason != LeftOutReason::Excluded);
    let total = unasked.map(|entry| entry.count).sum();
    let entries = text::count(total, "directory entry");
    (total > 0).then(|| format!("{entries} not sent, see \"not sent\" above"))
}

fn line(entry: &LeftOut) -> String {
    let names: Vec<_> = entry.first.iter().take(MAX_NAMED).map(|path| text::path(path)).collect();
    let more = match entry.count - names.len() as u64 {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("not sent: {}: {}{more}", what(entry), names.join(", "))
}

fn what(entry: &LeftOut) -> String {
    let noun = match entry.reason {
        LeftOutReason::SymbolicLink => "symbolic link",
        LeftOutReason::BrokenLink => "symbolic link that leads nowhere",
        LeftOutReason::Socket => "socket",
        LeftOutReason::Fifo => "named pipe",
        LeftOutReason::Device => "device",
        LeftOutReason::UnknownSize => "file without a known size",
        LeftOutReason::Temporary => "part of an unfinished transfer",
        LeftOutReason::EmptyDirectory => "empty directory",
        LeftOutReason::Excluded => return format!("{} excluded", entry.count),
        _ => "special file",
    };
    match entry.reason {
        LeftOutReason::BrokenLink if entry.count != 1 => {
            format!("{} symbolic links that lead nowhere", entry.count)
        }
        LeftOutReason::UnknownSize if entry.count != 1 => {
            format!("{} files without a known size", entry.count)
        }
        LeftOutReason::Temporary if entry.count != 1 => {
            format!("{} parts of unfinished transfers", entry.count)
        }
        _ => text::count(entry.count, noun),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(reason: LeftOutReason, count: u64) -> LeftOut {
        let first = (0..count.min(100)).map(|n| format!("n{n}").into()).collect();
        LeftOut { reason, count, first }
    }

    #[test]
    fn each_reason_has_its_count_and_first_names() {
        let cases = [
            (LeftOutReason::SymbolicLink, 1, "not sent: 1 symbolic link: n0"),
            (LeftOutReason::BrokenLink, 2, "not sent: 2 symbolic links that lead nowhere: n0, n1"),
            (LeftOutReason::Socket, 2, "not sent: 2 sockets: n0, n1"),
            (LeftOutReason::Fifo, 7, "not sent: 7 named pipes: n0, n1, n2, n3, n4 and 2 more"),
            (LeftOutReason::UnknownSize, 2, "not sent: 2 files without a known size: n0, n1"),
            (LeftOutReason::Excluded, 1, "not sent: 1 excluded: n0"),
        ];
        for (reason, count, wanted) in cases {
            assert_eq!(line(&entry(reason, count)), wanted);
        }
        let long = line(&entry(LeftOutReason::Device, 3_000));
        assert!(long.starts_with("not sent: 3000 devices") && long.ends_with("and 2995 more"));
    }

    #[test]
    fn the_reminder_does_not_count_what_was_excluded() {
        let excluded = entry(LeftOutReason::Excluded, 9);
        assert_eq!((note(&[]), note(std::slice::from_ref(&excluded))), (None, None));
        let both = note(&[entry(LeftOutReason::Socket, 3), excluded]).unwrap();
        assert_eq!(both, "3 directory entries not sent, see \"not sent\" above");
    }
}
