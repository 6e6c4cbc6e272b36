//! Walks through a graph.

use alloc::vec::Vec;
use core::iter;

use crate::error::{ConversionError, EncodeError};
use crate::value::fields::{FieldReader, Fields, from_structure};
use crate::value::{Encoder, Node, RangeError, Relationship, ToValue, UnboundRelationship, tag};

/// A walk from node to node along relationships, each in one of its two directions.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    /// Where the walk starts: the node in place 0.
    start: Node,
    /// Each other node once, from place 1 on.
    others: Vec<Node>,
    /// Each relationship once.
    relationships: Vec<UnboundRelationship>,
    steps: Vec<Step>,
}

/// A step of a walk, by places in the lists above, which exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Step {
    relationship: usize,
    direction: Direction,
    node: usize,
}

/// How a walk goes along a relationship.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From where it starts to where it ends.
    Forward,
    /// From where it ends to where it starts.
    Backward,
}

/// A step of a [`Path`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Segment<'a> {
    /// The node that the step leaves.
    pub from: &'a Node,
    /// The relationship along which it goes.
    pub relationship: &'a UnboundRelationship,
    /// In which direction.
    pub direction: Direction,
    /// The node that it reaches.
    pub to: &'a Node,
}

const OUT_OF_RANGE: RangeError = RangeError::new(
    "an index of a path",
    "pairs of a relationship, counted from 1 and negative against its direction, and a node, counted from 0",
);

impl Path {
    /// A walk as it is sent: each node once and the first one first, each relationship once, and two numbers for each
    /// step. The first is the relationship's place counted from 1, negative if the step goes against its direction;
    /// the second is the next node's place counted from 0.
    ///
    /// # Errors
    ///
    /// There is no node, or an index leads nowhere.
    pub fn new(
        nodes: Vec<Node>,
        relationships: Vec<UnboundRelationship>,
        indices: &[i64],
    ) -> Result<Self, RangeError> {
        let mut others = nodes;
        if others.is_empty() {
            return Err(RangeError::new("a path", "at least one node"));
        }
        let start = others.remove(0);
        let pairs = indices.chunks_exact(2);
        if !pairs.remainder().is_empty() {
            return Err(OUT_OF_RANGE);
        }
        let step = |pair: &[i64]| match *pair {
            [relationship, node] => step(relationship, node, others.len(), relationships.len()),
            _ => None,
        };
        let steps = pairs.map(step).collect::<Option<_>>().ok_or(OUT_OF_RANGE)?;
        Ok(Self {
            start,
            others,
            relationships,
            steps,
        })
    }

    /// How many steps there are. A walk of none has one node.
    #[must_use]
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The node where the walk starts.
    #[must_use]
    pub const fn start(&self) -> &Node {
        &self.start
    }

    /// The node where the walk ends.
    #[must_use]
    pub fn end(&self) -> &Node {
        self.steps.last().map_or(&self.start, |step| self.node(step.node))
    }

    /// The nodes in the order of the walk, each as often as it is visited.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        iter::once(&self.start).chain(self.steps.iter().map(|step| self.node(step.node)))
    }

    /// The relationships in the order of the walk, each as often as it is gone along, with the nodes where they start
    /// and end: not those where the step does.
    pub fn relationships(&self) -> impl Iterator<Item = Relationship> {
        self.segments().map(|segment| segment.to_relationship())
    }

    /// The steps in order.
    pub fn segments(&self) -> impl Iterator<Item = Segment<'_>> {
        let mut from = &self.start;
        self.steps.iter().filter_map(move |step| {
            let relationship = self.relationships.get(step.relationship)?;
            let to = self.node(step.node);
            let segment = Segment {
                from,
                relationship,
                direction: step.direction,
                to,
            };
            from = to;
            Some(segment)
        })
    }

    /// The node in a place, which exists.
    fn node(&self, place: usize) -> &Node {
        place
            .checked_sub(1)
            .and_then(|place| self.others.get(place))
            .unwrap_or(&self.start)
    }

    fn indices(&self) -> impl ExactSizeIterator<Item = (i64, i64)> {
        self.steps.iter().map(|step| {
            let place = i64::try_from(step.relationship)
                .unwrap_or(i64::MAX)
                .saturating_add(1);
            let node = i64::try_from(step.node).unwrap_or(i64::MAX);
            (
                if step.direction == Direction::Forward {
                    place
                } else {
                    -place
                },
                node,
            )
        })
    }
}

/// A step, if both indices lead somewhere.
fn step(relationship: i64, node: i64, other_nodes: usize, relationships: usize) -> Option<Step> {
    let direction = if relationship > 0 {
        Direction::Forward
    } else {
        Direction::Backward
    };
    let relationship = usize::try_from(relationship.unsigned_abs())
        .ok()?
        .checked_sub(1)?;
    let node = usize::try_from(node).ok()?;
    (relationship < relationships && node <= other_nodes).then_some(Step {
        relationship,
        direction,
        node,
    })
}

impl Segment<'_> {
    /// The relationship with the nodes where it starts and ends.
    #[must_use]
    pub fn to_relationship(&self) -> Relationship {
        match self.direction {
            Direction::Forward => self.relationship.between(self.from, self.to),
            Direction::Backward => self.relationship.between(self.to, self.from),
        }
    }
}

/// Only servers send it; clients get an error.
impl ToValue for Path {
    fn to_value(&self, out: Encoder<'_>) -> Result<(), EncodeError> {
        out.structure(3, tag::PATH, |out| {
            out.one(|encoder| encoder.list(iter::once(&self.start).chain(&self.others)))?;
            out.one(|encoder| encoder.list(&self.relationships))?;
            out.one(|encoder| {
                encoder.list_with(Some(2 * self.steps.len()), |indices| {
                    self.indices().try_for_each(|(relationship, node)| {
                        indices.item(&relationship)?;
                        indices.item(&node)
                    })
                })
            })
        })
    }
}

impl<'a> Fields<'a> for Path {
    const KIND: &'static str = "a path";

    fn has(tag: u8) -> bool {
        tag == tag::PATH
    }

    fn fields(mut fields: FieldReader<'_, 'a>) -> Result<Self, ConversionError> {
        fields.expect(3)?;
        let (nodes, relationships) = (fields.next("nodes")?, fields.next("rels")?);
        Ok(Self::new(
            nodes,
            relationships,
            &fields.next::<Vec<i64>>("indices")?,
        )?)
    }
}

from_structure!(Path);
