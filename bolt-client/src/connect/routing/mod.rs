//! Clusters: which server carries out work.

#![cfg_attr(
    not(test),
    expect(dead_code, reason = "the router that uses these deciders is not there yet")
)]

mod home;
mod order;
mod select;
mod table;
mod tables;
