fn needs<T: Clone>() {}

fn main() {
    needs::<seal::signature::SigningKey>();
}
