//! An engine of any protocol with an application of a test.

use std::collections::VecDeque;
use std::sync::Arc;

use norm_core::Timestamp;
use norm_core::endpoint::{Destination, Endpoint, Job, JobDone, PacketOverhead};

use super::contract::{Node, Outbox, hand_over};
use crate::invariants::RateCheck;
use crate::packet::{Body, HostId, Packet, To, host_at};
use crate::scenario::{EnginePlan, engine_seed};

/// What an engine on a simulated host works for: it takes the events of the engine, and does its
/// jobs.
pub trait Application<E: Endpoint>: Send + 'static {
    /// Takes an event. `now` is the time of the host's own clock.
    fn take_event(&mut self, engine: &mut E, now: Timestamp, event: E::Event);

    /// Does a job. The engine hears of the result when the job's time has passed.
    fn work(&mut self, engine: &mut E, job: Job) -> JobDone;

    /// True when it waits for nothing more. A run ends when that is so on all hosts.
    fn is_done(&self, engine: &E) -> bool;
}

impl EnginePlan {
    /// A plan without a rate, and with jobs that take no time. At each start of the host `make`
    /// gets the host, a seed and the time, and returns the engine and its application.
    pub fn new<E: Endpoint + Send + 'static, A: Application<E>>(
        make: impl Fn(HostId, u64, Timestamp) -> (E, A) + Send + Sync + 'static,
    ) -> Self {
        let make: Arc<Make<E, A>> = Arc::new(make);
        Self::with_node(move |plan, me, seed| {
            Box::new(EngineNode::new(plan, Arc::clone(&make), me, seed))
        })
    }
}

/// Makes the engine of a host and its application, from a seed and the time.
type Make<E, A> = dyn Fn(HostId, u64, Timestamp) -> (E, A) + Send + Sync;

/// A host's engine and its application.
struct EngineNode<E, A> {
    plan: EnginePlan,
    make: Arc<Make<E, A>>,
    me: HostId,
    seed: u64,
    /// Number of starts.
    life: u32,
    running: Option<(E, A)>,
    /// Results of jobs, and when each is ready.
    jobs: VecDeque<(Timestamp, JobDone)>,
    rate: RateCheck,
    next: Timestamp,
}

impl<E: Endpoint, A: Application<E>> EngineNode<E, A> {
    fn new(plan: &EnginePlan, make: Arc<Make<E, A>>, me: HostId, seed: u64) -> Self {
        Self {
            plan: plan.clone(),
            make,
            me,
            seed,
            life: 0,
            running: None,
            jobs: VecDeque::new(),
            rate: RateCheck::new(plan.rate, PacketOverhead::IPV4.bytes()),
            next: Timestamp::MAX,
        }
    }

    /// Drives the engine until it has nothing left to do.
    fn serve(&mut self, now: Timestamp, out: &mut Outbox) {
        let Self { running: Some((engine, application)), jobs, .. } = self else { return };
        if engine.poll_timeout().is_some_and(|due| due <= now) {
            engine.handle_timeout(now);
        }
        let mut busy = true;
        while core::mem::take(&mut busy) {
            while let Some(event) = engine.poll_event() {
                application.take_event(engine, now, event);
            }
            while let Some(job) = engine.poll_job() {
                let begin = jobs.back().map_or(now, |(at, _)| now.max(*at));
                jobs.push_back((begin + self.plan.job_time, application.work(engine, job)));
            }
            while jobs.front().is_some_and(|(at, _)| *at <= now)
                && let Some((_, done)) = jobs.pop_front()
            {
                busy = true;
                engine.handle_job(now, done);
            }
            while let Some(transmit) = engine.poll_transmit(now, &mut out.transmit) {
                busy = true;
                let to = place(self.me, transmit.destination);
                for packet in out.transmit.as_bytes().chunks(transmit.segment_size) {
                    self.rate.sent(now, packet.len());
                    out.packets.push((to, Body::Datagram(Arc::from(packet))));
                }
            }
        }
        let job = jobs.front().map(|(at, _)| *at);
        let timers = [engine.poll_timeout(), job];
        self.next = timers.into_iter().flatten().min().unwrap_or(Timestamp::MAX);
    }
}

/// Where host `me` sends a packet.
fn place(me: HostId, destination: Destination) -> To {
    match destination {
        Destination::Group => To::Group,
        Destination::Unicast(to) => match host_at(to) {
            Some((host, moves)) => To::Address(host, moves),
            None => panic!("host {me} sends to {to}, which is no host"),
        },
    }
}

impl<E: Endpoint + Send, A: Application<E>> Node for EngineNode<E, A> {
    fn start(&mut self, now: Timestamp, out: &mut Outbox) {
        self.stop(now);
        self.life += 1;
        self.running = Some((self.make)(self.me, engine_seed(self.seed, self.me, self.life), now));
        self.serve(now, out);
    }

    fn stop(&mut self, _now: Timestamp) {
        self.running = None;
        self.jobs.clear();
        self.next = Timestamp::MAX;
    }

    fn receive(&mut self, now: Timestamp, packet: &Packet, out: &mut Outbox) {
        let Body::Datagram(payload) = &packet.body else { return };
        let Some((engine, _)) = &mut self.running else { return };
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
        let done = |(engine, application): &(E, A)| application.is_done(engine);
        self.jobs.is_empty() && self.running.as_ref().is_some_and(done)
    }
}
