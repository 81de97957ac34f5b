//! Rate, pauses, ends, events and counters.

use super::*;
use crate::flute::sender::{FecChoice, Passes, Profile};

#[test]
fn rate_is_kept_to_the_bit() {
    for rate in [500_000, 5_000_000] {
        let passes = Passes::Forever;
        let mut rig = Rig::new(&SenderConfig { passes, rate, ..config() });
        rig.add_file("a", 30_000);
        let sent = rig.run((rate / 1000) as usize);
        let bytes: usize = sent.iter().map(|sent| sent.bytes.len() + 28).sum();
        let time = sent.last().unwrap().at.saturating_since(Timestamp::ZERO).as_secs_f64();
        let measured = (bytes * 8) as f64 / time;
        assert!((0.99..1.02).contains(&(measured / rate as f64)), "{measured}");
    }
}

/// A gate sends keys, and says so: what is sent in all keeps to the rate.
#[test]
fn packets_of_the_layer_around_count_against_the_rate() {
    let (passes, rate) = (Passes::Forever, 500_000);
    let mut rig = Rig::new(&SenderConfig { passes, rate, ..config() });
    rig.add_file("a", 30_000);
    let (mut bytes, start) = (0, rig.now);
    for _ in 0..200 {
        rig.sender.note_own_packet(rig.now, 1_000);
        bytes += 1_028;
        bytes += rig.step().iter().map(|sent| sent.bytes.len() + 28).sum::<usize>();
    }
    let time = rig.now.saturating_since(start).as_secs_f64();
    let measured = (bytes * 8) as f64 / time;
    assert!((0.98..1.02).contains(&(measured / f64::from(rate as u32))), "{measured}");
}

#[test]
fn limit_slows_and_zero_is_a_pause() {
    let passes = Passes::Forever;
    let mut rig = Rig::new(&SenderConfig { passes, ..config() });
    rig.add_file("a", 30_000);
    rig.run(100);
    rig.sender.set_rate_limit(Some(100_000), rig.now);
    let start = rig.now;
    let sent = rig.run(500);
    let bytes: usize = sent.iter().map(|sent| sent.bytes.len() + 28).sum();
    let measured = (bytes * 8) as f64 / rig.now.saturating_since(start).as_secs_f64();
    assert!((95_000.0..105_000.0).contains(&measured), "{measured}");
    rig.sender.set_rate_limit(Some(0), rig.now);
    assert!(rig.run(1).is_empty());
    assert_eq!(rig.sender.poll_timeout(), None);
    rig.now += Duration::from_secs(7200);
    rig.sender.set_rate_limit(None, rig.now);
    let sent = rig.run(100);
    assert!(sent[0].fdt().is_some(), "the table has expired meanwhile");
    let [(_, document)] = &tables(&sent)[..] else { panic!("one instance") };
    let expires = i64::from(document.expires) - 2_208_988_800 - 1_800_000_000;
    assert!((7200 + 3600..7200 + 3700).contains(&expires), "{expires}");
}

#[test]
fn abort_says_the_end_even_in_a_pause() {
    let passes = Passes::Forever;
    let mut rig = Rig::new(&SenderConfig { passes, ..config() });
    rig.add_file("a", 30_000);
    rig.run(50);
    rig.sender.leave(rig.now);
    assert!(rig.run(1).is_empty());
    rig.sender.abort(rig.now);
    let sent = rig.run(usize::MAX);
    assert_eq!(sent.len(), 3);
    assert!(sent.iter().all(|sent| sent.header().close_session));
    assert!(rig.sender.is_finished() && rig.sender.poll_timeout().is_none());
    assert_eq!(rig.events, [SenderEvent::Started, SenderEvent::Finished]);
    let spec = ObjectSpec { size: 1, meta: ObjectMeta::file(None) };
    assert_eq!(rig.sender.enqueue(spec), Err(SenderError::Finished));
}

#[test]
fn failed_job_ends_the_session() {
    let mut rig = Rig::new(&config());
    rig.add_file("a", 30_000);
    rig.fails = true;
    let sent = rig.run(usize::MAX);
    assert!(rig.sender.is_finished());
    assert!(sent.iter().all(|sent| sent.header().close_session));
    let events = [SenderEvent::Started, SenderEvent::ReadFailed, SenderEvent::Finished];
    assert_eq!(rig.events, events);
}

#[test]
fn progress_and_counters_tell_first_and_later_sendings_apart() {
    let (passes, fec) = (Passes::Times(3), FecChoice::NoCode);
    let mut rig = Rig::new(&SenderConfig { passes, fec, ..config() });
    rig.add_file("a", 64 * 100 - 7);
    rig.sender.finish();
    assert_eq!(rig.sender.progress().bytes_total, 64 * 100 - 7);
    let sent = rig.run(usize::MAX);
    assert_eq!(rig.sender.progress().bytes_sent, 64 * 100 - 7);
    let stats = rig.sender.stats();
    assert_eq!((stats.data_packets, stats.resent_packets, stats.coded_packets), (100, 200, 0));
    assert_eq!(stats.packets as usize, sent.len());
    assert_eq!(stats.bytes as usize, sent.iter().map(|sent| sent.bytes.len()).sum::<usize>());
    let mut rig = Rig::new(&SenderConfig { passes, ..config() });
    rig.add_file("a", 64 * 100 - 7);
    rig.sender.finish();
    rig.run(usize::MAX);
    let stats = rig.sender.stats();
    assert_eq!((stats.data_packets, stats.resent_packets, stats.coded_packets), (100, 0, 200));
}

#[test]
fn all_sent_is_told_after_the_first_pass() {
    let mut rig = Rig::new(&SenderConfig { passes: Passes::Forever, ..config() });
    rig.add_file("a", 64 * 100);
    rig.sender.finish();
    rig.run(90);
    assert_eq!(rig.events, [SenderEvent::Started]);
    rig.run(60);
    assert_eq!(rig.events, [SenderEvent::Started, SenderEvent::AllSent]);
    rig.run(1000);
    assert_eq!(rig.events.len(), 2);
    assert!(!rig.sender.is_finished());
}

#[test]
fn open_session_goes_on_with_its_table() {
    let mut rig = Rig::new(&SenderConfig { symbol_size: 1000, ..config() });
    rig.add_file("a", 5000);
    rig.sender.keep_open(true);
    rig.sender.finish();
    let sent = rig.run(30);
    assert!(sent.last().unwrap().at > Timestamp::ZERO + Duration::from_secs(10));
    assert!(!rig.sender.is_finished());
    rig.sender.keep_open(false);
    rig.run(usize::MAX);
    assert!(rig.sender.is_finished());
}

#[test]
fn sessions_without_content_end() {
    let mut rig = Rig::new(&config());
    rig.sender.finish();
    assert_eq!(rig.run(usize::MAX).len(), 3, "nothing is described");
    let mut rig = Rig::new(&SenderConfig { symbol_size: 1000, ..config() });
    let key = rig.add_file("empty", 0);
    rig.sender.finish();
    let sent = rig.run(usize::MAX);
    let [(_, document)] = &tables(&sent)[..] else { panic!("one instance") };
    assert_eq!(document.files[0].toi.get(), key.into());
    assert_eq!(document.files[0].attributes.object_length(), Some(0));
    assert!(sent.iter().filter(|sent| sent.fdt().is_some()).count() >= 2);
}

#[test]
fn empty_files_get_a_packet_where_receivers_want_one() {
    for (profile, packets) in [(Profile::Own, 0), (Profile::FluteCrate, 1), (Profile::Mbms, 0)] {
        let fec = FecChoice::NoCode;
        let mut rig = Rig::new(&SenderConfig { profile, fec, symbol_size: 1000, ..config() });
        let key = rig.add_file("empty", 0);
        rig.sender.finish();
        let sent = rig.run(usize::MAX);
        let format = PayloadFormat::Block16Symbol16;
        let of_file: Vec<_> = sent.iter().filter_map(|sent| sent.symbol(format)).collect();
        let expected = (key, PayloadId { block: 0, block_len: 0, symbol: 0 }, &[][..]);
        assert_eq!(of_file, vec![expected; packets], "{profile}");
        assert!(rig.sender.is_finished());
    }
}

#[test]
fn table_and_end_are_sent_several_times_at_the_end() {
    let mut rig = Rig::new(&SenderConfig { symbol_size: 1000, ..config() });
    rig.add_file("a", 5000);
    rig.sender.finish();
    let sent = rig.run(usize::MAX);
    let tail: Vec<bool> = sent.iter().rev().take(6).map(|sent| sent.fdt().is_some()).collect();
    assert_eq!(tail, [false, false, false, true, true, false]);
    for pair in sent[sent.len() - 4..].windows(2) {
        let gap = pair[1].at.saturating_since(pair[0].at);
        assert_eq!(gap, Duration::from_millis(50));
    }
}

#[test]
fn first_toi_is_drawn_by_the_seed() {
    let first = |seed| {
        let mut sender = Sender::new(&config(), seed, Timestamp::ZERO).unwrap();
        let spec = ObjectSpec { size: 1, meta: ObjectMeta::file(None) };
        sender.enqueue(spec).unwrap()
    };
    let mut drawn: Vec<u64> = (0..100).map(first).collect();
    assert!(drawn.iter().all(|toi| (1..=32_768).contains(toi)));
    assert_eq!(first(5), drawn[5]);
    drawn.sort_unstable();
    drawn.dedup();
    assert!(drawn.len() > 95);
}

#[test]
fn answers_that_were_not_asked_for_change_nothing_or_end_the_session() {
    let mut rig = Rig::new(&config());
    rig.add_file("a", 5000);
    let prepare = JobDone::Prepare { block: 99, first: 1, result: Err(JobFailed) };
    rig.sender.handle_job(rig.now, prepare);
    rig.sender.handle_job(rig.now, JobDone::Read { block: 0, result: Err(JobFailed) });
    assert!(!rig.run(5).is_empty());
    let bytes = Ok(Bytes::from_static(b"other"));
    rig.sender.handle_job(rig.now, JobDone::Gather { number: 998, result: bytes });
    rig.run(usize::MAX);
    assert!(rig.sender.is_finished());
}
