//! Bounds on what a peer can make us hold.

/// How much a peer may make this side hold in memory. A length field is only the peer's word: each bound is
/// checked before memory is taken.
///
/// ```
/// let limits = bolt_proto::Limits::default().message(1024 * 1024);
/// assert_eq!(limits.max_message(), 1024 * 1024);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    message: usize,
}

impl Limits {
    /// The largest message accepted from the peer, in bytes. Default: 256 MiB.
    ///
    /// A record is one message, so this bounds the largest row that can be read.
    #[must_use]
    pub const fn message(mut self, bytes: usize) -> Self {
        self.message = bytes;
        self
    }

    /// The bound set by [`message`](Self::message).
    #[must_use]
    pub const fn max_message(&self) -> usize {
        self.message
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message: 256 * 1024 * 1024,
        }
    }
}
