use super::*;

const MS: Duration = Duration::from_millis(1);

fn departure(at: Duration, packets: u64) -> Departure {
    Departure { at: Timestamp::ZERO + at, total: Total { bytes: packets * 972, packets } }
}

fn report(span: Duration, received: u32, lost: u32, base: f64) -> PathReport {
    PathReport {
        cc_sequence: 2,
        probes: 1,
        baseline_loss: (base * 65_535.0) as u16,
        span,
        received,
        lost,
        dropped: 0,
        bytes: received * 972,
        queue: Duration::ZERO,
        baseline_packets: 2_000,
        jitter: Duration::ZERO,
        ce_marked: 0,
    }
}

fn interval(report: &PathReport) -> Option<Interval> {
    interval_of(report, Reporter::Asked)
}

fn interval_of(report: &PathReport, reporter: Reporter) -> Option<Interval> {
    let (from, to) = (departure(MS * 5, 100), departure(MS * 25, 300));
    Interval::new([from, to], &[], report, PacketOverhead::IPV4, reporter, 0.0)
}

#[test]
fn free_path_delivers_what_is_sent() {
    let free = interval(&report(MS * 20, 200, 0, 0.0)).unwrap();
    assert!((free.sent - 10e6).abs() < 1.0 && (free.delivered - 10e6).abs() < 1.0);
    assert!(!free.is_congested(Duration::ZERO));
}

#[test]
fn queue_shows_in_the_time_and_a_full_one_in_the_loss() {
    let growing = interval(&report(MS * 40, 200, 0, 0.0)).unwrap();
    assert!(growing.is_congested(Duration::ZERO) && !growing.is_congested(MS * 10));
    assert!((growing.delivered - 5e6).abs() < 1.0);
    let full = interval(&report(MS * 20, 150, 50, 0.0)).unwrap();
    assert!(full.is_congested(MS * 10) && (full.delivered - 7.5e6).abs() < 1.0);
}

#[test]
fn baseline_loss_is_no_congestion() {
    let lossy = interval(&report(MS * 20, 150, 50, 0.2)).unwrap();
    assert!(!lossy.is_congested(Duration::ZERO), "0.25 is 0.2, by chance");
    assert!((lossy.delivered - 10e6).abs() < 1.0, "as the time says");
    assert!(interval(&report(MS * 20, 100, 100, 0.2)).unwrap().is_congested(MS));
}

#[test]
fn chance_is_greater_with_a_short_baseline_and_in_a_large_group() {
    let lossy = report(MS * 20, 130, 70, 0.2);
    assert!(interval(&lossy).unwrap().lossy, "0.35 is hardly 0.2 by chance");
    let short = PathReport { baseline_packets: 50, ..lossy };
    assert!(!interval(&short).unwrap().lossy, "0.2 was chance, perhaps");
    assert!(
        !interval_of(&lossy, Reporter::OneOf(1_000)).unwrap().lossy,
        "the unluckiest of a thousand"
    );
    assert!(interval_of(&report(MS * 20, 100, 100, 0.2), Reporter::OneOf(1_000)).unwrap().lossy);
}

#[test]
fn count_tells_while_a_queue_may_be_full_and_is_not_taken_at_its_lowest() {
    // Fifty packets wait when it ends.
    let full = PathReport { queue: MS * 5, ..report(MS * 20, 150, 50, 0.2) };
    let delivered = |reporter| interval_of(&full, reporter).unwrap().delivered;
    let [one, many] = [Reporter::Asked, Reporter::OneOf(100)].map(delivered);
    assert!((9.4e6..9.8e6).contains(&one), "{one}");
    assert!((10e6 - many).abs() < 1.0, "the unluckiest of a hundred: {many}");
    let short = PathReport { queue: MS / 2, ..full };
    assert!((interval(&short).unwrap().delivered - 10e6).abs() < 1.0);
    let scavenger = interval_of(&full, Reporter::AskedByScavenger).unwrap();
    assert!((scavenger.delivered - 9.375e6).abs() < 1e4);
}

#[test]
fn baseline_of_few_packets_tells_little_where_others_lose_more() {
    let (from, to) = (departure(MS * 5, 100), departure(MS * 25, 300));
    let lossy = |baseline_packets, usual_loss| {
        // A queue stands.
        let queue = MS * 10;
        let report = PathReport { baseline_packets, queue, ..report(MS * 20, 140, 60, 0.0) };
        let (overhead, asked) = (PacketOverhead::IPV4, Reporter::Asked);
        Interval::new([from, to], &[], &report, overhead, asked, usual_loss).unwrap().lossy
    };
    assert!(!lossy(10, 0.2), "none of ten lost, 0.3 now");
    assert!(lossy(10, 0.0) && lossy(2_000, 0.2));
}

#[test]
fn loss_beyond_any_baseline_is_a_full_queue_where_one_stands() {
    let unknown = |lost, queue| {
        let report =
            PathReport { baseline_packets: 0, queue, ..report(MS * 20, 200 - lost, lost, 0.0) };
        let (from, to) = (departure(MS * 5, 100), departure(MS * 25, 300));
        let overhead = PacketOverhead::IPV4;
        Interval::new([from, to], &[], &report, overhead, Reporter::Asked, 0.2).unwrap()
    };
    assert!(unknown(170, MS * 40).lossy, "85 % is no baseline");
    assert!(!unknown(50, MS * 40).lossy, "25 % may be one");
    assert!(!unknown(170, MS).lossy, "without a queue it is not known why");
}

#[test]
fn path_that_had_less_to_do_before_a_faster_time_takes_what_passed_of_that() {
    // 20 ms at 4 MB/s, and 20 ms at 12 MB/s, which 10 MB/s pass.
    let [from, to] = [departure(MS * 5, 100), departure(MS * 45, 420)];
    let faster = departure(MS * 25, 180);
    let delivered = |received, lost, base| {
        let queue = MS * 4;
        let report = PathReport { queue, ..report(MS * 44, received, lost, base) };
        let (overhead, asked) = (PacketOverhead::IPV4, Reporter::Asked);
        Interval::new([from, to], &[faster], &report, overhead, asked, 0.0).unwrap().delivered
    };
    assert!((delivered(320, 0, 0.0) - 10e6).abs() < 1.0);
    assert!((delivered(240, 80, 0.25) - 10e6).abs() < 1.0);
    // 80 of the 240 were lost.
    assert!((delivered(240, 80, 0.0) - 160e3 / 0.024).abs() < 1.0);
}

#[test]
fn few_drops_of_the_host_are_no_loss_of_the_path() {
    let drops = |dropped| PathReport { dropped, ..report(MS * 20, 200 - dropped, 0, 0.0) };
    let few = interval(&drops(8)).unwrap();
    assert!(!few.is_congested(Duration::ZERO) && (few.delivered - 10e6).abs() < 1e4);
    let many = interval(&drops(100)).unwrap();
    assert!(many.is_congested(Duration::ZERO) && (many.delivered - 5e6).abs() < 1e4);
}

#[test]
fn impossible_reports_are_refused() {
    assert!(interval(&report(MS * 20, 250, 0, 0.0)).is_none(), "more than was sent");
    let early = Interval::new(
        [departure(MS * 5, 100), departure(MS * 5, 300)],
        &[],
        &report(MS, 1, 0, 0.0),
        PacketOverhead::IPV4,
        Reporter::Asked,
        0.0,
    );
    assert!(early.is_none());
    let marked = |marked| PathReport { ce_marked: marked, ..report(MS * 20, 200, 0, 0.0) };
    assert!(interval(&marked(201)).is_none(), "more than arrived");
    assert!(interval(&marked(50)).is_some_and(|some| some.ce_share == 0.25));
}

#[test]
fn baseline_below_the_usual_loss_was_luck_while_it_is_short() {
    let (from, to) = (departure(MS * 5, 100), departure(MS * 25, 300));
    let lossy = |baseline_packets, usual_loss| {
        let queue = MS * 10;
        let report = PathReport { baseline_packets, queue, ..report(MS * 20, 140, 60, 0.1) };
        let (overhead, asked) = (PacketOverhead::IPV4, Reporter::Asked);
        Interval::new([from, to], &[], &report, overhead, asked, usual_loss).unwrap().lossy
    };
    assert!(!lossy(60, 0.2), "a tenth of sixty, where a fifth is usual");
    assert!(lossy(60, 0.1) && lossy(2_000, 0.2));
}
