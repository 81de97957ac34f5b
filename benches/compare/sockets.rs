//! Packets at the receivers' sockets: those that were read, and those that found no room.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

/// Counters of all receivers' namespaces during one run.
pub struct Meter {
    hosts: Vec<Host>,
    buffer: u64,
}

/// The counters of a namespace. The file stays readable when its process has ended.
struct Host {
    table: File,
    before: Arrivals,
}

/// Packets that reached sockets. A batch that arrives as one packet counts once.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Arrivals {
    /// Packets that the program read.
    pub read: u64,
    /// Packets that the kernel dropped because the socket's buffer was full.
    pub dropped: u64,
    /// Size of a socket's receive buffer, in bytes as the kernel counts them.
    pub buffer: u64,
}

impl Meter {
    /// Starts to count in the namespaces of these processes, with receive buffers of this size.
    pub fn start(processes: impl Iterator<Item = u32>, buffer: u64) -> Result<Self, String> {
        let host = |process| {
            let mut table = File::open(format!("/proc/{process}/net/snmp"))?;
            let before = read(&mut table)?;
            Ok(Host { table, before })
        };
        let hosts =
            processes.map(host).collect::<io::Result<_>>().map_err(|error| message(&error))?;
        Ok(Self { hosts, buffer })
    }

    /// Packets of all receivers since the start.
    pub fn finish(self) -> Result<Arrivals, String> {
        let mut sum = Arrivals { buffer: self.buffer, ..Arrivals::default() };
        for mut host in self.hosts {
            let now = read(&mut host.table).map_err(|error| message(&error))?;
            sum.read += now.read.saturating_sub(host.before.read);
            sum.dropped += now.dropped.saturating_sub(host.before.dropped);
        }
        Ok(sum)
    }
}

impl Arrivals {
    /// Share of the packets that were dropped.
    pub fn dropped_share(&self) -> f64 {
        let all = self.read + self.dropped;
        if all == 0 { 0.0 } else { self.dropped as f64 / all as f64 }
    }
}

fn message(error: &io::Error) -> String {
    format!("packets of receivers cannot be counted: {error}")
}

fn read(table: &mut File) -> io::Result<Arrivals> {
    let mut text = String::new();
    table.seek(SeekFrom::Start(0))?;
    table.read_to_string(&mut text)?;
    parse(&text).ok_or_else(|| io::Error::other("no counters of UDP in /proc/net/snmp"))
}

/// The counters of UDP: a line with names, then one with values.
fn parse(text: &str) -> Option<Arrivals> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("Udp: "));
    let (names, values) = (lines.next()?, lines.next()?);
    let count = |wanted: &str| -> Option<u64> {
        let mut pairs = names.split_whitespace().zip(values.split_whitespace());
        pairs.find(|(name, _)| *name == wanted)?.1.parse().ok()
    };
    Some(Arrivals { read: count("InDatagrams")?, dropped: count("RcvbufErrors")?, buffer: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SNMP: &str = "\
Icmp: InMsgs InErrors
Icmp: 1 2
Udp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors
Udp: 75 1 25 4 25 0
UdpLite: InDatagrams RcvbufErrors
UdpLite: 8 9
";

    #[test]
    fn counters_of_udp_are_found_by_name() {
        assert_eq!(parse(SNMP), Some(Arrivals { read: 75, dropped: 25, buffer: 0 }));
        assert_eq!(parse("Icmp: InMsgs\nIcmp: 1\n"), None);
    }

    #[test]
    fn dropped_share_is_of_all_that_arrived() {
        assert_eq!(parse(SNMP).unwrap().dropped_share(), 0.25);
        assert_eq!(Arrivals::default().dropped_share(), 0.0);
    }
}
