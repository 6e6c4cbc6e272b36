//! How a unit of work gets a connection.

use std::sync::Arc;
use std::time::Instant;

use crate::connect::Want;
use crate::connect::login::{Credentials, Login};
use crate::connect::pool::{Acquiring, Lease};
use crate::connect::routing::{Choosing, Router};
use crate::deadline::Deadline;
use crate::error::Error;

use super::{Shared, Topology, own_login_unsupported};

/// A call that acquires a connection, as far as it has come without a wait.
pub(crate) enum Begun {
    /// Nearly all calls: the connection is ready, and carries the wanted login.
    Done(Lease),
    Waits(Acquisition),
}

/// A call that waits for a connection, or for something on the way to it.
pub(crate) struct Acquisition {
    since: Instant,
    /// `None` if the call waits for credentials.
    first: Option<(Stage, Credentials)>,
}

/// How far a call has come that has credentials.
enum Stage {
    Done(Lease),
    InPool(Acquiring),
    InCluster(Arc<Router>, Choosing),
}

impl Shared {
    /// Acquires a connection that is ready for this work, and carries the wanted login. Cancel-safe.
    pub(crate) async fn acquire(&self, want: &Want, by: Deadline) -> Result<Lease, Error> {
        match self.begin_acquiring(want)? {
            Begun::Done(lease) => Ok(lease),
            // Boxed, since it is rare, and larger than the rest of a call.
            Begun::Waits(acquisition) => Box::pin(self.go_on_acquiring(acquisition, want, by)).await,
        }
    }

    /// Does what [`acquire`](Self::acquire) does, as far as it needs no wait.
    pub(crate) fn begin_acquiring(&self, want: &Want) -> Result<Begun, Error> {
        let now = self.now();
        let Some(credentials) = self.logins.at_hand(&want.login, now) else {
            return Ok(Begun::Waits(Acquisition {
                since: now,
                first: None,
            }));
        };
        let mut stage = self.stage(want, &credentials, now)?;
        if let Stage::Done(mut lease) = stage {
            if self.is_settled(&want.login, &lease, now) && lease.carry(&credentials)? {
                return Ok(Begun::Done(lease));
            }
            stage = Stage::Done(lease);
        }
        Ok(Begun::Waits(Acquisition {
            since: now,
            first: Some((stage, credentials)),
        }))
    }

    /// Goes on with what [`begin_acquiring`](Self::begin_acquiring) has begun. Cancel-safe.
    pub(crate) async fn go_on_acquiring(
        &self,
        acquisition: Acquisition,
        want: &Want,
        by: Deadline,
    ) -> Result<Lease, Error> {
        let by = self.acquisition_limit(acquisition.since, by);
        let mut acquired = match acquisition.first {
            Some(first) => self.finish_stage(want, first, by).await?,
            None => self.acquire_any(want, by).await?,
        };
        loop {
            let (mut lease, credentials) = acquired;
            // Before Bolt 5.1 a login cannot be changed.
            if lease.carry(&credentials)? {
                return Ok(lease);
            }
            lease.close();
            acquired = self.acquire_any(want, by).await?;
        }
    }

    /// Acquires a connection that is ready, and returns it with the credentials that it has to carry.
    pub(super) async fn acquire_any(&self, want: &Want, by: Deadline) -> Result<(Lease, Credentials), Error> {
        let credentials = self.credentials(&want.login, by).await?;
        let stage = self.stage(want, &credentials, self.now())?;
        self.finish_stage(want, (stage, credentials), by).await
    }

    fn stage(&self, want: &Want, credentials: &Credentials, now: Instant) -> Result<Stage, Error> {
        Ok(match &self.topology {
            Topology::Direct(pool) => match pool.begin_acquiring(credentials, now)? {
                Acquiring::Done(lease) => Stage::Done(lease),
                waits => Stage::InPool(waits),
            },
            Topology::Routed(router) => match router.begin_acquiring(want, credentials, now)? {
                Choosing::Done(lease) => Stage::Done(lease),
                begun => Stage::InCluster(Arc::clone(router), begun),
            },
        })
    }

    async fn finish_stage(
        &self,
        want: &Want,
        (mut stage, mut credentials): (Stage, Credentials),
        by: Deadline,
    ) -> Result<(Lease, Credentials), Error> {
        loop {
            let are_kept = self.logins.are_kept(self.now());
            let lease = match stage {
                Stage::Done(lease) => lease,
                Stage::InPool(acquiring) => acquiring.lease(by).await?,
                Stage::InCluster(router, begun) => {
                    // Boxed, since it is larger than the rest of a wait.
                    Box::pin(router.go_on_acquiring(begun, want, &mut credentials, by)).await?
                }
            };
            match &want.login {
                Login::Own(auth)
                    if !lease.can_log_in_again() && !self.logins.are_the_drivers(auth, self.now()) =>
                {
                    return Err(own_login_unsupported(lease, &credentials));
                }
                // They may have expired while the call waited for the connection. A server has just accepted those of a
                // new one: tokens that live for less than an opening would replace one connection after the other.
                Login::Driver if are_kept && lease.is_reused() => {
                    credentials = self.credentials(&want.login, by).await?;
                    // That may have taken long. The tables may have changed, as during any wait.
                    if lease.is_well_placed(want.access) {
                        return Ok((lease, credentials));
                    }
                    drop(lease);
                    stage = self.stage(want, &credentials, self.now())?;
                }
                _ => return Ok((lease, credentials)),
            }
        }
    }

    /// Returns whether the credentials need no further look now that there is a connection.
    fn is_settled(&self, login: &Login, lease: &Lease, now: Instant) -> bool {
        match login {
            Login::Own(_) => lease.can_log_in_again(),
            Login::Driver => !self.logins.are_kept(now),
        }
    }
}
