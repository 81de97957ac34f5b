//! Instances of the table: when they come, what they say.

use super::*;
use crate::fileset::{ManifestHash, PartKind, SetDescriptor, SetId, SetSummary};
use crate::flute::sender::{FecChoice, Passes, Profile};
use crate::flute::wire::NtpTime;

#[test]
fn first_packets_are_the_table_and_it_comes_each_interval() {
    let passes = Passes::Forever;
    let fec = FecChoice::NoCode;
    let (symbol_size, rate) = (1000, 100_000);
    let mut rig = Rig::new(&SenderConfig { passes, fec, symbol_size, rate, ..config() });
    let key = rig.add_file("dir/a b", 20_000);
    let sent = rig.run(100);
    let of_table: Vec<&Sent> = sent.iter().filter(|sent| sent.fdt().is_some()).collect();
    assert!(sent[0].fdt().is_some());
    for pair in of_table.windows(2) {
        let gap = pair[1].at.saturating_since(pair[0].at).as_secs_f64();
        assert!((1.0..1.1).contains(&gap), "{gap}");
        let content = pair.iter().map(|sent| sent.packet().content).collect::<Vec<_>>();
        assert_eq!((pair[0].fdt(), content[0]), (pair[1].fdt(), content[1]), "the same bytes");
    }
    let [(fdt, document)] = &tables(&sent)[..] else { panic!("one instance") };
    assert_eq!((fdt.version, fdt.instance.get()), (2, 0));
    assert!(!document.complete);
    let [file] = &document.files[..] else { panic!("one file") };
    assert_eq!((file.toi.get(), &*file.location), (key.into(), "dir/a%20b"));
    let attributes = document.attributes(file);
    assert_eq!(attributes.content_length, Some(20_000));
    let in_band = sent.iter().filter(|sent| sent.fdt().is_none()).find_map(Sent::fti);
    assert_eq!(attributes.oti.fti(20_000), in_band);
    assert_eq!(document.expires, NtpTime::from_unix(Duration::from_secs(1_800_003_600)).seconds);
}

#[test]
fn packets_of_the_table_tell_the_time_and_are_no_longer_than_others() {
    for symbol_size in [64, 256, 1344] {
        let mut rig = Rig::new(&SenderConfig { symbol_size, ..config() });
        (0..30).for_each(|at| _ = rig.add_file(&format!("{at}"), 2000));
        rig.sender.finish();
        let sent = rig.run(usize::MAX);
        let longest = |table: bool| {
            let of = sent.iter().filter(|sent| sent.fdt().is_some() == table);
            of.map(|sent| sent.bytes.len()).max().unwrap()
        };
        assert!(longest(true) <= longest(false), "{} {}", longest(true), longest(false));
        for sent in sent.iter().filter(|sent| sent.fdt().is_some()) {
            let unix =
                Duration::from_secs(1_800_000_000) + Duration::from_nanos(sent.at.as_nanos());
            let extensions = sent.packet().extensions;
            assert_eq!(extensions.time().unwrap().sent, Some(NtpTime::from_unix(unix)));
            assert_eq!(extensions.cenc().unwrap_or(Cenc::NULL), Cenc::NULL);
        }
    }
}

#[test]
fn long_table_is_coded_and_each_repetition_has_other_symbols() {
    let passes = Passes::Forever;
    let mut rig = Rig::new(&SenderConfig { passes, rate: 1_000_000, ..config() });
    (0..20).for_each(|at| _ = rig.add_file(&format!("{at}"), 2000));
    let sent = rig.run(6_000);
    let of_table: Vec<&Sent> = sent.iter().filter(|sent| sent.fdt().is_some()).collect();
    let ids: Vec<u32> = of_table
        .iter()
        .map(|sent| sent.packet().symbols(PayloadFormat::Block8Symbol24).unwrap().0.symbol)
        .collect();
    assert_eq!(ids, (0..ids.len() as u32).collect::<Vec<_>>());
    let layout = of_table[0].fti().unwrap().layout().unwrap();
    assert!(ids.len() > 3 * layout.block_len(0) as usize, "{} sent", ids.len());
    // Every fifth packet is lost, and the whole first repetition.
    let lossy = of_table.iter().skip(layout.block_len(0) as usize + 2).enumerate();
    let heard: Vec<Sent> =
        lossy.filter(|(at, _)| at % 5 != 0).map(|(_, sent)| (*sent).clone()).collect();
    assert_eq!(tables(&heard)[0].1.files.len(), 20);
}

#[test]
fn new_instance_comes_with_objects_and_with_the_end() {
    let mut rig = Rig::new(&SenderConfig { symbol_size: 1000, ..config() });
    let first = rig.add_file("a", 100_000);
    let mut sent = rig.run(20);
    rig.add_file("b", 100);
    sent.extend(rig.run(20));
    rig.sender.finish();
    sent.extend(rig.run(usize::MAX));
    let said: Vec<(u32, usize, bool)> = tables(&sent)
        .iter()
        .map(|(fdt, document)| (fdt.instance.get(), document.files.len(), document.complete))
        .collect();
    assert_eq!(said, [(0, 1, false), (1, 2, false), (2, 2, true)]);
    let tois = tables(&sent)[2].1.files.iter().map(|file| file.toi.get()).collect::<Vec<_>>();
    assert_eq!(tois, [u128::from(first), u128::from(first) + 1]);
}

#[test]
fn instance_is_renewed_at_half_of_its_life() {
    let (passes, rate) = (Passes::Forever, 20_000);
    let fdt_life = Duration::from_secs(10);
    let symbol_size = 1000;
    let mut rig = Rig::new(&SenderConfig { passes, rate, fdt_life, symbol_size, ..config() });
    rig.add_file("a", 100);
    let sent = rig.run(70);
    let tables = tables(&sent);
    assert!(tables.len() >= 3);
    for ((at, (fdt, document)), next) in tables.iter().enumerate().zip(&tables[1..]) {
        assert_eq!(fdt.instance.get() as usize, at);
        let gap = next.1.expires.wrapping_sub(document.expires);
        assert!((5..=7).contains(&gap), "{gap}");
    }
}

#[test]
fn expiry_wraps_with_the_era_of_ntp() {
    // 2036-02-07 06:28:00 and some seconds.
    let unix_start = Duration::from_secs((1 << 32) - 2_208_988_800 - 10);
    let mut rig = Rig::new(&SenderConfig { unix_start, symbol_size: 1000, ..config() });
    rig.add_file("a", 100);
    rig.sender.finish();
    let sent = rig.run(usize::MAX);
    assert_eq!(tables(&sent)[0].1.expires, 3590);
    assert_eq!(sent[0].packet().extensions.time().unwrap().sent.unwrap().seconds, u32::MAX - 9);
}

#[test]
fn very_long_table_is_cut_for_receivers_that_add_up() {
    let mut rig = Rig::new(&SenderConfig { symbol_size: 1344, ..config() });
    (0..1000).for_each(|at| _ = rig.add_file(&format!("a{at}"), 10));
    rig.sender.finish();
    let sent = rig.run(usize::MAX);
    let tables = tables(&sent);
    assert!(tables.len() > 2);
    let files: usize = tables.iter().map(|(_, document)| document.files.len()).sum();
    assert_eq!(files, 1000);
    let complete = tables.iter().filter(|(_, document)| document.complete).count();
    assert_eq!(complete, 1, "only the last one says so");
    for (_, document) in &tables {
        assert!(document.emit(crate::flute::fdt::Namespace::Ietf2005).len() <= 48 << 10);
    }
}

/// Bytes on the wire of tables, and of everything, in these packets.
fn bytes(sent: &[Sent]) -> (usize, usize) {
    let of = |sent: &Sent| sent.bytes.len() + 28;
    let tables = sent.iter().filter(|sent| sent.fdt().is_some());
    (tables.map(of).sum(), sent.iter().map(of).sum())
}

#[test]
fn table_of_many_files_at_a_low_rate_leaves_the_rate_to_their_content() {
    for profile in [Profile::Rfc6726, Profile::FluteCrate, Profile::Own] {
        let (passes, fec) = (Passes::Forever, FecChoice::NoCode);
        let (rate, symbol_size) = (1_000_000, 1344);
        let mut rig =
            Rig::new(&SenderConfig { profile, passes, fec, rate, symbol_size, ..config() });
        (0..2000).for_each(|at| _ = rig.add_file(&format!("folder/file-{at}"), 1000));
        rig.sender.finish();
        // About six minutes.
        let sent = rig.run(40_000);
        let first = sent.iter().position(|sent| sent.fdt().is_none()).unwrap();
        let files: usize = tables(&sent[..first]).iter().map(|(_, fdt)| fdt.files.len()).sum();
        assert_eq!(files, 2000, "{profile}: all is told before anything is sent");
        let (once, _) = bytes(&sent[..first]);
        let after = &sent[first..];
        for minute in after.chunks(5_000) {
            let (table, all) = bytes(minute);
            assert!(table * 100 <= all * 5 + 4_000_000, "{profile}: {table} of {all}");
        }
        let (table, all) = bytes(after);
        let share = table as f64 / all as f64;
        assert!((0.04..=0.05).contains(&share), "{profile}: {share}");
        // Who comes at any moment has the whole table when twenty times as much was sent.
        for from in [0, 777, 4_000, 9_999] {
            let needed = after[from..].iter().scan(0, |sum, sent| {
                *sum += sent.bytes.len() + 28;
                Some(*sum)
            });
            let count = needed.take_while(|&sum| sum <= 21 * once).count();
            let heard = tables(&after[from..from + count]);
            let files: usize = heard.iter().map(|(_, fdt)| fdt.files.len()).sum();
            assert_eq!(files, 2000, "{profile}, from {from} on");
        }
    }
}

#[test]
fn table_comes_more_often_at_high_rates_than_receivers_have_room_for_what_it_does_not_name() {
    for (profile, most) in [(Profile::Own, 8 * MIB), (Profile::Mbms, 2 * MIB)] {
        let (passes, fec, symbol_size) = (Passes::Forever, FecChoice::NoCode, 1344);
        let rate = 4_000_000_000;
        let mut rig =
            Rig::new(&SenderConfig { profile, passes, fec, rate, symbol_size, ..config() });
        rig.add_file("a", 20_000_000);
        let sent = rig.run(25_000);
        let at = sent.iter().enumerate().filter(|(_, sent)| sent.fdt().is_some());
        let at: Vec<usize> = at.map(|(at, _)| at).collect();
        assert!(at.len() >= 3, "{profile}: {at:?}");
        for pair in at.windows(2) {
            let between = bytes(&sent[pair[0]..pair[1]]).1 as u64;
            assert!(between <= most + MIB / 4, "{profile}: {between}");
            assert!(between >= most / 2, "{profile}: {between}");
        }
    }
}

#[test]
fn new_object_is_told_at_once_although_a_long_table_is_sent_again() {
    let (passes, fec, profile) = (Passes::Forever, FecChoice::NoCode, Profile::Rfc6726);
    let (rate, symbol_size) = (1_000_000, 1344);
    let mut rig = Rig::new(&SenderConfig { profile, passes, fec, rate, symbol_size, ..config() });
    (0..300).for_each(|at| _ = rig.add_file(&format!("{at}"), 1000));
    let mut sent = rig.run(1_000);
    let before = sent.len();
    let late = rig.add_file("late", 1000);
    sent.extend(rig.run(400));
    let first = sent.iter().position(|sent| sent.header().toi == Toi::new(late.into())).unwrap();
    let [.., (_, newest)] = &tables(&sent[before..first])[..] else { panic!("a new table") };
    assert_eq!(newest.files.len(), 301);
    let between = sent[before..].iter().position(|sent| sent.fdt().is_some()).unwrap();
    assert!(between <= 1, "after {between} packets");
}

/// A set of a manifest, payload and digest list.
fn add_set(rig: &mut Rig, payload: usize) -> [u64; 3] {
    let list = crate::fileset::digest_list_len(1);
    let set = SetSummary {
        set: SetId([1; 16]),
        parts: 3,
        list_first: true,
        payload_size: payload as u64,
        manifest_size: 1000,
        list_size: list,
        manifest: ManifestHash([2; 32]),
        content: None,
    };
    let part =
        |index, kind| ObjectMeta::SetPart { index, part: SetDescriptor { kind, offset: 0, set } };
    [
        rig.add(part(0, PartKind::Manifest), 1000),
        rig.add(part(1, PartKind::DigestList), list as usize),
        rig.add(part(2, PartKind::Payload), payload),
    ]
}

#[test]
fn parts_of_a_set_follow_each_other_and_say_what_they_are() {
    let mut rig = Rig::new(&config());
    let keys = add_set(&mut rig, 5000);
    assert_eq!(keys.map(|key| key - keys[0]), [0, 1, 2]);
    rig.sender.finish();
    let sent = rig.run(usize::MAX);
    let document = &tables(&sent)[0].1;
    for (index, file) in document.files.iter().enumerate() {
        let part = file.attributes.set_part.unwrap();
        assert_eq!(part.index as usize, index);
        assert_eq!(file.location, format!("norm-set:{index}"));
    }
}

#[test]
fn manifest_and_digests_are_repeated_by_other_symbols_in_a_small_share() {
    let passes = Passes::Forever;
    let (rate, symbol_size) = (1_000_000, 256);
    let mut rig = Rig::new(&SenderConfig { passes, rate, symbol_size, ..config() });
    let [manifest, list, payload] = add_set(&mut rig, 2_000_000);
    // Six seconds, in less than half a pass.
    let sent = rig.run(2_300);
    let of = |key| {
        let all = sent.iter().filter_map(|sent| sent.symbol(PayloadFormat::Block8Symbol24));
        all.filter(move |(toi, ..)| *toi == key).map(|(_, id, _)| id.symbol).collect::<Vec<u32>>()
    };
    let (first_pass, repeated): (Vec<u32>, Vec<u32>) =
        of(manifest).into_iter().partition(|&id| id < 4);
    assert!(repeated.len() >= 4 * 5, "{}: each second anew", repeated.len());
    assert!(repeated.iter().all(|&id| id > 1 << 22), "{repeated:?}");
    assert!(first_pass.len() < 4, "in the passes as all else");
    let different: std::collections::BTreeSet<u32> = repeated.iter().copied().collect();
    assert_eq!(different.len(), repeated.len());
    let share = (of(manifest).len() + of(list).len()) as f64 / sent.len() as f64;
    assert!(share < 0.05, "{share}");
    let first = sent.iter().position(|sent| {
        sent.symbol(PayloadFormat::Block8Symbol24).is_some_and(|(toi, ..)| toi == payload)
    });
    assert!(first.unwrap() > 8, "they are among the first packets");
    let fti = sent.iter().filter(|sent| sent.header().toi == Toi::new(manifest.into()));
    let fti = fti.clone().next().unwrap().fti().unwrap();
    let mut decoder = Decoder::new(manifest, fti.layout().unwrap());
    sent.iter().for_each(|sent| decoder.take(sent));
    assert_eq!(decoder.content().as_ref(), Some(&rig.content[&manifest]));
}
