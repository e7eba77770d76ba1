fn needs<T: serde::Serialize>() {}

fn main() {
    needs::<seal::fernet::FernetKey>();
}
