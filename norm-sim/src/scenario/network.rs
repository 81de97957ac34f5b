//! Switches and links.

use core::time::Duration;

use crate::rule::Rule;

/// A switch: it copies packets to the group to every port but the one they came from.
#[derive(Clone, Debug, Default)]
pub struct Switch {
    /// The switch above; ignored for switch 0.
    pub parent: u32,
    /// The link to the switch above.
    pub link: Link,
}

/// A link, seen from the upper of its two ends: the switch above, or the switch of a host.
#[derive(Clone, Debug)]
pub struct Link {
    /// Time from one end to the other; at least a microsecond.
    pub delay: Duration,
    /// Time of the way back, towards the root, if it differs from `delay`.
    pub delay_up: Option<Duration>,
    /// Rules for packets on the way down, away from the root.
    pub down: Vec<Rule>,
    /// Rules for packets on the way up.
    pub up: Vec<Rule>,
}

impl Default for Link {
    fn default() -> Self {
        let delay = Duration::from_millis(1);
        Self { delay, delay_up: None, down: Vec::new(), up: Vec::new() }
    }
}

impl Link {
    /// A link of one millisecond that loses this share (0 to 1) of the packets on the way down.
    pub fn lossy(loss: f64) -> Self {
        Self { down: vec![Rule::Loss(loss)], ..Self::default() }
    }
}
