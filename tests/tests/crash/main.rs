//! Processes that die, stores that go back in time, disks that lie, readers beside a run: the same exports in the end,
//! or a clear error.

mod damage;
mod kills;
mod live;
mod place;
