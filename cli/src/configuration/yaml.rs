//! YAML as a tree of texts with places.
//!
//! Scalars stay as written, so that no amount passes through a float, and every node knows its line, so that all
//! problems of a file can be told at once.

use granit_parser::{Event, Parser, ScalarStyle, Span};

use super::problem::{Place, Report};

const DEEPEST: usize = 16;

/// A value with the place where it starts.
#[derive(Debug)]
pub(crate) struct Node {
    pub place: Place,
    pub kind: Kind,
}

#[derive(Debug)]
pub(crate) enum Kind {
    /// `~`, `null` or nothing at all.
    Nothing,
    Scalar(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key with its value.
#[derive(Debug)]
pub(crate) struct Entry {
    pub key: String,
    pub place: Place,
    pub value: Node,
}

/// The one document of a file; `None` after a problem that leaves nothing to look at.
pub(crate) fn parse(report: &mut Report<'_>) -> Option<Node> {
    match Tree::new(report.text()).document() {
        Ok(node) => Some(node),
        Err(Fault { place, message, hint }) => {
            report.add(place, message, hint);
            None
        }
    }
}

struct Fault {
    place: Place,
    message: String,
    hint: &'static str,
}

struct Tree<'t> {
    events: Box<dyn Iterator<Item = Result<(Event<'t>, Span), granit_parser::ScanError>> + 't>,
}

impl<'t> Tree<'t> {
    fn new(text: &'t str) -> Tree<'t> {
        let events = Parser::new_from_str(text).filter(|e| !matches!(e, Ok((Event::Comment(..), _))));
        Tree { events: Box::new(events) }
    }

    fn document(mut self) -> Result<Node, Fault> {
        loop {
            match self.next()? {
                (Event::StreamStart | Event::DocumentStart(..), _) => {}
                (Event::StreamEnd, place) => return Ok(Node { place, kind: Kind::Nothing }),
                (event, place) => {
                    let node = self.node(event, place, 0)?;
                    return self.nothing_more().map(|()| node);
                }
            }
        }
    }

    fn nothing_more(&mut self) -> Result<(), Fault> {
        loop {
            match self.next()? {
                (Event::DocumentEnd, _) => {}
                (Event::StreamEnd, _) => return Ok(()),
                (_, place) => return Err(fault(place, "a second document", "keep one document in a file")),
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'t>, Place), Fault> {
        match self.events.next() {
            Some(Ok((event, span))) => Ok((event, place_of(&span.start))),
            Some(Err(error)) => {
                let message = format!("this is not YAML: {}", error.info());
                Err(Fault { place: place_of(error.marker()), message, hint: "" })
            }
            None => Ok((Event::StreamEnd, Place::default())),
        }
    }

    fn node(&mut self, event: Event<'t>, place: Place, depth: usize) -> Result<Node, Fault> {
        if depth > DEEPEST {
            return Err(fault(place, "too many levels inside each other", ""));
        }
        let kind = match event {
            Event::Scalar(text, style, ..) => scalar(&text, style),
            Event::SequenceStart(..) => Kind::List(self.list(depth)?),
            Event::MappingStart(..) => Kind::Map(self.map(depth)?),
            Event::Alias(_) => return Err(fault(place, "an alias", "write the value out")),
            _ => return Err(fault(place, "a value is missing", "")),
        };
        Ok(Node { place, kind })
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Node>, Fault> {
        let mut nodes = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(nodes),
                (event, place) => nodes.push(self.node(event, place, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Vec<Entry>, Fault> {
        let mut entries = Vec::new();
        loop {
            let (key, place) = match self.next()? {
                (Event::MappingEnd, _) => return Ok(entries),
                (Event::Scalar(text, ..), place) => (text.into_owned(), place),
                (_, place) => return Err(fault(place, "a key that is not a plain word", "")),
            };
            let (event, at) = self.next()?;
            let value = self.node(event, at, depth + 1)?;
            entries.push(Entry { key, place, value });
        }
    }
}

fn scalar(text: &str, style: ScalarStyle) -> Kind {
    match (style, text) {
        (ScalarStyle::Plain, "" | "~" | "null") => Kind::Nothing,
        _ => Kind::Scalar(text.to_owned()),
    }
}

fn place_of(marker: &granit_parser::Marker) -> Place {
    Place { line: marker.line() as u32, column: marker.col() as u32 + 1 }
}

fn fault(place: Place, message: &str, hint: &'static str) -> Fault {
    Fault { place, message: message.to_owned(), hint }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> String {
        let mut problems = Vec::new();
        parse(&mut Report::new("x.yaml", text, &mut problems));
        problems.iter().map(|p| format!("{}:{} {}", p.place.line, p.place.column, p.message)).collect()
    }

    #[test]
    fn numbers_stay_as_written() {
        let mut problems = Vec::new();
        let node = parse(&mut Report::new("x.yaml", "# first\nrate: 0.10\n", &mut problems)).unwrap();
        let Kind::Map(entries) = node.kind else { panic!("{node:?}") };
        assert!(matches!(&entries[0].value.kind, Kind::Scalar(text) if text == "0.10"));
        assert_eq!(entries[0].value.place, Place { line: 2, column: 7 });
    }

    #[test]
    fn what_is_no_plain_tree_is_told() {
        assert_eq!(problems("a: 1\n---\nb: 2\n"), "2:1 a second document");
        assert_eq!(problems("a: &x 1\nb: *x\n"), "2:4 an alias");
        assert_eq!(problems(&["[".repeat(40), "]".repeat(40)].concat()), "1:18 too many levels inside each other");
        assert!(problems("a: [1\nb: 2").contains("this is not YAML"));
    }
}
