//! `standin [ADDRESS]`: the stand-in as a process of its own. Prints its address when it listens.

use std::sync::Arc;

use bench::standin::{World, serve};

fn main() -> std::io::Result<()> {
    let address = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:0".to_owned());
    #[expect(clippy::print_stdout, reason = "the address is this program's output")]
    serve(Arc::new(World::new()), &address, |address| {
        println!("{address}")
    })
}
