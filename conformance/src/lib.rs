//! The built program from outside: real clients, faults, kills.
//!
//! [`Program`] starts `keepward` as its users do; [`dying`] lays a kill round every port call.

pub mod dying;
mod http;
mod program;

pub use http::{Answer, Login};
pub use program::{Program, Running, run};
