//! Hosts at switches that forget, in a time of our own.

use super::*;

const LOOK: Duration = Duration::from_millis(250);

fn at(seconds: f64) -> Timestamp {
    Timestamp::ZERO + Duration::from_secs_f64(100.0 + seconds)
}

#[test]
fn nothing_is_expected_of_senders_that_pause_or_have_ended() {
    let sender = |last, is_paused, has_ended| SourceView {
        last_heard: at(last),
        is_paused,
        is_stopped: false,
        has_ended,
        loss: 0.0,
        position: (0, 0),
        unheard_since: None,
    };
    let expected = |senders: &[SourceView]| Expected::of_senders(senders.iter().copied());
    assert_eq!(expected(&[]), Expected::Nothing);
    let silent = [sender(1.0, true, false), sender(2.0, false, true)];
    assert_eq!(expected(&silent), Expected::Nothing);
    let [paused, ended] = silent;
    let live = sender(1.5, false, false);
    assert_eq!(expected(&[paused, live, ended]), Expected::Messages { last: at(2.0) });
}

/// A host at a switch that forgets it after this time without a report; a session goes on.
struct Host {
    watch: MembershipWatch,
    memory: Duration,
    /// Whether the switch heeds reports of hosts that do not join.
    heeds_reports: bool,
    reported_at: Timestamp,
    last: Timestamp,
    arrived: u64,
    lost: Duration,
    rejoins: u32,
    reports: u32,
    recovered: Vec<Recovered>,
}

impl Host {
    fn new(memory: f64, heeds_reports: bool, seed: u64) -> Self {
        Self {
            watch: MembershipWatch::new(at(0.0), seed),
            memory: Duration::from_secs_f64(memory),
            heeds_reports,
            reported_at: at(0.0),
            last: at(0.0),
            arrived: 0,
            lost: Duration::ZERO,
            rejoins: 0,
            reports: 0,
            recovered: Vec::new(),
        }
    }

    fn look(&mut self, now: Timestamp, is_feedback: bool) {
        if now < self.reported_at + self.memory {
            self.last = now;
            self.arrived += 1;
        } else {
            self.lost += LOOK;
        }
        let last = self.last;
        let expected = if is_feedback { Expected::Feedback } else { Expected::Messages { last } };
        match self.watch.look(now, expected, self.arrived) {
            Some(Action::Rejoin) => {
                self.rejoins += 1;
                self.reported_at = now;
            }
            Some(Action::Report) => {
                self.reports += 1;
                if self.heeds_reports {
                    self.reported_at = now;
                }
            }
            None => {}
        }
        self.recovered.extend(self.watch.take_recovered());
    }

    fn run(mut self, seconds: u32, is_feedback: bool) -> Self {
        for step in 0..seconds * 4 {
            self.look(at(f64::from(step) / 4.0), is_feedback);
        }
        self
    }
}

#[test]
fn forgotten_member_is_back_within_three_seconds_and_is_not_forgotten_again() {
    for (seed, is_feedback) in [(1, false), (2, true), (3, false)] {
        let host = Host::new(20.0, true, seed).run(90, is_feedback);
        assert_eq!((host.rejoins, host.recovered.len()), (1, 1));
        assert!(host.lost >= FIRST_WAIT && host.lost <= Duration::from_millis(3500));
        let Recovered { silence, lasted } = host.recovered[0];
        assert!(silence >= FIRST_WAIT && silence <= Duration::from_millis(3750), "{silence:?}");
        assert!(lasted.abs_diff(Duration::from_secs(20)) <= LOOK, "{lasted:?}");
        assert!((6..=9).contains(&host.reports), "one each 8 to 10 s: {}", host.reports);
    }
}

#[test]
fn member_whose_reports_are_not_heeded_joins_again_in_time() {
    let host = Host::new(20.0, false, 1).run(300, false);
    assert_eq!(host.recovered.len(), 2, "once without reports, once in spite of them");
    assert!(host.lost <= Duration::from_secs(7), "{:?}", host.lost);
    assert!((20..=35).contains(&host.rejoins), "one each 8 to 10 s: {}", host.rejoins);
}

#[test]
fn usual_switch_does_not_forget_at_all() {
    let host = Host::new(260.0, true, 1).run(1000, false);
    assert_eq!((host.lost, host.rejoins), (Duration::ZERO, 0));
    assert!((8..=10).contains(&host.reports), "{}", host.reports);
}

#[test]
fn system_that_cannot_report_leaves_only_while_nothing_is_expected() {
    let mut watch = MembershipWatch::new(at(0.0), 1);
    watch.cannot_report(at(0.0));
    let mut rejoins = |from: u32, is_idle: bool| {
        let looks = (from * 4..(from + 300) * 4).map(|step| at(f64::from(step) / 4.0));
        let expected = |last| if is_idle { Expected::Nothing } else { Expected::Messages { last } };
        looks.filter(|&now| watch.look(now, expected(now), 0).is_some()).count()
    };
    assert_eq!(rejoins(0, false), 0);
    assert!((2..=3).contains(&rejoins(300, true)));
}

#[test]
fn what_ends_by_itself_was_no_forgetting() {
    let mut watch = MembershipWatch::new(at(0.0), 1);
    let mut rejoins = 0;
    // Something comes every 8 s only.
    for step in 0..400 {
        let now = at(f64::from(step) / 4.0);
        let last = at(f64::from(step / 32 * 8));
        let action = watch.look(now, Expected::Messages { last }, 0);
        rejoins += u32::from(action == Some(Action::Rejoin));
    }
    assert_eq!(watch.take_recovered(), None);
    assert!(rejoins <= 6, "{rejoins} in 100 s: the wait grows beyond 8 s");
}

#[test]
fn session_of_few_messages_is_not_silent_when_one_is_lost() {
    let mut watch = MembershipWatch::new(at(0.0), 1);
    for step in 0..1200 {
        let now = at(f64::from(step) / 4.0);
        // One each 2 s, of which each tenth is lost.
        let number = step / 8;
        let last = at(f64::from(if number % 10 == 9 { number - 1 } else { number }) * 2.0);
        let action = watch.look(now, Expected::Messages { last }, 0);
        assert_ne!(action, Some(Action::Rejoin), "{} s", step / 4);
    }
}

/// When 10,000 hosts join again, in seconds after their sender has died. `others` are heard by all
/// for so long.
fn rejoins_after_death(seconds: u32, others: f64) -> Vec<f64> {
    let mut joined = Vec::new();
    let mut rng = Rng::new(57);
    for seed in 0..10_000 {
        let mut watch = MembershipWatch::new(at(0.0), seed);
        let phase = rng.unit() / 4.0;
        let mut arrived = 0;
        for step in 0..(seconds + 30) * 4 {
            let time = f64::from(step) / 4.0 + phase;
            let last = at(time.min(30.0));
            arrived += u64::from(time < 30.0 + others);
            if watch.look(at(time), Expected::Messages { last }, arrived) == Some(Action::Rejoin) {
                joined.push(time - 30.0);
            }
        }
    }
    joined
}

#[test]
fn ten_thousand_receivers_make_no_storm_when_their_sender_dies() {
    let joined = rejoins_after_death(300, 0.0);
    let in_span = |from: f64, to: f64| joined.iter().filter(|&&at| at >= from && at < to).count();
    assert_eq!(in_span(0.0, 2.0), 0);
    for tenth in 0..3000 {
        let from = f64::from(tenth) / 10.0;
        let limit = if from < 4.0 { 1_400 } else { 600 };
        assert!(in_span(from, from + 0.1) <= limit, "{from} s: {}", in_span(from, from + 0.1));
    }
    assert!(in_span(0.0, 60.0) <= 50_000, "five each in the first minute");
    let late = in_span(240.0, 300.0);
    assert!((9_000..=15_000).contains(&late), "one each in 40 to 60 s: {late}");
}

#[test]
fn receivers_that_hear_each_other_hardly_join_again() {
    let joined = rejoins_after_death(120, 120.0);
    assert!(joined.iter().all(|&at| at >= 18.0), "not in the first 18 s");
    assert!(joined.len() <= 40_000, "{}", joined.len());
}

#[test]
fn nothing_is_done_about_the_silence_of_a_pause_and_all_are_spread_after_it() {
    let mut rng = Rng::new(1);
    let mut joined = Vec::new();
    for seed in 0..1_000 {
        let mut watch = MembershipWatch::new(at(0.0), seed);
        let phase = rng.unit() / 4.0;
        for step in 0..80 {
            let time = f64::from(step) / 4.0 + phase;
            // The pause counts as silence from the tenth second on.
            let last = at(time.min(1.0));
            let live = Expected::Messages { last };
            let expected = if time > 1.0 && time < 10.0 { Expected::Nothing } else { live };
            if watch.look(at(time), expected, 0).is_some() {
                joined.push(time);
            }
        }
    }
    assert!(joined.iter().all(|&time| time >= 10.0));
    let first = joined.iter().filter(|&&time| time < 10.5).count();
    assert!((200..=700).contains(&first), "{first}");
}
