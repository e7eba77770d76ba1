fn needs<T: PartialEq>() {}

fn main() {
    needs::<seal::signature::SigningKey>();
}
