//! What a connection that carries out work reports to the router.

use std::fmt;
use std::sync::Arc;

use bolt_proto::Access;

use crate::address::Address;
use crate::connect::Want;
use crate::connect::fallout::ForRouting;

use super::Router;

/// Why a connection was chosen: its server is named by the table of this database.
pub(crate) struct Placement {
    router: Arc<Router>,
    database: Option<Arc<str>>,
}

impl Placement {
    pub(super) const fn new(router: Arc<Router>, database: Option<Arc<str>>) -> Self {
        Self { router, database }
    }

    /// Returns the database by whose table the server was chosen.
    pub(crate) const fn database(&self) -> Option<&Arc<str>> {
        self.database.as_ref()
    }

    /// Returns whether the table still names the server at this address, which was chosen by it.
    pub(crate) fn is_current(&self, address: &Arc<Address>, access: Access) -> bool {
        self.router
            .names_server(self.database.as_deref(), address, access)
    }

    /// Reports an error of the server at this address, by what it means for the tables.
    pub(crate) fn report(&self, address: &Address, means: ForRouting) {
        match means {
            ForRouting::Unaffected => {}
            ForRouting::Forget => self.router.forget(address),
            ForRouting::NotAWriter if planted!(StaleWriterKept) => {}
            ForRouting::NotAWriter => {
                let database = self
                    .database
                    .as_deref()
                    .filter(|_| !planted!(WrongDatabasePurged));
                self.router
                    .change(|tables| tables.remove_writer(database, address));
            }
        }
    }

    /// Notes on which database the work is, as the server reports it: that may be another than the one by which the server
    /// was chosen. It is the home database, since the work named none.
    pub(crate) fn note_home(&mut self, want: &Want, home: &Arc<str>) {
        want.pin(home);
        // The server was chosen by what is known.
        if self.database.as_ref() == Some(home) {
            return;
        }
        let user = self.router.user(want);
        self.router.lock().homes.set(user, Arc::clone(home));
        self.database = Some(Arc::clone(home));
    }
}

impl fmt::Debug for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Placement")
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}
