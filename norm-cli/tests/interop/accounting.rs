//! What a capture says about repair: how much was sent, sent again, and asked for.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use etherparse::{SlicedPacket, TransportSlice};
use norm_core::fec::Partition;
use norm_core::norm::wire::{
    Command, Data, FecId, Fti, Message, ObjectFlags, PayloadFormat, PayloadId, Sequence,
};
use pcap_file::pcap::PcapReader;

/// Counts over one capture with one sender.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// DATA payloads of source symbols that come in order, and of parity sent along with them.
    pub first_bytes: u64,
    /// DATA payloads of everything else.
    pub repair_bytes: u64,
    /// Source symbols sent again: below the position that had been reached.
    pub resent: u64,
    /// Parity symbols, beyond those sent with each block unasked.
    pub parity: u64,
    /// Bytes of messages that never came onto the wire, as gaps in the sequence show, taken as
    /// long as the average DATA payload.
    pub gap_bytes: u64,
    pub nacks: u64,
    pub acks: u64,
    pub flushes: u64,
    pub squelches: u64,
    /// Datagrams that are no message of RFC 5740.
    pub unreadable: u64,
    /// UDP ports that feedback went to.
    pub feedback_ports: BTreeSet<u16>,
}

/// How many parity symbols the sender sends with each block, which are no repair.
pub fn read(capture: &Path, auto_parity: u32) -> Result<Account, String> {
    let name = capture.display();
    let file = File::open(capture).map_err(|error| format!("{name}: {error}"))?;
    let mut reader = PcapReader::new(BufReader::with_capacity(1 << 20, file))
        .map_err(|error| format!("{name}: {error}"))?;
    let mut ledger = Ledger { auto_parity, ..Ledger::default() };
    while let Some(packet) = reader.next_packet() {
        let packet = packet.map_err(|error| format!("{name}: {error}"))?;
        if let Ok(SlicedPacket { transport: Some(TransportSlice::Udp(udp)), .. }) =
            SlicedPacket::from_ethernet(&packet.data)
        {
            ledger.enter(udp.destination_port(), udp.payload());
        }
    }
    Ok(ledger.close())
}

#[derive(Default)]
struct Ledger {
    account: Account,
    auto_parity: u32,
    /// The farthest symbol sent so far: object, block, symbol. Sequences of one case are short
    /// enough not to wrap, ids of objects and blocks too.
    position: Option<(u16, u32, u32)>,
    sequence: Option<Sequence>,
    /// Messages of the sender that the sequence says exist, but that were not on the wire.
    gaps: u64,
    data: u64,
}

impl Ledger {
    fn enter(&mut self, port: u16, payload: &[u8]) {
        let Ok((header, message)) = Message::parse(payload) else {
            self.account.unreadable += 1;
            return;
        };
        match message {
            Message::Nack(_) | Message::Ack(_) => {
                self.account.feedback_ports.insert(port);
                let is_nack = matches!(message, Message::Nack(_));
                *(if is_nack { &mut self.account.nacks } else { &mut self.account.acks }) += 1;
            }
            Message::Data(data) => {
                self.follow(header.sequence);
                if self.data(&data).is_none() {
                    self.account.unreadable += 1;
                }
            }
            Message::Cmd(cmd) => {
                self.follow(header.sequence);
                match cmd.command {
                    Command::Flush(_) => self.account.flushes += 1,
                    Command::Squelch(_) => self.account.squelches += 1,
                    _ => {}
                }
            }
            Message::Info(_) => self.follow(header.sequence),
            Message::Report(_) => {}
        }
    }

    fn follow(&mut self, sequence: Sequence) {
        if let Some(last) = self.sequence {
            // More is a reordering, or a second sender.
            let step = sequence.distance_from(last);
            if (2..1000).contains(&step) {
                self.gaps += u64::from(step) - 1;
            }
        }
        self.sequence = Some(sequence);
    }

    fn data(&mut self, data: &Data<'_>) -> Option<()> {
        let fti = data.extensions.fti(data.fec_id)?;
        let id = data.payload_id.decode(payload_format(data.fec_id, &fti)?)?;
        let source_symbols = block_len(&fti, data.flags, id)?;
        let bytes = data.payload.len() as u64;
        self.data += 1;
        let position = (data.object.0, id.block, id.symbol);
        let ahead = self.position.is_none_or(|farthest| position > farthest);
        let unasked = source_symbols + self.auto_parity;
        if ahead && id.symbol < unasked {
            self.account.first_bytes += bytes;
            self.position = Some(position);
            return Some(());
        }
        self.account.repair_bytes += bytes;
        if id.symbol < source_symbols {
            self.account.resent += 1;
        } else {
            self.account.parity += 1;
        }
        Some(())
    }

    fn close(mut self) -> Account {
        let bytes = self.account.first_bytes + self.account.repair_bytes;
        self.account.gap_bytes = bytes.checked_div(self.data).unwrap_or(0) * self.gaps;
        self.account
    }
}

/// Only the FTI tells the two layouts of id 2 apart.
fn payload_format(fec: FecId, fti: &Fti) -> Option<PayloadFormat> {
    match fti {
        Fti::ReedSolomon { m: 8, .. } => Some(PayloadFormat::Block24Symbol8),
        _ => PayloadFormat::for_fec(fec),
    }
}

/// Source symbols in the block of this symbol.
fn block_len(fti: &Fti, flags: ObjectFlags, id: PayloadId) -> Option<u32> {
    let longest = match *fti {
        Fti::ReedSolomon8 { max_block_len, .. } => u32::from(max_block_len),
        Fti::ReedSolomon { max_block_len, .. } | Fti::SmallBlock { max_block_len, .. } => {
            u32::from(max_block_len)
        }
        Fti::NoCode { .. } | Fti::RaptorQ { .. } => return None,
    };
    if flags.contains(ObjectFlags::STREAM) {
        return Some(longest);
    }
    let partition = Partition::by_max_block_len(fti.size().get(), fti.symbol_size(), longest);
    let partition = partition.ok()?;
    (id.block < partition.blocks()).then(|| partition.block_len(id.block))
}

#[cfg(test)]
mod tests {
    use norm_core::norm::wire::{
        ExtensionBuf, Header, InstanceId, NodeId, ObjectId, ObjectSize, QuantizedGroupSize,
        QuantizedRtt, SenderFields,
    };

    use super::*;

    /// Two blocks of two symbols of ten bytes.
    fn message(sequence: u16, block: u32, symbol: u32) -> Vec<u8> {
        let size = ObjectSize::new(40).expect("40 is small");
        let mut extensions = ExtensionBuf::new();
        let fti = Fti::ReedSolomon8 { size, symbol_size: 10, max_block_len: 2, parity: 2 };
        assert!(extensions.push_fti(&fti));
        let id = PayloadId { block, block_len: 0, symbol };
        let data = Message::Data(Data {
            sender: SenderFields {
                instance: InstanceId(7),
                grtt: QuantizedRtt(100),
                backoff: 4,
                group_size: QuantizedGroupSize(3),
            },
            flags: ObjectFlags::FILE,
            fec_id: FecId::REED_SOLOMON_8,
            object: ObjectId(0),
            payload_id: id.encode(PayloadFormat::Block24Symbol8),
            extensions: extensions.as_extensions(),
            payload: &[1; 10],
        });
        let mut bytes = Vec::new();
        data.emit(Header { sequence: Sequence(sequence), source: NodeId(1) }, &mut bytes);
        bytes
    }

    fn account(auto_parity: u32, sent: &[(u16, u32, u32)]) -> Account {
        let mut ledger = Ledger { auto_parity, ..Ledger::default() };
        for &(sequence, block, symbol) in sent {
            ledger.enter(6003, &message(sequence, block, symbol));
        }
        ledger.close()
    }

    #[test]
    fn repeated_packets_and_requested_parity_are_repairs() {
        let sent = [(0, 0, 0), (1, 0, 1), (2, 1, 0), (3, 0, 2), (4, 0, 1), (5, 1, 1)];
        let expected = Account {
            first_bytes: 40,
            repair_bytes: 20,
            resent: 1,
            parity: 1,
            ..Account::default()
        };
        assert_eq!(account(0, &sent), expected);
        let mut unasked = account(1, &[(0, 0, 0), (1, 0, 1), (2, 0, 2), (3, 0, 3)]);
        assert_eq!((unasked.first_bytes, unasked.parity), (30, 1));
        unasked = account(1, &[(0, 0, 0), (1, 1, 0), (2, 0, 2)]);
        assert_eq!((unasked.first_bytes, unasked.parity), (20, 1), "late, so asked for");
    }

    #[test]
    fn packets_that_fill_gaps_are_repairs() {
        let account = account(0, &[(0, 0, 0), (2, 1, 0), (3, 1, 1), (4, 0, 1)]);
        assert_eq!((account.gap_bytes, account.resent, account.repair_bytes), (10, 1, 10));
    }

    #[test]
    fn what_is_no_message_is_counted() {
        let mut ledger = Ledger::default();
        ledger.enter(6003, b"no message at all");
        ledger.enter(6003, &message(0, 9, 0));
        assert_eq!(ledger.close().unreadable, 2);
    }
}
