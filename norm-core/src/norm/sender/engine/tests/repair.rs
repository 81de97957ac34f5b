//! What NACKs cause.

use core::ops::Range;

use super::*;

#[test]
fn hostile_nack_of_overlapping_ranges_is_one_request() {
    let (mut sender, _) = sent(config(), &[64 * 8 * 200]);
    let mut writer = RepairWriter::new(60_000);
    for _ in 0..3000 {
        writer.push_range(RepairFlags::BLOCK, item(0, 0, 0), item(0, 190, 0));
    }
    send_nack(&mut sender, START, 3, &writer);
    let some = [(0, 4)];
    assert_eq!(
        sender.repair.table().full().collect::<Vec<_>>(),
        some,
        "of an unannounced receiver"
    );
    announce(&mut sender, START, 2);
    send_nack(&mut sender, START, 2, &writer);
    assert_eq!(sender.repair.table().full().collect::<Vec<_>>(), [(0, 191)]);
}

#[test]
fn named_symbol_is_sent_again_flagged_as_repair() {
    let (mut sender, _) = sent(config(), &[640]);
    announce(&mut sender, START, 2);
    nack(&mut sender, START, RepairForm::Items, RepairFlags::SEGMENT, item(0, 1, 3));
    let later = START + MS * 5000;
    sender.handle_timeout(later);
    assert_eq!(data(&drain(&mut sender, later)), [(0, 1, 3, true)]);
}

#[test]
fn need_that_was_just_served_holds_nothing_up() {
    let mut sender = Sender::new(config(), 5, START).unwrap();
    sender.enqueue(ObjectSpec { size: 640, info: None, file: true }).unwrap();
    sender.finish();
    // It was there before what it needs was sent.
    announce(&mut sender, START, 2);
    drain(&mut sender, START);
    let ask = |sender: &mut Sender, now| {
        nack(sender, now, RepairForm::Erasures, RepairFlags::SEGMENT, item(0, 1, 2));
        sender.flow.lag_mut().stalls(now, 1000, 100)
    };
    assert!(ask(&mut sender, START));
    let later = START + MS * 5000;
    sender.handle_timeout(later);
    assert_eq!(data(&drain(&mut sender, later)).len(), 2, "it is repaired");
    sender.flow = FlowControl::new();
    assert!(!ask(&mut sender, later + MS), "it was asked again before the repair arrived");
}

#[test]
fn counted_needs_get_fresh_coded_symbols() {
    let (mut sender, _) = sent(config(), &[640]);
    let mut now = START;
    let mut seen = Vec::new();
    announce(&mut sender, now, 2);
    for _ in 0..4 {
        nack(&mut sender, now, RepairForm::Erasures, RepairFlags::SEGMENT, item(0, 0, 2));
        now += MS * 5000;
        sender.handle_timeout(now);
        let repairs = data(&drain(&mut sender, now));
        assert_eq!(repairs.len(), 2, "{repairs:?}");
        seen.extend(repairs.iter().map(|r| r.2));
        now += MS * 5000;
    }
    assert!(seen.iter().all(|&symbol| symbol >= 5));
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 8);
}

#[test]
fn unknown_objects_are_squelched_once_and_unsent_ignored() {
    let (mut sender, _) = sent(config(), &[640]);
    nack(&mut sender, START, RepairForm::Items, RepairFlags::BLOCK, item(0, 7, 0));
    nack(&mut sender, START, RepairForm::Items, RepairFlags::OBJECT, item(900, 0, 0));
    nack(&mut sender, START, RepairForm::Items, RepairFlags::OBJECT, item(901, 0, 0));
    let packets = drain(&mut sender, START + MS);
    assert!(data(&packets).is_empty());
    let squelches = commands(&packets, |c| match c {
        Command::Squelch(squelch) => Some(squelch.object.0),
        _ => None,
    });
    assert_eq!(squelches, [0]);
    assert!(sender.stats().ignored_requests >= 3);
}

#[test]
fn first_block_of_an_empty_object_is_not_repaired() {
    let (mut sender, _) = sent(config(), &[0, 64 * 8]);
    announce(&mut sender, START, 2);
    let flags = RepairFlags::INFO.with(RepairFlags::BLOCK);
    nack(&mut sender, START, RepairForm::Items, flags, item(0, 0, 0));
    assert_eq!(sender.repair.table().full().count(), 0);
    nack(&mut sender, START, RepairForm::Items, flags, item(1, 0, 0));
    assert_eq!(sender.repair.table().full().count(), 1);
}

#[test]
fn changed_content_is_read_again_and_coded_again() {
    let (mut sender, _) = sent(config(), &[64 * 8 * 4]);
    announce(&mut sender, START, 2);
    let jobs = |sender: &mut Sender, now: Timestamp, changed: Option<Range<u64>>| {
        if let Some(bytes) = changed {
            sender.content_changed(0, bytes);
        }
        nack(sender, now, RepairForm::Erasures, RepairFlags::SEGMENT, item(0, 1, 4));
        let mut jobs = Vec::new();
        let later = now + MS * 5000;
        sender.handle_timeout(later);
        let mut out = TransmitBuf::new(4);
        let mut rests = false;
        while !rests {
            rests = sender.poll_transmit(later, &mut out).is_none();
            while let Some(job) = sender.poll_job() {
                rests = false;
                let done = match job {
                    Job::Read(job) => {
                        jobs.push("read");
                        let result = Ok(vec![0; job.len as usize].into());
                        JobDone::Read { block: job.block, result }
                    }
                    Job::Encode(job) => {
                        jobs.push("encode");
                        let len = job.count as usize * usize::from(job.symbol_size);
                        let result = Ok(vec![0; len].into());
                        JobDone::Encode { block: job.block, first: job.first, result }
                    }
                    Job::Store(_) | Job::Recall(_) | Job::Prepare(_) | Job::Gather(_) => {
                        unreachable!()
                    }
                };
                sender.handle_job(later, done);
            }
        }
        jobs
    };
    let after = |n: u32| START + MS * 20_000 * n;
    assert_eq!(jobs(&mut sender, after(1), None), ["encode"], "it is in memory");
    assert_eq!(jobs(&mut sender, after(2), Some(0..512)), ["encode"], "another block has changed");
    assert_eq!(jobs(&mut sender, after(3), Some(1023..9999)), ["read", "encode"]);
    assert_eq!(sender.content.blocks_over(0, 512..513), 1..2);
    assert_eq!(sender.content.blocks_over(0, 511..1025), 0..3);
    assert_eq!(sender.content.blocks_over(0, 2048..4096), 0..0);
    assert_eq!(sender.content.blocks_over(1, 0..1), 0..0);
}
