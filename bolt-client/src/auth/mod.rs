//! What a driver logs in with: [`AuthManager`], and managers for passwords and tokens that change.

mod basic;
mod bearer;
mod erased;
mod manager;
mod provider;

pub use basic::BasicAuthManager;
pub use bearer::{BearerAuthManager, ExpiringAuth};
pub(crate) use erased::AuthSource;
pub use manager::{AuthManager, BlockingAuthManager, BlockingManager};
use provider::Provider;

/// Any error of an application.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
