//! An application's function that provides credentials.

use std::future::{Future, ready};
use std::sync::Arc;

use crate::runtime::BoxFuture;

use super::BoxError;

/// An application's function that provides credentials.
pub(super) struct Provider<T>(Arc<dyn Fn() -> BoxFuture<'static, Result<T, BoxError>> + Send + Sync>);

impl<T: Send + 'static> Provider<T> {
    pub(super) fn new<F, E>(provide: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        E: Into<BoxError>,
    {
        Self(Arc::new(move || {
            let provided = provide();
            Box::pin(async move { provided.await.map_err(Into::into) })
        }))
    }

    pub(super) fn blocking<E>(provide: impl Fn() -> Result<T, E> + Send + Sync + 'static) -> Self
    where
        E: Into<BoxError>,
    {
        Self(Arc::new(move || {
            let provided = provide().map_err(Into::into);
            Box::pin(ready(provided))
        }))
    }

    pub(super) fn call(&self) -> BoxFuture<'static, Result<T, BoxError>> {
        (self.0)()
    }
}
