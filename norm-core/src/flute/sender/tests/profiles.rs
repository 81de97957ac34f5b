//! Each row of the table of profiles, by the packets and documents that come out.

use super::*;
use crate::fec::FecId;
use crate::flute::fdt::{FileAttributes, Namespace};
use crate::flute::sender::{FecChoice, Passes, Profile};
use crate::transfer::FileContent;

/// A short session of this profile, without code.
fn session(profile: Profile) -> (Vec<Sent>, Fdt, String) {
    let fec = FecChoice::NoCode;
    let symbol_size = 1344;
    let mut rig = Rig::new(&SenderConfig { profile, fec, symbol_size, ..config() });
    rig.add_file("a", 3000);
    rig.sender.finish();
    let sent = rig.run(usize::MAX);
    let content = sent[0].packet().content;
    let text = String::from_utf8(content[4..].to_vec()).unwrap();
    let document = tables(&sent).remove(0).1;
    (sent, document, text)
}

const ALL: [Profile; 5] =
    [Profile::Own, Profile::Rfc6726, Profile::FluteCrate, Profile::Mbms, Profile::Mabr];

/// What holds for these profiles, in their order.
fn check<T: PartialEq + core::fmt::Debug>(expected: [T; 5], of: impl Fn(&[Sent], &Fdt, &str) -> T) {
    for (profile, expected) in ALL.into_iter().zip(expected) {
        let (sent, document, text) = session(profile);
        assert_eq!(of(&sent, &document, &text), expected, "{profile}");
    }
}

#[test]
fn version_of_flute() {
    check([2, 2, 2, 1, 1], |sent, _, _| sent[0].fdt().unwrap().version);
}

#[test]
fn namespace_is_the_one_of_2005_but_where_another_is_asked_for() {
    let old = Namespace::Ietf2005;
    check([old, Namespace::Rfc6726, old, Namespace::Mbms, old].map(Some), |_, _, text| {
        let all = [Namespace::Ietf2005, Namespace::Rfc6726, Namespace::Mbms];
        all.into_iter().find(|one| text.contains(&format!("xmlns=\"{}\"", one.as_str())))
    });
}

#[test]
fn table_always_has_its_information_and_objects_where_receivers_bear_it() {
    check([true, true, true, false, false], |sent, _, _| {
        let (table, others): (Vec<&Sent>, _) = sent.iter().partition(|s| s.fdt().is_some());
        assert!(table.iter().all(|sent| sent.packet().extensions.has_fti()));
        let mut objects = others.into_iter().filter(|sent: &&Sent| sent.header().toi.is_some());
        objects.all(|sent| sent.packet().extensions.has_fti())
    });
}

#[test]
fn time_is_told_but_in_mbms() {
    check([true, true, true, false, true], |sent, _, _| {
        sent[0].packet().extensions.time().is_some()
    });
}

#[test]
fn complete_is_said_where_it_is_understood() {
    check([true, true, false, false, false], |_, document, _| document.complete);
}

#[test]
fn transfer_length_is_forbidden_in_mbms_and_content_length_never() {
    check([true, true, true, false, true], |_, document, _| {
        let attributes = document.attributes(&document.files[0]);
        assert_eq!(attributes.content_length, Some(3000));
        attributes.transfer_length == Some(3000)
    });
}

#[test]
fn media_type_and_schema_version_are_what_3gpp_forces() {
    check([None, None, None, Some("octet-stream"), Some("octet-stream")], |_, document, _| {
        let attributes = document.attributes(&document.files[0]);
        attributes.content_type.map(|media| {
            assert_eq!(media, "application/octet-stream");
            "octet-stream"
        })
    });
    check([false, false, false, true, false], |_, document, _| {
        let version = document.common.others.get("schemaVersion");
        assert!(version.is_none_or(|version| version == "2"));
        version.is_some()
    });
}

#[test]
fn information_stands_at_each_file_and_says_no_instance() {
    check([true; 5], |_, document, _| {
        let oti = &document.files[0].attributes.oti;
        assert_eq!((oti.fec, oti.instance), (Some(FecId::NO_CODE), None));
        assert_eq!(document.common.oti.fec, None);
        oti.symbol_size == Some(1344)
    });
}

/// A session of one file of which the application says this.
fn told(profile: Profile, content: FileContent) -> Result<FileAttributes, SenderError> {
    let (fec, symbol_size) = (FecChoice::NoCode, 1344);
    let mut rig = Rig::new(&SenderConfig { profile, fec, symbol_size, ..config() });
    let meta = ObjectMeta::File { name: None, content };
    let key = rig.sender.enqueue(ObjectSpec { size: 3000, meta })?;
    rig.content.insert(key, vec![7; 3000]);
    let document = tables(&rig.run(1)).remove(0).1;
    Ok(document.attributes(&document.files[0]))
}

#[test]
fn hashes_are_those_that_receivers_know() {
    let (md5, sha256, blake3) = (Some([1; 16]), Some([2; 32]), Some([3; 32]));
    let content = FileContent { md5, sha256, blake3, ..FileContent::default() };
    for (profile, expected) in ALL.into_iter().zip([
        (None, sha256, blake3),
        (md5, sha256, None),
        (md5, None, None),
        (md5, None, None),
        (None, sha256, None),
    ]) {
        let said = told(profile, content.clone()).unwrap();
        let found = (said.content_md5, said.content_digest, said.blake3);
        assert_eq!(found, expected, "{profile}");
        let none = told(profile, FileContent::default()).unwrap();
        let none = (none.content_md5, none.content_digest, none.blake3);
        assert_eq!(none, (None, None, None), "{profile}: nothing is made up");
    }
}

#[test]
fn encoded_files_are_told_with_both_lengths_or_refused() {
    for (profile, is_allowed) in ALL.into_iter().zip([true, true, true, false, false]) {
        let content = FileContent { is_encoded: true, len: Some(10_000), ..FileContent::default() };
        match told(profile, content) {
            Ok(said) => {
                assert!(is_allowed, "{profile}");
                assert_eq!(said.content_encoding.as_deref(), Some("gzip"));
                assert_eq!((said.content_length, said.transfer_length), (Some(10_000), Some(3000)));
            }
            Err(error) => {
                assert!(!is_allowed, "{profile}");
                assert_eq!(error, SenderError::Encoded { profile });
            }
        }
    }
}

#[test]
fn table_in_gzip_is_sent_where_receivers_read_it() {
    for (profile, is_allowed) in ALL.into_iter().zip([true, true, true, false, false]) {
        let (fec, fdt_gzip) = (FecChoice::NoCode, true);
        let config = SenderConfig { profile, fec, fdt_gzip, symbol_size: 256, ..config() };
        if !is_allowed {
            let error = Rig::try_new(&config).err();
            assert_eq!(error, Some(SenderError::GzipTable { profile }));
            continue;
        }
        let mut rig = Rig::new(&config);
        (0..30).for_each(|at| _ = rig.add_file(&format!("{at}"), 100));
        rig.sender.finish();
        let sent = rig.run(usize::MAX);
        let [.., (_, newest)] = &tables(&sent)[..] else { panic!("a table") };
        assert_eq!(newest.files.len(), 30);
        let longest = |table: bool| {
            let of = sent.iter().filter(|sent| sent.fdt().is_some() == table);
            of.map(|sent| sent.bytes.len()).max().unwrap()
        };
        for sent in sent.iter().filter(|sent| sent.fdt().is_some()) {
            assert_eq!(sent.packet().extensions.cenc(), Some(Cenc::GZIP));
        }
        assert!(longest(true) <= 256 + 64, "{}", longest(true));
        let plain = SenderConfig { fdt_gzip: false, ..config };
        let mut rig = Rig::new(&plain);
        (0..30).for_each(|at| _ = rig.add_file(&format!("{at}"), 100));
        let size = |sent: &[Sent]| sent[0].fti().unwrap().size();
        assert!(size(&sent) * 3 < size(&rig.run(1)), "it is shorter");
    }
}

#[test]
fn end_is_said_three_times_without_toi_or_with_the_table() {
    check([true, true, true, false, false], |sent, _, _| {
        let (last, before) = sent.split_last_chunk::<3>().map(|(a, b)| (b, a)).unwrap();
        assert!(before.iter().all(|sent| !sent.header().close_session));
        assert!(last.iter().all(|sent| sent.header().close_session));
        let bare = last[0].header().toi.is_none();
        assert!(last.iter().all(|sent| if bare {
            sent.bytes == [0x10, 0x82, 3, 0, 0, 0, 0, 0, 0, 0, 0, 7]
        } else {
            sent.fdt().is_some()
        }));
        bare
    });
}

#[test]
fn ids_have_16_bits_each_or_32() {
    check([(2, 2); 5], |sent, _, _| {
        let mut with_toi = sent.iter().filter(|sent| sent.header().toi.is_some());
        let first = with_toi.next().unwrap().header().widths;
        assert!(with_toi.all(|sent| sent.header().widths == first));
        (first.tsi_len(), first.toi_len())
    });
    let first_toi = Some(65_534);
    let mut rig = Rig::new(&SenderConfig { first_toi, ..config() });
    rig.add_file("a", 100);
    rig.add_file("b", 100);
    rig.sender.finish();
    let sent = rig.run(usize::MAX);
    let widths = sent[0].header().widths;
    assert_eq!((widths.tsi_len(), widths.toi_len()), (4, 4), "of the table, too");
}

#[test]
fn mbms_has_ids_of_16_bits_at_most() {
    let fec = FecChoice::NoCode;
    let mbms = SenderConfig { profile: Profile::Mbms, fec, ..config() };
    let tsi = |tsi| Rig::try_new(&SenderConfig { tsi, ..mbms.clone() }).err();
    assert_eq!((tsi(0), tsi(65_535)), (None, None));
    assert_eq!(tsi(65_536), Some(SenderError::Tsi { max: 65_535 }));
    let max = 65_534;
    let first = |toi| SenderConfig { first_toi: Some(toi), ..mbms.clone() };
    assert_eq!(Rig::try_new(&first(max + 1)).err(), Some(SenderError::FirstToi { max }));
    let mut rig = Rig::new(&first(max));
    rig.add_file("a", 1);
    let spec = ObjectSpec { size: 1, meta: ObjectMeta::file(None) };
    assert_eq!(rig.sender.enqueue(spec), Err(SenderError::Objects { max }));
}

#[test]
fn schemes_are_those_that_receivers_know() {
    let rs = FecChoice::ReedSolomon { form: RsForm::Id5, parity: 4 };
    let allowed = |profile, fec| Rig::try_new(&SenderConfig { profile, fec, ..config() }).is_ok();
    for profile in ALL {
        let simple = matches!(profile, Profile::Mbms | Profile::Mabr);
        assert!(allowed(profile, FecChoice::NoCode), "{profile}");
        assert_eq!(allowed(profile, FecChoice::RaptorQ), !simple, "{profile}");
        assert_eq!(allowed(profile, rs), !simple, "{profile}");
    }
    let (profile, fec) = (Profile::Mbms, FecChoice::RaptorQ);
    let error = Rig::try_new(&SenderConfig { profile, fec, ..config() }).err();
    assert_eq!(error, Some(SenderError::Scheme { profile, fec: FecId::RAPTORQ }));
}

#[test]
fn table_of_several_packets_is_coded_for_our_own_receivers_only() {
    for profile in [Profile::Own, Profile::Rfc6726, Profile::FluteCrate] {
        let mut rig = Rig::new(&SenderConfig { profile, ..config() });
        rig.add_file("a", 10);
        let sent = rig.run(3);
        assert!(sent[2].fdt().is_some());
        let coded = sent[2].header().codepoint == FecId::RAPTORQ.0;
        assert_eq!(coded, profile == Profile::Own, "{profile}");
    }
}

#[test]
fn sets_are_for_our_own_receivers_only() {
    for profile in ALL {
        let set = crate::fileset::SetSummary {
            set: crate::fileset::SetId([1; 16]),
            parts: 2,
            list_first: false,
            payload_size: 0,
            manifest_size: 60,
            list_size: crate::fileset::digest_list_len(0),
            manifest: crate::fileset::ManifestHash([2; 32]),
            content: None,
        };
        let kind = crate::fileset::PartKind::Manifest;
        let part = crate::fileset::SetDescriptor { kind, offset: 0, set };
        let meta = ObjectMeta::SetPart { index: 0, part };
        let fec = FecChoice::NoCode;
        let mut rig = Rig::new(&SenderConfig { profile, fec, ..config() });
        let added = rig.sender.enqueue(ObjectSpec { size: 60, meta }).err();
        let refused = SenderError::SetPart { profile };
        assert_eq!(added, (profile != Profile::Own).then_some(refused));
    }
}

#[test]
fn sizes_beyond_the_limits_are_refused_with_the_limit() {
    let add = |profile, fec, size| {
        let symbol_size = 1400;
        let block_len = 64;
        let base = SenderConfig { profile, fec, symbol_size, block_len, ..config() };
        let mut rig = Rig::new(&base);
        rig.sender.enqueue(ObjectSpec { size, meta: ObjectMeta::file(None) }).err()
    };
    let id5 = FecChoice::ReedSolomon { form: RsForm::Id5, parity: 191 };
    let block = 64 * 1400_u64;
    let one_block = 65_535 * 1400;
    let memory = u64::from(crate::fec::MAX_BLOCK_BYTES) / 1400 * 1400;
    for (profile, fec, limit) in [
        (Profile::FluteCrate, id5, 255 * block),
        (Profile::Rfc6726, id5, (block << 24).min((1 << 48) - 1)),
        (Profile::Mabr, FecChoice::NoCode, one_block.min(memory)),
        (Profile::Own, FecChoice::RaptorQ, 255 * 56_403 * 1400),
        (Profile::Own, FecChoice::NoCode, 65_536 * 65_536 * 1400),
    ] {
        assert_eq!(add(profile, fec, limit), None, "{profile}");
        let size = limit + 1;
        let refused = Some(SenderError::ObjectTooLarge { size, limit });
        assert_eq!(add(profile, fec, size), refused, "{profile}");
    }
}

#[test]
fn mabr_sends_an_object_as_one_block() {
    let (profile, fec) = (Profile::Mabr, FecChoice::NoCode);
    let mut rig = Rig::new(&SenderConfig { profile, fec, ..config() });
    rig.add_file("a", 64 * 1000);
    rig.sender.finish();
    let sent = rig.run(usize::MAX);
    let blocks = sent.iter().filter_map(|sent| sent.symbol(PayloadFormat::Block16Symbol16));
    let symbols: Vec<u32> =
        blocks.map(|(_, id, _)| (id.symbol, assert_eq!(id.block, 0)).0).collect();
    assert_eq!(symbols, (0..1000).collect::<Vec<_>>());
}

#[test]
fn the_crate_gets_blocks_of_10_mib_at_a_time() {
    let profile = Profile::FluteCrate;
    for passes in [Passes::Once { overhead: 10 }, Passes::Forever] {
        let config = SenderConfig { profile, passes, ..config() };
        assert_eq!(config.interleave(), 10 << 20);
        assert_eq!(SenderConfig { interleave: Some(7), ..config }.interleave(), 7);
    }
    let own = |passes| SenderConfig { passes, ..config() }.interleave();
    assert_eq!(own(Passes::Once { overhead: 10 }), 16 << 20);
    assert_eq!(own(Passes::Times(2)), u64::MAX);
}

#[test]
fn table_beyond_what_receivers_read_is_refused() {
    let profile = Profile::Rfc6726;
    let mut rig = Rig::new(&SenderConfig { profile, ..config() });
    let spec = ObjectSpec { size: 1, meta: ObjectMeta::file(Some("a".repeat(60).into())) };
    let limit = 1 << 20;
    let mut added = 0;
    let error = loop {
        match rig.sender.enqueue(spec.clone()) {
            Ok(_) => added += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error, SenderError::Table { limit });
    assert!(added > 2000, "{added}");
}

#[test]
fn settings_out_of_range_are_refused() {
    let error = |config: SenderConfig| Rig::try_new(&config).err();
    assert_eq!(error(SenderConfig { rate: 0, ..config() }), Some(SenderError::Rate));
    let times = Passes::Times(0);
    assert_eq!(error(SenderConfig { passes: times, ..config() }), Some(SenderError::Passes));
    let (min, max) = (64, 65_000);
    let size = SenderError::SymbolSize { min, max };
    assert_eq!(error(SenderConfig { symbol_size: 63, ..config() }), Some(size));
    let fdt_life = Duration::from_secs(3);
    assert_eq!(error(SenderConfig { fdt_life, ..config() }), Some(SenderError::Life));
    let fec = FecChoice::ReedSolomon { form: RsForm::Id5, parity: 236 };
    assert_eq!(error(SenderConfig { fec, ..config() }), Some(SenderError::BlockLen { max: 19 }));
    let max = 0xffff_ffff;
    assert_eq!(error(SenderConfig { tsi: max + 1, ..config() }), Some(SenderError::Tsi { max }));
    assert_eq!(
        error(SenderConfig { first_toi: Some(0), ..config() }),
        Some(SenderError::FirstToi { max })
    );
}

#[test]
fn header_length_is_that_of_the_widest_packets() {
    let rs = FecChoice::ReedSolomon { form: RsForm::Id129, parity: 4 };
    for (fec, first_toi) in [(FecChoice::RaptorQ, 65_536), (rs, 65_536), (FecChoice::NoCode, 9)] {
        let config = SenderConfig { fec, first_toi: Some(first_toi), ..config() };
        let mut rig = Rig::new(&config);
        rig.add_file("a", 6400);
        rig.sender.finish();
        let longest = rig.run(usize::MAX).iter().map(|sent| sent.bytes.len()).max().unwrap();
        let room = config.header_len() + 64;
        assert!(longest == room || (first_toi == 9 && longest + 4 == room), "{longest} {room}");
    }
}
