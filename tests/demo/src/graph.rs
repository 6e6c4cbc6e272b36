//! The data, and the answers that follow from them without a database.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use crate::failure::Failure;

const TOGETHER: &str = include_str!("../data/les-miserables/together.csv");

/// A pair of characters that appear together: a row of the data, a parameter of the query that loads them, and a row of a
/// result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pair {
    pub(crate) a: String,
    pub(crate) b: String,
    /// In how many chapters.
    pub(crate) chapters: i64,
}

/// How many others a character appears with.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Company {
    pub(crate) name: String,
    /// With how many others.
    pub(crate) others: i64,
    /// In how many chapters, summed over the others.
    pub(crate) chapters: i64,
}

/// A character, and a number of chapters.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(crate) struct Companion {
    pub(crate) name: String,
    pub(crate) chapters: i64,
}

/// A character that another could meet, and through how many friends.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Acquaintance {
    pub(crate) name: String,
    pub(crate) through: i64,
}

/// The characters and the pairs that appear together.
#[derive(Debug)]
pub(crate) struct Graph {
    names: Vec<String>,
    pairs: Vec<Pair>,
    neighbours: BTreeMap<String, BTreeMap<String, i64>>,
}

impl Graph {
    /// The graph of the repository.
    pub(crate) fn load() -> Result<Self, Failure> {
        Self::read(TOGETHER)
    }

    /// All names, in the order of the alphabet.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// Every pair once.
    pub(crate) fn pairs(&self) -> &[Pair] {
        &self.pairs
    }

    /// Those with the most company first.
    pub(crate) fn company(&self, limit: usize) -> Vec<Company> {
        let mut all: Vec<_> = self
            .neighbours
            .iter()
            .map(|(name, others)| Company {
                name: name.clone(),
                others: count(others.len()),
                chapters: others.values().sum(),
            })
            .collect();
        all.sort_by_key(|person| (Reverse(person.others), person.name.clone()));
        all.truncate(limit);
        all
    }

    /// The pairs with the most chapters first.
    pub(crate) fn closest(&self, limit: usize) -> Vec<Pair> {
        let mut pairs = self.pairs.clone();
        pairs.sort_by_key(|pair| (Reverse(pair.chapters), pair.a.clone(), pair.b.clone()));
        pairs.truncate(limit);
        pairs
    }

    /// The characters that `name` appears with, in the order of the alphabet.
    pub(crate) fn companions(&self, name: &str) -> Vec<Companion> {
        let companion = |(name, chapters): (&String, &i64)| Companion {
            name: name.clone(),
            chapters: *chapters,
        };
        self.around(name).map(companion).collect()
    }

    /// In how many chapters two people appear, if they do.
    pub(crate) fn together(&self, a: &str, b: &str) -> Option<i64> {
        self.neighbours.get(a)?.get(b).copied()
    }

    /// The characters that `name` never meets, though its friends do: most mutual friends first.
    pub(crate) fn friends_of_friends(&self, name: &str, limit: usize) -> Vec<Acquaintance> {
        let mut through = BTreeMap::<&String, i64>::new();
        for (friend, _) in self.around(name) {
            for (other, _) in self.around(friend) {
                if other != name && self.together(name, other).is_none() {
                    *through.entry(other).or_default() += 1;
                }
            }
        }
        let mut all: Vec<_> = through
            .into_iter()
            .map(|(name, through)| Acquaintance {
                name: name.clone(),
                through,
            })
            .collect();
        all.sort_by_key(|person| (Reverse(person.through), person.name.clone()));
        all.truncate(limit);
        all
    }

    /// How many steps lead from one to another; `None` if none do.
    pub(crate) fn distance(&self, from: &str, to: &str) -> Option<usize> {
        let mut seen = BTreeSet::from([from]);
        let mut queue = VecDeque::from([(from, 0)]);
        while let Some((name, steps)) = queue.pop_front() {
            if name == to {
                return Some(steps);
            }
            for (next, _) in self.around(name) {
                if seen.insert(next) {
                    queue.push_back((next, steps + 1));
                }
            }
        }
        None
    }

    fn around(&self, name: &str) -> impl Iterator<Item = (&String, &i64)> {
        self.neighbours.get(name).into_iter().flatten()
    }

    fn read(csv: &str) -> Result<Self, Failure> {
        let pairs = csv.lines().skip(1).map(pair).collect::<Result<Vec<_>, _>>()?;
        let mut neighbours = BTreeMap::<String, BTreeMap<String, i64>>::new();
        for Pair { a, b, chapters } in &pairs {
            neighbours
                .entry(a.clone())
                .or_default()
                .insert(b.clone(), *chapters);
            neighbours
                .entry(b.clone())
                .or_default()
                .insert(a.clone(), *chapters);
        }
        Ok(Self {
            names: neighbours.keys().cloned().collect(),
            pairs,
            neighbours,
        })
    }
}

/// A number of people, as Cypher has it.
pub(crate) fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn pair(line: &str) -> Result<Pair, Failure> {
    let wrong = || Failure::Data(format!("not a pair and its chapters: {line:?}"));
    let fields: Vec<&str> = line.split(',').collect();
    let [a, b, chapters] = fields.as_slice() else {
        return Err(wrong());
    };
    Ok(Pair {
        a: (*a).to_owned(),
        b: (*b).to_owned(),
        chapters: chapters.parse().map_err(|_| wrong())?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_hold_77_people_and_254_pairs() {
        let graph = Graph::load().expect("the data are in the repository");
        assert_eq!((graph.names().len(), graph.pairs().len()), (77, 254));
        assert!(graph.names().is_sorted());
    }

    #[test]
    fn the_answers_follow_from_the_data() {
        let graph =
            Graph::read("a,b,chapters\nA,B,1\nB,C,5\nB,D,2\nC,E,1\nD,E,1\n").expect("it is well formed");
        let most = &graph.company(1)[0];
        assert_eq!((most.name.as_str(), most.others, most.chapters), ("B", 3, 8));
        assert_eq!(graph.closest(1)[0].chapters, 5);
        assert_eq!(graph.together("C", "B"), Some(5));
        assert_eq!(graph.together("A", "C"), None);
        let met = graph.friends_of_friends("B", 9);
        assert_eq!(
            met,
            [Acquaintance {
                name: "E".to_owned(),
                through: 2
            }]
        );
        assert_eq!(graph.distance("A", "E"), Some(3));
        assert_eq!(graph.distance("A", "A"), Some(0));
        assert_eq!(graph.distance("A", "Z"), None);
    }

    #[test]
    fn a_line_that_is_no_pair_is_shown() {
        let wrong = Graph::read("a,b,chapters\nA,B,many\n").expect_err("it is no number");
        assert!(wrong.to_string().contains("A,B,many"), "{wrong}");
    }
}
