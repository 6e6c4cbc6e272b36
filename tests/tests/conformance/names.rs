//! Runtimes of the adapters, with a name that a scenario resolves and an address that swallows connections.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use bolt_client::runtime::{BoxFuture, Endpoint, NoRuntime, Runtime, SocketOptions, Timer, Transport};

/// The name.
pub(crate) const NAME: &str = "server.example";

/// What the name stands for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    pub(crate) addresses: Vec<SocketAddr>,
    /// Every packet to this address is lost.
    pub(crate) swallowing: Option<SocketAddr>,
    /// How often it was looked up.
    pub(crate) asked: Arc<AtomicU32>,
}

/// The runtime of an adapter, with these names.
#[derive(Debug)]
struct Named<R> {
    inner: R,
    names: Names,
}

impl<R: Runtime> Runtime for Named<R> {
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
        by: Option<Instant>,
    ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        if host != NAME {
            return self.inner.resolve(host, port, by);
        }
        self.names.asked.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { Ok(self.names.addresses.clone()) })
    }

    fn connect<'a>(
        &'a self,
        to: &'a Endpoint,
        with: &'a SocketOptions,
        by: Option<Instant>,
    ) -> BoxFuture<'a, io::Result<Box<dyn Transport>>> {
        Box::pin(async move {
            match (to, by) {
                (Endpoint::Tcp(address), Some(by)) if Some(*address) == self.names.swallowing => {
                    let mut timer = self.inner.timer(by);
                    poll_fn(|cx| timer.as_mut().poll(cx)).await;
                    Err(io::ErrorKind::TimedOut.into())
                }
                _ => self.inner.connect(to, with, by).await,
            }
        })
    }

    fn timer(&self, at: Instant) -> Pin<Box<dyn Timer>> {
        self.inner.timer(at)
    }

    fn now(&self) -> Instant {
        self.inner.now()
    }

    fn is_cancelled(&self) -> bool {
        self.inner.is_cancelled()
    }

    fn can_wait(&self) -> Result<(), NoRuntime> {
        self.inner.can_wait()
    }

    fn blocks(&self) -> bool {
        self.inner.blocks()
    }

    fn random(&self) -> u64 {
        self.inner.random()
    }
}

/// Makes a module for each adapter: how it makes a driver, with these names or without.
macro_rules! adapters {
    ($($name:ident: $adapter:ident, $runtime:ident, $driver:path;)*) => {
        $(pub(crate) mod $name {
            use std::sync::Arc;

            pub(crate) use $adapter::driver_with;

            use super::{Named, Names};

            pub(crate) fn driver_with_names(
                config: bolt_client::Config,
                names: &Names,
            ) -> Result<$driver, bolt_client::Error> {
                let inner = $adapter::runtime::$runtime::default();
                let names = names.clone();
                <$driver>::with_runtime(Arc::new(Named { inner, names }), config)
            }
        })*
    };
}

adapters! {
    tokio: adapter_tokio, Tokio, bolt_client::Driver;
    smol: adapter_smol, Smol, bolt_client::Driver;
    async_std: adapter_async_std, AsyncStd, bolt_client::Driver;
    blocking: adapter_blocking, Blocking, adapter_blocking::Driver;
}
