use std::fs::File;

use norm_core::endpoint::SenderId;

use super::*;

fn object(key: u64) -> ObjectRef {
    ObjectRef { sender: SenderId(0), key }
}

/// The packet of an object with this number: its length and its bytes follow from both.
fn packet(key: u64, number: usize) -> RawPacket {
    let len = 1_000 + (number * 7 + key as usize) % 400;
    let bytes = (0..len).map(|at| (at + number * 3) as u8 ^ key as u8);
    RawPacket { fec: FecId(key as u8), content: bytes.collect() }
}

fn packets(file: SpoolFile) -> Packets {
    Packets::new(file, Arc::new(Workers::new("test", 1).unwrap()))
}

/// Puts packets of some objects in turn, and waits for the disk where it is needed.
fn put_all(all: &mut Packets, keys: &[u64], count: usize) {
    for number in 0..count {
        for &key in keys {
            let RawPacket { fec, content } = packet(key, number);
            while !all.put(object(key), fec, &content) {
                std::thread::yield_now();
            }
            assert!(all.tail.capacity() <= 2 * CHUNK && all.disk.writing() <= WRITING + CHUNK);
        }
    }
}

/// Reads all packets of an object back.
fn read(all: &mut Packets, key: u64) -> Vec<RawPacket> {
    let mut read = Vec::new();
    while let Some(recalled) = all.lend(object(key)) {
        let is_last = recalled.is_last();
        let some = recalled.read();
        let bytes: usize = some.iter().map(|packet| packet.content.len()).sum();
        assert!(bytes <= BATCH + CHUNK);
        read.extend(some);
        if is_last {
            all.discard(object(key));
        }
    }
    read
}

#[test]
fn packets_come_back_in_order_and_their_room_is_used_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut all = packets(SpoolFile::new(dir.path().to_owned()));
    for round in 0..3 {
        put_all(&mut all, &[1, 2, 3], 500);
        for key in [2, 1, 3] {
            let expected: Vec<_> = (0..500).map(|number| packet(key, number)).collect();
            assert!(read(&mut all, key) == expected, "{key} in round {round}");
        }
        assert_eq!((all.objects.len(), all.chunks.len(), all.tail.len()), (0, 0, 0));
        assert_eq!(all.regions.take(1).start, 0, "the file is empty");
        all.regions = Regions::default();
    }
    assert!(read(&mut all, 1).is_empty());
}

#[test]
fn packets_that_are_discarded_take_no_room() {
    let dir = tempfile::tempdir().unwrap();
    let mut all = packets(SpoolFile::new(dir.path().to_owned()));
    put_all(&mut all, &[1], 200);
    put_all(&mut all, &[2], 200);
    let chunks = all.chunks.len();
    all.discard(object(1));
    assert!(all.chunks.len() <= chunks / 2 + 1, "{} of {chunks}", all.chunks.len());
    // One that a worker has is read for nothing.
    let lent = all.lend(object(2)).unwrap();
    all.discard(object(2));
    lent.read();
    assert!(all.chunks.is_empty() && all.lend(object(2)).is_none());
    assert!(!all.put(object(1), FecId(0), &vec![0; CHUNK + 1]), "no packet is so long");
}

#[test]
#[cfg(target_os = "linux")]
fn packets_that_a_full_disk_does_not_take_are_lost_and_told() {
    let full = File::options().read(true).write(true).open("/dev/full").unwrap();
    let mut all = packets(SpoolFile::of(full));
    let mut taken = 0;
    while all.disk.may_write() {
        let RawPacket { fec, content } = packet(1, taken);
        taken += usize::from(all.put(object(1), fec, &content));
    }
    let error = all.take_failure().unwrap();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    while all.disk.writing() > 0 {
        std::thread::yield_now();
    }
    let read = read(&mut all, 1);
    assert!(read.len() < taken && read.len() * 1_000 <= CHUNK, "what was in memory");
    assert!(read.iter().all(|packet| packet.fec == FecId(1)));
    let RawPacket { fec, content } = packet(2, 0);
    assert!(all.put(object(2), fec, &content), "it begins anew");
}
