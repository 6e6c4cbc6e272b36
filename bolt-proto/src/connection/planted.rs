//! What a client must not do, for the tests of the tests: in builds with `--cfg planted` only.

use crate::error::UsageError;
use crate::event::RequestId;
use crate::state::Message;

use super::Connection;

impl Connection {
    /// RESET, whatever it overtakes.
    ///
    /// # Errors
    /// As [`reset`](Self::reset), but for that.
    #[doc(hidden)]
    pub fn reset_regardless(&mut self) -> Result<RequestId, UsageError> {
        let request = self.compose(Message::Reset, None, 0, |_| Ok(()))?;
        self.ledger.close_flows(request);
        Ok(request)
    }

    /// COMMIT, whatever is open.
    ///
    /// # Errors
    /// As [`commit`](Self::commit), but for that.
    #[doc(hidden)]
    pub fn commit_regardless(&mut self) -> Result<RequestId, UsageError> {
        let request = self.compose(Message::Commit, None, 0, |_| Ok(()))?;
        self.ledger.close_flows(request);
        Ok(request)
    }
}
