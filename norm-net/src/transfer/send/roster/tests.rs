//! Tests of the text of a roster.

use super::*;

const AGE: &str = "age1q73he0q5yzfu3d64msd3p6rvksnrwjk3d2598mgtmlqt9wrdr37q2vrn72";
const SSH: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea";

fn problem(text: &str) -> (usize, RosterProblem) {
    let error = Roster::parse(text).unwrap_err();
    (error.line, error.problem)
}

#[test]
fn lines_have_a_name_an_address_and_a_key() {
    let text = format!(
        "\u{feff}# the lab\n\n  lab-1\nlab-2 192.0.2.2 # by the door\r\nlab-3\t2001:db8::3 {AGE}\n\
         lab-4 {SSH} root@lab-4\nlab-5 ::ffff:192.0.2.5 {AGE} #x\n"
    );
    // The last line repeats a key: without it, all is taken.
    assert_eq!(problem(&text), (7, RosterProblem::SameKey(5)));
    let text = text.replace(&format!("192.0.2.5 {AGE}"), "192.0.2.5");
    let roster = Roster::parse(&text).unwrap();
    let seen = roster.entries().iter().map(|entry| {
        let address = entry.address.map(|ip| ip.to_string()).unwrap_or_default();
        format!("{} {address} {}", entry.name, entry.key.is_some())
    });
    assert_eq!(
        seen.collect::<Vec<_>>(),
        [
            "lab-1  false",
            "lab-2 192.0.2.2 false",
            "lab-3 2001:db8::3 true",
            "lab-4  true",
            "lab-5 192.0.2.5 false"
        ]
    );
    assert_eq!((roster.len(), roster.expected(true).len()), (5, 5));
    assert_eq!(Roster::new(roster.entries().to_vec()), Ok(roster));
}

#[test]
fn key_that_is_no_recipient_is_found_and_keys_count_for_recipients_alone() {
    let [one, two] = [1, 2].map(|byte| RecipientKey::new([byte; 32]));
    let entry = |name: &str, key| RosterEntry { key, ..RosterEntry::new(name) };
    let entries = [entry("a", None), entry("b", Some(one)), entry("c", Some(two))];
    let roster = Roster::new(entries).unwrap();
    assert_eq!(roster.left_out(&RecipientList::new(&[two, one])), None);
    assert_eq!(roster.left_out(&RecipientList::new(&[two])), Some("b"));
    let key = |proves, name| roster.expected(proves).line(name).unwrap().key;
    assert_eq!((key(true, "b"), key(true, "a")), (Some(one.receiver_key()), None));
    assert_eq!(key(false, "b"), None);
}

#[test]
fn lines_that_are_something_else_are_refused_with_their_number() {
    let word = |text: &str| RosterProblem::Word(text.to_owned());
    for (text, expected) in [
        ("", (0, RosterProblem::Empty)),
        ("# nothing\n\n", (0, RosterProblem::Empty)),
        ("a\nb c", (2, word("c"))),
        ("a 192.0.2.1:5740", (1, word("192.0.2.1:5740"))),
        ("a fe80::1%eth0", (1, word("fe80::1%eth0"))),
        ("a 192.0.2.1 192.0.2.2", (1, word("192.0.2.2"))),
        ("a 239.1.2.3", (1, RosterProblem::Address([239, 1, 2, 3].into()))),
        ("a 0.0.0.0", (1, RosterProblem::Address([0; 4].into()))),
        ("a 255.255.255.255", (1, RosterProblem::Address([255; 4].into()))),
        ("a\n\nb\na", (4, RosterProblem::SameName(1))),
        ("a\x1b[31m", (1, RosterProblem::NameText)),
        ("a age1q73he0q5yzfu3d64msd3p6rvksnrwjk3d2598mgtmlqt9", (1, RosterProblem::DamagedKey)),
        ("a ssh-ed25519", (1, RosterProblem::DamagedKey)),
        ("a ssh-ed25519 AAAA", (1, RosterProblem::DamagedKey)),
        ("a ssh-rsa AAAAB3NzaC1yc2E", (1, RosterProblem::OtherKey("ssh-rsa".to_owned()))),
        ("a AGE-SECRET-KEY-1QQ", (1, RosterProblem::PrivateKey)),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", (1, RosterProblem::PrivateKey)),
        (SSH, (1, RosterProblem::KeyFirst)),
        (&format!("a {AGE} laptop"), (1, word("laptop"))),
        (&format!("a {SSH}\nb {SSH}"), (2, RosterProblem::SameKey(1))),
    ] {
        assert_eq!(problem(text), expected, "{text}");
        let said = Roster::parse(text).unwrap_err().to_string();
        assert!(said.contains(": ") && !said.contains('\x1b'), "what to do: {said}");
    }
}

#[test]
fn names_texts_and_counts_have_limits() {
    assert!(Roster::parse(&"n".repeat(64)).is_ok());
    assert_eq!(problem(&"n".repeat(65)), (1, RosterProblem::NameLength));
    assert_eq!(problem(&"ö".repeat(33)), (1, RosterProblem::NameLength));
    assert!(Roster::parse("age1\nssh-gate\n").is_ok(), "names of hosts");
    let lines = |count: usize| (0..count).map(|n| format!("r{n}\n")).collect::<String>();
    assert_eq!(Roster::parse(&lines(65_536)).unwrap().len(), 65_536);
    assert_eq!(problem(&lines(65_537)), (65_537, RosterProblem::TooMany));
    assert_eq!(problem(&"#".repeat(Roster::MAX_TEXT + 1)), (0, RosterProblem::TooLong));
    let unnamed = Roster::new([RosterEntry::new("a"), RosterEntry::new("")]).unwrap_err();
    assert_eq!((unnamed.line, unnamed.problem), (2, RosterProblem::NameLength));
    let spaces = Roster::new([RosterEntry::new("a b")]).unwrap_err();
    assert_eq!(spaces.problem, RosterProblem::NameText);
}
