//! A trace of what the controller of the rate believes: each probe, each report, and what it made
//! of them.

use core::fmt;
use core::time::Duration;

use super::clr::Judgement;
use crate::base::Timestamp;
use crate::norm::congestion::Interval;
use crate::norm::wire::{NodeId, PathReport};

/// Records kept for an application that does not fetch them; further ones are dropped.
const MAX_RECORDS: usize = 65_536;

/// What the controller believed at one time: a line of a trace. Rates are in bits per second.
#[derive(Clone, Debug)]
pub struct RateRecord {
    /// When.
    pub at: Timestamp,
    /// The rate from now on.
    pub rate: u64,
    /// What the controller believes.
    pub state: RateState,
    /// What has happened.
    pub event: RateEvent,
}

/// What the controller believes.
#[derive(Copy, Clone, Debug, Default)]
pub struct RateState {
    /// `startup`, `steady` or `fair`: the last is the controller that is fair to TCP.
    pub mode: &'static str,
    /// What is sent until the next probe: `cruise`, `probe`, `observe`, `drain` or `await`.
    pub phase: &'static str,
    /// The rate that is known to arrive, in bits per second.
    pub bandwidth: u64,
    /// The limiting receiver.
    pub clr: Option<NodeId>,
}

/// What has happened.
#[expect(clippy::large_enum_variant, reason = "a trace is rare, and a report common in it")]
#[derive(Clone, Debug)]
pub enum RateEvent {
    /// A probe has left.
    Probe {
        /// Its number.
        cc_sequence: u16,
    },
    /// A report has come.
    Report(ReportRecord),
}

/// A receiver's report, and what the controller made of it.
#[derive(Clone, Debug)]
pub struct ReportRecord {
    /// The receiver.
    pub node: NodeId,
    /// Its round trip.
    pub rtt: Duration,
    /// What it says; only receivers of a delivery controller say it.
    pub report: Option<PathReport>,
    /// The same time by the sender's counts, where they are still known.
    pub interval: Option<Interval>,
    /// What the controller made of it.
    pub judgement: Judgement,
}

impl RateRecord {
    /// The names of the columns of a trace, one line.
    pub const COLUMNS: &str = "seconds,event,mode,phase,rate,bandwidth,clr,probe,node,rtt_us,\
        probes,packets,sent,delivered,loss,baseline,grown_us,queue_us,marked,dropped,verdict";
}

/// A line of a trace: comma-separated values, in the order of [`RateRecord::COLUMNS`].
impl fmt::Display for RateRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, rate, state, event } = self;
        let RateState { mode, phase, bandwidth, clr } = state;
        let seconds = at.as_nanos() as f64 / 1e9;
        let name = match event {
            RateEvent::Probe { .. } => "probe",
            RateEvent::Report(_) => "report",
        };
        write!(f, "{seconds:.6},{name},{mode},{phase},{rate},{bandwidth},")?;
        if let Some(clr) = clr {
            write!(f, "{:08x}", clr.0)?;
        }
        match event {
            RateEvent::Probe { cc_sequence } => write!(f, ",{cc_sequence},,,,,,,,,,,,,"),
            RateEvent::Report(report) => write!(f, ",{report}"),
        }
    }
}

impl fmt::Display for ReportRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { node, rtt, report, interval, judgement } = self;
        if let Some(report) = report {
            write!(f, "{}", report.cc_sequence)?;
        }
        write!(f, ",{:08x},{},", node.0, rtt.as_micros())?;
        match report {
            Some(report) => write!(f, "{},", report.probes)?,
            None => f.write_str(",")?,
        }
        match interval {
            Some(interval) => {
                let bits = |bytes: f64| (bytes * 8.0) as u64;
                let (sent, delivered) = (bits(interval.sent), bits(interval.delivered));
                write!(f, "{},{sent},{delivered},", interval.packets)?;
            }
            None => f.write_str(",,,")?,
        }
        match report {
            Some(report) => {
                let loss = f64::from(report.lost) / report.packets().max(1) as f64;
                let baseline = f64::from(report.baseline_loss) / 65_535.0;
                let grown = interval.map_or(0, |interval| interval.grown.as_micros());
                let (queue, marked) = (report.queue.as_micros(), report.ce_marked);
                let dropped = report.dropped;
                write!(f, "{loss:.4},{baseline:.4},{grown},{queue},{marked},{dropped},")?;
            }
            None => f.write_str(",,,,,,")?,
        }
        write!(f, "{judgement}")
    }
}

/// Records that the application has not fetched; none unless it asked for a trace.
#[derive(Debug, Default)]
pub(super) struct RateTrace {
    records: Option<Vec<RateRecord>>,
}

impl RateTrace {
    pub(super) fn start(&mut self) {
        self.records.get_or_insert_default();
    }

    pub(super) fn is_enabled(&self) -> bool {
        self.records.is_some()
    }

    pub(super) fn push(&mut self, record: RateRecord) {
        if let Some(records) = self.records.as_mut().filter(|records| records.len() < MAX_RECORDS) {
            records.push(record);
        }
    }

    pub(super) fn take(&mut self) -> Vec<RateRecord> {
        self.records.as_mut().map(core::mem::take).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::controller::limits;
    use super::*;
    use crate::norm::congestion::{Delivery, Total, Verdict};
    use crate::norm::sender::config::SenderConfig;
    use crate::norm::wire::NodeId;

    const MS: Duration = Duration::from_millis(1);
    const NODE: NodeId = NodeId(0xab);

    fn record(event: RateEvent) -> RateRecord {
        let state = RateState { mode: "steady", phase: "cruise", bandwidth: 9, clr: Some(NODE) };
        RateRecord { at: Timestamp::ZERO + MS * 1_500, rate: 8, state, event }
    }

    fn probe() -> RateRecord {
        record(RateEvent::Probe { cc_sequence: 7 })
    }

    /// Of the time between probes 1 and 2, in which ten packets left and nine arrived.
    fn report() -> PathReport {
        PathReport {
            cc_sequence: 2,
            probes: 1,
            baseline_loss: 6_553,
            span: MS * 20,
            received: 9,
            lost: 1,
            dropped: 0,
            bytes: 9_000,
            queue: MS * 3,
            baseline_packets: 1_000,
            jitter: Duration::ZERO,
            ce_marked: 4,
        }
    }

    fn interval(report: &PathReport) -> Interval {
        let config = SenderConfig::new(NodeId(1));
        let (overhead, rtt) = (config.packets.overhead, config.grtt.initial);
        let mut delivery = Delivery::new(limits(&config), 1_000, overhead, rtt, Timestamp::ZERO);
        for n in 1..=2 {
            let total = Total { bytes: u64::from(n) * 10_000, packets: u64::from(n) * 10 };
            delivery.probe(Timestamp::ZERO + MS * 20 * n, n as u16, total);
        }
        delivery.interval(report).unwrap()
    }

    fn reported(report: Option<PathReport>, interval: Option<Interval>) -> RateRecord {
        let judgement = Judgement::Clr(Verdict::Arrived);
        let report = ReportRecord { node: NODE, rtt: MS * 5, report, interval, judgement };
        record(RateEvent::Report(report))
    }

    /// The value of a column.
    fn value(record: &RateRecord, column: &str) -> String {
        let index = RateRecord::COLUMNS.split(',').position(|name| name == column).unwrap();
        record.to_string().split(',').nth(index).unwrap().to_owned()
    }

    #[test]
    fn each_kind_of_line_has_a_value_for_each_column() {
        let report = report();
        let fair = RateState { mode: "fair", ..RateState::default() };
        for record in [
            probe(),
            RateRecord { state: fair, ..probe() },
            reported(None, None),
            reported(Some(report), None),
            reported(Some(report), Some(interval(&report))),
        ] {
            let line = record.to_string();
            let columns = RateRecord::COLUMNS.split(',').count();
            assert_eq!(line.split(',').count(), columns, "{line}");
            assert!(!line.contains([' ', '"', '\n']), "{line}");
        }
    }

    #[test]
    fn values_stand_in_their_columns() {
        let probe = probe();
        for (column, expected) in [
            ("seconds", "1.500000"),
            ("event", "probe"),
            ("mode", "steady"),
            ("phase", "cruise"),
            ("rate", "8"),
            ("bandwidth", "9"),
            ("clr", "000000ab"),
            ("probe", "7"),
            ("node", ""),
            ("verdict", ""),
        ] {
            assert_eq!(value(&probe, column), expected, "{column}");
        }
        let report = report();
        let line = reported(Some(report), Some(interval(&report)));
        for (column, expected) in [
            ("event", "report"),
            ("probe", "2"),
            ("node", "000000ab"),
            ("rtt_us", "5000"),
            ("probes", "1"),
            ("packets", "10"),
            ("loss", "0.1000"),
            ("baseline", "0.1000"),
            ("grown_us", "0"),
            ("queue_us", "3000"),
            ("marked", "4"),
            ("dropped", "0"),
            ("verdict", "Arrived"),
        ] {
            assert_eq!(value(&line, column), expected, "{column}: {line}");
        }
        let bits = |column| value(&line, column).parse::<u64>().unwrap();
        // 10,000 bytes and ten headers in 20 ms.
        assert!((4_000_000..4_500_000).contains(&bits("sent")), "{line}");
        assert!((3_500_000..=bits("sent")).contains(&bits("delivered")), "{line}");
    }

    #[test]
    fn records_are_bounded_and_taken_once() {
        let mut trace = RateTrace::default();
        trace.start();
        for _ in 0..MAX_RECORDS + 2 {
            trace.push(probe());
        }
        trace.start();
        assert_eq!(trace.take().len(), MAX_RECORDS);
        assert!(trace.take().is_empty() && trace.is_enabled());
        trace.push(probe());
        assert_eq!(trace.take().len(), 1);
    }

    #[test]
    fn nothing_is_recorded_without_a_start() {
        let mut trace = RateTrace::default();
        trace.push(probe());
        assert!(!trace.is_enabled() && trace.take().is_empty());
    }
}
