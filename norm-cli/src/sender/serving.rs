//! `norm-send --serve`: the files by HTTP, beside the session and after it.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use norm_http::{Server, ServerOptions, Sets};
use norm_net::{SendEvent, SendSettings, Sending};

use super::POLL_INTERVAL;
use crate::args::SendArgs;
use crate::exit::{Code, Failure};
use crate::interrupt::Interrupt;
use crate::json::SenderEvent;
use crate::keys::Given;
use crate::output::Output;
use crate::text;

/// A service of what is sent, once that is hashed.
pub(super) struct Serving {
    server: Server,
    sets: Sets,
    is_ready: bool,
    /// Time after the transfer; `None` is until it is stopped.
    stays: Option<Duration>,
}

/// Refuses to serve what is sealed for members only.
pub(super) fn check(args: &SendArgs, given: &Given) -> Result<(), Failure> {
    let is_sealed = !matches!(given, Given::Nothing { .. });
    if args.serve.serve.is_some() && is_sealed {
        return Err(Failure::usage(
            "--serve cannot be combined with a key yet, as what goes out by HTTP is not sealed: \
             remove --serve, or the key",
        ));
    }
    Ok(())
}

impl Serving {
    /// Listens, if the command line says so.
    pub(super) fn begin(
        args: &SendArgs,
        settings: &SendSettings,
        own_name: &str,
        output: &mut Output,
    ) -> Result<Option<Self>, Failure> {
        let Some(address) = args.serve.address(settings.local) else { return Ok(None) };
        let mut options = ServerOptions::new(address);
        options.own_name = Some(own_name.to_owned());
        let sets = Sets::default();
        let server = Server::start(&options, sets.clone()).map_err(|error| {
            Failure::new(
                Code::Network,
                format!(
                    "--serve cannot listen at {address}: {error}; use another port, as in \
                     --serve={}",
                    SocketAddr::new(address.ip(), 0)
                ),
            )
        })?;
        let url = format!("http://{}/", server.address());
        output.event(&SenderEvent::Serving { url: url.clone() });
        output.say(&format!("serving at {url} as soon as all is hashed, for norm-recv --fill"));
        Ok(Some(Self { server, sets, is_ready: false, stays: args.serve.serve_for }))
    }

    /// Serves the files from the event on that says that they are hashed.
    pub(super) fn note(&mut self, event: &SendEvent, sending: &Sending) {
        if let (SendEvent::Hashed { .. }, Some(set)) = (event, sending.complete_set()) {
            self.sets.add(set);
            self.is_ready = true;
        }
    }

    /// Goes on after the transfer, until that is long enough or the user stops it.
    pub(super) fn stay(self, output: &mut Output, interrupt: &Interrupt) {
        let began = Instant::now();
        let goes_on = |stays: Option<Duration>| {
            !interrupt.requested() && stays.is_none_or(|stays| began.elapsed() < stays)
        };
        if self.is_ready && goes_on(self.stays) {
            let until = match self.stays {
                Some(time) => format!("for {} more", text::span(time)),
                None => "until stopped with Ctrl-C".to_owned(),
            };
            output.say(&format!("still serving at http://{}/, {until}", self.server.address()));
            while goes_on(self.stays) {
                thread::sleep(POLL_INTERVAL);
            }
        }
        let (bytes, requests) = (self.server.served().payload(), self.server.served().requests());
        output.event(&SenderEvent::Served { bytes, requests });
        if bytes > 0 {
            output.say(&format!("{} served by HTTP", text::bytes(bytes)));
        }
    }
}
