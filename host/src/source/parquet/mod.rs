//! Block archives in the column layout of `cryo`.
