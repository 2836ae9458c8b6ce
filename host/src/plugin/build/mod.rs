//! Building components.
