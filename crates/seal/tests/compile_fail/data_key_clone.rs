fn needs<T: Clone>() {}

fn main() {
    needs::<seal::DataKey>();
}
