//! Bugs of other senders that were reported: a test for each. The numbers are those of the table in
//! `docs/flute.md`.

use super::*;
use crate::flute::fdt::Namespace;
use crate::flute::sender::{FecChoice, Passes, Profile};

/// The text of the first table, which is one packet.
fn text(sent: &[Sent]) -> &str {
    core::str::from_utf8(&sent[0].packet().content[4..]).unwrap()
}

#[test]
fn bug_4_table_is_repeated_and_renewed_long_before_it_expires() {
    let (passes, fdt_life) = (Passes::Forever, Duration::from_secs(8));
    let (rate, symbol_size) = (100_000, 1000);
    let mut rig = Rig::new(&SenderConfig { passes, fdt_life, rate, symbol_size, ..config() });
    rig.add_file("a", 5000);
    let sent = rig.run(400);
    let of_table: Vec<&Sent> = sent.iter().filter(|sent| sent.fdt().is_some()).collect();
    assert!(of_table.len() > 10 && rig.now > Timestamp::ZERO + 3 * fdt_life);
    for sent in of_table {
        let packet = core::slice::from_ref(sent);
        let expires = tables(packet)[0].1.expires;
        let now = sent.packet().extensions.time().unwrap().sent.unwrap().seconds;
        assert!(expires.wrapping_sub(now) >= 4, "it lives for {} s", expires.wrapping_sub(now));
    }
}

#[test]
fn bug_7_expiry_is_that_of_the_clock() {
    for years in [0, 5, 9, 12, 90] {
        let unix_start = Duration::from_secs(1_800_000_000 + years * 31_557_600);
        let mut rig = Rig::new(&SenderConfig { unix_start, symbol_size: 1000, ..config() });
        rig.add_file("a", 100);
        let sent = rig.run(1);
        let expected = unix_start.as_secs() + 2_208_988_800 + 3600;
        assert_eq!(tables(&sent)[0].1.expires, expected as u32, "after {years} years");
    }
}

#[test]
fn bug_8_and_10_new_content_has_a_new_number_and_is_told_at_once() {
    let mut rig = Rig::new(&SenderConfig { symbol_size: 1000, ..config() });
    let old = rig.add_file("manifest.mpd", 100_000);
    let mut sent = rig.run(20);
    let new = rig.add_file("manifest.mpd", 2000);
    let before = sent.len();
    sent.extend(rig.run(4));
    let [.., (_, newest)] = &tables(&sent[before..])[..] else { panic!("a new table") };
    let tois: Vec<u128> = newest.files.iter().map(|file| file.toi.get()).collect();
    assert_eq!((tois, old == new), (vec![old.into(), new.into()], false));
    // One run after the other has other numbers, as long as nothing else is asked for.
    let first = |seed| {
        let mut sender = Sender::new(&config(), seed, Timestamp::ZERO).unwrap();
        sender.enqueue(ObjectSpec { size: 1, meta: ObjectMeta::file(None) }).unwrap()
    };
    assert_ne!(first(1), first(2));
}

#[test]
fn bug_9_objects_are_described_before_they_are_sent() {
    for profile in [Profile::Own, Profile::Rfc6726, Profile::Mbms, Profile::Mabr] {
        let fec = FecChoice::NoCode;
        let mut rig = Rig::new(&SenderConfig { profile, fec, symbol_size: 256, ..config() });
        let (mut sent, mut keys) = (Vec::new(), Vec::new());
        for at in 0..4 {
            keys.push(rig.add_file(&format!("{at}"), 3000));
            sent.extend(rig.run(25));
        }
        rig.sender.finish();
        sent.extend(rig.run(usize::MAX));
        for key in keys {
            let of_object = |sent: &Sent| sent.header().toi == Toi::new(key.into());
            let first = sent.iter().position(of_object).unwrap();
            let listed = |(_, fdt): &(ExtFdt, Fdt)| {
                fdt.files.iter().any(|file| file.toi.get() == u128::from(key))
            };
            assert!(tables(&sent[..first]).iter().any(listed), "{profile}: {key}");
        }
    }
}

#[test]
fn bug_13_locations_begin_with_the_base_that_is_given() {
    let (profile, fec) = (Profile::Mbms, FecChoice::NoCode);
    let location_base = "http://host.example/live/".to_owned();
    let symbol_size = 1344;
    let mut rig = Rig::new(&SenderConfig { profile, fec, location_base, symbol_size, ..config() });
    rig.add_file("a/b c.mp4", 10);
    rig.add(ObjectMeta::file(None), 20);
    let sent = rig.run(1);
    let (_, fdt) = &tables(&sent)[0];
    assert_eq!(fdt.files[0].location, "http://host.example/live/a/b%20c.mp4");
    let unnamed = &fdt.files[1];
    let expected = format!("http://host.example/live/object-{}", unnamed.toi.get());
    assert_eq!(unnamed.location, expected);
}

#[test]
fn bug_14_no_table_is_sent_without_files_and_repeating_it_needs_no_new_id() {
    let passes = Passes::Forever;
    let mut rig =
        Rig::new(&SenderConfig { passes, rate: 1_000_000, symbol_size: 1000, ..config() });
    rig.sender.keep_open(true);
    assert!(rig.run(1).is_empty(), "nothing is there to be described");
    rig.add_file("a", 5000);
    let sent = rig.run(2000);
    let of_table: Vec<&Sent> = sent.iter().filter(|sent| sent.fdt().is_some()).collect();
    assert!(of_table.len() > 10);
    assert!(of_table.iter().all(|sent| sent.fdt().unwrap().instance.get() == 0));
}

#[test]
fn bug_15_table_lists_each_object_once() {
    let mut rig = Rig::new(&SenderConfig { symbol_size: 1344, ..config() });
    let keys: Vec<u64> = (0..5).map(|_| rig.add_file("again", 100)).collect();
    rig.sender.finish();
    let sent = rig.run(usize::MAX);
    for (_, fdt) in tables(&sent) {
        let tois: Vec<u64> = fdt.files.iter().map(|file| file.toi.get() as u64).collect();
        assert_eq!(tois, keys);
    }
}

#[test]
fn bug_16_late_joiner_gets_the_table_with_all_objects_in_each_pass() {
    for (passes, profile) in [(Passes::Times(20), Profile::Mabr), (Passes::Forever, Profile::Own)] {
        let (fec, rate, symbol_size) = (FecChoice::NoCode, 1_000_000, 1344);
        let mut rig =
            Rig::new(&SenderConfig { passes, profile, fec, rate, symbol_size, ..config() });
        (0..3).for_each(|at| _ = rig.add_file(&format!("{at}"), 60_000));
        rig.sender.finish();
        let sent = rig.run(2500);
        for from in (0..2000).step_by(250) {
            let heard = tables(&sent[from..]);
            assert_eq!(heard[0].1.files.len(), 3, "{profile}, from {from} on");
        }
        // Under one instance id there are never other bytes.
        let mut known: BTreeMap<(u32, &[u8]), &[u8]> = BTreeMap::new();
        for sent in sent.iter().filter(|sent| sent.fdt().is_some()) {
            let (id, symbol) = sent.packet().content.split_at(4);
            let instance = sent.fdt().unwrap().instance.get();
            assert_eq!(*known.entry((instance, id)).or_insert(symbol), symbol, "{profile}");
        }
    }
}

#[test]
fn bug_24_table_for_3gpp_has_what_is_forced_and_nothing_that_is_forbidden() {
    for fec in [FecChoice::NoCode, FecChoice::Raptor] {
        let profile = Profile::Mbms;
        let mut rig = Rig::new(&SenderConfig { profile, fec, symbol_size: 1344, ..config() });
        rig.add_file("a", 20_000);
        rig.sender.finish();
        let sent = rig.run(usize::MAX);
        let text = text(&sent);
        let namespace = format!("xmlns=\"{}\"", Namespace::Mbms.as_str());
        for forced in [&*namespace, "schemaVersion=\"2\"", "Content-Type=", "Content-Length="] {
            assert!(text.contains(forced), "{forced} is missing in {text}");
        }
        for forbidden in ["Transfer-Length", "FEC-Instance-ID", "Complete=", "Content-Encoding"] {
            assert!(!text.contains(forbidden), "{forbidden} is in {text}");
        }
    }
}

#[test]
fn bug_25_small_objects_are_cut_into_four_raptor_symbols_or_have_no_code() {
    for profile in [Profile::Mbms, Profile::Mabr, Profile::Rfc6726] {
        for size in [1, 3, 4, 15, 16, 64, 100, 255, 256, 257, 1000] {
            let fec = FecChoice::Raptor;
            let passes = Passes::Once { overhead: 50 };
            let mut rig = Rig::new(&SenderConfig { profile, fec, passes, ..config() });
            let key = rig.add_file("a", size);
            rig.sender.finish();
            let sent = rig.run(usize::MAX);
            let (_, fdt) = &tables(&sent)[0];
            let attributes = fdt.attributes(&fdt.files[0]);
            let layout = attributes.oti.fti(size as u64).unwrap().layout().unwrap();
            let coded = layout.scheme() == Scheme::Raptor;
            assert!(!coded || layout.block_len(0) >= 4, "{layout:?}");
            assert_eq!(coded, size >= 4, "{size}");
            let mut decoder = Decoder::new(key, layout);
            sent.iter().for_each(|sent| decoder.take(sent));
            assert_eq!(decoder.content().as_ref(), Some(&rig.content[&key]), "{profile} {size}");
        }
    }
}

#[test]
fn bug_29_table_of_more_than_64_kib_tells_its_length() {
    let (profile, rate) = (Profile::FluteCrate, 100_000_000);
    let mut rig = Rig::new(&SenderConfig { profile, rate, symbol_size: 1344, ..config() });
    (0..400).for_each(|at| _ = rig.add_file(&format!("name-{at}"), 1));
    let sent = rig.run(200);
    let size = sent[0].fti().unwrap().size();
    assert!(size > 1 << 16, "{size}");
    assert_eq!(tables(&sent)[0].1.files.len(), 400);
}
