//! `norm-objects send`.

use std::fs::{self, File};
use std::io::{self, Read};
use std::net::SocketAddr;
use std::path::Path;

use bytes::Bytes;
use norm_net::SendError;
use norm_net::objects::{
    MessageMarks, Mode, ObjectError, ObjectSendEvent, ObjectSendOptions, ObjectSendOutcome,
    ObjectSender, RateControl, RsForm, StreamWriter,
};

use super::options::{Kind, SendArgs};
use super::{heed, protect, tell};
use crate::exit::{Code, Failure};
use crate::keys::{Given, Side};
use crate::sandbox::{self, Allowed};
use crate::text;

pub(super) fn run(args: &SendArgs) -> Result<Code, Failure> {
    let given = Given::read(&args.session.keys, Side::Sender)?;
    sandbox::confine(&Allowed::default());
    let mut options = options(args)?;
    let input = open(args.file.as_deref())?;
    let lengths = args.lengths.as_deref().map(lengths).transpose()?;
    options.seal = protect(&given, &args.session)?;
    let sender = ObjectSender::open(&options).map_err(|error| failed(&error))?;
    tell(args.session.json, "ready");
    let events = sender.events();
    let info = args.info.clone().map(Bytes::from);
    match args.kind {
        Kind::Data => send_data(&sender, input, info)?,
        Kind::Stream => {
            let writer = sender.open_stream(info, args.buffer, MessageMarks::Every);
            send_stream(writer.map_err(|error| refused(&error))?, input, lengths)?;
        }
    }
    let report = sender.finish().map_err(|error| failed(&error))?;
    tell(args.session.json, "end");
    let group = args.session.network.group;
    match report.outcome {
        ObjectSendOutcome::Complete => Ok(Code::Success),
        ObjectSendOutcome::NoReceivers | ObjectSendOutcome::StartTimedOut => {
            let failures = events.filter_map(|event| match event {
                ObjectSendEvent::Hint(hint) => heed(&hint, args.session.json),
                _ => None,
            });
            Err(failures.reduce(|first, _| first).unwrap_or_else(|| not_heard(group)))
        }
        _ => Err(Failure::new(Code::Partial, "not all receivers are complete")),
    }
}

fn not_heard(group: SocketAddr) -> Failure {
    let message = format!(
        "no receiver heard on {group}: start one with this group first, and check --interface on \
         both sides"
    );
    Failure::new(Code::NotHeard, message)
}

fn options(args: &SendArgs) -> Result<ObjectSendOptions, Failure> {
    let form = match args.fec {
        5 => RsForm::Id5,
        129 => RsForm::Id129,
        2 if args.block.saturating_add(args.parity) > 255 => RsForm::Id2Bits16,
        2 => RsForm::Id2Bits8,
        other => return Err(Failure::usage(format!("--fec {other} is unknown: use 5, 2 or 129"))),
    };
    let session = &args.session.network;
    Ok(ObjectSendOptions::new(session.group).with(|o| {
        o.interface = session.interface();
        o.ttl = session.ttl;
        o.node = session.node_id;
        o.rate = args.rate.pace().limit();
        o.control = if args.fair { RateControl::Fair } else { RateControl::Fixed };
        o.min_receivers = args.min_receivers as usize;
        o.form = form;
        o.block_len = args.block;
        o.parity = args.parity;
        o.segment_size = args.segment;
        o.mode = if args.native { Mode::Native } else { Mode::Standard };
    }))
}

fn open(file: Option<&Path>) -> Result<Box<dyn Read>, Failure> {
    match file {
        None => Ok(Box::new(io::stdin())),
        Some(path) => match File::open(path) {
            Ok(file) => Ok(Box::new(file)),
            Err(error) => Err(unreadable_file(path, &error)),
        },
    }
}

fn lengths(path: &Path) -> Result<Vec<usize>, Failure> {
    let text = fs::read_to_string(path).map_err(|error| unreadable_file(path, &error))?;
    let length = |line: &str| line.parse().map_err(|error| unreadable_file(path, &error));
    text.lines().map(length).collect()
}

fn unreadable_file(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::local(format!("cannot read {}: {error}", text::path(path)))
}

fn send_data(
    sender: &ObjectSender,
    mut input: Box<dyn Read>,
    info: Option<Bytes>,
) -> Result<(), Failure> {
    let mut content = Vec::new();
    input.read_to_end(&mut content).map_err(|error| unreadable(&error))?;
    sender.send_data(content.into(), info).map(|_| ()).map_err(|error| refused(&error))
}

/// Without lengths, each read is flushed: the input may be a terminal.
fn send_stream(
    mut writer: StreamWriter,
    mut input: Box<dyn Read>,
    lengths: Option<Vec<usize>>,
) -> Result<(), Failure> {
    let mut buf = vec![0; 64 << 10];
    for length in lengths.into_iter().flatten() {
        let mut left = length;
        while left > 0 {
            let part = left.min(buf.len());
            let part = buf.get_mut(..part).unwrap_or_default();
            input.read_exact(part).map_err(|error| unreadable(&error))?;
            writer.write(part).map_err(|error| refused(&error))?;
            left -= part.len();
        }
        writer.end_message().and_then(|()| writer.flush()).map_err(|error| refused(&error))?;
    }
    loop {
        let len = input.read(&mut buf).map_err(|error| unreadable(&error))?;
        if len == 0 {
            writer.close();
            return Ok(());
        }
        let part = buf.get(..len).unwrap_or_default();
        writer.write(part).and_then(|()| writer.flush()).map_err(|error| refused(&error))?;
    }
}

fn unreadable(error: &io::Error) -> Failure {
    Failure::local(format!("cannot read what to send: {error}"))
}

fn refused(error: &ObjectError) -> Failure {
    Failure::usage(error.to_string())
}

fn failed(error: &SendError) -> Failure {
    let code = if matches!(error, SendError::Config(_)) { Code::Usage } else { Code::Network };
    Failure::new(code, error.to_string())
}
