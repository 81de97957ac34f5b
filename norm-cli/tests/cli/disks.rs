//! Disks and shares that refuse something.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::common::{Program, group, last, names, norm_recv, norm_send, random_bytes};
use crate::refusals::refuse;

fn receiver(group: &str, directory: &Path) -> Command {
    let mut command = norm_recv();
    command.args(["-i", "127.0.0.1", "-g", group, "--json", "--timeout", "30"]).arg(directory);
    command
}

fn start(mut command: Command) -> Program {
    let mut program = Program::start(&mut command);
    program.wait_for("settings");
    program
}

fn sender(group: &str, path: &Path) -> Program {
    let mut command = norm_send();
    command.args(["-i", "127.0.0.1", "-g", group, "--json", "-b", "100M"]);
    command.args(["--min-receivers", "1", "--start-timeout", "30", "--linger", "1"]);
    Program::start(command.arg(path))
}

fn hints<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["event"] == "hint" && event["kind"] == kind).collect()
}

#[test]
fn share_that_refuses_modes_and_times_takes_the_content() {
    let temp = tempfile::tempdir().unwrap();
    let (source, out) = (temp.path().join("folder"), temp.path().join("out"));
    fs::create_dir_all(source.join("inner")).unwrap();
    let contents = [random_bytes(1, 300_000), random_bytes(2, 70_000)];
    fs::write(source.join("a"), &contents[0]).unwrap();
    fs::write(source.join("inner/b"), &contents[1]).unwrap();
    let group = group();
    let mut command = receiver(&group, &out);
    let metadata = [libc::SYS_fchmod, libc::SYS_utimensat, libc::SYS_fchown];
    refuse(&mut command, &metadata, libc::EPERM);
    let receiving = start(command);
    let (status, events) = sender(&group, &source).finish();
    assert_eq!(status.code(), Some(0), "{events:#?}");
    let (status, events) = receiving.finish();
    assert_eq!(status.code(), Some(0), "{events:#?}");
    let told = hints(&events, "metadata_refused");
    assert_eq!(told.len(), 1, "{events:#?}");
    assert_eq!(told[0]["entries"], 4, "{told:#?}");
    let message = told[0]["message"].as_str().unwrap();
    assert!(message.contains("Operation not permitted"), "{message}");
    assert!(message.contains("Their content is complete."), "{message}");
    assert!(fs::read(out.join("folder/a")).unwrap() == contents[0]);
    assert!(fs::read(out.join("folder/inner/b")).unwrap() == contents[1]);
    assert_eq!(names(&out), ["folder"]);
    assert_eq!(last(&events, "summary")["outcome"], "complete");
}
