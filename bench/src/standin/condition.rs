//! Conditions: `ConditionExpression`, `FilterExpression` and `KeyConditionExpression`.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::attribute::{compare, equal, parts};
use super::refusal::Refusal;
use super::tokens::{Token, Tokens};

/// Something that holds of an item or does not.
#[derive(Debug)]
pub(super) enum Condition {
    Or(Box<Condition>, Box<Condition>),
    And(Box<Condition>, Box<Condition>),
    Not(Box<Condition>),
    Compare(Operand, &'static str, Operand),
    Between(Operand, Operand, Operand),
    In(Operand, Vec<Operand>),
    Exists(String),
    BeginsWith(Operand, Operand),
    Contains(Operand, Operand),
}

/// An attribute of the item, or a value of the request.
#[derive(Debug)]
pub(super) enum Operand {
    Attribute(String),
    Value(Value),
}

impl Condition {
    /// The condition in `request[member]`; `None` when there is none.
    pub(super) fn of(request: &Value, member: &str) -> Result<Option<Self>, Refusal> {
        let Some(text) = request[member].as_str() else {
            return Ok(None);
        };
        let mut tokens = Tokens::of(text, request)?;
        let condition = either(&mut tokens)?;
        match tokens.next() {
            None => Ok(Some(condition)),
            Some(extra) => Err(Refusal::invalid(&format!(
                "{extra:?} after the end of {text:?}"
            ))),
        }
    }

    /// Whether it holds; an absent item has no attributes.
    pub(super) fn holds(&self, item: &Map<String, Value>) -> bool {
        match self {
            Self::Or(a, b) => a.holds(item) || b.holds(item),
            Self::And(a, b) => a.holds(item) && b.holds(item),
            Self::Not(a) => !a.holds(item),
            Self::Compare(a, sign, b) => a
                .value(item)
                .zip(b.value(item))
                .is_some_and(|(a, b)| compares(a, sign, b)),
            Self::Between(a, low, high) => match (a.value(item), low.value(item), high.value(item))
            {
                (Some(a), Some(low), Some(high)) => {
                    compares(a, ">=", low) && compares(a, "<=", high)
                }
                _ => false,
            },
            Self::In(a, list) => a.value(item).is_some_and(|a| {
                list.iter()
                    .filter_map(|b| b.value(item))
                    .any(|b| equal(a, b))
            }),
            Self::Exists(name) => item.contains_key(name),
            Self::BeginsWith(a, prefix) => text(a, item)
                .zip(text(prefix, item))
                .is_some_and(|(a, b)| a.starts_with(b)),
            Self::Contains(a, part) => match (a.value(item).and_then(parts), text(part, item)) {
                (Some(("S", whole)), Some(part)) => {
                    whole.as_str().is_some_and(|whole| whole.contains(part))
                }
                (Some(("SS", set)), Some(part)) => set
                    .as_array()
                    .is_some_and(|set| set.iter().any(|x| x == part)),
                _ => false,
            },
        }
    }

    /// The clauses of a condition that is joined by AND only.
    pub(super) fn clauses(&self) -> Vec<&Self> {
        match self {
            Self::And(a, b) => [a.clauses(), b.clauses()].concat(),
            _ => vec![self],
        }
    }
}

impl Operand {
    fn value<'a>(&'a self, item: &'a Map<String, Value>) -> Option<&'a Value> {
        match self {
            Self::Attribute(name) => item.get(name),
            Self::Value(value) => Some(value),
        }
    }

    /// The value, when it is one of the request.
    pub(super) fn constant(&self) -> Option<&Value> {
        match self {
            Self::Attribute(_) => None,
            Self::Value(value) => Some(value),
        }
    }

    /// Whether this is the attribute called `name`.
    pub(super) fn is(&self, name: &str) -> bool {
        matches!(self, Self::Attribute(own) if own == name)
    }
}

fn compares(a: &Value, sign: &str, b: &Value) -> bool {
    match sign {
        "=" => equal(a, b),
        "<>" => !equal(a, b),
        _ => compare(a, b).is_some_and(|order| match sign {
            "<" => order == Ordering::Less,
            "<=" => order != Ordering::Greater,
            ">" => order == Ordering::Greater,
            _ => order != Ordering::Less,
        }),
    }
}

fn text<'a>(operand: &'a Operand, item: &'a Map<String, Value>) -> Option<&'a str> {
    parts(operand.value(item)?)?.1.as_str()
}

fn either(tokens: &mut Tokens) -> Result<Condition, Refusal> {
    let mut left = both(tokens)?;
    while tokens.take_word("OR") {
        left = Condition::Or(Box::new(left), Box::new(both(tokens)?));
    }
    Ok(left)
}

fn both(tokens: &mut Tokens) -> Result<Condition, Refusal> {
    let mut left = single(tokens)?;
    while tokens.take_word("AND") {
        left = Condition::And(Box::new(left), Box::new(single(tokens)?));
    }
    Ok(left)
}

fn single(tokens: &mut Tokens) -> Result<Condition, Refusal> {
    if tokens.take_word("NOT") {
        return Ok(Condition::Not(Box::new(single(tokens)?)));
    }
    if tokens.take_sign("(") {
        let inner = either(tokens)?;
        tokens.expect_sign(")")?;
        return Ok(inner);
    }
    let first = operand(tokens)?;
    if let Operand::Attribute(function) = &first
        && tokens.take_sign("(")
    {
        let function = function.clone();
        let condition = called(&function, tokens)?;
        tokens.expect_sign(")")?;
        return Ok(condition);
    }
    if tokens.take_word("BETWEEN") {
        let low = operand(tokens)?;
        if !tokens.take_word("AND") {
            return Err(Refusal::invalid("BETWEEN without AND"));
        }
        return Ok(Condition::Between(first, low, operand(tokens)?));
    }
    if tokens.take_word("IN") {
        tokens.expect_sign("(")?;
        let mut list = vec![operand(tokens)?];
        while tokens.take_sign(",") {
            list.push(operand(tokens)?);
        }
        tokens.expect_sign(")")?;
        return Ok(Condition::In(first, list));
    }
    match tokens.next() {
        Some(Token::Sign(sign @ ("=" | "<>" | "<" | "<=" | ">" | ">="))) => {
            Ok(Condition::Compare(first, sign, operand(tokens)?))
        }
        other => Err(Refusal::invalid(&format!(
            "expected a comparison, found {other:?}"
        ))),
    }
}

fn called(function: &str, tokens: &mut Tokens) -> Result<Condition, Refusal> {
    match function {
        "attribute_exists" => Ok(Condition::Exists(tokens.name()?)),
        "attribute_not_exists" => Ok(Condition::Not(Box::new(Condition::Exists(tokens.name()?)))),
        "begins_with" | "contains" => {
            let first = operand(tokens)?;
            tokens.expect_sign(",")?;
            let second = operand(tokens)?;
            Ok(if function == "contains" {
                Condition::Contains(first, second)
            } else {
                Condition::BeginsWith(first, second)
            })
        }
        other => Err(Refusal::invalid(&format!(
            "function {other} is not known here"
        ))),
    }
}

fn operand(tokens: &mut Tokens) -> Result<Operand, Refusal> {
    match tokens.next() {
        Some(Token::Name(name) | Token::Word(name)) => Ok(Operand::Attribute(name)),
        Some(Token::Value(value)) => Ok(Operand::Value(value)),
        other => Err(Refusal::invalid(&format!(
            "expected an operand, found {other:?}"
        ))),
    }
}
