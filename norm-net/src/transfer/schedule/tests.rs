use super::*;

fn time(text: &str) -> TimeOfDay {
    text.parse().unwrap()
}

fn window(from: &str, to: &str, bound: Bound) -> Window {
    Window { from: time(from), to: time(to), bound }
}

#[test]
fn times_are_read_as_people_write_them() {
    for (text, shown) in
        [("08:00", "08:00"), ("8:05", "08:05"), ("23:59:59", "23:59:59"), ("24:00", "00:00")]
    {
        assert_eq!(time(text).to_string(), shown);
    }
    for wrong in
        ["", "8", "25:00", "24:01", "08:60", "8h", "08:00:60", "08:00:00:00", "-1:00", "+8:00"]
    {
        let error = wrong.parse::<TimeOfDay>().unwrap_err().to_string();
        assert!(error.contains("00:00 to 24:00"), "{wrong}: {error}");
    }
}

#[test]
fn a_window_holds_from_its_begin_to_before_its_end() {
    let day = window("08:00", "18:00", Bound::Rate(50));
    let schedule = RateSchedule::new(vec![day], Bound::Open).unwrap();
    for (at, bound, until) in [
        ("07:59:59", Bound::Open, "08:00"),
        ("08:00", Bound::Rate(50), "18:00"),
        ("17:59:59", Bound::Rate(50), "18:00"),
        ("18:00", Bound::Open, "08:00"),
        ("00:00", Bound::Open, "08:00"),
    ] {
        assert_eq!(schedule.at(time(at)), bound, "{at}");
        assert_eq!(schedule.until(time(at)), Some(time(until)), "{at}");
    }
}

#[test]
fn a_window_may_cross_midnight() {
    let night = window("22:00", "06:30", Bound::Paused);
    let evening = window("18:00", "22:00", Bound::Rate(7));
    let schedule = RateSchedule::new(vec![night, evening], Bound::Open).unwrap();
    for (at, bound, until) in [
        ("21:59", Bound::Rate(7), "22:00"),
        ("22:00", Bound::Paused, "06:30"),
        ("03:00", Bound::Paused, "06:30"),
        ("06:30", Bound::Open, "18:00"),
    ] {
        assert_eq!((schedule.at(time(at)), schedule.until(time(at))), (bound, Some(time(until))));
    }
}

#[test]
fn what_follows_and_is_the_same_is_no_change() {
    let windows = vec![
        window("08:00", "10:00", Bound::Rate(5)),
        window("10:00", "12:00", Bound::Rate(5)),
        window("12:00", "13:00", Bound::Open),
    ];
    let schedule = RateSchedule::new(windows, Bound::Open).unwrap();
    assert_eq!(schedule.until(time("09:00")), Some(time("12:00")));
    assert_eq!(schedule.until(time("12:30")), Some(time("08:00")));
    let always = RateSchedule::new(Vec::new(), Bound::Rate(5)).unwrap();
    assert_eq!((always.at(time("03:00")), always.until(time("03:00"))), (Bound::Rate(5), None));
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let overlap = |a: (&str, &str), b: (&str, &str)| {
        let windows = vec![window(a.0, a.1, Bound::Rate(5)), window(b.0, b.1, Bound::Open)];
        RateSchedule::new(windows, Bound::Open)
    };
    for (a, b) in [
        (("08:00", "18:00"), ("17:00", "19:00")),
        (("08:00", "18:00"), ("09:00", "10:00")),
        (("22:00", "06:00"), ("05:00", "07:00")),
        (("08:00", "18:00"), ("08:00", "18:00")),
        (("09:00", "10:00"), ("22:00", "20:00")),
    ] {
        let error = overlap(a, b).unwrap_err().to_string();
        assert!(error.contains("overlap") && error.contains(a.0), "{a:?} {b:?}: {error}");
    }
    assert!(overlap(("08:00", "18:00"), ("18:00", "08:00")).is_ok());
    let empty = RateSchedule::new(vec![window("08:00", "08:00", Bound::Open)], Bound::Open);
    assert!(empty.unwrap_err().to_string().contains("same time"));
    let never = RateSchedule::new(Vec::new(), Bound::Paused);
    assert_eq!(never.unwrap_err(), ScheduleProblem::OnlyPauses);
    let halves =
        vec![window("00:00", "12:00", Bound::Paused), window("12:00", "24:00", Bound::Paused)];
    assert!(RateSchedule::new(halves, Bound::Open).is_err());
}
