//! Incentive programs: how a benefit follows from what was sold, and which programs a sale may earn under.
