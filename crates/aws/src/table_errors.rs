//! DynamoDB's refusals in the words of the port.

use std::error::Error;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::CancellationReason;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use keep::{About, TableError};

use crate::failure::{Failure, Refusal, missing_action};

/// Why a call that changes nothing failed. `action` is its name for IAM.
pub(crate) fn of_read<E>(action: &str, table: &str, error: &SdkError<E, HttpResponse>) -> TableError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    translate(action, table, Failure::of(error), TableError::Unavailable)
}

/// Why a call that writes failed.
pub(crate) fn of_write<E>(
    action: &str,
    table: &str,
    error: &SdkError<E, HttpResponse>,
) -> TableError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    translate(action, table, Failure::of(error), TableError::Ambiguous)
}

/// Why a transaction failed.
pub(crate) fn of_transaction(
    action: &str,
    tables: &str,
    error: &SdkError<TransactWriteItemsError, HttpResponse>,
) -> TableError {
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => of_reasons(
            action,
            tables,
            cancelled.cancellation_reasons(),
            cancelled.message().unwrap_or_default(),
        ),
        _ => of_write(action, tables, error),
    }
}

/// `unclear` is what a missing answer means.
fn translate(
    action: &str,
    table: &str,
    failure: Failure,
    unclear: fn(String) -> TableError,
) -> TableError {
    let (status, code, message) = match failure {
        Failure::NotSent(why) => return TableError::Unavailable(why),
        Failure::NoAnswer(why) => return unclear(why),
        Failure::Answered {
            status,
            code,
            message,
        } => (status, code, message),
    };
    match (Refusal::of(status, &code), code.as_str()) {
        (_, "ConditionalCheckFailedException") => TableError::ConditionFailed(vec![0]),
        (_, "TransactionConflictException" | "ReplicatedWriteConflictException") => {
            TableError::Conflict
        }
        // The same transaction is being done by an earlier try.
        (_, "TransactionInProgressException") => unclear(code),
        (_, "LimitExceededException" | "LimitExceeded") => TableError::Throttled,
        (_, "ResourceNotFoundException" | "IndexNotFoundException" | "TableNotFoundException") => {
            TableError::NoSuchTable(table.to_owned())
        }
        (_, "ItemCollectionSizeLimitExceededException") => {
            TableError::Limit(format!("{code}: {message}"))
        }
        (Refusal::Throttled, _) => TableError::Throttled,
        (Refusal::Denied, _) => {
            let missing = missing_action(action, &code, &message);
            TableError::Denied(About::from(missing).told(&code, &message))
        }
        (Refusal::Fault, _) => unclear(format!("status {status} {code}")),
        (Refusal::Request, "ValidationException") => of_validation(table, message),
        (Refusal::Request, _) => TableError::Invalid(format!("{code}: {message}")),
    }
}

/// One code covers bad requests, limits and missing indexes; only the text tells which.
fn of_validation(table: &str, message: String) -> TableError {
    const TOO_LARGE: [&str; 6] = [
        "Item size has exceeded",
        "Item size to update has exceeded",
        "Collection size exceeded",
        "Transaction request cannot include more than",
        "Member must have length less than or equal to",
        "has exceeded the maximum size limit",
    ];
    if message.contains("does not have the specified index") {
        return TableError::NoSuchTable(format!("{table}: {message}"));
    }
    match TOO_LARGE.iter().any(|text| message.contains(text)) {
        true => TableError::Limit(message),
        false => TableError::Invalid(message),
    }
}

/// A condition that did not hold is final and so comes before reasons to try again.
fn of_reasons(
    action: &str,
    tables: &str,
    reasons: &[CancellationReason],
    message: &str,
) -> TableError {
    let with = |codes: &[&str]| {
        reasons
            .iter()
            .find(|reason| reason.code().is_some_and(|code| codes.contains(&code)))
    };
    let told = |reason: &CancellationReason| reason.message().unwrap_or_default().to_owned();
    let failed: Vec<usize> = reasons
        .iter()
        .enumerate()
        .filter(|(_, reason)| reason.code() == Some("ConditionalCheckFailed"))
        .map(|(position, _)| position)
        .collect();
    if !failed.is_empty() {
        return TableError::ConditionFailed(failed);
    }
    // Stand-ins for DynamoDB name a missing table here.
    if with(&["ResourceNotFoundException", "ResourceNotFound"]).is_some() {
        return TableError::NoSuchTable(tables.to_owned());
    }
    if let Some(reason) = with(&["ValidationError"]) {
        return of_validation(tables, told(reason));
    }
    if let Some(reason) = with(&["ItemCollectionSizeLimitExceeded"]) {
        return TableError::Limit(format!("ItemCollectionSizeLimitExceeded: {}", told(reason)));
    }
    if let Some(reason) = with(&["AccessDenied"]) {
        return TableError::Denied(missing_action(action, "AccessDenied", &told(reason)).into());
    }
    if with(&[
        "ProvisionedThroughputExceeded",
        "ThrottlingError",
        "RequestLimitExceeded",
    ])
    .is_some()
    {
        return TableError::Throttled;
    }
    if with(&["TransactionConflict", "DuplicateItem"]).is_some() {
        return TableError::Conflict;
    }
    // Cancelled means that nothing was written, whatever the reason.
    TableError::Unavailable(format!("transaction cancelled: {message}"))
}
