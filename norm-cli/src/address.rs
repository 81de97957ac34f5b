//! Sessions that begin before this machine has an address: the cable is not plugged in yet, or it
//! has just started.

use std::thread;
use std::time::{Duration, Instant};

use norm_net::Hint;
use norm_net::io::error::NetError;
use norm_net::io::interface::InterfaceError;

use crate::output::Output;

/// How often it is seen whether there is one.
const TRY_INTERVAL: Duration = Duration::from_millis(500);

/// What a session waits for before it begins, if it waits.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Patience {
    /// Also for an interface to appear, by its name or at all.
    pub(crate) for_interfaces: bool,
    /// At most this long; `None` is without end.
    pub(crate) limit: Option<Duration>,
}

impl Patience {
    /// True when a session waits that cannot begin because of this error.
    fn waits_for(self, error: &NetError) -> bool {
        let is_interface = matches!(
            error,
            NetError::Interface(
                InterfaceError::NotFound { .. } | InterfaceError::NoneUsable { .. }
            )
        );
        error.is_missing_address() && (self.for_interfaces || !is_interface)
    }
}

/// Begins a session by `start`, as soon as there is an address that it can use; `net` is what its
/// errors say of the network. Ctrl-C ends the program meanwhile.
pub(crate) fn begin<T, E>(
    output: &mut Output,
    patience: Patience,
    net: fn(&E) -> Option<&NetError>,
    mut start: impl FnMut() -> Result<T, E>,
) -> Result<T, E> {
    let (since, mut told) = (Instant::now(), false);
    loop {
        let error = match start() {
            Ok(session) => return Ok(session),
            Err(error) => error,
        };
        let is_over = patience.limit.is_some_and(|limit| since.elapsed() >= limit);
        let Some(missing) = net(&error).filter(|net| patience.waits_for(net) && !is_over) else {
            return Err(error);
        };
        if !std::mem::replace(&mut told, true) {
            output.hint(&Hint::NoAddressYet { error: missing.to_string() });
        }
        thread::sleep(TRY_INTERVAL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_that_no_interface_has_is_waited_for_by_some_only() {
        let limit = None;
        let waits = |for_interfaces, error| {
            Patience { for_interfaces, limit }.waits_for(&NetError::Interface(error))
        };
        let not_found =
            || InterfaceError::NotFound { wanted: "eth9".to_owned(), existing: Vec::new() };
        let no_address = || InterfaceError::NoAddress {
            name: "eth0".to_owned(),
            family: "IPv4",
            existing: Vec::new(),
        };
        let ambiguous = || InterfaceError::Ambiguous { family: "IPv4", candidates: Vec::new() };
        assert!(waits(true, not_found()) && !waits(false, not_found()));
        assert!(waits(true, no_address()) && waits(false, no_address()));
        assert!(!waits(true, ambiguous()), "the user has to choose");
    }
}
