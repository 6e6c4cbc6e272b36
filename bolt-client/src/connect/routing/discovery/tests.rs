//! Callers that look at the tables, and begin a search later: another thread may have ended one meanwhile.

use bolt_proto::Auth;

use super::*;
use crate::connect::Shared;
use crate::scripted::{Scripted, now};

#[test]
fn a_caller_that_looked_before_a_table_arrived_looks_again_in_place_of_asking() {
    let servers = Scripted::new();
    servers.table([&[1], &[1], &[1]], 300);
    let shared = Shared::new(Arc::new(servers.clone()), Scripted::routed_config()).unwrap();
    let router = shared.router().unwrap();
    let database: Option<Arc<str>> = Some("db".into());
    let want = Want {
        database: database.clone(),
        ..Want::default()
    };
    let (login, by) = (Credentials::of_driver(Auth::none()), shared.deadline());
    let search = |seen| now(router.refresh_unless_newer(&want, &login, database.clone(), seen, by)).unwrap();
    let seen = router.lock().arrivals;
    drop(now(router.acquire(&want, &mut login.clone(), by)).unwrap());
    assert_eq!(servers.routes().len(), 1);
    assert!(search(seen).is_none());
    assert_eq!(servers.routes().len(), 0, "the table has arrived meanwhile");
    let seen = router.lock().arrivals;
    assert!(search(seen).is_some());
    assert_eq!(servers.routes().len(), 1, "the caller knows that table");
}
