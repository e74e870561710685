//! What people decided about a task: each such decision opens a new incarnation of it.

use serde::{Deserialize, Serialize};

use crate::kafka::Place;

/// Why an incarnation was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cause {
    /// The input was another one: state and numbers stayed, the place in the input was set anew.
    Input,
    /// The outputs would have been others: what was published stood, the state was folded again.
    Output,
}

/// The word of two persons.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    pub by: String,
    /// Somebody else.
    pub approved_by: String,
    pub reason: String,
}

/// What makes a word no approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotApproved {
    #[error("nobody is named who does it")]
    Nobody,
    #[error("nobody is named who approved of it")]
    Unseen,
    #[error("who does it and who approved of it are one person; it takes two")]
    OnePerson,
    #[error("no reason is given")]
    NoReason,
}

impl Approval {
    /// Names are one person's whatever their case and the blanks around them.
    ///
    /// # Errors
    /// A name or the reason is empty, or both names are one person's.
    pub fn new(by: &str, approved_by: &str, reason: &str) -> Result<Approval, NotApproved> {
        let [by, approved_by, reason] = [by, approved_by, reason].map(str::trim);
        if by.is_empty() {
            return Err(NotApproved::Nobody);
        }
        if approved_by.is_empty() {
            return Err(NotApproved::Unseen);
        }
        if by.to_lowercase() == approved_by.to_lowercase() {
            return Err(NotApproved::OnePerson);
        }
        if reason.is_empty() {
            return Err(NotApproved::NoReason);
        }
        let [by, approved_by, reason] = [by, approved_by, reason].map(str::to_owned);
        Ok(Approval { by, approved_by, reason })
    }
}

/// A life of a task that people opened. The one it begins with has no such word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incarnation {
    pub cause: Cause,
    pub approval: Approval,
    /// Where the mark stood that it follows on.
    pub from: Place,
    /// Rolling hash of that mark.
    pub hash: [u8; 32],
    /// Where it begins.
    pub at: Place,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_takes_two_persons_and_a_reason() {
        let approved = |by, approved_by, reason| Approval::new(by, approved_by, reason).map(|approval| approval.by);
        assert_eq!(approved(" ann ", "bob", "topic was cut"), Ok("ann".to_owned()));
        assert_eq!(approved("", "bob", "r"), Err(NotApproved::Nobody));
        assert_eq!(approved("ann", " ", "r"), Err(NotApproved::Unseen));
        assert_eq!(approved("Ann", "ann ", "r"), Err(NotApproved::OnePerson));
        assert_eq!(approved("ann", "bob", "  "), Err(NotApproved::NoReason));
    }
}
