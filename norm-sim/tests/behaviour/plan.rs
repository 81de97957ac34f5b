//! `norm-sim plan` on the command line.

use std::process::{Command, Output};

fn norm_sim(words: &str) -> Output {
    let program = env!("CARGO_BIN_EXE_norm-sim");
    Command::new(program).args(words.split_whitespace()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn wrong_values_are_refused_with_flag_and_advice() {
    let wrong = [
        ("--size fast --receivers 3", ["--size", "40GB"]),
        ("--size 1MB --receivers some", ["--receivers", "some"]),
        ("--size 1MB", ["--receivers", "required"]),
        ("--size 1MB --receivers 3 --rate 200", ["--rate", "200M"]),
        ("--size 1MB --receivers 3 --loss 70%", ["--loss", "50%"]),
        ("--size 1MB --receivers 3 --bad 1", ["--bad", "3:10%"]),
        ("--size 1MB --receivers 3 --delay 5", ["--delay", "5ms"]),
        ("--size 1MB --receivers 3 --network moon", ["--network", "campus"]),
        ("--size 1MB --receivers 3 --wifi 4", ["Wi-Fi", "fewer"]),
        ("--size 1MB --receivers 3 --wifi -1", ["--wifi", "-1"]),
        ("--size 0 --receivers 3", ["size", "1 byte"]),
        ("--size 1MB --receivers 0", ["receivers", "1 to"]),
    ];
    for (words, parts) in wrong {
        let output = norm_sim(&format!("plan {words}"));
        assert_eq!(output.status.code(), Some(2), "{words}");
        assert!(output.stdout.is_empty(), "{words}");
        let error = text(&output.stderr);
        assert!(error.starts_with("error: "), "{error}");
        assert!(parts.iter().all(|part| error.contains(part)), "{words}: {error}");
    }
}

#[test]
fn unwritable_page_is_an_error() {
    let output = norm_sim("plan --size 1MB --receivers 2 --html /no/such/place/plan.html");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("/no/such/place/plan.html"));
}

#[test]
fn json_has_the_numbers_of_the_text() {
    let words = "plan --size 2MB --receivers 4 --loss 0% --rate 100M";
    let output = norm_sim(&format!("{words} --json"));
    assert!(output.status.success());
    let plan: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(plan["complete"], 4);
    assert_eq!(plan["simulated"]["whole"], true);
    let seconds = plan["seconds"].as_f64().unwrap();
    assert!((0.16..0.18).contains(&seconds), "{seconds}");
    let shown = text(&norm_sim(words).stdout);
    assert!(shown.starts_with("2 MB to 4 receivers at 100 Mbit/s: complete after 0.17 s"));
}

#[test]
fn help_fits_a_terminal() {
    for words in ["--help", "plan --help", "plan -h"] {
        let help = text(&norm_sim(words).stdout);
        assert!(help.lines().all(|line| line.chars().count() <= 110), "{help}");
    }
}
