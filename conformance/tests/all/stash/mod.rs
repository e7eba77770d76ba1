//! CredSmash and credstash: our faces of them, and the real tools, on the same tables.

mod items;
mod kills;
mod leaks;
mod preloaded;
mod racing;
mod regions;
mod replay;
mod rights;
mod round_trips;
mod templates;
mod throttling;
mod tools;
mod transcripts;
