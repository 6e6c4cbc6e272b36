//! The public API of the driver's crates, as rustdoc shows it, is what this repository says that it is.

mod blocking;
mod dependencies;
mod docs;
mod html;
mod items;
mod metadata;
mod paths;
mod snapshot;
