//! Everything that needs a store: the contract on each of them, faults, cancellation, properties.

mod contract;
mod faults;
mod faulty_store;
mod support;
mod writing;
