//! Paths through a graph.

use alloc::vec::Vec;
use core::iter;

use crate::error::{ConversionError, EncodeError};
use crate::value::fields::{FieldReader, Fields, from_structure};
use crate::value::{Encoder, Node, RangeError, Relationship, ToValue, UnboundRelationship, tag};

/// A path from node to node along relationships, each in one of its two directions.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    /// The first node, which has the index 0.
    start: Node,
    /// The other nodes, each once, from index 1 on.
    others: Vec<Node>,
    /// The relationships, each once.
    relationships: Vec<UnboundRelationship>,
    steps: Vec<Step>,
}

/// A step of a path, by indices of the lists above. The indices are valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Step {
    relationship: usize,
    direction: Direction,
    node: usize,
}

/// The direction in which a path follows a relationship.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From its start to its end.
    Forward,
    /// From its end to its start.
    Backward,
}

/// A step of a [`Path`].
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Segment<'a> {
    /// The node that the step leaves.
    pub from: &'a Node,
    /// The relationship that the step follows.
    pub relationship: &'a UnboundRelationship,
    /// The direction in which the step follows it.
    pub direction: Direction,
    /// The node that the step reaches.
    pub to: &'a Node,
}

const OUT_OF_RANGE: RangeError = RangeError::new(
    "an index of a path",
    "pairs of a relationship, counted from 1 and negative against its direction, and a node, counted from 0",
);

impl Path {
    /// Creates a path in the form in which servers send it: each node once and the first one first, each relationship
    /// once, and two numbers a step. The first number is the index of the relationship from 1, negative if the step goes
    /// against its direction. The second is the index of the next node from 0.
    ///
    /// # Errors
    ///
    /// If there is no node, or an index is out of range.
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

    /// Creates a path from its nodes and relationships in order. `None` if they do not follow one another.
    pub(crate) fn of_walk(nodes: Vec<Node>, relationships: Vec<Relationship>) -> Option<Self> {
        let mut nodes = nodes.into_iter();
        let mut path = Self {
            start: nodes.next()?,
            others: Vec::new(),
            relationships: Vec::new(),
            steps: Vec::new(),
        };
        for relationship in relationships {
            let (from, to) = (path.end(), nodes.next()?);
            let ends = [&relationship.start_element_id, &relationship.end_element_id];
            let direction = match ends {
                [start, end] if *start == from.element_id && *end == to.element_id => Direction::Forward,
                [start, end] if *end == from.element_id && *start == to.element_id => Direction::Backward,
                _ => return None,
            };
            path.others.push(to);
            path.relationships.push(UnboundRelationship {
                id: relationship.id,
                element_id: relationship.element_id,
                rel_type: relationship.rel_type,
                properties: relationship.properties,
            });
            path.steps.push(Step {
                relationship: path.steps.len(),
                direction,
                node: path.others.len(),
            });
        }
        nodes.next().is_none().then_some(path)
    }

    /// Returns the number of steps. A path without steps has one node.
    #[must_use]
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Returns whether there are no steps.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Returns the first node.
    #[must_use]
    pub const fn start(&self) -> &Node {
        &self.start
    }

    /// Returns the last node.
    #[must_use]
    pub fn end(&self) -> &Node {
        self.steps.last().map_or(&self.start, |step| self.node(step.node))
    }

    /// Returns the nodes in the order of the path, each as often as the path visits it.
    pub fn nodes(&self) -> impl DoubleEndedIterator<Item = &Node> {
        iter::once(&self.start).chain(self.steps.iter().map(|step| self.node(step.node)))
    }

    /// Returns the relationships in the order of the path, each as often as the path follows it. Their start and end are
    /// those of the relationship, not those of the step.
    pub fn relationships(&self) -> impl Iterator<Item = Relationship> {
        self.segments().map(|segment| segment.to_relationship())
    }

    /// Returns the steps in order.
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

    /// Returns the node at an index, which is valid.
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

/// Returns a step, if both indices are valid.
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

impl<'a> Segment<'a> {
    /// Returns the relationship with its start and end nodes.
    #[must_use]
    pub fn to_relationship(&self) -> Relationship {
        let [start, end] = self.ends();
        self.relationship.between(start, end)
    }

    /// Returns the start and the end of the relationship.
    pub(crate) const fn ends(&self) -> [&'a Node; 2] {
        match self.direction {
            Direction::Forward => [self.from, self.to],
            Direction::Backward => [self.to, self.from],
        }
    }
}

/// Always fails, because only servers send this type.
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
