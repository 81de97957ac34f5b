//! Our sessions at the models.

use core::time::Duration;

use norm_core::Rng;
use norm_core::flute::sender::{FecChoice, Passes};
use norm_core::flute::{Profile, SenderConfig};

use super::gpac::Gpac;
use super::rt_libflute::RtLibflute;
use super::{Model, Verdict};
use crate::receiver::OurReceiver;
use crate::sender::OurSender;

const OBJECTS: usize = 100;

fn config(profile: Profile) -> SenderConfig {
    SenderConfig {
        profile,
        fec: if profile == Profile::Own { FecChoice::RaptorQ } else { FecChoice::NoCode },
        symbol_size: 512,
        block_len: 20,
        passes: Passes::Times(3),
        fdt_interval: Duration::from_millis(100),
        unix_start: Duration::from_secs(1_800_000_000),
        ..SenderConfig::new(3, 20_000_000)
    }
}

/// Names and bytes of 1 to 40,000 bytes.
fn objects() -> Vec<(String, Vec<u8>)> {
    let mut rng = Rng::new(1);
    let sizes = (0..OBJECTS).map(|at| if at == 0 { 1 } else { 1 + rng.below(40_000) as usize });
    let sizes: Vec<usize> = sizes.collect();
    let bytes = |size| (0..size).map(|_| rng.next_u32() as u8).collect();
    (0..)
        .zip(sizes.into_iter().map(bytes))
        .map(|(at, bytes)| (format!("v/{at}.m4s"), bytes))
        .collect()
}

fn packets(profile: Profile, objects: &[(String, Vec<u8>)]) -> Vec<Vec<u8>> {
    let mut sender = OurSender::of_objects(&config(profile), objects);
    core::iter::from_fn(|| sender.next()).collect()
}

/// The same objects, in any order.
fn same(mut found: Vec<(String, Vec<u8>)>, objects: &[(String, Vec<u8>)]) -> bool {
    found.sort();
    let mut expected = objects.to_vec();
    expected.sort();
    found == expected
}

#[test]
fn sessions_for_3gpp_and_dvb_are_complete_at_the_models() {
    let objects = objects();
    for profile in [Profile::Mbms, Profile::Mabr] {
        let packets = packets(profile, &objects);
        let mut models: Vec<(&str, Box<dyn Model>)> = vec![("rt", Box::new(RtLibflute::new(3)))];
        // Several blocks of an object are one to GPAC.
        if profile == Profile::Mabr {
            models.push(("gpac", Box::<Gpac>::default()));
        }
        for (name, mut model) in models {
            for packet in &packets {
                let verdict = model.hear(packet);
                assert!(verdict == Verdict::Taken, "{profile} at {name}: {verdict:?}");
            }
            assert!(same(model.complete(), &objects), "{profile} at {name}");
        }
    }
}

#[test]
fn late_joiner_among_the_models_is_complete_by_the_next_pass() {
    let objects = objects();
    for profile in [Profile::Mbms, Profile::Mabr] {
        let packets = packets(profile, &objects);
        let mut model = RtLibflute::new(3);
        // Somewhere in the first pass, after the table.
        for packet in &packets[packets.len() / 5..] {
            let verdict = model.hear(packet);
            assert!(matches!(verdict, Verdict::Taken | Verdict::Ignored), "{verdict:?}");
        }
        assert!(same(model.complete(), &objects), "{profile}");
    }
}

#[test]
fn our_own_sessions_are_refused_by_the_models() {
    let objects = objects();
    let packets = packets(Profile::Own, &objects);
    let (mut gpac, mut rt) = (Gpac::default(), RtLibflute::new(3));
    for packet in &packets {
        assert!(matches!(gpac.hear(packet), Verdict::Refused(_)));
        // Version 0.12.3 dies of any code: nothing but another profile helps.
        let verdict = rt.hear(packet);
        let is_close = packet.len() == 12;
        assert!(verdict == Verdict::Fatal("codepoint") || is_close, "{verdict:?}");
    }
    assert!(gpac.complete().is_empty() && rt.complete().is_empty());
}

#[test]
fn sessions_of_version_1_with_ids_of_16_bits_and_information_in_the_table_only_are_received() {
    let objects = objects();
    for profile in [Profile::Mbms, Profile::Mabr] {
        let mut receiver = OurReceiver::new();
        for packet in packets(profile, &objects) {
            let lct = super::lct::read(&packet).unwrap();
            assert_eq!((lct.version, lct.s, lct.o, lct.h), (1, 0, 0, 1));
            let is_table = lct.toi == [0, 0];
            assert_eq!(lct.extension(192).map(|body| body[0] >> 4), is_table.then_some(1));
            assert_eq!(lct.extension(64).is_some(), is_table);
            receiver.hear(&packet);
        }
        assert!(same(receiver.complete(), &objects), "{profile}");
        let stats = receiver.stats();
        assert_eq!((stats.malformed, stats.invalid, stats.bad_tables), (0, 0, 0));
    }
}
