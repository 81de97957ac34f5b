//! The README's first command.

use crate::common::{Program, last, names, norm_send, stderr, stdout};
use crate::schema;

#[test]
fn demo_makes_identical_copies_and_cleans_up() {
    let temp = tempfile::tempdir().unwrap();
    let output = norm_send().arg("--demo=2").env("TMPDIR", temp.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let table = stdout(&output);
    for receiver in ["demo-1", "demo-2"] {
        let row = table.lines().find(|line| line.contains(receiver));
        assert!(
            row.is_some_and(|row| row.contains("identical") && row.contains("5.0 %")),
            "{table}"
        );
    }
    assert!(table.contains("identical to the source: 2 of 2 copies"), "{table}");
    assert_eq!(names(temp.path()), [""; 0], "temporary folders are removed");
}

#[test]
fn demo_sends_a_given_directory_and_prints_events() {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
    let demo = Program::start(norm_send().args(["--demo=1", "--json", source]));
    let (status, events) = demo.finish();
    assert_eq!(status.code(), Some(0), "{events:#?}");
    schema::check(&["ProgramEvent", "SenderEvent", "SendEvent", "DemoEvent"], &events);
    assert_eq!(last(&events, "demo_copy")["identical"], true);
    assert_eq!(last(&events, "demo_summary")["transfer"]["outcome"], "complete");
}
