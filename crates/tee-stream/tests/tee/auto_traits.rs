use std::{cell::Cell, io, marker::PhantomPinned};

use static_assertions::{assert_impl_all, assert_not_impl_any, assert_obj_safe};
use tee_stream::{
    AfterPatience, Branch, BranchEnd, BranchEnding, BranchOptions, BranchStatus, LagPolicy, Tee,
    TeeBuilder, TeeError, TeeStatistics, Timer,
};

assert_impl_all!(Tee<io::Error>: Send, Sync, Unpin, Clone, std::fmt::Debug);
assert_impl_all!(Branch<io::Error>: Send, Sync, Unpin, std::fmt::Debug);
assert_impl_all!(Branch<PhantomPinned>: Send, Sync, Unpin);
assert_not_impl_any!(Branch<Cell<u8>>: Send, Sync);
assert_impl_all!(TeeBuilder<io::Error>: Send, std::fmt::Debug);
assert_impl_all!(TeeError<io::Error>: Send, Sync, Unpin, Clone, std::error::Error);
assert_impl_all!(BranchOptions: Send, Unpin, Default, std::fmt::Debug);
assert_impl_all!(BranchStatus: Send, Sync, Unpin, Clone, Eq, std::fmt::Debug);
assert_impl_all!(BranchEnd: Send, Sync, Unpin, Clone, std::fmt::Debug);
assert_impl_all!(BranchEnding: Send, Sync, Unpin, Copy, Eq, std::fmt::Debug);
assert_impl_all!(TeeStatistics: Send, Sync, Unpin, Copy, Eq, std::fmt::Debug);
assert_impl_all!(LagPolicy: Send, Sync, Unpin, Copy, Eq, std::fmt::Debug);
assert_impl_all!(AfterPatience: Send, Sync, Unpin, Copy, Eq, std::fmt::Debug);
assert_obj_safe!(Timer);
