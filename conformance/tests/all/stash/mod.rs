//! CredSmash and credstash: our two faces of them, and the real tools, on the same tables.

mod items;
mod preloaded;
mod replay;
mod templates;
mod tools;
mod transcripts;
