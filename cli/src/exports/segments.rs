//! X12 segments as text.

use ingest::formats::x12::Separators;

/// Segments that are written with the separators of whoever reads them.
#[derive(Debug)]
pub(super) struct Segments {
    separators: Separators,
    text: String,
    /// Segments so far.
    pub(super) count: usize,
}

impl Segments {
    pub(super) fn new(separators: Separators) -> Segments {
        Segments { separators, text: String::new(), count: 0 }
    }

    /// Writes a segment of these elements, the id first. Empty ones at the end are left out; a separator inside a text
    /// becomes a blank, and what is no ASCII a question mark.
    pub(super) fn add(&mut self, elements: &[&str]) {
        let length = elements.iter().rposition(|element| !element.is_empty()).map_or(0, |last| last + 1);
        let separators = self.separators;
        let named =
            [Some(separators.element), Some(separators.component), separators.repetition, Some(separators.segment)];
        let is_plain = |c: &char| !c.is_control() && !named.iter().flatten().any(|byte| char::from(*byte) == *c);
        for (n, element) in elements[..length].iter().enumerate() {
            if n > 0 {
                self.text.push(char::from(separators.element));
            }
            self.text.extend(element.chars().map(|c| if is_plain(&c) { in_ascii(c) } else { ' ' }));
        }
        self.end();
    }

    /// ISA, whose elements have fixed widths and which names the separators itself.
    pub(super) fn add_interchange(&mut self, elements: [&str; 15]) {
        const WIDTHS: [usize; 15] = [2, 10, 2, 10, 2, 15, 2, 15, 6, 4, 1, 5, 9, 1, 1];
        let (element, component) = (char::from(self.separators.element), char::from(self.separators.component));
        self.text.push_str("ISA");
        for (text, width) in elements.iter().zip(WIDTHS) {
            self.text.push(element);
            self.text.extend(text.chars().map(in_ascii).chain(std::iter::repeat(' ')).take(width));
        }
        self.text.extend([element, component]);
        self.end();
    }

    /// Appends what was written with the same separators.
    pub(super) fn append(&mut self, other: &Segments) {
        self.text.push_str(&other.text);
        self.count += other.count;
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    fn end(&mut self) {
        self.text.push(char::from(self.separators.segment));
        self.count += 1;
    }
}

/// X12 promises no more than ASCII.
fn in_ascii(sign: char) -> char {
    if sign.is_ascii() { sign } else { '?' }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEPARATORS: Separators = Separators { element: b'*', component: b'>', repetition: None, segment: b'~' };

    #[test]
    fn texts_cannot_break_out_of_their_element() {
        let mut segments = Segments::new(SEPARATORS);
        segments.add(&["PID", "F", "", "", "", "5*6 > 4~\n"]);
        segments.add(&["AAA", "Y", "", ""]);
        segments.add(&["CON", "CT", "SPA-É"]);
        assert_eq!((segments.text(), segments.count), ("PID*F****5 6   4  ~AAA*Y~CON*CT*SPA-?~", 3));
    }

    #[test]
    fn the_head_of_an_interchange_has_106_characters() {
        let mut segments = Segments::new(SEPARATORS);
        let long = "a name of more than 15 characters";
        let ids =
            ["00", "", "00", "", "ZZ", "MAKER", "01", long, "130220", "0000", "U", "00401", "000000007", "0", "P"];
        segments.add_interchange(ids);
        assert_eq!(segments.text().len(), 106);
        assert!(segments.text().ends_with("*01*a name of more *130220*0000*U*00401*000000007*0*P*>~"), "{segments:?}");
    }
}
