//! How a server's half behaves.

use crate::buffer::MAX_CHUNK;
use crate::handshake::Versions;
use crate::limits::Limits;

/// How a [`Server`](super::Server) behaves.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Options {
    /// Which versions it speaks, and whether it takes part in the manifest handshake. Default: all, and yes.
    pub versions: Versions,
    /// What the client can make it hold.
    pub limits: Limits,
    pub(super) relaying: bool,
    pub(super) chunk: usize,
    pub(super) noops: bool,
}

impl Options {
    /// For those who answer by themselves: the client's requests, and the answers, must be as the state table says.
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

    /// For proxies: every request is handed out when it comes, and every answer passed on.
    #[must_use]
    pub fn relaying() -> Self {
        Self {
            relaying: true,
            ..Self::strict()
        }
    }

    /// Speaks only these versions.
    #[must_use]
    pub fn versions(mut self, versions: Versions) -> Self {
        self.versions = versions;
        self
    }

    /// Bounds what the client can make it hold.
    #[must_use]
    pub const fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Splits answers into chunks of at most this many bytes, at least 1. Default: 65,535, as real servers do.
    #[must_use]
    pub const fn chunk_size(mut self, bytes: usize) -> Self {
        self.chunk = bytes;
        self
    }

    /// Sends a keep-alive in front of every answer. Default: none, unless by [`noop`](super::Server::noop).
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
