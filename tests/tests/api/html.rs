//! As much of HTML as it takes to read what rustdoc writes.

/// What the names of this repository's crates begin with.
const OWN: [&str; 2] = ["bolt_", "adapter_"];

/// The text of a signature on one line, as rustc would print it on one. Names from crates of others have these before them.
pub(crate) fn signature(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some((before, tag)) = rest.split_once('<') {
        text += before;
        let (tag, after) = tag.split_once('>').unwrap_or((tag, ""));
        if tag.starts_with("div") || tag.starts_with("/div") || tag.starts_with("br") {
            text.push(' ');
        }
        for krate in attributes(tag, "title").filter_map(foreign) {
            text += &format!("{krate}::");
        }
        rest = after;
    }
    // A mark at what returns a future or an iterator.
    let text = unescape(&(text + rest)).replace('ⓘ', " ");
    let words: Vec<_> = text.split_whitespace().collect();
    words
        .join(" ")
        .replace("( ", "(")
        .replace(", )", ")")
        .replace("< ", "<")
        .replace(", >", ">")
}

/// The crate of the item that a title names, `struct uuid::Uuid`, if it is one of others.
pub(crate) fn foreign(title: &str) -> Option<&str> {
    let (_, path) = title.split_once(' ')?;
    let (krate, _) = path.split_once("::")?;
    let known = ["std", "core", "alloc"].contains(&krate) || OWN.iter().any(|own| krate.starts_with(own));
    // Its traits are there for users of another name.
    let krate = if krate == "serde_core" { "serde" } else { krate };
    (!known).then_some(krate)
}

/// The text of a piece of HTML, its lines as they are.
pub(crate) fn text(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some((before, tag)) = rest.split_once('<') {
        text += before;
        rest = tag.split_once('>').map_or("", |(_, after)| after);
    }
    unescape(&(text + rest))
}

fn unescape(text: &str) -> String {
    text.replace("&nbsp;", " ")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&#x27;", "'")
        .replace("&amp;", "&")
}

/// What stands between two marks, and what comes after the second.
pub(crate) fn between<'h>(html: &'h str, start: &str, end: &str) -> Option<(&'h str, &'h str)> {
    html.split_once(start)?.1.split_once(end)
}

/// All values of an attribute.
pub(crate) fn attributes<'h>(html: &'h str, name: &str) -> impl Iterator<Item = &'h str> {
    let start = format!(" {name}=\"");
    let mut rest = html;
    std::iter::from_fn(move || {
        let (value, after) = between(rest, &start, "\"")?;
        rest = after;
        Some(value)
    })
}

#[test]
fn the_text_of_a_signature_is_one_line() {
    let html = "pub fn <a href=\"#x\" class=\"fn\">x</a>(\n    self,\n    name: &amp;<a title=\"struct uuid::Uuid\">Uuid</a>,\n) -&gt; \
                Option&lt;T&gt;<div class=\"where\">where\n    T: Send,</div>";
    assert_eq!(
        signature(html),
        "pub fn x(self, name: &uuid::Uuid) -> Option<T> where T: Send,"
    );
    assert_eq!(attributes(html, "href").collect::<Vec<_>>(), ["#x"]);
    assert_eq!(attributes(html, "class").collect::<Vec<_>>(), ["fn", "where"]);
}
