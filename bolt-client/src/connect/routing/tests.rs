//! The router with scripted servers.
