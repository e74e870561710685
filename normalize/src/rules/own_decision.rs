//! OP-40 `own-decision`.
//!
//! Evidence: who decided, for which partner, in which line of which command file, and what.
//!
//! At risk: not said: the decision may be right.
//!
//! ## What it finds
//! A decision about a partner's rows, on the meaning of a code or on which of two records stands, by somebody who is
//! registered with that partner as a person that is paid. The decision holds and is told.
//!
//! ## Why it matters
//! Who is paid for sales must not say which sales there are, at least not unseen.
//!
//! ## Example
//! Ann is registered with P1 and resolves one of its codes: done, and told.
//!
//! ## Late, corrected, out of order
//! The register that is known when the decision comes counts; another version of it says nothing of decisions before. Each
//! decision is told by itself, so their order does not matter. A decision that is put right by another one stays told.
//!
//! ## Returns
//! They do not matter: it is about who decided, not about the goods.

use contract::{Code, Command, Finding, Id, RecordRef};

use crate::page::Page;

/// Somebody decides about the rows of a partner and is paid for what it sells. The decision holds and is told.
pub(crate) fn check(page: &Page<'_>, command: &Command, object: &str) -> Option<Finding> {
    let Command { actor, file, line_no, .. } = command;
    if !page.known.is_registered(page.partner_id, actor) {
        return None;
    }
    let message =
        format!("{actor} is registered with {} and decided ({file} line {line_no}): {object}", page.partner_id);
    let at = RecordRef { partner: page.partner_id.clone(), file_no: 0, record_no: 0 };
    let id = Id::of("finding", &[Code::OwnDecision.as_str(), page.partner_id, file, &line_no.to_string()]);
    Some(Finding { id, ..Finding::about(Code::OwnDecision, at, None, message) })
}
