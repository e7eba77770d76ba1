//! Updates: `UpdateExpression` with SET, REMOVE and ADD on whole attributes.

use serde_json::{Map, Value, json};

use super::attribute::parts;
use super::refusal::Refusal;
use super::tokens::{Token, Tokens};

/// Applies `request`'s update expression to `item`.
pub(super) fn apply(request: &Value, item: &mut Map<String, Value>) -> Result<(), Refusal> {
    let Some(text) = request["UpdateExpression"].as_str() else {
        return Ok(());
    };
    let mut tokens = Tokens::of(text, request)?;
    // Right-hand sides see the item as it was.
    let before = item.clone();
    while tokens.peek().is_some() {
        let section = tokens.name()?.to_ascii_uppercase();
        loop {
            let name = tokens.name()?;
            match section.as_str() {
                "SET" => {
                    tokens.expect_sign("=")?;
                    item.insert(name, sum(&mut tokens, &before)?);
                }
                "REMOVE" => {
                    item.remove(&name);
                }
                "ADD" => {
                    let added = term(&mut tokens, &before)?;
                    let zero = json!({ "N": "0" });
                    item.insert(
                        name.clone(),
                        plus(before.get(&name).unwrap_or(&zero), &added, 1.0)?,
                    );
                }
                other => return Err(Refusal::invalid(&format!("{other} is not known here"))),
            }
            if !tokens.take_sign(",") {
                break;
            }
        }
    }
    Ok(())
}

fn sum(tokens: &mut Tokens, item: &Map<String, Value>) -> Result<Value, Refusal> {
    let first = term(tokens, item)?;
    if tokens.take_sign("+") {
        return plus(&first, &term(tokens, item)?, 1.0);
    }
    if tokens.take_sign("-") {
        return plus(&first, &term(tokens, item)?, -1.0);
    }
    Ok(first)
}

fn term(tokens: &mut Tokens, item: &Map<String, Value>) -> Result<Value, Refusal> {
    let missing = |name: &str| Refusal::invalid(&format!("the item has no {name}"));
    match tokens.next() {
        Some(Token::Value(value)) => Ok(value),
        Some(Token::Word(function)) if function == "if_not_exists" => {
            tokens.expect_sign("(")?;
            let name = tokens.name()?;
            tokens.expect_sign(",")?;
            let otherwise = term(tokens, item)?;
            tokens.expect_sign(")")?;
            Ok(item.get(&name).cloned().unwrap_or(otherwise))
        }
        Some(Token::Name(name) | Token::Word(name)) => {
            item.get(&name).cloned().ok_or_else(|| missing(&name))
        }
        other => Err(Refusal::invalid(&format!(
            "expected a value, found {other:?}"
        ))),
    }
}

fn plus(a: &Value, b: &Value, sign: f64) -> Result<Value, Refusal> {
    let number = |value: &Value| match parts(value) {
        Some(("N", text)) => text.as_str().and_then(|text| text.parse::<f64>().ok()),
        _ => None,
    };
    let (Some(a), Some(b)) = (number(a), number(b)) else {
        return Err(Refusal::invalid("only numbers are added"));
    };
    Ok(json!({ "N": (a + sign * b).to_string() }))
}
