//! Options of the server's half.

use crate::buffer::MAX_CHUNK;
use crate::handshake::Versions;
use crate::limits::Limits;

/// The options of a [`Server`](super::Server).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Options {
    /// The versions that the server supports, with or without the manifest handshake. Default: all, with the
    /// manifest.
    pub versions: Versions,
    /// The bounds on memory.
    pub limits: Limits,
    pub(super) relaying: bool,
    pub(super) chunk: usize,
    pub(super) noops: bool,
}

impl Options {
    /// Creates options for a server that answers by itself: requests and answers must follow the state table.
    #[must_use]
    pub fn strict() -> Self {
        Self {
            versions: Versions::default(),
            limits: Limits::default(),
            relaying: false,
            chunk: MAX_CHUNK,
            noops: false,
        }
    }

    /// Creates options for a proxy: each request is handed out when it arrives, and each answer is passed on.
    #[must_use]
    pub fn relaying() -> Self {
        Self {
            relaying: true,
            ..Self::strict()
        }
    }

    /// Sets the versions that the server supports.
    #[must_use]
    pub fn versions(mut self, versions: Versions) -> Self {
        self.versions = versions;
        self
    }

    /// Sets the bounds on memory.
    #[must_use]
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Splits answers into chunks of at most this many bytes, at least 1. Default: 65,535, like real servers.
    #[must_use]
    pub const fn chunk_size(mut self, bytes: usize) -> Self {
        self.chunk = bytes;
        self
    }

    /// Sends a keep-alive before every answer. Default: none, except by [`noop`](super::Server::noop).
    #[must_use]
    pub const fn with_noops(mut self) -> Self {
        self.noops = true;
        self
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::strict()
    }
}
