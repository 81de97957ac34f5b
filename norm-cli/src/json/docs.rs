//! `docs/json.md` says what is printed: every event, every field, and examples that fit.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use norm_core::norm::wire::NodeId;
use serde_json::Value;

use super::*;

/// A program's chapter of the document, an event's name, and one such event.
type Sample = (&'static str, &'static str, Value);

/// Makes `samples`, and a `match` over them: an event that is not listed does not compile.
macro_rules! samples {
    ($($chapter:literal => { $($pattern:pat => $name:literal, $event:expr;)* })*) => {
        fn samples() -> Vec<Sample> {
            let value = |event: &Event<'_>| serde_json::to_value(event).unwrap();
            let mut samples = Vec::new();
            $($(
                assert!(matches!($event, $pattern), "{} is another event", $name);
                samples.push(($chapter, $name, value(&$event)));
            )*)*
            samples
        }

        #[expect(dead_code, reason = "it has only to compile")]
        fn is_listed(event: &Event<'_>) {
            match event {
                $($($pattern => {})*)*
            }
        }
    };
}

samples! {
    "Both programs" => {
        Event::Hint { .. } => "hint", Event::Hint { message: "" };
        Event::Interrupted => "interrupted", Event::Interrupted;
        Event::Error { .. } => "error", Event::Error { exit_code: 1, message: "" };
    }
    "norm-send" => {
        Event::SenderSettings(_) => "settings", Event::SenderSettings(&SenderSettings::default());
        Event::ReceiverFound { .. } => "receiver_found",
            Event::ReceiverFound { node: node(), name: "" };
        Event::Started { .. } => "started", Event::Started { receivers: 1 };
        Event::SenderProgress(_) => "progress", Event::SenderProgress(SenderProgress::default());
        Event::ReceiverProgress { .. } => "receiver_progress", Event::ReceiverProgress {
            node: node(),
            name: "",
            state: "",
            bytes_done: 0,
            bytes_total: 0,
            loss: 0.0,
            drops: 0,
            marked: 0,
        };
        Event::AllSent => "all_sent", Event::AllSent;
        Event::RateBound { .. } => "rate_bound", Event::RateBound { rate: None, until: None };
        Event::ReceiverConfirmed { .. } => "receiver_confirmed",
            Event::ReceiverConfirmed { node: node(), name: "" };
        Event::ReceiverFailed { .. } => "receiver_failed",
            Event::ReceiverFailed { node: node(), name: "", reason: "" };
        Event::ReceiverLost { .. } => "receiver_lost",
            Event::ReceiverLost { node: node(), name: "" };
        Event::ReceiverEvicted { .. } => "receiver_evicted",
            Event::ReceiverEvicted { node: node(), name: "", separate_group: None };
        Event::SenderSummary(_) => "summary", Event::SenderSummary(&sender_summary());
    }
    "norm-send --demo" => {
        Event::DemoCopy(_) => "demo_copy", Event::DemoCopy(&demo_copy());
        Event::DemoSummary(_) => "demo_summary", Event::DemoSummary(&DemoSummary::default());
    }
    "norm-recv" => {
        Event::RecvSettings(_) => "settings", Event::RecvSettings(&RecvSettings::default());
        Event::SenderFound { .. } => "sender_found",
            Event::SenderFound { node: node(), address: String::new() };
        Event::SetFound { .. } => "set_found", Event::SetFound { set: "", bytes: 0 };
        Event::SetResumed { .. } => "set_resumed", Event::SetResumed { set: "", bytes: 0, of: 0 };
        Event::SetKept { .. } => "set_kept", Event::SetKept { set: "", bytes: 0, of: 0 };
        Event::Leftovers { .. } => "leftovers",
            Event::Leftovers { kept: vec![Leftover::default()], removed: 0 };
        Event::FilesKnown { .. } => "files_known", Event::FilesKnown { files: 0, bytes: 0 };
        Event::RecvProgress(_) => "progress", Event::RecvProgress(RecvProgress::default());
        Event::Verifying => "verifying", Event::Verifying;
        Event::FileComplete { .. } => "file_complete",
            Event::FileComplete { path: String::new(), bytes: 0, already_here: false };
        Event::FileFailed { .. } => "file_failed",
            Event::FileFailed { path: String::new(), reason: "" };
        Event::SetComplete(_) => "set_complete", Event::SetComplete(&SetSummary::default());
        Event::SetFailed { .. } => "set_failed", Event::SetFailed { set: "", reason: "" };
        Event::SenderPaused => "sender_paused", Event::SenderPaused;
        Event::SenderResumed => "sender_resumed", Event::SenderResumed;
        Event::SenderSilent => "sender_silent", Event::SenderSilent;
        Event::SenderEnded => "sender_ended", Event::SenderEnded;
        Event::Evicted { .. } => "evicted", Event::Evicted { separate_group: None };
        Event::RecvSummary(_) => "summary", Event::RecvSummary(&recv_summary());
    }
}

fn node() -> String {
    node_id(NodeId(1))
}

/// With all that is left out where there is nothing to say.
fn sender_summary() -> SenderSummary {
    let receiver = ReceiverSummary { reason: Some(String::new()), ..ReceiverSummary::default() };
    SenderSummary { receivers: vec![receiver], ..SenderSummary::default() }
}

fn demo_copy() -> DemoCopy {
    DemoCopy { problem: Some(String::new()), ..DemoCopy::default() }
}

fn recv_summary() -> RecvSummary {
    RecvSummary { failed: vec![FailedSet::default()], ..RecvSummary::default() }
}

fn document() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/json.md");
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What stands below a heading, up to the next one of its level or above.
fn section<'a>(document: &'a str, heading: &str) -> Option<&'a str> {
    let begin = document.find(&format!("\n{heading}\n"))? + heading.len() + 2;
    let text = &document[begin..];
    let level = heading.find(' ')?;
    let end = (1..=level).filter_map(|n| text.find(&format!("\n{} ", "#".repeat(n)))).min();
    Some(&text[..end.unwrap_or(text.len())])
}

/// Fields by name, those of records in a list as `list[].field`.
fn fields(value: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (name, value) in value.as_object().unwrap() {
        let inner = value.as_array().and_then(|list| list.first()).filter(|item| item.is_object());
        names.extend(inner.iter().flat_map(|item| fields(item)).map(|n| format!("{name}[].{n}")));
        names.insert(name.clone());
    }
    // Every line has these two.
    names.remove("event");
    names.remove("at");
    names
}

/// Fields in a section's table; the second set has those that may be absent.
fn documented(section: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
    let rows: Vec<(&str, &str)> = rows.collect();
    let names = |rows: &[(&str, &str)]| rows.iter().map(|row| row.0.to_owned()).collect();
    let absent: Vec<_> = rows.iter().copied().filter(|row| row.1.contains("absent")).collect();
    (names(&rows), names(&absent))
}

#[test]
fn names_of_events_are_stable() {
    for (_, name, event) in samples() {
        assert_eq!(event["event"], name);
    }
}

#[test]
fn every_event_is_documented_with_its_fields_and_an_example() {
    let document = document();
    for (chapter, name, event) in samples() {
        let chapter_text = section(&document, &format!("## {chapter}"));
        let chapter_text = chapter_text.unwrap_or_else(|| panic!("no chapter {chapter}"));
        let text = section(chapter_text, &format!("### `{name}`"));
        let text = text.unwrap_or_else(|| panic!("{chapter}: the event `{name}` has no section"));
        let (documented, absent) = documented(text);
        assert_eq!(documented, fields(&event), "{chapter}: fields of `{name}`");
        let examples: Vec<&str> = text.lines().filter(|line| line.starts_with('{')).collect();
        assert!(!examples.is_empty(), "{chapter}: `{name}` has no example");
        for example in examples {
            let example: Value = serde_json::from_str(example).unwrap();
            assert_eq!(example["event"], name);
            assert!(example["at"].is_f64(), "{example}");
            for (field, value) in event.as_object().unwrap() {
                let there = example.get(field).is_some();
                assert!(there || absent.contains(field), "{name}: {field} ({value}): {example}");
            }
        }
    }
}

#[test]
fn every_event_of_norm_objects_is_documented() {
    let document = document();
    let chapter = section(&document, "## norm-objects").expect("it has a chapter");
    for source in [include_str!("../objects/recv.rs"), include_str!("../objects/send.rs")] {
        let parts: Vec<&str> = source.split("tell(").skip(1).collect();
        assert!(!parts.is_empty());
        for part in parts {
            let name = part.strip_prefix("args.session.json, \"").and_then(|p| p.split_once("\")"));
            let (name, _) = name.expect("a call of `tell` with the name as text");
            assert!(chapter.contains(&format!("\n| `{name}` | ")), "{name} is not documented");
        }
    }
}
