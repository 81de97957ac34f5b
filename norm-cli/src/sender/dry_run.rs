//! `norm-send --dry-run`: what would be sent.

use norm_net::Preview;

use super::choice::selection;
use super::{failure, left_out};
use crate::args::SendArgs;
use crate::exit::{Code, Failure};
use crate::json::{DryRun, SenderEvent, WouldSend};
use crate::output::Output;
use crate::text;

/// Says what would be sent, and sends nothing.
pub(super) fn run(args: &SendArgs) -> Result<Code, Failure> {
    let mut output = Output::new(args.common.json);
    let preview = norm_net::preview(selection(args)?).map_err(|error| failure(&error))?;
    for entry in &preview.entries {
        let more = match &entry.link {
            Some(target) => format!(" -> {}", text::path(target)),
            None if entry.is_directory => "/".to_owned(),
            None => String::new(),
        };
        output.results([format!("{}{more}", text::path(&entry.path))]);
        output.event(&SenderEvent::WouldSend(WouldSend::new(entry)));
    }
    for line in left_out::lines(&preview.left_out) {
        output.say(&line);
    }
    for hint in &preview.hints {
        output.hint(hint);
    }
    output.event(&SenderEvent::DryRun(DryRun::new(&preview)));
    output.say(&words(&preview));
    Ok(Code::Success)
}

fn words(preview: &Preview) -> String {
    let links = match preview.links {
        0 => String::new(),
        links => format!(", {}", text::count(links, "symbolic link")),
    };
    format!(
        "dry run: {} of {}{links} and {} would be sent; nothing was",
        text::bytes(preview.bytes),
        text::count(preview.files, "file"),
        text::count(preview.directories, "directory"),
    )
}
