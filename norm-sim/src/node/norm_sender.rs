//! A sending NORM engine and its application.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use norm_core::Timestamp;
use norm_core::endpoint::{Destination, Endpoint, Job, JobDone};
use norm_core::fec::Scheme;
use norm_core::norm::sender::{Passes, Payload, Sender, SenderEvent, SenderStats};
use norm_core::norm::wire::{Command, MemberReport, Message, RepairFlags};

use super::contract::{Node, Outbox, hand_over};
use super::fair_time::FairTime;
use super::prepared::PreparedSymbols;
use crate::invariants::{LossEvents, RateCheck};
use crate::outcome::SenderOutcome;
use crate::packet::{Body, HostId, Packet, Symbol, To, mix};
use crate::reference::Reference;
use crate::scenario::{Broken, SenderPlan, engine_seed};

/// A sender of a run.
#[derive(Debug)]
pub(crate) struct NormSender {
    plan: SenderPlan,
    reference: Arc<Reference>,
    me: HostId,
    seed: u64,
    /// Number of starts.
    life: u32,
    engine: Option<Sender>,
    /// It will have other addresses, and lets its receivers know that it is the same sender.
    moves: bool,
    /// Results of jobs, and when each is ready.
    jobs: VecDeque<(Timestamp, JobDone)>,
    prepared: PreparedSymbols,
    times: Times,
    rate: RateCheck,
    /// By host: true time of its last report.
    reported: BTreeMap<HostId, Duration>,
    /// Repair symbols that were sent: none is sent twice.
    repairs: BTreeSet<Symbol>,
    loss_events: LossEvents,
    /// The backoff factor of its last packet.
    backoff: u8,
    /// Bytes of content per packet.
    segment: u16,
    fair_time: FairTime,
    all_sent: Option<Duration>,
    finished: Option<Duration>,
    /// It has sent an EOT.
    closing: bool,
    /// True time of its last event before the EOT.
    last: Duration,
    /// When each packet was sent, if that is recorded.
    sent: Vec<Duration>,
    stats: SenderStats,
    /// With the true time of each.
    events: Vec<(Duration, SenderEvent)>,
    rate_trace: Vec<String>,
    next: Timestamp,
}

/// When its application does something.
#[derive(Debug, Default)]
struct Times {
    /// It asks for application acknowledgments.
    ack_at: Option<Timestamp>,
    /// Some of its content changes.
    change_at: Option<Timestamp>,
    /// It has.
    changed: bool,
}

/// Time after which a sender may end without a receiver that has not reported.
const MAX_REPORT_AGE: Duration = Duration::from_secs(1);

impl NormSender {
    pub(crate) fn new(
        plan: &SenderPlan,
        moves: bool,
        reference: Arc<Reference>,
        me: HostId,
        seed: u64,
    ) -> Self {
        Self {
            plan: plan.clone(),
            reference,
            me,
            seed,
            life: 0,
            engine: None,
            moves,
            jobs: VecDeque::new(),
            prepared: PreparedSymbols::default(),
            times: Times::default(),
            rate: RateCheck::new(plan.config.rate, plan.config.packets.overhead.bytes()),
            reported: BTreeMap::new(),
            closing: false,
            last: Duration::ZERO,
            repairs: BTreeSet::new(),
            loss_events: LossEvents::default(),
            backoff: 0,
            segment: plan.config.segment_size,
            fair_time: FairTime::default(),
            all_sent: None,
            finished: None,
            sent: Vec::new(),
            stats: SenderStats::default(),
            events: Vec::new(),
            rate_trace: Vec::new(),
            next: Timestamp::MAX,
        }
    }

    /// When it had finished.
    pub(crate) fn finished(&self) -> Option<Duration> {
        self.finished
    }

    /// True of a carousel that never ends by itself.
    pub(crate) fn is_endless(&self) -> bool {
        matches!(self.plan.config.payload, Payload::Carousel { passes: Passes::Forever, .. })
    }

    /// True when it sent an EOT although a host, running since `since`, had reported within the
    /// last second before.
    pub(crate) fn left_alone(&self, host: HostId, since: Duration) -> bool {
        let lately = |at: &Duration| *at > since && self.last < *at + MAX_REPORT_AGE;
        self.closing && self.reported.get(&host).is_some_and(lately)
    }

    /// True when it is switched off.
    pub(crate) fn is_off(&self) -> bool {
        self.engine.is_none()
    }

    pub(crate) fn stats(&self) -> SenderStats {
        self.engine.as_ref().map_or(self.stats, |engine| *engine.stats())
    }

    pub(crate) fn loss_events(&self) -> &LossEvents {
        &self.loss_events
    }

    pub(crate) fn outcome(&self) -> SenderOutcome {
        SenderOutcome {
            host: self.me,
            stats: self.stats(),
            all_sent: self.all_sent,
            events: self.events.iter().map(|(_, event)| event.clone()).collect(),
            event_times: self.events.iter().map(|&(at, _)| at).collect(),
            loss_events: self.loss_events.count(),
            expected_nacks: self.loss_events.nacks(),
            rate_trace: self.rate_trace.clone(),
            sent: self.sent.clone(),
        }
    }

    /// Its packets are ECN-capable.
    pub(crate) fn uses_ecn(&self) -> bool {
        self.plan.config.uses_ecn()
    }

    /// How long the fair controller was in control until now.
    pub(crate) fn fair_time(&self, now: Duration) -> Duration {
        self.fair_time.until(now)
    }

    /// Checks a packet that it sends, and returns the symbol in it.
    pub(crate) fn check_sent(&mut self, at: Duration, datagram: &[u8]) -> Option<Symbol> {
        if self.plan.records {
            self.sent.push(at);
        }
        let (_, message) = Message::parse(datagram).expect("a sender's packets can be parsed");
        let fields = match &message {
            Message::Info(info) => info.sender,
            Message::Data(data) => data.sender,
            Message::Cmd(cmd) => {
                self.closing |= matches!(cmd.command, Command::Eot(_));
                if let Some(watch) = cmd.extensions.watch() {
                    self.fair_time.note(at, watch.fair);
                }
                cmd.sender
            }
            other => panic!("a sender sends {other:?}"),
        };
        self.backoff = fields.backoff;
        let Message::Data(data) = message else { return None };
        let reference = self.reference.of(self.me)?;
        let symbol = reference.check_sent(&data);
        if reference.is_repair(symbol) && self.plan.config.scheme == Scheme::RaptorQ {
            assert!(self.repairs.insert(symbol), "repair symbol {symbol:?} is sent again");
        }
        Some(symbol)
    }

    fn serve(&mut self, now: Timestamp, out: &mut Outbox) {
        let Some(mut engine) = self.engine.take() else { return };
        if self.times.ack_at.is_some_and(|at| at <= now)
            && let Some((_, ack_type)) = self.plan.ack_request
        {
            self.times.ack_at = None;
            engine.request_ack(ack_type, now);
        }
        if self.times.change_at.is_some_and(|at| at <= now) {
            self.times.change_at = None;
            self.change(&mut engine, now);
        }
        if engine.poll_timeout().is_some_and(|due| due <= now) {
            engine.handle_timeout(now);
        }
        let mut busy = true;
        while core::mem::take(&mut busy) {
            while let Some(event) = engine.poll_event() {
                self.take_event(&engine, out, event);
            }
            while let Some(job) = engine.poll_job() {
                let done = self.work(job);
                self.jobs.push_back((now + self.plan.read_delay, done));
            }
            while self.jobs.front().is_some_and(|(at, _)| *at <= now)
                && let Some((_, done)) = self.jobs.pop_front()
            {
                busy = true;
                engine.handle_job(now, done);
            }
            while out.may_send()
                && let Some(transmit) = engine.poll_transmit(now, &mut out.transmit)
            {
                busy = true;
                let destination = transmit.destination;
                assert!(destination == Destination::Group, "the sender left its group");
                for packet in out.transmit.as_bytes().chunks(transmit.segment_size) {
                    self.rate.sent(now, packet.len());
                    out.packets.push((To::Group, Body::Datagram(Arc::from(packet))));
                    out.to_sign.push(transmit.to_sign);
                }
            }
        }
        let job = self.jobs.front().map(|(at, _)| *at);
        let timers = [engine.poll_timeout(), job, self.times.ack_at, self.times.change_at];
        self.next = timers.into_iter().flatten().min().unwrap_or(Timestamp::MAX);
        if out.has_more() {
            self.next = now + Duration::from_nanos(1);
        }
        self.rate_trace.extend(engine.take_rate_trace().iter().map(ToString::to_string));
        self.engine = Some(engine);
    }

    /// Some of the content changes: it is read again, and the receivers are told.
    fn change(&mut self, engine: &mut Sender, now: Timestamp) {
        let reference = self.reference.of(self.me).expect("every sender has a reference");
        let Some(changing) = reference.changing() else { return };
        self.times.changed = true;
        let first = self.plan.config.first_object;
        for (key, object) in (first..).zip(&self.plan.objects) {
            for range in reference.changing_in(key, 0..object.size) {
                engine.content_changed(key, range);
            }
        }
        engine.announce(vec![changing.emit()], now).expect("a segment has room for it");
    }

    fn take_event(&mut self, engine: &Sender, out: &Outbox, event: SenderEvent) {
        match event {
            SenderEvent::PacketSize { segment, .. } if segment != self.segment => {
                self.segment = segment;
                if let Some(reference) = self.reference.of(self.me) {
                    reference.laid_out(&self.plan.config, segment, engine.next_key());
                }
            }
            SenderEvent::AllSent => self.all_sent = Some(out.elapsed()),
            SenderEvent::Finished => self.finished = Some(out.elapsed()),
            _ => {}
        }
        if !matches!(event, SenderEvent::ReceiverReport { .. }) {
            self.events.push((out.elapsed(), event));
        }
    }

    fn work(&mut self, job: Job) -> JobDone {
        let reference = self.reference.of(self.me).expect("every sender has a reference");
        match job {
            Job::Read(job) => {
                let (object, len) = (job.object, job.len as usize);
                let bytes = reference.read_at(object, job.offset, len, self.times.changed);
                JobDone::Read { block: job.block, result: Ok(bytes) }
            }
            Job::Encode(job) => {
                let symbols = reference.encode(job.block, &job.source, job.first, job.count);
                JobDone::Encode { block: job.block, first: job.first, result: Ok(symbols) }
            }
            Job::Prepare(job) => {
                let source = job.source;
                let bytes = reference.read(source.object, source.offset, source.len as usize);
                let range = job.first..job.first + job.count;
                let symbols = reference.encode_at(source.object, source.offset, &bytes, range);
                self.prepared.keep(job, symbols)
            }
            Job::Gather(job) => self
                .prepared
                .gather(&job, |object, offset, len| reference.read(object, offset, len as usize)),
            Job::Store(_) | Job::Recall(_) => panic!("not of this sender"),
        }
    }

    /// True when the fault of the plan makes the sender ignore a message.
    fn ignores(&self, message: &Message<'_>) -> bool {
        let Message::Nack(nack) = message else { return false };
        self.plan.broken == Some(Broken::IgnoresBlockRequests)
            && nack.requests.iter().any(|request| request.flags.contains(RepairFlags::BLOCK))
    }
}

impl Node for NormSender {
    fn start(&mut self, now: Timestamp, out: &mut Outbox) {
        self.stop(now);
        self.life += 1;
        self.repairs.clear();
        self.all_sent = None;
        self.finished = None;
        self.closing = false;
        self.segment = self.plan.config.segment_size;
        if let Some(reference) = self.reference.of(self.me) {
            reference.forget_layouts();
        }
        let seed = engine_seed(self.seed, self.me, self.life);
        let mut engine = Sender::new(self.plan.config.clone(), seed, now)
            .expect("the scenario's sender settings are valid");
        if self.moves {
            engine.prove_moves(u128::from(mix(seed, 1)).to_be_bytes());
        }
        for object in &self.plan.objects {
            engine.enqueue(object.clone()).expect("the scenario's objects fit");
        }
        engine.finish();
        if self.plan.trace_rate {
            engine.start_rate_trace();
        }
        self.engine = Some(engine);
        self.times = Times {
            ack_at: self.plan.ack_request.map(|(at, _)| now + at),
            change_at: self.plan.withdrawal.map(|plan| now + plan.at),
            changed: false,
        };
        self.serve(now, out);
    }

    fn stop(&mut self, _now: Timestamp) {
        if let Some(engine) = self.engine.take() {
            self.stats = *engine.stats();
        }
        self.jobs.clear();
        self.prepared.clear();
        self.times = Times::default();
        self.next = Timestamp::MAX;
    }

    fn moved(&mut self, now: Timestamp, out: &mut Outbox) {
        if let Some(engine) = &mut self.engine {
            engine.address_changed(now);
        }
        self.serve(now, out);
    }

    fn receive(&mut self, now: Timestamp, packet: &Packet, out: &mut Outbox) {
        let Body::Datagram(payload) = &packet.body else { return };
        let Some(grtt) = self.engine.as_ref().map(Sender::grtt) else { return };
        if !self.closing {
            self.last = out.elapsed();
        }
        if let Ok((_, message)) = Message::parse(payload) {
            if let Message::Report(report) = &message
                && MemberReport::parse(report.content)
                    .is_some_and(|report| report.sender == self.plan.config.node)
                && !self.closing
            {
                self.reported.insert(packet.from, out.elapsed());
            }
            if self.plan.broken.is_some() && self.ignores(&message) {
                return;
            }
            if let Message::Nack(nack) = message
                && nack.sender == self.plan.config.node
            {
                let receivers = self.reference.receivers;
                let cut_off = packet.cut_off;
                self.loss_events.heard(now, grtt, self.backoff, receivers, &nack, cut_off);
            }
        }
        let Some(engine) = &mut self.engine else { return };
        hand_over(engine, now, packet, payload, out);
        self.serve(now, out);
    }

    fn timeout(&mut self, now: Timestamp, out: &mut Outbox) {
        if !self.closing {
            self.last = out.elapsed();
        }
        self.serve(now, out);
    }

    fn next(&self) -> Timestamp {
        self.next
    }
}
