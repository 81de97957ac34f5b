//! Sessions with a roster.

use norm_core::norm::receiver::Feedback;
use norm_core::norm::sender::FeedbackFrom;
use norm_core::transfer::{Roster, RosterLine};

use crate::host::receiver_key;
use crate::packet::HostId;
use crate::scenario::{RecipientsPlan, Role, Scenario};

/// Has the first sender expect all receivers that report; with `keys` what they say is proved.
pub(super) fn expect_all(scenario: &mut Scenario, keys: bool) {
    let reports = |role: &Role| match role {
        Role::Receiver(plan) => plan.config.feedback != Feedback::None && plan.config.announce,
        _ => false,
    };
    let hosts = (0..).zip(&scenario.hosts).filter(|(_, host)| reports(&host.role));
    let lines = hosts.map(|(id, _): (HostId, _)| {
        let key = receiver_key(id).filter(|_| keys);
        (format!("receiver-{id}"), RosterLine { address: None, key })
    });
    let roster: Roster = lines.collect();
    if roster.is_empty() {
        return;
    }
    scenario.recipients = keys.then(RecipientsPlan::default);
    scenario.sender().config.feedback = FeedbackFrom::Roster(roster);
}
