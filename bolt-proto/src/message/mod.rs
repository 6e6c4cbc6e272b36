//! The contents of requests and answers.

mod answer;
mod auth;
mod counters;
pub(crate) mod diagnostic;
pub(crate) mod entries;
mod extra;
mod hello;
mod highlights;
mod metadata;
mod notification;
mod notification_filter;
mod plan;
pub(crate) mod request;
mod route;
mod routing_context;
mod routing_table;
mod status;
mod success;
mod telemetry;

pub(crate) use answer::Answer;
pub use auth::Auth;
pub use counters::{Counters, QueryType};
pub use extra::{Access, Extra, ExtraRef, OwnExtra};
pub use hello::{BoltAgent, Hello};
pub(crate) use highlights::Found;
pub use highlights::Highlights;
pub use metadata::{Metadata, OwnedMetadata};
pub use notification::{Notification, Position};
pub use notification_filter::{MinimumSeverity, NotificationFilter};
pub use plan::{Cost, Plan};
pub use route::Route;
pub use routing_context::RoutingContext;
pub use routing_table::RoutingTable;
pub use status::{Shape, Status};
pub use success::{BeginSuccess, HelloSuccess, Hints, LogonSuccess, Page, ResultEnd, RunSuccess};
pub use telemetry::Api;
