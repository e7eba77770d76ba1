//! The words of an expression, with its placeholders (`#name`, `:value`) already resolved.

use std::iter::Peekable;
use std::vec::IntoIter;

use serde_json::Value;

use super::refusal::Refusal;

/// One word of an expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// An attribute's name, written out or as `#name`.
    Name(String),
    /// A value, `:value` in the text.
    Value(Value),
    /// An unquoted word: a keyword, a function or an attribute's name.
    Word(String),
    /// Punctuation and comparison signs.
    Sign(&'static str),
}

/// The words left to read.
pub(super) struct Tokens(Peekable<IntoIter<Token>>);

impl Tokens {
    /// Splits `text`; `request` holds the placeholders.
    pub(super) fn of(text: &str, request: &Value) -> Result<Self, Refusal> {
        let mut tokens = Vec::new();
        let mut rest = text.trim_start();
        while let Some(first) = rest.chars().next() {
            let length = rest
                .find(|c: char| !(c.is_alphanumeric() || "_#:".contains(c)))
                .unwrap_or(rest.len());
            if length > 0 {
                let (word, after) = rest.split_at(length);
                tokens.push(resolve(first, word, request)?);
                rest = after.trim_start();
            } else {
                let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
                let sign = *sign
                    .ok_or_else(|| Refusal::invalid(&format!("sign {first:?} in {text:?}")))?;
                tokens.push(Token::Sign(sign));
                rest = rest.strip_prefix(sign).unwrap_or(rest).trim_start();
            }
        }
        Ok(Self(tokens.into_iter().peekable()))
    }

    pub(super) fn peek(&mut self) -> Option<&Token> {
        self.0.peek()
    }

    pub(super) fn next(&mut self) -> Option<Token> {
        self.0.next()
    }

    /// Takes the next token when it is this sign.
    pub(super) fn take_sign(&mut self, sign: &str) -> bool {
        self.0
            .next_if(|token| matches!(token, Token::Sign(next) if *next == sign))
            .is_some()
    }

    /// Takes the next token when it is this word, in any case.
    pub(super) fn take_word(&mut self, word: &str) -> bool {
        self.0
            .next_if(|token| matches!(token, Token::Word(next) if next.eq_ignore_ascii_case(word)))
            .is_some()
    }

    /// Takes this sign or refuses the expression.
    pub(super) fn expect_sign(&mut self, sign: &str) -> Result<(), Refusal> {
        let found = self.take_sign(sign);
        if found {
            Ok(())
        } else {
            Err(Refusal::invalid(&format!(
                "expected {sign:?}, found {:?}",
                self.peek()
            )))
        }
    }

    /// Takes an attribute's name.
    pub(super) fn name(&mut self) -> Result<String, Refusal> {
        match self.next() {
            Some(Token::Name(name) | Token::Word(name)) => Ok(name),
            other => Err(Refusal::invalid(&format!(
                "expected a name, found {other:?}"
            ))),
        }
    }
}

fn resolve(first: char, word: &str, request: &Value) -> Result<Token, Refusal> {
    let missing = || Refusal::invalid(&format!("{word} is not defined"));
    match first {
        '#' => {
            let name = request["ExpressionAttributeNames"][word]
                .as_str()
                .ok_or_else(missing)?;
            Ok(Token::Name(name.to_owned()))
        }
        ':' => {
            let value = request["ExpressionAttributeValues"]
                .get(word)
                .ok_or_else(missing)?;
            Ok(Token::Value(value.clone()))
        }
        _ => Ok(Token::Word(word.to_owned())),
    }
}

/// Longer ones first. A dot or bracket (a path into a map or list) is not known here and so refused.
const SIGNS: [&str; 11] = ["<>", "<=", ">=", "=", "<", ">", "(", ")", ",", "+", "-"];
