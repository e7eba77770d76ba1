fn needs<T: std::fmt::Display>() {}

fn main() {
    needs::<seal::Plaintext>();
}
