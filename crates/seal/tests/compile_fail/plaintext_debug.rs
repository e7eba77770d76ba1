fn needs<T: std::fmt::Debug>() {}

fn main() {
    needs::<seal::Plaintext>();
}
