//! The loop that joins an engine to its sockets, workers and application.

use std::cell::Cell;
use std::io;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver as Channel;
use norm_core::Timestamp;
use norm_core::endpoint::{Destination, Endpoint, Job, JobDone, TransmitBuf};
use norm_seal::{Gate, Guard, HeardStatement, StatedSet};

use crate::io::clocks::Clocks;
use crate::io::layer::Layer;
use crate::io::membership::{Action, Expected, MembershipWatch, Recovered};
use crate::io::seal::{self, SealState};
use crate::io::socket::{Link, LinkChange, LinkStats, SendOutcome, TooLong};
use crate::stopper::os_seed;

/// The engines' time: nanoseconds since this was made.
#[derive(Copy, Clone, Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// Starts at an arbitrary moment that is not zero, so that no echoed time looks like "none".
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// Goes on from this time now.
    pub fn from(now: Timestamp) -> Self {
        let epoch = Timestamp::since_epoch(Duration::from_secs(1));
        let start = Instant::now();
        Self { start: start.checked_sub(now.saturating_since(epoch)).unwrap_or(start) }
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        Timestamp::since_epoch(self.start.elapsed() + Duration::from_secs(1))
    }
}

/// What surrounds an engine: runs its jobs, hears its events, decides when to stop.
pub trait Application<E: Endpoint> {
    /// Takes an event of the engine.
    fn event(&mut self, engine: &mut E, now: Timestamp, event: E::Event);
    /// Starts a job; its result comes back through the channel given to [`run`], or the engine has
    /// it at once.
    fn job(&mut self, engine: &mut E, now: Timestamp, job: Job);
    /// Told now and then how many packets the kernel has dropped so far because a buffer was full.
    fn kernel_drops(&mut self, _engine: &mut E, _packets: u32) {}
    /// Told now and then that nothing leaves: the system has refused every packet of late, for this
    /// reason.
    fn nothing_leaves(&mut self, _engine: &mut E, _now: Timestamp, _error: &io::Error) {}
    /// Told that the interface does not take packets of this length: true if the session goes on,
    /// with shorter ones. Those that were written count as lost. False ends the session.
    fn too_long(&mut self, _engine: &mut E, _now: Timestamp, _packet: &TooLong) -> bool {
        false
    }
    /// Told that the address or the interface has changed.
    fn link_changed(&mut self, _engine: &mut E, _now: Timestamp, _change: &LinkChange) {}
    /// True if packets to the group that the system refuses are to be sent later, and nothing else
    /// before them. What a receiver has to say is soon out of date.
    fn keeps_refused(&self) -> bool {
        false
    }
    /// Asked now and then what the session expects to hear in its group.
    fn expected(&self, _engine: &E, _now: Timestamp) -> Expected {
        Expected::Nothing
    }
    /// Told that the network had forgotten that this host is in the group, and that joining again
    /// has helped.
    fn recovered(&mut self, _recovered: Recovered) {}
    /// Told now and then, and at the end, what has passed the session's gate.
    fn gate(&mut self, _engine: &mut E, _now: Timestamp, _state: &SealState) {}
    /// Asked each turn what is to be stated of a file set, if that is news.
    fn states(&mut self) -> Option<StatedSet> {
        None
    }
    /// Told what a sender has stated of a file set.
    fn stated(&mut self, _engine: &mut E, _now: Timestamp, _heard: &HeardStatement) {}
    /// Called once per turn, and at least every [`LONGEST_WAIT`]. `Break` ends the loop.
    fn turn(&mut self, engine: &mut E, now: Timestamp) -> ControlFlow<()>;
}

/// The application's `turn` is called at least this often.
pub const LONGEST_WAIT: Duration = Duration::from_millis(50);
/// How often the kernel's count of packets that it dropped is read: as often as a path is measured.
const COUNT_DROPS_EVERY: Duration = Duration::from_millis(1);

/// How often it is seen whether anything leaves, and whether the interfaces have changed.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Time until what the system has refused is sent again, at first; it doubles, up to
/// [`LONGEST_WAIT`].
const REFUSED_WAIT: Duration = Duration::from_millis(1);
/// Batches sent before the other direction has its turn.
const BATCHES: usize = 8;
/// Receiving system calls before what they brought is stored, while it is in a cache.
const RECEIVES: usize = 2;

/// Runs an engine, with the layers around it, until its application says stop. Threads that finish
/// a job wake `link`'s waker.
///
/// # Errors
/// When the sockets fail for good; packets that cannot leave count as lost.
pub fn run<L: Layer>(
    link: &mut Link,
    clock: Clock,
    engine: &mut L,
    app: &mut impl Application<L::Engine>,
    done: &Channel<JobDone>,
) -> io::Result<()> {
    let mut outgoing = Outgoing::new(link.max_gso_segments());
    let mut next_look = clock.now();
    let mut next_drops = next_look;
    let mut left = Left::default();
    let mut membership = MembershipWatch::new(next_look, os_seed()?);
    let mut clocks = Clocks::now();
    set_time(engine, &clocks, next_look); // before anything is heard that may have expired
    loop {
        let now = Cell::new(clock.now());
        if now.get() >= next_drops {
            next_drops = now.get() + COUNT_DROPS_EVERY;
            // Before what came after them is read.
            let dropped = link.kernel_drops();
            dropped.into_iter().for_each(|packets| app.kernel_drops(engine.engine_mut(), packets));
        }
        link.recv_in_batches(RECEIVES, &mut || now.set(clock.now()), &mut |datagram| {
            engine.handle_datagram(now.get(), datagram);
        })?;
        for job in done.try_iter() {
            engine.handle_job(clock.now(), job);
        }
        let now = clock.now();
        if engine.poll_timeout().is_some_and(|due| due <= now) {
            engine.handle_timeout(now);
        }
        if now >= next_look {
            next_look = now + LOOK_EVERY;
            if look(link, engine, app, &mut outgoing, &mut left, now) {
                membership.joined_anew(now);
            }
            guard(engine, app, &mut clocks, now)?;
            let expected = app.expected(engine.engine(), now);
            if let Some(recovered) = keep_membership(&mut membership, link, now, expected) {
                app.recovered(recovered);
            }
        }
        while let Some(event) = engine.poll_event() {
            app.event(engine.engine_mut(), now, event);
        }
        talk(engine, app, now);
        let mut started = start_jobs(engine, app, now);
        if app.turn(engine.engine_mut(), now).is_break() {
            return guard(engine, app, &mut clocks, now);
        }
        let sent = outgoing.send(link, clock, engine, app.keeps_refused())?;
        if let Sent::TooLong { bytes } = sent {
            let packet = link.too_long(bytes);
            if !app.too_long(engine.engine_mut(), clock.now(), &packet) {
                return Err(packet.into());
            }
        }
        // Sending may have found that something must be read or coded first; and what is done at
        // once may have events.
        started |= start_jobs(engine, app, clock.now());
        let wait = match sent {
            _ if started => Duration::ZERO,
            Sent::More | Sent::TooLong { .. } => Duration::ZERO,
            Sent::Blocked => LONGEST_WAIT,
            Sent::Refused => outgoing.refused_wait,
            Sent::All => time_until(engine.poll_timeout(), clock.now()),
        };
        // Also with nothing to wait for: this is where the link learns what has arrived.
        link.wait(Some(if done.is_empty() { wait } else { Duration::ZERO }))?;
    }
}

/// How long to wait for something that is due, at most.
fn time_until(due: Option<Timestamp>, now: Timestamp) -> Duration {
    due.map_or(LONGEST_WAIT, |due| due.saturating_since(now)).min(LONGEST_WAIT)
}

/// Looks whether the interfaces have changed, and whether anything leaves. True when the sockets
/// were opened anew.
fn look<L: Layer>(
    link: &mut Link,
    engine: &mut L,
    app: &mut impl Application<L::Engine>,
    outgoing: &mut Outgoing,
    left: &mut Left,
    now: Timestamp,
) -> bool {
    let refused = left.nothing(link.stats()).is_some();
    let mut moved = false;
    match link.follow(Instant::now()) {
        Some(change) => {
            moved = matches!(change, LinkChange::Moved { .. });
            if moved {
                outgoing.discard();
            }
            app.link_changed(engine.engine_mut(), now, &change);
        }
        None if refused => {
            if let Some(error) = &link.stats().last_send_error {
                app.nothing_leaves(engine.engine_mut(), now, error);
            }
        }
        None => {}
    }
    moved
}

/// Tells the gate the time of day.
fn set_time(engine: &mut impl Layer, clocks: &Clocks, now: Timestamp) {
    if let Some(guard) = engine.gate().and_then(Gate::guard_mut) {
        guard.set_wall_clock(now, clocks.seconds());
    }
}

/// Has the gate state what is to be stated, and tells what it has heard of that.
fn talk<L: Layer>(engine: &mut L, app: &mut impl Application<L::Engine>, now: Timestamp) {
    let poll = |engine: &mut L| engine.gate()?.guard_mut().and_then(Guard::poll_statement);
    while let Some(heard) = poll(engine) {
        app.stated(engine.engine_mut(), now, &heard);
    }
    if let Some(set) = app.states()
        && let Some(guard) = engine.gate().and_then(Gate::guard_mut)
    {
        guard.state(set);
    }
}

/// Tells what has passed the gate. A machine whose clocks part was stopped, and may have been
/// copied.
///
/// # Errors
/// When there are no random numbers: nothing can be sealed any more.
fn guard<L: Layer>(
    engine: &mut L,
    app: &mut impl Application<L::Engine>,
    clocks: &mut Clocks,
    now: Timestamp,
) -> io::Result<()> {
    let have_parted = clocks.have_parted();
    set_time(engine, clocks, now);
    let Some(gate) = engine.gate() else { return Ok(()) };
    gate.rekey(now);
    if let Some(error) = gate.failure() {
        return Err(io::Error::other(error));
    }
    if let Some(guard) = gate.guard_mut().filter(|_| have_parted) {
        guard.suspect_copy();
    }
    let state = seal::state(gate);
    app.gate(engine.engine_mut(), now, &state);
    Ok(())
}

/// Joins again, or says again that this host is in its group, if it is time. What the system
/// refuses is tried again later.
fn keep_membership(
    watch: &mut MembershipWatch,
    link: &Link,
    now: Timestamp,
    expected: Expected,
) -> Option<Recovered> {
    let action = watch.look(now, expected, link.stats().group_datagrams);
    if action == Some(Action::Rejoin) {
        let _ = link.rejoin();
    }
    if action == Some(Action::Report)
        && link.report_membership().is_err_and(|error| error.kind() == io::ErrorKind::Unsupported)
    {
        watch.cannot_report(now);
    }
    watch.take_recovered()
}

/// What had left, and what had been refused, when that was last looked at.
#[derive(Default)]
struct Left {
    sent: u64,
    refused: u64,
}

impl Left {
    /// The last error, if the system has refused everything since then.
    fn nothing<'a>(&mut self, stats: &'a LinkStats) -> Option<&'a io::Error> {
        let now = Self { sent: stats.datagrams_sent, refused: stats.sends_refused };
        let before = core::mem::replace(self, now);
        let nothing = self.sent == before.sent && self.refused > before.refused;
        stats.last_send_error.as_ref().filter(|_| nothing)
    }
}

/// Starts all jobs that are waiting; false if there are none.
fn start_jobs<L: Layer>(
    engine: &mut L,
    app: &mut impl Application<L::Engine>,
    now: Timestamp,
) -> bool {
    let mut started = false;
    while let Some(job) = engine.poll_job() {
        app.job(engine.engine_mut(), now, job);
        started = true;
    }
    started
}

enum Sent {
    /// Nothing is left to send now.
    All,
    /// There is more, after the other direction had its turn.
    More,
    /// The kernel's buffer is full.
    Blocked,
    /// The system refuses to send.
    Refused,
    /// The interface does not take packets with this many bytes of UDP payload.
    TooLong { bytes: usize },
}

/// The buffer, and what of it the kernel has not taken yet.
struct Outgoing {
    buffer: TransmitBuf,
    rest: Option<Rest>,
    /// Time until what was refused is sent again.
    refused_wait: Duration,
}

/// What of the buffer the kernel has not taken yet.
#[derive(Copy, Clone)]
struct Rest {
    destination: Destination,
    segment_size: usize,
    from: usize,
}

impl Outgoing {
    fn new(max_segments: usize) -> Self {
        let buffer = TransmitBuf::new(max_segments);
        Self { buffer, rest: None, refused_wait: REFUSED_WAIT }
    }

    /// Forgets what was refused: it counts as lost. From another address the engine has something
    /// else to say first.
    fn discard(&mut self) {
        self.rest = None;
        self.refused_wait = REFUSED_WAIT;
    }

    /// Sends what the engine has to send. What the system refuses is lost, unless it is for the
    /// group and refused packets are kept.
    fn send<E: Endpoint>(
        &mut self,
        link: &mut Link,
        clock: Clock,
        engine: &mut E,
        keeps_refused: bool,
    ) -> io::Result<Sent> {
        for _ in 0..BATCHES {
            if self.rest.is_none() {
                self.buffer.set_max_segments(link.max_gso_segments());
                let Some(transmit) = engine.poll_transmit(clock.now(), &mut self.buffer) else {
                    return Ok(Sent::All);
                };
                let (destination, segment_size) = (transmit.destination, transmit.segment_size);
                self.rest = Some(Rest { destination, segment_size, from: 0 });
            }
            let Some(Rest { destination, segment_size, from }) = self.rest.take() else { continue };
            // The group may be another one since the packets were written.
            let to = match destination {
                Destination::Group => link.group(),
                Destination::Unicast(address) => address,
            };
            let rest = |sent| Some(Rest { destination, segment_size, from: from + sent });
            match link.send(to, segment_size, &self.buffer.as_bytes()[from..])? {
                SendOutcome::Sent => self.refused_wait = REFUSED_WAIT,
                SendOutcome::Blocked { sent } => {
                    self.rest = rest(sent);
                    return Ok(Sent::Blocked);
                }
                SendOutcome::Refused { sent } if keeps_refused && is_to_group(destination) => {
                    self.rest = rest(sent);
                    self.refused_wait = (self.refused_wait * 2).min(LONGEST_WAIT);
                    return Ok(Sent::Refused);
                }
                SendOutcome::Refused { .. } => {}
                SendOutcome::TooLong { bytes } => return Ok(Sent::TooLong { bytes }),
            }
        }
        Ok(Sent::More)
    }
}

fn is_to_group(destination: Destination) -> bool {
    matches!(destination, Destination::Group)
}

#[cfg(test)]
mod tests {
    use norm_core::Datagram;
    use norm_core::endpoint::Transmit;

    use super::*;
    use crate::io::interface::InterfaceSpec;
    use crate::io::socket::LinkConfig;

    /// Always has a packet for the group.
    #[derive(Default)]
    struct Chatter {
        polls: usize,
    }

    impl Endpoint for Chatter {
        type Event = ();

        fn handle_datagram(&mut self, _: Timestamp, _: Datagram<'_>) {}

        fn handle_timeout(&mut self, _: Timestamp) {}

        fn handle_job(&mut self, _: Timestamp, _: JobDone) {}

        fn poll_transmit(&mut self, _: Timestamp, out: &mut TransmitBuf) -> Option<Transmit> {
            self.polls += 1;
            out.clear();
            out.append(|bytes| bytes.push(1));
            out.transmit(Destination::Group)
        }

        fn poll_job(&mut self) -> Option<Job> {
            None
        }

        fn poll_event(&mut self) -> Option<()> {
            None
        }

        fn poll_timeout(&self) -> Option<Timestamp> {
            None
        }
    }

    #[test]
    fn what_the_system_refuses_waits_or_is_lost() {
        for keeps_refused in [true, false] {
            // Broadcast is only for sockets that asked for it, which ours do not.
            let mut config = LinkConfig::new("255.255.255.255:9".parse().unwrap());
            config.interface = Some(InterfaceSpec::Address([127, 0, 0, 1].into()));
            let mut link = Link::open(&config).unwrap();
            let (mut outgoing, mut engine) = (Outgoing::new(1), Chatter::default());
            let clock = Clock::start();
            for _ in 0..3 {
                let sent = outgoing.send(&mut link, clock, &mut engine, keeps_refused).unwrap();
                assert_eq!(matches!(sent, Sent::Refused), keeps_refused);
            }
            assert_eq!(link.stats().datagrams_sent, 0);
            // What waits is the same packet each time: the engine has made no progress.
            assert_eq!(engine.polls, if keeps_refused { 1 } else { 3 * BATCHES });
            assert_eq!(outgoing.refused_wait > REFUSED_WAIT, keeps_refused);
            outgoing.discard();
            outgoing.send(&mut link, clock, &mut engine, keeps_refused).unwrap();
            assert!(engine.polls > 1);
        }
    }

    #[test]
    fn nothing_leaves_when_all_is_refused_and_something_was() {
        let mut left = Left::default();
        let refused = || Some(io::Error::from(io::ErrorKind::NetworkUnreachable));
        let stats = |datagrams_sent, sends_refused| LinkStats {
            datagrams_sent,
            sends_refused,
            last_send_error: refused(),
            ..LinkStats::default()
        };
        assert!(left.nothing(&LinkStats::default()).is_none(), "nothing was to leave");
        assert!(left.nothing(&stats(0, 3)).is_some());
        assert!(left.nothing(&stats(1, 9)).is_none(), "something has left");
        assert!(left.nothing(&stats(1, 9)).is_none());
        assert!(left.nothing(&stats(1, 10)).is_some());
    }
}
