//! What the crate promises, from outside.

mod corpus;
mod rendering;
mod table;
