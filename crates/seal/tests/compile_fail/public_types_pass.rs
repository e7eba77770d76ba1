fn needs<T: std::fmt::Debug + Clone + PartialEq>() {}

fn shows<T: std::fmt::Display>() {}

fn serialises<T: serde::Serialize>() {}

fn main() {
    needs::<seal::WrappedKey>();
    needs::<seal::EncryptionContext>();
    needs::<seal::signature::VerifyingKey>();
    shows::<seal::SealError>();
    serialises::<String>();
}
