//! accrual-sink
