//! A simulation as one page for an approval: no scripts, nothing from outside, readable on paper.

use std::fmt::Write;

use super::report::{Detail, Table, origin, tables};
use super::terms::{Changed, Term};
use super::{Change, Simulation};

const DETAIL: Detail = Detail { rows: 500, all: true };

/// Dark text on light ground; wide tables scroll for themselves on a narrow screen.
const STYLE: &str = "\
:root { color-scheme: light; }
body { margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 70rem; background: #fff; color: #1a1a1a;
  font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .5rem; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .5rem; }
p { max-width: 45rem; }
.scroll { overflow-x: auto; margin: 1rem 0; }
.scroll:focus-visible { outline: 3px solid #0b57d0; outline-offset: 2px; }
table { border-collapse: collapse; min-width: 100%; }
caption { text-align: left; font-weight: 600; padding: .25rem 0; }
th, td { padding: .35rem .75rem .35rem 0; border-bottom: 1px solid #ccc; text-align: left; vertical-align: top; }
thead th { border-bottom: 2px solid #555; vertical-align: bottom; }
tbody th { font-weight: 600; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.other { background: #fff4ce; }
.note { color: #444; }
@media print {
  body { max-width: none; padding: 0; font-size: 9pt; }
  .scroll { overflow: visible; }
  thead { display: table-header-group; }
  tr, h2 { break-inside: avoid; }
  h2 { break-after: avoid; }
  td.other { background: none; font-weight: 600; }
}
";

/// The whole page as HTML.
pub fn page(simulation: &Simulation) -> String {
    let title = format!("Simulation for {}", escaped(&simulation.origin.tenant));
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n"
    );
    add(&mut page, &format!("<p>{}</p>", escaped(&summary(simulation))));
    proposal(&mut page, simulation);
    add(&mut page, "<h2>What it comes to</h2>");
    tables(simulation, DETAIL).iter().for_each(|table| figures(&mut page, table));
    computed(&mut page, simulation);
    page += "</main>\n</body>\n</html>\n";
    page
}

fn summary(simulation: &Simulation) -> String {
    let what = "The sales of the past, as they came in, under the proposed programs instead of those in force.";
    match simulation.is_empty() {
        true => format!("{what} There is no difference at all."),
        false => format!("{what} Before is what was due, after is what would have been due."),
    }
}

/// The programs that differ, their terms side by side.
fn proposal(page: &mut String, simulation: &Simulation) {
    add(page, "<h2>What is proposed</h2>");
    if simulation.changed.is_empty() {
        add(page, "<p>The programs are those in force.</p>");
    }
    for changed in &simulation.changed {
        let caption = format!("{} version {}: {}", changed.program, changed.version, changed.what());
        open_table(page, &caption);
        let heads: &[&str] = match changed.kind() {
            Change::New => &["term", "proposed"],
            Change::TakenOut => &["term", "in force"],
            Change::Terms => &["term", "in force", "proposed"],
        };
        let heads: String = heads.iter().map(|head| format!("<th scope=\"col\">{head}</th>")).collect();
        add(page, &format!("<thead><tr>{heads}</tr></thead>\n<tbody>"));
        changed.terms().iter().for_each(|term| add(page, &term_row(changed, term)));
        add(page, "</tbody>\n</table>\n</div>");
    }
}

fn term_row(changed: &Changed, term: &Term) -> String {
    let Term { key, says } = term;
    let (before, after) = (escaped(&says.before), escaped(&says.after));
    let cells = match changed.kind() {
        Change::New => format!("<td>{after}</td>"),
        Change::TakenOut => format!("<td>{before}</td>"),
        Change::Terms if says.differ() => format!("<td>{before}</td><td class=\"other\">{after}</td>"),
        Change::Terms => format!("<td>{before}</td><td>{after}</td>"),
    };
    format!("<tr><th scope=\"row\">{key}</th>{cells}</tr>")
}

fn figures(page: &mut String, table: &Table) {
    open_table(page, table.caption);
    let heads: String =
        table.columns.iter().map(|column| cell("th scope=\"col\"", column.is_number, column.head)).collect();
    add(page, &format!("<thead><tr>{heads}</tr></thead>\n<tbody>"));
    for row in &table.rows {
        let cells = row.iter().zip(&table.columns).enumerate().map(|(place, (text, column))| match place {
            0 => cell("th scope=\"row\"", false, text),
            _ => cell("td", column.is_number, text),
        });
        add(page, &format!("<tr>{}</tr>", cells.collect::<String>()));
    }
    add(page, "</tbody>\n</table>\n</div>");
    let more = match table.more {
        0 => String::new(),
        more => format!(" {more} more rows are left out here; the table of the command has them all."),
    };
    let note = format!("{}{more}", table.note);
    if !note.is_empty() {
        add(page, &format!("<p class=\"note\">{}</p>", escaped(note.trim())));
    }
}

fn computed(page: &mut String, simulation: &Simulation) {
    add(page, "<h2>How it was computed</h2>");
    add(
        page,
        "<p>The stages that work out what is due have folded the whole log twice, with its decisions and dates as they \
         stand. Under the programs in force it came to exactly what the books hold; then it was folded under the \
         proposed ones. Partners, products and all other data are those of the books. Nothing is paid or booked.</p>",
    );
    open_table(page, "Origin");
    add(page, "<tbody>");
    for (word, says) in origin(simulation) {
        add(page, &format!("<tr><th scope=\"row\">{word}</th><td>{}</td></tr>", escaped(&says)));
    }
    add(page, "</tbody>\n</table>\n</div>");
    for note in &simulation.unused {
        add(page, &format!("<p class=\"note\">Note: {}.</p>", escaped(note)));
    }
}

fn open_table(page: &mut String, caption: &str) {
    let caption = escaped(caption);
    add(page, &format!("<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"{caption}\">"));
    add(page, &format!("<table>\n<caption>{caption}</caption>"));
}

/// `tag` may carry attributes.
fn cell(tag: &str, is_number: bool, text: &str) -> String {
    let class = if is_number { " class=\"number\"" } else { "" };
    let name = tag.split(' ').next().unwrap_or(tag);
    format!("<{tag}{class}>{}</{name}>", escaped(text))
}

fn add(page: &mut String, line: &str) {
    writeln!(page, "{line}").expect("a text takes all that is written to it");
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\'' => escaped += "&#39;",
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_people_are_text_and_never_markup() {
        assert_eq!(escaped("<b>\"A & B's\"</b>"), "&lt;b&gt;&quot;A &amp; B&#39;s&quot;&lt;/b&gt;");
        assert_eq!(cell("th scope=\"col\"", true, "a<b"), "<th scope=\"col\" class=\"number\">a&lt;b</th>");
        assert_eq!(cell("td", false, "1"), "<td>1</td>");
    }
}
