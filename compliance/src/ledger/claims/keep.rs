//! Claim lines as facts: they come, and go where their sender takes them back.

use contract::{ClaimLine, Id};
use stream::{StageError, State, StorageError};

use super::{CLAIMED, Group, Kept, LINES, program_of};
use crate::references::References;

/// Takes in a line.
pub(crate) fn come(
    line: &ClaimLine,
    stamp: u64,
    references: &References,
    state: &mut dyn State,
) -> Result<(), StageError> {
    let (group, line) = bound(line, references)?;
    Ok(put(group, &Kept { line, came: stamp, gone: None }, state)?)
}

/// Takes back a line that came.
///
/// It stands for controls that are not past its going: what comes later than a control is not seen by it.
pub(crate) fn go(
    line: &ClaimLine,
    stamp: u64,
    references: &References,
    state: &mut dyn State,
) -> Result<(), StageError> {
    let (group, line) = bound(line, references)?;
    let key = (group, line.id.0, line.version);
    let Some(kept) = LINES.get(state, &key)? else {
        return Err(StageError::Unknown { stage: "ledger", what: format!("claim line {}, which went", line.id) });
    };
    Ok(put(group, &Kept { gone: Some(stamp), ..kept }, state)?)
}

fn put(group: [u8; 16], kept: &Kept, state: &mut dyn State) -> Result<(), StorageError> {
    LINES.put(state, &(group, kept.line.id.0, kept.line.version), kept)?;
    CLAIMED.put(state, &group, &())
}

/// The group that a line claims, and the line as the group knows it: a version that claims something else is another line.
fn bound(line: &ClaimLine, references: &References) -> Result<([u8; 16], ClaimLine), StageError> {
    let program = program_of(line, references.as_of(line.stamp));
    let program = program
        .ok_or_else(|| StageError::Unknown { stage: "ledger", what: format!("program {} of a claim", line.program) })?;
    let group = Group::of_line(line, program).id();
    let id = Id::of("claim line", &[&line.id.to_string(), &group.to_string()]);
    Ok((group.0, ClaimLine { id, ..line.clone() }))
}
