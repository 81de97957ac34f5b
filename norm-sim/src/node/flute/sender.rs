//! A sending FLUTE engine and its application.

use core::time::Duration;
use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use norm_core::Timestamp;
use norm_core::endpoint::{Destination, Endpoint, Job, JobDone, PrepareJob};
use norm_core::fec::{FecId, encode};
use norm_core::flute::layout::geometry;
use norm_core::flute::sender::{Passes, Sender, SenderEvent};
use norm_core::flute::wire::{Packet as Alc, TimeFields, Toi};
use norm_core::transfer::{Outbound, OutboundStats};

use super::sources::Source;
use crate::invariants::RateCheck;
use crate::node::contract::{Node, Outbox, hand_over};
use crate::node::prepared::PreparedSymbols;
use crate::outcome::FluteSenderOutcome;
use crate::packet::{Body, HostId, Packet, Symbol, To};
use crate::scenario::{FluteSenderPlan, engine_seed};

/// A FLUTE sender of a run.
#[derive(Debug)]
pub(crate) struct FluteSender {
    plan: FluteSenderPlan,
    source: Source,
    me: HostId,
    seed: u64,
    /// Number of starts.
    life: u32,
    engine: Option<Sender>,
    /// The key of the first object; those of the others follow.
    first_key: u64,
    /// Results of jobs, and when each is ready.
    jobs: VecDeque<(Timestamp, JobDone)>,
    prepared: PreparedSymbols,
    rate: RateCheck,
    all_sent: Option<Duration>,
    finished: Option<Duration>,
    sent: Vec<Duration>,
    stats: OutboundStats,
    next: Timestamp,
}

impl FluteSender {
    pub(crate) fn new(plan: &FluteSenderPlan, me: HostId, seed: u64) -> Self {
        let overhead = plan.config.overhead.bytes();
        Self {
            source: Source::new(plan, me, seed),
            rate: RateCheck::new(Some(plan.config.rate), overhead),
            plan: plan.clone(),
            me,
            seed,
            life: 0,
            engine: None,
            first_key: 0,
            jobs: VecDeque::new(),
            prepared: PreparedSymbols::default(),
            all_sent: None,
            finished: None,
            sent: Vec::new(),
            stats: OutboundStats::default(),
            next: Timestamp::MAX,
        }
    }

    /// When it had finished.
    pub(crate) fn finished(&self) -> Option<Duration> {
        self.finished
    }

    /// True of a carousel that never ends by itself.
    pub(crate) fn is_endless(&self) -> bool {
        self.plan.config.passes == Passes::Forever
    }

    pub(crate) fn outcome(&self) -> FluteSenderOutcome {
        FluteSenderOutcome {
            host: self.me,
            stats: self.engine.as_ref().map_or(self.stats, Outbound::stats),
            all_sent: self.all_sent,
            finished: self.finished,
            sent: self.sent.clone(),
        }
    }

    /// Checks a packet that it sends, and returns the symbol in it. Coded symbols are checked by
    /// the receivers that decode them.
    ///
    /// # Panics
    /// When it is no packet of the session, or a source symbol differs from the content.
    pub(crate) fn check_sent(&mut self, at: Duration, datagram: &[u8]) -> Option<Symbol> {
        if self.plan.records {
            self.sent.push(at);
        }
        let packet = Alc::parse(datagram, TimeFields::Reserved).expect("a packet of ALC");
        assert!(packet.header.tsi.get() == self.plan.config.tsi, "a packet of another session");
        let toi = packet.header.toi.filter(|toi| *toi != Toi::FDT)?;
        let fti = packet.extensions.fti(FecId(packet.header.codepoint))?;
        let layout = fti.layout().expect("a sender knows its layouts");
        let (id, payload) = packet.symbols(layout.scheme().payload_format()).expect("a symbol");
        let index = (toi.get() as u64).wrapping_sub(self.first_key);
        let size = self.source.sizes.get(index as usize).copied();
        assert!(size == Some(layout.size()), "a wrong layout was sent of {toi:?}: {layout:?}");
        let of = geometry(&layout, id.block).expect("a block of the object");
        if id.symbol < of.symbols {
            let start = id.symbol * u32::from(of.symbol_size);
            let len = (of.len - start).min(of.symbol_size.into()) as usize;
            let expected = self.source.content.read(index, of.offset + u64::from(start), len);
            let (content, padding) = payload.split_at(len);
            let right = content == expected && padding.iter().all(|byte| *byte == 0);
            assert!(right, "WRONG BYTE sent in {toi:?}, {id:?}");
        }
        Some(Symbol { object: index as u16, block: id.block, symbol: id.symbol, changed: false })
    }

    fn serve(&mut self, now: Timestamp, out: &mut Outbox) {
        let Some(mut engine) = self.engine.take() else { return };
        if engine.poll_timeout().is_some_and(|due| due <= now) {
            engine.handle_timeout(now);
        }
        let mut busy = true;
        while core::mem::take(&mut busy) {
            while let Some(event) = engine.poll_event() {
                self.take_event(&event, out);
            }
            while let Some(job) = engine.poll_job() {
                let begin = self.jobs.back().map_or(now, |(at, _)| now.max(*at));
                let done = self.work(job);
                self.jobs.push_back((begin + self.plan.job_time, done));
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
                assert!(transmit.destination == Destination::Group, "the sender left its group");
                for packet in out.transmit.as_bytes().chunks(transmit.segment_size) {
                    self.rate.sent(now, packet.len());
                    out.packets.push((To::Group, Body::Datagram(Arc::from(packet))));
                    out.to_sign.push(transmit.to_sign);
                }
            }
        }
        let job = self.jobs.front().map(|(at, _)| *at);
        let timers = [engine.poll_timeout(), job];
        self.next = timers.into_iter().flatten().min().unwrap_or(Timestamp::MAX);
        if out.has_more() {
            self.next = now + Duration::from_nanos(1);
        }
        self.engine = Some(engine);
    }

    fn take_event(&mut self, event: &SenderEvent, out: &Outbox) {
        match event {
            SenderEvent::Started => {}
            SenderEvent::AllSent => self.all_sent = Some(out.elapsed()),
            SenderEvent::Finished => self.finished = Some(out.elapsed()),
            SenderEvent::ReadFailed => panic!("a sender stops, and no job has failed"),
        }
    }

    fn work(&mut self, job: Job) -> JobDone {
        match job {
            Job::Prepare(job) => self.prepare(job),
            Job::Gather(job) => {
                self.prepared.gather(&job, |object, offset, len| self.read(object, offset, len))
            }
            Job::Read(_) | Job::Encode(_) | Job::Store(_) | Job::Recall(_) => {
                panic!("not of this sender")
            }
        }
    }

    fn read(&self, key: u64, offset: u64, len: u32) -> Bytes {
        let index = key - self.first_key;
        let end = offset + u64::from(len);
        let size = self.source.sizes.get(index as usize).expect("an object of the sender");
        assert!(end <= *size, "a read after the end of an object: {end} of {size}");
        self.source.content.read(index, offset, len as usize)
    }

    fn prepare(&mut self, job: PrepareJob) -> JobDone {
        let symbols = if self.plan.ids_only {
            Bytes::new()
        } else {
            let source = self.read(job.source.object, job.source.offset, job.source.len);
            let (k, size) = (job.symbols, job.symbol_size);
            let symbols = encode(job.scheme, k, size, &source, job.first, job.count);
            Bytes::from(symbols.expect("a sender asks only for symbols of the code"))
        };
        self.prepared.keep(job, symbols)
    }
}

impl Node for FluteSender {
    fn start(&mut self, now: Timestamp, out: &mut Outbox) {
        self.stop(now);
        self.life += 1;
        self.all_sent = None;
        self.finished = None;
        let seed = engine_seed(self.seed, self.me, self.life);
        let mut engine = Sender::new(&self.plan.config, seed, now)
            .expect("the scenario's sender settings are valid");
        for (index, object) in (0..).zip(&self.plan.objects) {
            let key = engine.enqueue(object.clone()).expect("the scenario's objects fit");
            if index == 0 {
                self.first_key = key;
            }
            assert!(key == self.first_key + index, "keys follow each other");
        }
        engine.finish();
        self.engine = Some(engine);
        self.serve(now, out);
    }

    fn stop(&mut self, _now: Timestamp) {
        if let Some(engine) = self.engine.take() {
            self.stats = engine.stats();
        }
        self.jobs.clear();
        self.prepared.clear();
        self.next = Timestamp::MAX;
    }

    fn receive(&mut self, now: Timestamp, packet: &Packet, out: &mut Outbox) {
        let Body::Datagram(payload) = &packet.body else { return };
        let Some(engine) = &mut self.engine else { return };
        hand_over(engine, now, packet, payload, out);
        self.serve(now, out);
    }

    fn timeout(&mut self, now: Timestamp, out: &mut Outbox) {
        self.serve(now, out);
    }

    fn next(&self) -> Timestamp {
        self.next
    }

    fn is_done(&self) -> bool {
        self.is_endless() || self.finished.is_some()
    }
}
