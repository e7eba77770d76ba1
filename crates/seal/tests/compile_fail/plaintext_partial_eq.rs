fn needs<T: PartialEq>() {}

fn main() {
    needs::<seal::Plaintext>();
}
