//! The pages of an adapter lead nowhere that its users cannot follow: they have that one crate, not those below it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::docs::{ADAPTERS, pages};
use super::html::{attributes, text};

/// The crates that users of an adapter do not depend on, as paths name them.
const BELOW: [&str; 2] = ["bolt_client", "bolt_proto"];

#[test]
fn no_page_of_an_adapter_shows_a_path_of_a_crate_below_it() {
    let mut problems: BTreeMap<(String, String), Vec<&str>> = BTreeMap::new();
    for krate in ADAPTERS {
        for page in pages(krate) {
            for problem in of_page(&page.html) {
                problems
                    .entry((page.path.clone(), problem))
                    .or_default()
                    .push(krate);
            }
        }
    }
    let mut wrong = String::new();
    for ((page, problem), crates) in &problems {
        let of = if crates.len() == ADAPTERS.len() {
            "all".to_owned()
        } else {
            crates.join(", ")
        };
        writeln!(wrong, "{page} ({of}): {problem}").unwrap();
    }
    assert!(wrong.is_empty(), "{} links and lines:\n{wrong}", problems.len());
}

#[test]
fn the_terms_of_cancellation_are_linked_to_their_definitions() {
    for krate in ADAPTERS {
        let mut linked = 0;
        for page in pages(krate) {
            for link in attributes(&page.html, "href").filter(|link| link.ends_with("#cancellation")) {
                // The link is relative, so it is right on pages beside the front page only.
                let is_local = ["#cancellation", "index.html#cancellation"].contains(&link);
                assert!(
                    is_local && !page.path.contains('/'),
                    "{krate}, {}: {link}",
                    page.path
                );
                linked += 1;
            }
            let defines = page.html.contains("id=\"cancellation\"");
            assert_eq!(defines, page.path == "index.html", "{krate}, {}", page.path);
        }
        assert!(linked > 20, "{krate}: {linked} links");
    }
}

/// The links and lines of a page that name such a crate. That the source is there is no secret.
fn of_page(html: &str) -> BTreeSet<String> {
    let names = |text: &&str| BELOW.iter().any(|krate| text.contains(krate));
    let (_, main) = html.split_once("<main>").unwrap_or(("", html));
    let mut shown = String::new();
    for (at, part) in main.split("<a class=\"src").enumerate() {
        shown += if at == 0 {
            part
        } else {
            part.split_once("</a>").map_or("", |(_, after)| after)
        };
    }
    let links = attributes(&shown, "href")
        .filter(names)
        .map(|link| format!("links to {link}"));
    let text = text(&shown);
    let lines = text
        .lines()
        .map(str::trim)
        .filter(names)
        .map(|line| format!("says {line}"));
    links.chain(lines).collect()
}

#[test]
fn a_path_is_found_in_a_link_and_in_an_example_but_not_in_the_source() {
    for (html, found) in [
        (
            "<a href=\"../bolt_proto/struct.X.html\">X</a>",
            vec!["links to ../bolt_proto/struct.X.html"],
        ),
        (
            "<a class=\"src\" href=\"../src/bolt_proto/x.rs.html\">Source</a>",
            vec![],
        ),
        (
            "<a class=\"src rightside\" href=\"../src/bolt_proto/x.rs.html\">Source</a> of bolt-proto",
            vec![],
        ),
        (
            "one\n<span>use </span>bolt_client::{Driver, <b>Error</b>};\ntwo",
            vec!["says use bolt_client::{Driver, Error};"],
        ),
    ] {
        assert_eq!(of_page(html).into_iter().collect::<Vec<_>>(), found);
    }
}
