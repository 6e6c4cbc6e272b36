//! What is shown: the story, the progress, the figures.

mod figures;
mod narrator;
mod progress;

pub(crate) use figures::Figures;
pub(crate) use narrator::Narrator;
pub(crate) use progress::Progress;
