//! Nodes, relationships and paths: in results only.

use boltr::types::{BoltNode, BoltPath, BoltRelationship, BoltUnboundRelationship};
use graphdblite::{Edge, Node, NodeId, PathValue};

use super::{Unsupported, map_to_bolt};

pub(super) fn node(node: &Node) -> Result<BoltNode, Unsupported> {
    Ok(BoltNode {
        id: integer_id(node.id),
        labels: node.labels.clone(),
        properties: map_to_bolt(node.properties.iter())?,
        element_id: node_element_id(node.id),
    })
}

pub(super) fn relationship(edge: &Edge) -> Result<BoltRelationship, Unsupported> {
    let BoltUnboundRelationship {
        id,
        rel_type,
        properties,
        element_id,
    } = unbound(edge)?;
    Ok(BoltRelationship {
        id,
        start_node_id: integer_id(edge.src),
        end_node_id: integer_id(edge.dst),
        rel_type,
        properties,
        element_id,
        start_element_id: node_element_id(edge.src),
        end_element_id: node_element_id(edge.dst),
    })
}

/// Converts a path to Bolt's form: each node and relationship once, and the steps as indices into those lists. A
/// relationship's index counts from 1 and is negative if it was traversed against its direction.
pub(super) fn path(path: &PathValue) -> Result<BoltPath, Unsupported> {
    let mut nodes: Vec<&Node> = Vec::new();
    let mut edges: Vec<&Edge> = Vec::new();
    let mut indices = Vec::new();
    let mut steps = path.nodes.iter();
    let mut at = steps.next();
    nodes.extend(at);
    for (edge, next) in path.edges.iter().zip(steps) {
        let index = index_in(&mut edges, edge, |known, new| edge_key(known) == edge_key(new))? + 1;
        let forward = at.is_none_or(|at| at.id == edge.src);
        indices.push(if forward { index } else { -index });
        indices.push(index_in(&mut nodes, next, |known, new| known.id == new.id)?);
        at = Some(next);
    }
    Ok(BoltPath {
        nodes: nodes.into_iter().map(node).collect::<Result<_, _>>()?,
        rels: edges.into_iter().map(unbound).collect::<Result<_, _>>()?,
        indices,
    })
}

/// Returns the position of `item` in `list`, which it is appended to if it is new.
fn index_in<'a, T>(
    list: &mut Vec<&'a T>,
    item: &'a T,
    same: impl Fn(&T, &T) -> bool,
) -> Result<i64, Unsupported> {
    let known = list.iter().position(|known| same(known, item));
    let index = known.unwrap_or_else(|| {
        list.push(item);
        list.len() - 1
    });
    i64::try_from(index).map_err(|_| Unsupported("the path is too long"))
}

fn unbound(edge: &Edge) -> Result<BoltUnboundRelationship, Unsupported> {
    let element_id = edge_element_id(edge);
    Ok(BoltUnboundRelationship {
        id: digest(&element_id),
        rel_type: edge.label.clone(),
        properties: map_to_bolt(edge.properties.iter())?,
        element_id,
    })
}

/// The identity of a relationship: the engine has no number for it.
fn edge_key(edge: &Edge) -> (NodeId, NodeId, &str, u64) {
    (edge.src, edge.dst, &edge.label, edge.seq)
}

fn node_element_id(id: NodeId) -> String {
    format!("4:engine:{}", id.0)
}

fn edge_element_id(edge: &Edge) -> String {
    format!(
        "5:engine:{}-{}-{}-{}",
        edge.src.0, edge.label, edge.dst.0, edge.seq
    )
}

fn integer_id(id: NodeId) -> i64 {
    // The engine counts from 1 and never gets there.
    i64::try_from(id.0).unwrap_or(i64::MAX)
}

/// Returns a number for clients that still use one: constant for a relationship, never negative (FNV-1a).
fn digest(text: &str) -> i64 {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    i64::try_from(hash >> 1).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn person(id: u64) -> Node {
        Node {
            id: NodeId(id),
            labels: vec!["Person".to_owned()],
            properties: HashMap::new(),
        }
    }

    fn knows(src: u64, dst: u64, seq: u64) -> Edge {
        Edge {
            src: NodeId(src),
            dst: NodeId(dst),
            label: "KNOWS".to_owned(),
            seq,
            properties: HashMap::new(),
        }
    }

    #[test]
    fn a_path_has_each_node_once_and_the_directions_of_its_steps() {
        // (1)-->(2)<--(3)-->(1)
        let walked = PathValue {
            nodes: vec![person(1), person(2), person(3), person(1)],
            edges: vec![knows(1, 2, 0), knows(3, 2, 0), knows(3, 1, 0)],
        };
        let path = path(&walked).expect("it is short");
        assert_eq!(
            path.nodes.iter().map(|node| node.id).collect::<Vec<_>>(),
            [1, 2, 3]
        );
        assert_eq!(path.rels.len(), 3);
        assert_eq!(path.indices, [1, 1, -2, 2, 3, 0]);
    }

    #[test]
    fn a_path_of_one_node_has_no_steps() {
        let path = path(&PathValue::single(person(7))).expect("it is short");
        assert_eq!((path.nodes.len(), path.rels.len(), path.indices.len()), (1, 0, 0));
    }

    #[test]
    fn parallel_relationships_are_distinguished() {
        let (first, second) = (unbound(&knows(1, 2, 0)), unbound(&knows(1, 2, 1)));
        let (first, second) = (first.expect("it is plain"), second.expect("it is plain"));
        assert_ne!(first.element_id, second.element_id);
        assert_ne!(first.id, second.id);
        assert!(first.id >= 0 && second.id >= 0);
    }
}
