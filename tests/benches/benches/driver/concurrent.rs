//! Many sessions at a time.

pub(crate) fn main(_words: &[&str]) {
    println!("not measured yet");
}
