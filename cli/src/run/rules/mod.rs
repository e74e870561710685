//! The checks on files before they are read, one file each.

pub(crate) mod feed_undefined;
pub(crate) mod sender_unknown;
