//! The public items that a crate's pages show: one line for each item, member and implementation.

use std::collections::BTreeSet;

use super::docs::Page;
use super::html::{attributes, between, foreign, signature};

/// Traits that types implement by what they are made of. Others of this kind are rustc's own affair.
const AUTO: [&str; 5] = ["Send", "Sync", "Unpin", "UnwindSafe", "RefUnwindSafe"];

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Item {
    /// `types::Map::get`; of an implementation, the type or trait on whose page it is.
    pub(crate) path: String,
    /// Its signature; of an implementation, `impl … for …`.
    pub(crate) signature: String,
    /// The crates of others whose items the signature names.
    pub(crate) crates: BTreeSet<String>,
}

impl Item {
    fn new(path: String, html: &str, signature: String) -> Self {
        let crates = attributes(html, "title")
            .filter_map(foreign)
            .map(str::to_owned)
            .collect();
        Self {
            path,
            signature,
            crates,
        }
    }

    pub(crate) fn line(&self) -> String {
        format!("{}  {}", self.path, self.signature)
    }
}

/// All items of these pages, sorted.
pub(crate) fn items(pages: &[Page]) -> Vec<Item> {
    let mut items: Vec<_> = pages.iter().flat_map(of_page).collect();
    items.sort();
    items.dedup();
    items
}

fn of_page(page: &Page) -> Vec<Item> {
    let (_, main) = page.html.split_once("<main>").unwrap();
    let (folder, file) = page.path.rsplit_once('/').unwrap_or(("", &page.path));
    let mut path = folder.replace('/', "::");
    if file == "index.html" {
        return re_exports(&path, main);
    }
    let name = file.split('.').nth(1).unwrap();
    if !path.is_empty() {
        path += "::";
    }
    path += name;
    if let Some(krate) = origin(main) {
        let signature = format!("pub use {krate}::{name}");
        let crates = BTreeSet::from([krate]);
        return vec![Item {
            path,
            signature,
            crates,
        }];
    }
    let mut items = vec![declaration(&path, file, main)];
    members(&path, main, &mut items);
    items
}

/// What a module exports without a page of its own.
fn re_exports(path: &str, main: &str) -> Vec<Item> {
    let mut items = Vec::new();
    let mut rest = main;
    while let Some((html, after)) = between(rest, "<code>pub use ", "</code>") {
        items.push(Item::new(
            path.to_owned(),
            html,
            format!("pub use {}", signature(html)),
        ));
        rest = after;
    }
    items
}

/// The line of the item itself. What it holds has lines of its own.
fn declaration(path: &str, file: &str, main: &str) -> Item {
    let (html, _) = between(main, "item-decl\"><code>", "</code></pre>").unwrap_or_default();
    let mut signature = signature(html);
    let has_members = ["struct.", "enum.", "trait.", "union."]
        .iter()
        .any(|kind| file.starts_with(kind));
    if has_members {
        let private = signature.contains("/* private fields */");
        let end = if signature.contains("(/*") { '(' } else { '{' };
        if let Some((head, _)) = signature.split_once(end) {
            signature = head.trim_end().to_owned();
        }
        if private {
            signature += " { .. }";
        }
    }
    Item::new(path.to_owned(), html, signature)
}

/// The crate that a page's item is from, if it is one of others: the page is a copy then.
fn origin(main: &str) -> Option<String> {
    let (source, _) = between(main, "<a class=\"src\" href=\"", "\"")?;
    let (_, path) = source.split_once("://")?.1.split_once("/src/")?;
    Some(path.split('/').next()?.to_owned())
}

/// The lines of fields, variants, methods and implementations.
fn members(path: &str, main: &str, items: &mut Vec<Item>) {
    // What is implemented for all types says nothing of this one.
    let main = main
        .split("id=\"blanket-implementations-list\"")
        .next()
        .unwrap_or_default();
    // What implements a trait has a page that says so, unless it is another crate's.
    let main = main.split("id=\"implementors-list\"").next().unwrap_or_default();
    let mut autos: Vec<String> = Vec::new();
    let mut block = String::new();
    let mut automatic = false;
    let mut rest = main;
    while let Some((at, mark)) = [" id=\"", "id=\"synthetic-implementations-list\""]
        .iter()
        .filter_map(|mark| Some((rest.find(mark)?, *mark)))
        .min()
    {
        let (id, after) = rest[at + 5..].split_once('"').unwrap();
        let before = &rest[..at];
        automatic |= mark.len() > 5 || id == "synthetic-implementations-list";
        rest = after;
        let class = after
            .strip_prefix(" class=\"")
            .and_then(|after| after.split('"').next())
            .unwrap_or_default();
        let kind = id.split('.').next().unwrap_or_default();
        if before.ends_with("<span") && (kind == "structfield" || id.contains(".field.")) {
            let (html, _) = between(after, "<code>", "</code>").unwrap_or_default();
            let name = id.split_once('.').unwrap().1.replace(".field.", "::");
            items.push(Item::new(format!("{path}::{name}"), html, signature(html)));
        }
        if !before.ends_with("<section") {
            continue;
        }
        let (html, _) = between(after, "class=\"code-header\">", "</h").unwrap_or_default();
        let signature = signature(html);
        if class.starts_with("impl") {
            block.clone_from(&signature);
            if automatic {
                autos.extend(auto(&signature));
            } else if signature.contains(" for ") && !signature.contains("StructuralPartialEq") {
                items.push(Item::new(path.to_owned(), html, signature));
            }
        } else if class.contains("trait-impl") {
            if kind == "associatedtype" || kind == "associatedconstant" {
                items.push(Item::new(path.to_owned(), html, format!("{block}: {signature}")));
            }
        } else if let Some((_, name)) = id.split_once('.') {
            let bounds = if block.contains(':') {
                format!("  in {block}")
            } else {
                String::new()
            };
            items.push(Item::new(format!("{path}::{name}"), html, signature + &bounds));
        }
    }
    if !autos.is_empty() {
        autos.sort();
        let signature = format!("auto {}", autos.join(", "));
        items.push(Item::new(path.to_owned(), "", signature));
    }
}

/// The name of an auto trait, with `!` if it is not implemented, and with what it takes.
fn auto(signature: &str) -> Option<String> {
    let (head, _) = signature.split_once(" for ")?;
    let name = head.rsplit(' ').next()?;
    if !AUTO.contains(&name.trim_start_matches('!')) {
        return None;
    }
    let condition = signature
        .split_once(" where ")
        .map(|(_, condition)| format!(" where {}", condition.trim_end_matches(',')));
    Some(format!("{name}{}", condition.unwrap_or_default()))
}
