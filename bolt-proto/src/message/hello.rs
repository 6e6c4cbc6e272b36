//! How the client introduces itself.

use alloc::string::String;

use crate::error::EncodeError;
use crate::message::Auth;
use crate::message::request::Fields;
use crate::version::Capabilities;

/// The contents of HELLO.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    user_agent: String,
    bolt_agent: String,
}

impl Hello {
    /// An introduction under the application's name, `Name/Version`.
    #[must_use]
    pub fn new(user_agent: impl Into<String>) -> Self {
        Self {
            user_agent: user_agent.into(),
            bolt_agent: concat!("bolt-proto-rust/", env!("CARGO_PKG_VERSION")).into(),
        }
    }

    /// The driver's own name, `name/version`, which from 5.3 on is sent beside the application's. Default: this
    /// crate's.
    #[must_use]
    pub fn bolt_agent(mut self, product: impl Into<String>) -> Self {
        self.bolt_agent = product.into();
        self
    }

    /// Up to 5.0 the token travels here.
    pub(crate) fn write(
        &self,
        auth: &Auth,
        capabilities: &Capabilities,
        fields: &mut Fields<'_>,
    ) -> Result<(), EncodeError> {
        fields.string("user_agent", &self.user_agent)?;
        if capabilities.bolt_agent {
            fields.map("bolt_agent", |agent| agent.string("product", &self.bolt_agent))?;
        }
        if !capabilities.logon {
            auth.write(fields)?;
        }
        Ok(())
    }
}
