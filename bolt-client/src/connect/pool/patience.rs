//! How long callers wait for one step of an opening before they try another way.

use std::time::Duration;

use crate::config::Config;

/// How long a due answer may take before something else is tried: enough for a long round trip and a busy server.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// The patience with openings, adapted to this pool's server.
///
/// An opening may hang while a new one would succeed at once: then waiting costs callers time. Or the server takes
/// long for each opening: then new ones slow it down even more. So callers begin with one second, and adapt: twice
/// the longest step of the opening that succeeded last, or twice the wait after which one was given up in vain. The
/// maximum is a third of `connection_timeout`, so that three attempts fit into it. Each caller doubles its own
/// patience with each further opening that it begins, so the number of openings grows with the logarithm of its
/// limit.
#[derive(Debug)]
pub(super) struct AdaptivePatience {
    patience: Duration,
    most: Duration,
}

impl AdaptivePatience {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            patience: PATIENCE,
            most: (config.connection_timeout / 3).max(PATIENCE),
        }
    }

    /// Returns the patience for one step of a caller's first opening.
    pub(super) const fn patience(&self) -> Duration {
        self.patience
    }

    /// Notes the longest step of an opening that has succeeded.
    pub(super) fn succeeded(&mut self, longest: Duration) {
        self.set(longest);
    }

    /// Notes that an opening was given up after a caller had waited this long for one step.
    pub(super) fn gave_up(&mut self, waited: Duration) {
        self.set(waited.max(self.patience / 2));
    }

    fn set(&mut self, waited: Duration) {
        self.patience = waited.saturating_mul(2).clamp(PATIENCE, self.most);
    }
}

#[cfg(test)]
mod tests {
    use bolt_proto::Auth;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn adaptive() -> AdaptivePatience {
        AdaptivePatience::new(&Config::new("bolt://test", Auth::none()).unwrap())
    }

    #[test]
    fn a_server_that_takes_its_time_is_given_twice_that() {
        let mut adaptive = adaptive();
        assert_eq!(adaptive.patience(), SECOND);
        adaptive.succeeded(SECOND * 3);
        assert_eq!(adaptive.patience(), SECOND * 6);
        adaptive.succeeded(SECOND / 100);
        assert_eq!(adaptive.patience(), SECOND);
    }

    #[test]
    fn patience_that_was_not_enough_is_doubled_up_to_a_third_of_the_time() {
        let mut adaptive = adaptive();
        adaptive.gave_up(SECOND);
        assert_eq!(adaptive.patience(), SECOND * 2);
        adaptive.gave_up(SECOND / 2);
        assert_eq!(adaptive.patience(), SECOND * 2, "it does not shrink");
        adaptive.gave_up(SECOND * 4);
        assert_eq!(adaptive.patience(), SECOND * 8);
        adaptive.gave_up(SECOND * 8);
        assert_eq!(adaptive.patience(), SECOND * 10);
    }
}
